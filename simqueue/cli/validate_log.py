"""``simqueue validate-log``: a day that real workers have written down, in the model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

import simqueue.cli.options as opt


def validate_log(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.csv[.gz]",
            help="Read this attempt log of real workers: what simqueue worker --log was given.",
        ),
    ],
    workers: opt.Workers = None,
    concurrency: opt.Concurrency = None,
    tolerance: opt.Tolerance = "",
    plot: opt.ComparisonPlot = None,
    as_json: opt.AsJson = False,
) -> None:
    """Replay a real attempt log in the model, and show how far the two are apart.

    However old the log is, its own arrivals, service times, failures and backoffs run through the
    model, queue by queue, so that little but the model's error is left. The model has as many
    workers from the first job to the last; --workers and --concurrency say who worked, if the log
    does not. Nothing is run for real: that is simqueue validate.

    The exit code is 1 if a figure is out of tolerance.

    \b
    Try:
      simqueue validate-log friday.csv
      simqueue validate-log friday.csv --workers 3 --plot friday.png
    """  # noqa: D301
    from simqueue.cli.files import check_writable
    from simqueue.experiments.log_replay import replay_log, seen_slots
    from simqueue.record.reading import read_log
    from simqueue.workload.production import MEASURED

    tolerances = opt.tolerances_of(tolerance)
    check_writable(plot, ".png")
    log = read_log(file)
    slots = {queue: seen_slots(log, queue, workers, concurrency) for queue in log.queues}
    replayed = replay_log(log, slots, MEASURED, file.name)
    comparison = replayed.comparison
    exceeded = comparison.exceeded(tolerances)
    if as_json:
        document = {
            "schema": 1,
            "log": str(file),
            "slots": {
                queue: {key: value for key, value in vars(one).items() if value != ()}
                for queue, one in replayed.slots.items()
            },
            "left_out": replayed.left_out,
            **comparison.as_dict(),
            "exceeded": exceeded,
        }
        print(json.dumps(document, allow_nan=False))
    else:
        from rich.console import Console

        from simqueue.results.comparison.table import comparison_report

        Console(highlight=False).print(comparison_report(comparison, replayed.title, tolerances))
    if plot is not None:
        from simqueue.results.comparison.plot import plot_comparison

        plot_comparison(replayed.real, replayed.model, replayed.scenario, plot)
    if exceeded:
        raise typer.Exit(1)
