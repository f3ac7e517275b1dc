"""``simqueue compare``: training mode against production, fairly."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import simqueue.cli.options as opt


def compare(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="SCENARIO.toml",
            help="Take this scenario. [default: the busiest day of the recorded weeks, scaled up]",
        ),
    ] = None,
    loads: Annotated[
        list[float] | None,
        typer.Option(
            "--load",
            metavar="X",
            help="Run at so many times the arrivals; may be repeated. "
            "[default: 1, and the scenario's own]",
        ),
    ] = None,
    replications: Annotated[
        int,
        typer.Option(
            metavar="R", min=1, help="Repeat it independently; two or more give intervals."
        ),
    ] = 1,
    seed: opt.Seed = None,
    set_: opt.Set = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Draw what customers go through in each run."),
    ] = None,
    as_json: opt.AsJson = False,
) -> None:
    """Compare training mode and production: the same work, as many places, in four ways.

    \b
    T  training mode, as many callers as the queues have slots in all
    B  queues, these slots split by the work that comes to each; one attempt
    S  queues, the slots split as configured; one attempt
    P  queues as configured, with retries and backoff

    From T to B is what separating the work does, from B to S what the split does, from S to P what
    retries do. All four meet the same arrivals, service times and failures; that is checked.

    \b
    Try:
      simqueue compare                        a busy day, at 1x and at 400x
      simqueue compare --replications 5       with intervals
      simqueue compare --plot modes.png       see it
      simqueue compare --set workers.count=2 --load 400
    """  # noqa: D301
    from simqueue.cli.files import check_writable
    from simqueue.cli.presenting import ending_early, present
    from simqueue.cli.progress import progress_bar
    from simqueue.experiments.compare_modes import compare_modes
    from simqueue.workload.reading import read_scenario

    scenario = read_scenario(file, opt.changes_of(set_, seed=seed))
    check_writable(plot, ".png")
    with ending_early("before all four runs were done: nothing is kept"):
        with progress_bar(f"comparing modes on {scenario.name}", 1.0) as progress:
            both = compare_modes(scenario, replications, loads or None, progress)
        present(both, plot, as_json)
