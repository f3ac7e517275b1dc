"""``simqueue plan``: how many workers it takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import simqueue.cli.options as opt


def plan(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="SCENARIO.toml",
            help="Plan for the day of this file. "
            "[default: the busiest day of the recorded weeks, scaled up]",
        ),
    ] = None,
    target: opt.Targets = None,
    vary: Annotated[
        str, typer.Option(metavar="KEY", help="Name what the fewest of is looked for.")
    ] = "workers.count",
    traffic: opt.Traffic = 1.0,
    survive: Annotated[
        int,
        typer.Option(metavar="N", min=0, help="Let N workers die at the busiest time of the day."),
    ] = 0,
    down: Annotated[
        float, typer.Option(metavar="S", help="Set how many seconds a dead worker is away.")
    ] = 600.0,
    days: Annotated[
        int, typer.Option(metavar="N", min=1, help="Simulate so many days of the answer.")
    ] = 10,
    kept: opt.Kept = 0.95,
    most: opt.Most = 1000,
    margins: Annotated[
        bool, typer.Option(help="Ask also for 20 % more and less traffic, longer and shorter jobs.")
    ] = True,
    cores: opt.Cores = None,
    cluster: opt.Cluster = None,
    seed: opt.Seed = None,
    set_: opt.Set = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Draw every day that was simulated.")
    ] = None,
    report: opt.Report = None,
    as_json: opt.AsJson = False,
) -> None:
    """Find the fewest workers with which targets hold, and say what the answer rests on.

    The answer and its neighbours are simulated in full, on the same days. The exit code is 1 if no
    number of workers will do.

    \b
    Try:
      simqueue plan --target 'order.response.p95 < 10s'
      simqueue plan --target 'order.response.p95 < 10s' --traffic 3 --survive 1
      simqueue plan --target 'payment.failed < 5' --vary queues.payment.attempts
      simqueue plan --target 'order.wait.max < 1min' --days 100 --plot plan.png
      simqueue plan --target 'order.response.p95 < 10s' --report friday.html
    """  # noqa: D301
    from simqueue.cli.files import check_writable
    from simqueue.cli.presenting import ending_early, say_engine, show
    from simqueue.cli.progress import telling
    from simqueue.errors import InputError
    from simqueue.planning.plan import plan as find
    from simqueue.workload.reading import read_scenario

    scenario = read_scenario(file, opt.changes_of(set_, seed=seed))
    if not target:
        raise InputError("no target: --target 'order.response.p95 < 10s' says what has to hold")
    check_writable(plot, ".png")
    check_writable(report, ".html")
    with ending_early():
        with telling(f"planning {scenario.name}", "targets hold with ") as tell:
            found = find(
                scenario, target, vary, traffic=traffic, survive=survive, down_s=down, days=days,
                kept=kept, most=most, margins=margins, cores=cores, cluster=cluster, tell=tell,
            )  # fmt: skip
        say_engine(found.engine)
        show(found, plot, report, as_json)
    if found.interrupted:
        raise typer.Exit(130)
    if found.answer is None:
        raise typer.Exit(1)
