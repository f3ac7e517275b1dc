"""``simqueue validate``: the same jobs on the real queue and in the model."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simqueue.cli.options import (
    AsJson,
    ComparisonPlot,
    Concurrency,
    Duration,
    Redis,
    Seed,
    Settings,
    Tolerance,
    Workers,
    changes_of,
    check_speed,
    tolerances_of,
)

if TYPE_CHECKING:
    from simqueue.validation.both import Validation
    from simqueue.workload.scenario import Scenario


def validate(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="SCENARIO.toml",
            help="What to run. [default: a noon hour of recorded orders, in a minute]",
        ),
    ] = None,
    redis: Redis = None,
    speed: Annotated[
        float, typer.Option(metavar="X", help="Divide all times of the scenario by this.")
    ] = 1.0,
    workers: Workers = None,
    concurrency: Concurrency = None,
    duration: Duration = None,
    seed: Seed = None,
    settings: Settings = None,
    tolerance: Tolerance = "",
    real_log: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv[.gz]", help="Write the real run's attempt log."),
    ] = None,
    plot: ComparisonPlot = None,
    as_json: AsJson = False,
) -> None:
    """Run the same jobs on the real BullMQ and in the model, and show how far they are apart.

    As many worker processes as the scenario has take the jobs from Redis; their handlers wait,
    compute and fail as the workload says, and a crash is a kill -9 (with drain, a SIGTERM). That
    takes as long as the scenario lasts. The keys of the run have a prefix of their own and are
    removed at the end.

    The exit code is 1 if a figure is out of tolerance.

    A day that real workers have written down already: simqueue validate-log. What the queue
    itself costs on this machine: simqueue measure-overhead.

    \b
    Try:
      simqueue validate                                a minute
      simqueue validate --plot both.png --speed 2      half a minute, and see it
      simqueue validate --set 'workers.crashes=[{at_s=20,worker=0,down_s=5}]' \\
        --set bullmq.lock_duration_s=3 --set bullmq.stalled_interval_s=3
    """  # noqa: D301
    from simqueue.cli.files import check_writable
    from simqueue.cli.real_runs import sigterm_as_ctrl_c
    from simqueue.data import data_path
    from simqueue.validation.both import with_measured_cost
    from simqueue.validation.faster import faster
    from simqueue.validation.runnable import check_runnable
    from simqueue.workload.reading import read_scenario

    check_speed(speed)
    changes = changes_of(
        settings, workers=workers, concurrency=concurrency, duration=duration, seed=seed
    )
    tolerances = tolerances_of(tolerance)
    check_writable(real_log)
    check_writable(plot, ".png")
    scenario = read_scenario(file or data_path("validate.toml"), changes)
    scenario = faster(with_measured_cost(scenario), speed)
    check_runnable(scenario)
    with sigterm_as_ctrl_c():
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


def _run(scenario: Scenario, url: str | None) -> Validation:
    from simqueue.cli.progress import progress_bar
    from simqueue.cli.real_runs import redis_of
    from simqueue.results.wording import count
    from simqueue.validation.both import validate as run_both

    with redis_of(url) as server:
        workers = count(scenario.workers.count, "worker")
        print(f"running {scenario.name}: {workers}, {server.words}", file=sys.stderr)
        with progress_bar(f"running {scenario.name} for real", scenario.duration_s) as progress:
            return run_both(scenario, server, progress)


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

    from simqueue.results.comparison.table import comparison_report
    from simqueue.results.title import run_title

    words = (
        f"{run_title(validation.scenario)}\nReal: BullMQ {validation.versions['bullmq']} on "
        f"{validation.server.words}, in {validation.real.wall_s:.0f} s"
    )
    console = Console(highlight=False)
    console.print(comparison_report(validation.comparison, words, tolerances))
    for note in notes:
        console.print(f"Note: {note}", markup=False)
