"""``simqueue sweep``: one scenario at many settings."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import simqueue.cli.options as opt

if TYPE_CHECKING:
    from simqueue.experiments.sweep import Sweep


def sweep(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="SCENARIO.toml",
            help="Take this scenario. [default: the busiest day of the recorded weeks, scaled up]",
        ),
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUES",
            help="Change this key: 1..8, 0.1..0.5..0.1 (from, to, step), or 2,4,8. May be "
            "repeated: "
            "then every combination is run. [default: workers.count=1..4]",
        ),
    ] = None,
    replications: Annotated[
        int,
        typer.Option(metavar="R", min=1, help="Repeat each setting independently, so many times."),
    ] = 5,
    measure: Annotated[
        list[str] | None,
        typer.Option(
            metavar="QUEUE.MEASURE",
            help="Show this measure, such as order.response.p95 or order.failed; may be repeated. "
            "[default: response.p95 of every queue]",
        ),
    ] = None,
    cores: opt.Cores = None,
    cluster: opt.Cluster = None,
    seed: opt.Seed = None,
    set_: opt.Set = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv|.parquet|.json", help="Write all measures of every replication."
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Draw the first measure over the first key."),
    ] = None,
    report: opt.Report = None,
    as_json: opt.AsJson = False,
) -> None:
    """Simulate a scenario at every combination of some settings, on all cores.

    All settings meet the same jobs, so what differs is what was changed. Ctrl-C keeps what is done.

    \b
    Try:
      simqueue sweep                                          1 to 4 workers on a busy day
      simqueue sweep --vary workers.count=1..4 --vary queues.order.attempts=1,3,5
      simqueue sweep --measure order.response.p95 --measure order.failed --plot sweep.png
      simqueue sweep --vary 'queues.payment.backoff.delay_ms=500,5000,50000' --out sweep.csv
    """  # noqa: D301
    from simqueue.cli.files import check_writable
    from simqueue.cli.presenting import ending_early, say_engine
    from simqueue.cli.progress import progress_bar
    from simqueue.cli.values import parse_vary
    from simqueue.experiments.sweep import sweep as run_sweep
    from simqueue.results.frames import check_frame_name
    from simqueue.results.measures import measures_of, parse_measure
    from simqueue.workload.reading import read_scenario

    scenario = read_scenario(file, opt.changes_of(set_, seed=seed))
    grid = dict(map(parse_vary, vary or ["workers.count=1..4"]))
    known = measures_of(scenario)
    chosen = [parse_measure(text, known) for text in measure or ()]
    check_frame_name(out)
    check_writable(out)
    check_writable(plot, ".png")
    check_writable(report, ".html")
    with ending_early():
        with progress_bar(f"sweeping {scenario.name}", 1.0) as progress:
            found = run_sweep(
                scenario, grid, replications, cores=cores, cluster=cluster, progress=progress
            )
        say_engine(found.engine)
        shown = chosen or [one for one in known if one.what == "response.p95"]
        _present(found, [one.name for one in shown], plot, out, report, as_json)


def _present(
    found: Sweep,
    measures: list[str],
    plot: Path | None,
    out: Path | None,
    page: Path | None,
    as_json: bool,
) -> None:
    if as_json:
        print(json.dumps(found.document(), allow_nan=False))
    else:
        from rich.console import Console

        Console(highlight=False).print(found.report(measures))
    if plot is not None:
        found.plot(measures[0], plot)
    if page is not None:
        found.page(measures).write(page)
    if out is not None:
        found.write(out)
    if found.interrupted:
        done = sum(cell.replications for cell in found.cells)
        print(f"interrupted: {done} of {found.asked_for * len(found.cells)} runs", file=sys.stderr)
        raise typer.Exit(130)
