"""``simqueue simulate``: tell what would happen."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import simqueue.cli.options as opt

if TYPE_CHECKING:
    from simqueue.experiments.run import Run
    from simqueue.experiments.summary_only import Summarised
    from simqueue.workload.scenario import Scenario

_NOTHING_CAME = "note: no job arrived in this run"


def simulate(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="SCENARIO.toml",
            help="Simulate this scenario. "
            "[default: the busiest day of the recorded weeks, scaled up]",
        ),
    ] = None,
    workers: opt.Workers = None,
    concurrency: opt.Concurrency = None,
    mode: Annotated[
        str | None,
        typer.Option(metavar="MODE", help="Run it in this mode: bull-queue or in-process."),
    ] = None,
    arrivals: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|RATE",
            help="Take other arrivals: a CSV file with a column placed_at, or a rate per second.",
        ),
    ] = None,
    duration: opt.Duration = None,
    warmup: Annotated[
        str | None,
        typer.Option(
            metavar="S|auto",
            help="Leave jobs of the first S seconds out of all numbers; auto finds out how many.",
        ),
    ] = None,
    replications: Annotated[
        int,
        typer.Option(
            metavar="R",
            min=1,
            max=1_000_000,
            help="Repeat it independently; two or more give intervals.",
        ),
    ] = 1,
    seed: opt.Seed = None,
    set_: opt.Set = None,
    log: Annotated[
        Path | None, typer.Option(metavar="FILE.csv[.gz]", help="Write the attempt log.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Draw arrivals, queue lengths and waits."),
    ] = None,
    report: opt.Report = None,
    summary_only: Annotated[
        bool,
        typer.Option(
            "--summary-only",
            help="Print the summary alone and keep no attempts: ten million jobs take no more "
            "memory than one million.",
        ),
    ] = False,
    as_json: opt.AsJson = False,
) -> None:
    """Simulate the order, payment and email queues, and say what would happen.

    \b
    Try:
      simqueue simulate                       a busy day with one worker: too few
      simqueue simulate --workers 2           the same jobs, two workers
      simqueue simulate --plot day.png        see it
      simqueue simulate --arrivals 3 --duration 3600 --replications 10
    """  # noqa: D301
    from simqueue.cli.files import check_writable
    from simqueue.cli.progress import progress_bar
    from simqueue.experiments.run import simulate as run_simulation
    from simqueue.workload.reading import read_scenario

    changes = opt.changes_of(
        set_,
        workers=workers,
        concurrency=concurrency,
        mode=mode,
        duration=duration,
        warmup=_seconds_or_auto(warmup),
        seed=seed,
    )
    scenario = read_scenario(file, changes, arrivals)
    if summary_only:
        _check_alone(log, plot, report)
        try:
            _summarise(scenario, replications, as_json)
        except KeyboardInterrupt:
            print("interrupted before there was anything to report", file=sys.stderr)
            raise typer.Exit(130) from None
        return
    check_writable(log)
    check_writable(plot, ".png")
    check_writable(report, ".html")
    kept = "before there was anything to report"
    try:
        with progress_bar(f"simulating {scenario.name}", 1.0) as progress:
            run = run_simulation(scenario, replications, progress)
        kept = "while the run was summed up: nothing is kept (--log FILE.csv keeps the attempts)"
        _explain_nothing(run)
        if log is not None:
            run.log.write(log)
            kept = f"while the run was summed up: its attempts are kept in {log}"
        _present(run, plot, report, as_json)
    except KeyboardInterrupt:
        print(f"interrupted {kept}", file=sys.stderr)
        raise typer.Exit(130) from None


def _check_alone(log: Path | None, plot: Path | None, report: Path | None) -> None:
    """Refuse what needs the attempts."""
    from simqueue.errors import InputError

    wanted = {"--log": log, "--plot": plot, "--report": report}
    if (option := next((name for name, path in wanted.items() if path), None)) is not None:
        raise InputError(f"--summary-only: keeps no attempts; expected no {option} beside it")


def _summarise(scenario: Scenario, replications: int, as_json: bool) -> None:
    from simqueue.cli.progress import progress_bar
    from simqueue.experiments.summary_only import summarise

    with progress_bar(f"simulating {scenario.name}", 1.0) as progress:
        found = summarise(scenario, replications, progress)
    if found.why_kept is not None:
        print(f"note: all attempts had to be kept: {found.why_kept}", file=sys.stderr)
    if found.empty:
        print(_NOTHING_CAME, file=sys.stderr)
    if as_json:
        print(json.dumps(found.document(), allow_nan=False))
    else:
        _print_summary(found)
    if found.interrupted:
        raise typer.Exit(130)


def _print_summary(found: Summarised) -> None:
    from rich.console import Console

    from simqueue.results.table import report
    from simqueue.results.title import run_title

    words = run_title(found.scenario, found.replications)
    shown = report(found.summary, words, found.theory, warnings=found.warnings)
    Console(highlight=False).print(shown)
    print(f"{found.simulated_s:,.0f} s of virtual time in {found.wall_s:.1f} s.")


def _seconds_or_auto(text: str | None) -> float | str | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return text  # whoever reads the scenario says what is wrong with it


def _explain_nothing(run: Run) -> None:
    """Say so if there is nothing to report."""
    if run.cut_off_s is not None and run.cut_off_s <= run.warmup_s:
        print("interrupted during the warm-up: there is nothing to report", file=sys.stderr)
        raise typer.Exit(130)
    if len(run.log) == 0:
        print(_NOTHING_CAME, file=sys.stderr)


def _present(run: Run, plot: Path | None, page: Path | None, as_json: bool) -> None:
    if as_json:
        print(json.dumps(run.document(), allow_nan=False))
    else:
        from rich.console import Console

        from simqueue.results.table import report
        from simqueue.results.title import run_title

        words = run_title(run.scenario, run.replications)
        shown = report(run.summary(), words, run.theory(), run.verdicts().values(), run.warnings())
        Console(highlight=False).print(shown)
        print(f"{run.simulated_s:,.0f} s of virtual time in {run.wall_s:.1f} s.")
    if plot is not None:
        run.plot(plot)
    if page is not None:
        run.page().write(page)
    if run.interrupted:
        raise typer.Exit(130)
