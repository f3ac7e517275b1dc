"""``simqueue outage``: what would happen if a downstream failed for a while."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import simqueue.cli.options as opt


def outage(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="SCENARIO.toml",
            help="Take the day of this file. "
            "[default: the busiest day of the recorded weeks, scaled up]",
        ),
    ] = None,
    queue: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name the queue whose attempts are to fail.")
    ] = None,
    from_: Annotated[
        float | None,
        typer.Option(
            "--from", metavar="S", help="Start the outage so many seconds after the day's start."
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="HH:MM", help="Start it at a clock time, where arrivals follow one."),
    ] = None,
    lasts: Annotated[
        float, typer.Option(metavar="S", help="Stop it after so many seconds.")
    ] = 300.0,
    hangs: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            help="Let each attempt hang so many seconds before it fails. [default: its own time]",
        ),
    ] = None,
    rate: Annotated[
        float, typer.Option(metavar="SHARE", help="Set the share of the attempts that fail.")
    ] = 1.0,
    days: Annotated[int, typer.Option(metavar="N", min=1, help="Simulate so many days.")] = 5,
    tries: Annotated[
        list[str] | None,
        typer.Option(
            "--try",
            metavar="KEY=VALUES",
            help="Try other retry policies, keys of the queue: attempts=3,5,8 or "
            "backoff.delay_ms=1000,5000. May be repeated: then every combination is tried. "
            "[default: a few that outlast it]",
        ),
    ] = None,
    policies: Annotated[bool, typer.Option(help="Try other retry policies.")] = True,
    cores: opt.Cores = None,
    cluster: opt.Cluster = None,
    seed: opt.Seed = None,
    set_: opt.Set = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Draw the unfinished jobs of the first day."),
    ] = None,
    report: opt.Report = None,
    as_json: opt.AsJson = False,
) -> None:
    """Let what a queue's jobs call fail for a while: what is lost, and how long until it is over.

    Each day is simulated with the outage and without it, and with other retry policies, on the same
    jobs.

    \b
    Try:
      simqueue outage --queue payment --at 10:00 --lasts 300
      simqueue outage --queue payment --at 10:00 --lasts 300 --report outage.html
      simqueue outage shop.toml --queue payment --from 600 --lasts 300 --hangs 8
      simqueue outage shop.toml --queue payment --from 600 --try attempts=3,5,8 \\
        --try 'backoff.delay_ms=1000,5000' --plot outage.png
    """  # noqa: D301
    from simqueue.cli.files import check_writable
    from simqueue.cli.presenting import ending_early, say_engine, show
    from simqueue.cli.progress import telling
    from simqueue.cli.values import parse_vary
    from simqueue.errors import InputError
    from simqueue.planning.outages.clock import moment_s
    from simqueue.planning.outages.outage import outage as find
    from simqueue.workload.reading import read_scenario

    scenario = read_scenario(file, opt.changes_of(set_, seed=seed))
    if queue is None:
        names = ", ".join(scenario.queues)
        raise InputError(f"no queue: --queue says whose attempts fail; there are {names}")
    if (from_ is None) == (at is None):
        raise InputError("when? Expected --from SECONDS, or --at HH:MM")
    begins = moment_s(scenario, at) if at is not None else from_
    assert begins is not None  # one of the two was given
    grid = dict(parse_vary(text, "--try") for text in tries or ())
    check_writable(plot, ".png")
    check_writable(report, ".html")
    with ending_early():
        with telling(f"an outage of {queue}") as tell:
            found = find(
                scenario, queue, begins, lasts, hangs_s=hangs, rate=rate, days=days,
                tries={} if not policies else grid or None,
                cores=cores, cluster=cluster, tell=tell,
            )  # fmt: skip
        say_engine(found.engine)
        show(found, plot, report, as_json)
    if found.interrupted:
        raise typer.Exit(130)
