"""``simqueue validate``: the same jobs on the real queue and in the model."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simqueue.errors import InputError

if TYPE_CHECKING:
    from simqueue.validation.both import Validation
    from simqueue.validation.server import Server
    from simqueue.workload.scenario import Scenario


def validate(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[SCENARIO.toml]",
            help="What to run. [default: a noon hour of recorded orders, in a minute]",
        ),
    ] = None,
    redis: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="The Redis to run on. [default: QUEUE_REDIS_URL, else a redis-server started for "
            "the run, else fakeredis in this process]",
        ),
    ] = None,
    speed: Annotated[
        float, typer.Option(metavar="X", help="Divide all times of the scenario by this.")
    ] = 1.0,
    workers: Annotated[int | None, typer.Option(metavar="N", help="Worker processes.")] = None,
    concurrency: Annotated[
        int | None, typer.Option(metavar="N", help="Slots of each worker, for each queue.")
    ] = None,
    duration: Annotated[
        float | None, typer.Option(metavar="S", help="Stop arrivals after so many seconds.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="The number that fixes every draw.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Change any key, such as queues.order.attempts=5."
        ),
    ] = None,
    tolerance: Annotated[
        str,
        typer.Option(
            metavar="SHARE",
            help="How far the model may be off: 5%, or response.mean=2%,response.p99=5%,jobs=0. "
            "[default: the latter]",
        ),
    ] = "",
    log: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv[.gz]",
            help="No real run: take this attempt log of real workers, and replay its own arrivals, "
            "service times and failures in the model.",
        ),
    ] = None,
    measure_overhead: Annotated[
        bool,
        typer.Option(
            "--measure-overhead",
            help="Only measure what the queue itself costs on this machine, and print it.",
        ),
    ] = False,
    real_log: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv[.gz]", help="Write the real run's attempt log."),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Draw quantiles and queue lengths of both."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Run the same jobs on the real BullMQ and in the model, and show how far they are apart.

    As many worker processes as the scenario has take the jobs from Redis; their handlers wait,
    compute and fail as the workload says, and a crash is a kill -9 (with drain, a SIGTERM). That
    takes as long as the scenario lasts. The keys of the run have a prefix of their own and are
    removed at the end.

    The exit code is 1 if a figure is out of tolerance.

    With --log a real attempt log (of simqueue worker --log) takes the place of the real run,
    however old it is; --workers and --concurrency say who worked, if the log does not. The model
    then has as many workers from the first job to the last.

    \b
    Try:
      simqueue validate                                a minute
      simqueue validate --plot both.png --speed 2      half a minute, and see it
      simqueue validate --set 'workers.crashes=[{at_s=20,worker=0,down_s=5}]' \\
        --set bullmq.lock_duration_s=3 --set bullmq.stalled_interval_s=3
      simqueue validate --measure-overhead             what the queue costs here: 40 s
      simqueue validate --log friday.csv               a real day against the model
    """  # noqa: D301
    from simqueue.cli.files import check_writable
    from simqueue.cli.overrides import changes_of
    from simqueue.cli.validate_log import compare_with_log, measure_cost
    from simqueue.data import data_path
    from simqueue.results.comparison.tolerances import DEFAULT_TOLERANCES, parse_tolerances
    from simqueue.validation.both import with_measured_cost
    from simqueue.validation.faster import faster
    from simqueue.validation.runnable import check_runnable
    from simqueue.workload.reading import read_scenario

    if not 0 < speed < float("inf"):
        raise InputError(f"--speed {speed}: expected a number above 0")
    changes = changes_of(
        set_, workers=workers, concurrency=concurrency, duration=duration, seed=seed
    )
    tolerances = parse_tolerances(tolerance) if tolerance else DEFAULT_TOLERANCES
    check_writable(real_log)
    check_writable(plot, ".png")
    if log is not None:
        if file is not None:
            raise InputError(f"--log {log}: the log is the workload; {file} has no place beside it")
        _only_with_log(
            log,
            {
                "--set": set_ or None,
                "--speed": None if speed == 1 else speed,
                "--duration": duration,
                "--seed": seed,
                "--redis": redis,
                "--real-log": real_log,
                "--measure-overhead": measure_overhead or None,
            },
        )
        compare_with_log(log, (workers, concurrency), tolerances, plot, as_json)
        return
    if measure_overhead:
        with _sigterm_as_ctrl_c(), ExitStack() as stack:
            measure_cost(_server(stack, redis), as_json)
        return
    scenario = read_scenario(file or data_path("validate.toml"), changes)
    scenario = faster(with_measured_cost(scenario), speed)
    check_runnable(scenario)
    with _sigterm_as_ctrl_c():
        validation = _run(scenario, redis)
    if real_log is not None:
        validation.real.log.write(real_log)
    if validation.real.interrupted:
        print("interrupted: there is nothing to compare", file=sys.stderr)
        raise typer.Exit(130)
    notes = validation.notes(speed)
    exceeded = validation.comparison.exceeded(tolerances)
    if as_json:
        print(json.dumps(_document(validation, speed, notes, exceeded), allow_nan=False))
    else:
        _show(validation, tolerances, notes)
    if plot is not None:
        from simqueue.results.comparison.plot import plot_comparison

        plot_comparison(validation.real.log, validation.model, scenario, plot)
    if exceeded:
        raise typer.Exit(1)


