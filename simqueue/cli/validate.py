"""``simqueue validate``: the same jobs on the real queue and in the model."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import simqueue.cli.options as opt

if TYPE_CHECKING:
    from simqueue.results.comparison.spread import Spread
    from simqueue.validation.both import Validation
    from simqueue.workload.scenario import Scenario


def validate(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="SCENARIO.toml",
            help="Run this scenario. [default: a noon hour of recorded orders, in a minute]",
        ),
    ] = None,
    redis: opt.Redis = None,
    client: opt.Client = None,
    node_modules: opt.NodeModules = None,
    speed: Annotated[
        float, typer.Option(metavar="X", help="Divide all times of the scenario by this.")
    ] = 1.0,
    workers: opt.Workers = None,
    concurrency: opt.Concurrency = None,
    duration: opt.Duration = None,
    seed: opt.Seed = None,
    set_: opt.Set = None,
    tolerance: opt.Tolerance = "",
    runs: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            help="Run it for real N times: the model is judged against how much these differ.",
        ),
    ] = 1,
    real_log: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv[.gz]", help="Write the real run's attempt log."),
    ] = None,
    plot: opt.ComparisonPlot = None,
    as_json: opt.AsJson = False,
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
      simqueue validate --runs 5                       is an error more than real runs differ by?
      simqueue validate --client node                  with the workers of ./node_modules/bullmq
      simqueue validate --set 'workers.crashes=[{at_s=20,worker=0,down_s=5}]' \\
        --set bullmq.lock_duration_s=3 --set bullmq.stalled_interval_s=3
    """  # noqa: D301
    from simqueue.cli.files import check_writable
    from simqueue.cli.real_runs import node_of, sigterm_as_ctrl_c
    from simqueue.data import data_path
    from simqueue.validation.both import with_measured_cost
    from simqueue.validation.faster import faster
    from simqueue.validation.runnable import check_runnable
    from simqueue.workload.reading import read_scenario

    opt.check_speed(speed)
    changes = opt.changes_of(
        set_,
        workers=workers,
        concurrency=concurrency,
        duration=duration,
        seed=seed,
        client=client,
    )
    tolerances = opt.tolerances_of(tolerance)
    check_writable(real_log)
    check_writable(plot, ".png")
    scenario = read_scenario(file or data_path("validate.toml"), changes)
    scenario = faster(with_measured_cost(scenario), speed)
    check_runnable(scenario)
    node_of(scenario.bullmq.client, node_modules)
    with sigterm_as_ctrl_c():
        validation = _run(scenario, redis, runs, node_modules)
    if real_log is not None:
        validation.real.log.write(real_log)
    if validation.real.interrupted:
        print("interrupted: there is nothing to compare", file=sys.stderr)
        raise typer.Exit(130)
    notes = validation.notes(speed)
    exceeded = validation.exceeded(tolerances)
    if as_json:
        print(json.dumps(_document(validation, speed, notes, exceeded), allow_nan=False))
    else:
        _show(validation, tolerances, notes)
    if plot is not None:
        from simqueue.results.comparison.plot import plot_comparison

        plot_comparison(validation.real.log, validation.model, scenario, plot)
    if exceeded:
        raise typer.Exit(1)


def _run(scenario: Scenario, url: str | None, runs: int, node_modules: Path | None) -> Validation:
    from simqueue.cli.progress import progress_bar
    from simqueue.cli.real_runs import redis_of
    from simqueue.results.wording import count
    from simqueue.validation.both import validate as run_both

    with redis_of(url) as server:
        workers = count(scenario.event_loops, "worker")
        print(f"running {scenario.name}: {workers}, {server.words}", file=sys.stderr)
        lasts = runs * scenario.duration_s
        with progress_bar(f"running {scenario.name} for real", lasts) as progress:
            return run_both(scenario, server, progress, runs, node_modules)


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
        "runs": 1 + len(validation.more),
        "spreads": [one.as_dict() for one in _spreads(validation)],
        "exceeded": exceeded,
        "warnings": notes,
    }


def _show(validation: Validation, tolerances: Mapping[str, float], notes: list[str]) -> None:
    from rich.console import Console

    from simqueue.results.comparison.table import comparison_report
    from simqueue.results.title import run_title

    node = validation.node
    bullmq = f"BullMQ {validation.versions['bullmq']}" if node is None else node.words
    words = (
        f"{run_title(validation.scenario)}\nReal: {bullmq} on "
        f"{validation.server.words}, in {validation.real.wall_s:.0f} s"
    )
    console = Console(highlight=False)
    console.print(comparison_report(validation.comparison, words, tolerances))
    for one in _spreads(validation):
        if one.measure in tolerances:
            console.print(one.sentence, markup=False)
    for note in notes:
        console.print(f"Note: {note}", markup=False)


def _spreads(validation: Validation) -> list[Spread]:
    from simqueue.results.comparison.spread import spreads

    return spreads(validation.comparisons) if validation.more else []
