"""``simqueue calibrate``: a scenario made of what a live BullMQ was seen to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

import simqueue.cli.options as opt


def calibrate(
    url: Annotated[
        str | None,
        typer.Argument(
            metavar="URL", help="Watch the Redis at this address. [default: QUEUE_REDIS_URL]"
        ),
    ] = None,
    minutes: Annotated[float, typer.Option(metavar="N", help="Watch for so many minutes.")] = 10.0,
    queue: Annotated[
        list[str] | None,
        typer.Option(
            "--queue",
            metavar="NAME",
            help="Watch this queue; may be repeated. [default: all there are]",
        ),
    ] = None,
    prefix: opt.Prefix = "bull",
    out: Annotated[
        Path, typer.Option("--out", metavar="FOLDER", help="Write into this folder, which is new.")
    ] = Path("calibrated"),
    file: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="FILE", help="Take observations recorded before, and watch nothing."
        ),
    ] = None,
    goes_on: Annotated[
        bool, typer.Option("--continue", help="Continue the watch that the folder holds.")
    ] = False,
    kept: Annotated[
        bool, typer.Option("--kept", help="Take what the queues have kept, and watch nothing.")
    ] = False,
    report: opt.Report = None,
    as_json: opt.AsJson = False,
) -> None:
    """Watch a live BullMQ for some minutes, and make a scenario that predicts it.

    Workers may be written in any language. Nothing is written to Redis, and a user that may only
    read will do. Ctrl-C ends the watch: what was seen by then is written. The folder has the
    scenario, its traces and measured times, the attempt log, and a report that says how well the
    model replays the very same jobs, and what could not be seen.

    \b
    Try:
      simqueue calibrate redis://localhost:6379/0 --minutes 30
      simqueue calibrate redis://localhost:6379/0 --queue video --out video --continue
      simqueue calibrate --from video/observations.jsonl --out again --report video.html
      simqueue plan calibrated/scenario.toml --target 'video.wait.p95 < 10s' --traffic 3
    """  # noqa: D301
    from simqueue.calibration.calibrate import calibrate as find
    from simqueue.cli.files import check_writable
    from simqueue.settings import read_settings, revealed

    if url is None and file is None:
        url = revealed(read_settings().queue_redis_url)
    check_writable(report, ".html", made=out)
    with _telling(minutes) as tell:
        found = find(
            url, out, minutes=minutes, queues=queue, prefix=prefix, file=file, goes_on=goes_on,
            kept=kept, tell=tell,
        )  # fmt: skip
    if report is not None:
        found.page().write(report)
    if as_json:
        print(json.dumps(found.document(), allow_nan=False))
    else:
        print(found.report())


@contextmanager
def _telling(minutes: float) -> Iterator[Callable[[float, int], None]]:
    """Show on standard error how far the watch is, if that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    with Progress(
        TextColumn("watching"),
        BarColumn(),
        TextColumn("{task.fields[jobs]:,} jobs"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task("", total=60 * minutes, jobs=0)
        yield lambda seconds, jobs: progress.update(task, completed=seconds, jobs=jobs)