def _only_with_log(log: Path, others: Mapping[str, Any]) -> None:
    """Raise if a flag was given that could change nothing."""
    for flag, value in others.items():
        if value is not None:
            raise InputError(f"--log {log}: the log is the workload; {flag} has no place beside it")


@contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does: workers and a private Redis have to be ended."""
    before = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        raise typer.Exit(130) from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _run(scenario: Scenario, url: str | None) -> Validation:
    from simqueue.cli.progress import progress_bar
    from simqueue.results.wording import count
    from simqueue.validation.both import validate as run_both

    with ExitStack() as stack:
        server = _server(stack, url)
        workers = count(scenario.workers.count, "worker")
        print(f"running {scenario.name}: {workers}, {server.words}", file=sys.stderr)
        progress = stack.enter_context(
            progress_bar(f"running {scenario.name} for real", scenario.duration_s)
        )
        return run_both(scenario, server, progress)


def _server(stack: ExitStack, url: str | None) -> Server:
    """The Redis of ``--redis``, or what there is."""
    from simqueue.settings import read_settings
    from simqueue.validation.server import open_server

    if url is not None:
        try:
            return stack.enter_context(open_server(url))
        except InputError as error:
            raise InputError(str(error).replace("QUEUE_REDIS_URL=", "--redis ", 1)) from None
    set_url = read_settings().queue_redis_url
    return stack.enter_context(open_server(None if set_url is None else set_url.get_secret_value()))


def _document(
    validation: Validation, speed: float, notes: list[str], exceeded: list[str]
) -> dict[str, Any]:
    return {
        "schema": 1,
        "seed": validation.scenario.seed,
        "speed": speed,
        "redis": validation.server.kind,
        "versions": validation.versions,
        "overhead": validation.scenario.bullmq.overhead.model_dump(),
        "wall_s": validation.real.wall_s,
        **validation.comparison.as_dict(),
        "exceeded": exceeded,
        "warnings": notes,
    }


def _show(validation: Validation, tolerances: Mapping[str, float], notes: list[str]) -> None:
    from rich.console import Console

    from simqueue.cli.simulate import title
    from simqueue.results.comparison.table import comparison_report

    words = (
        f"{title(validation.scenario, 1)}\nReal: BullMQ {validation.versions['bullmq']} on "
        f"{validation.server.words}, in {validation.real.wall_s:.0f} s"
    )
    console = Console(highlight=False)
    console.print(comparison_report(validation.comparison, words, tolerances))
    for note in notes:
        console.print(f"Note: {note}", markup=False)
