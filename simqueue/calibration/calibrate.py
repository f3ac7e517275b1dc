"""From a Redis URL to a scenario that predicts: watching, reading, writing, judging."""

from __future__ import annotations

import asyncio
import math
from asyncio import CancelledError
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simqueue.calibration.attempts import day_of
from simqueue.calibration.days import Day
from simqueue.calibration.estimates import Estimates, estimates_of
from simqueue.calibration.figure import fit_figure
from simqueue.calibration.fit import Fit, fit_frame, fits_of, log_of
from simqueue.calibration.kept import read_kept
from simqueue.calibration.page import calibration_page
from simqueue.calibration.report import document, markdown, questions
from simqueue.calibration.seen import Seen, SeenFile, read_seen
from simqueue.calibration.watching import Tell, Watcher
from simqueue.calibration.writing import SCENARIO, write_scenario
from simqueue.data import find_file
from simqueue.errors import InputError
from simqueue.files import reason, writing
from simqueue.operations.queues import all_queues, operators_connection, require_queues
from simqueue.results.shown import Drawn
from simqueue.workload.reading import read_scenario
from simqueue.workload.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from simqueue.record.attempt_log import AttemptLog
    from simqueue.results.page import Page

#: What the folder holds beside the scenario.
OBSERVATIONS, LOG, REPORT = "observations.jsonl", "attempts.csv.gz", "report.md"
#: Longer than this nobody watches.
_LONGEST_MIN = 60 * 24 * 31
#: Attempts below which nothing is said of a queue, and of the whole.
FEWEST = 20
#: What is said to be enough.
ENOUGH = 300


@dataclass(frozen=True)
class Calibration(Drawn):
    """What came of watching queues. `plot` draws how well the model replays the very same jobs.

    Attributes
    ----------
    folder
        Where the scenario is, its traces, the attempt log, and the report.
    seen, day, estimates
        What was seen, in events, in jobs and attempts, and in numbers.
    """

    folder: str | Path
    seen: Seen
    day: Day
    estimates: Estimates

    @cached_property
    def scenario(self) -> Scenario:
        """A day like the one that was watched."""
        return read_scenario(Path(self.folder) / SCENARIO)

    @cached_property
    def log(self) -> AttemptLog:
        """Every attempt that was seen."""
        return log_of(self.day, self.estimates)

    @cached_property
    def fits(self) -> list[Fit]:
        """How well the model does with the very same jobs."""
        return fits_of(self.log, self.day, self.estimates, self.scenario.bullmq.overhead)

    def frame(self) -> pd.DataFrame:
        """How well the model does with the very same jobs, a row for each figure.

        By ``queue`` (or ``queue, priority``) and ``measure``, such as ``wait p95``: ``seen_s`` and
        ``model_s``, seconds, and the ``error``, a share.
        """
        return fit_frame(self.fits)

    def report(self) -> str:
        """How well the model fits, what was found and what not, what to ask next: Markdown."""
        told = markdown(self.scenario, self.seen, self.day, self.estimates, self.fits)
        file = Path(self.folder) / SCENARIO
        asked = questions(file, self.scenario, self.estimates, self.fits)
        return told + "\n".join(["", *asked, ""])

    def document(self) -> dict[str, Any]:
        """The same, for JSON; times in seconds."""
        said = document(self.seen, self.day, self.estimates, self.fits)
        return {"schema": 1, "folder": str(self.folder), **said}

    def page(self) -> Page:
        """A report to show others: `Page.write` makes it a file."""
        return calibration_page(self.scenario, self.seen, self.day, self.estimates, self.fits)

    def _figure(self) -> tuple[Figure, str]:
        return fit_figure(self.fits)


def calibrate(
    url: str | None = None,
    folder: str | Path = "calibrated",
    *,
    minutes: float = 10.0,
    queues: Sequence[str] | None = None,
    prefix: str = "bull",
    file: str | Path | None = None,
    goes_on: bool = False,
    kept: bool = False,
    tell: Tell | None = None,
) -> Calibration:
    """Watch a live BullMQ, and make a scenario of what it did.

    Nothing is written to Redis. Ctrl-C ends the watch early: what was seen by then counts.

    Parameters
    ----------
    url
        The Redis; a user that may only read will do. Not needed with ``file``.
    folder
        Where to write: the observations, the scenario and its files, the attempt log, a report.
    minutes
        How long to watch.
    queues
        Their names; by default all that there are.
    prefix
        What their keys in Redis begin with.
    file
        Observations that were recorded before, in the place of a Redis; one of the packaged data is
        found by its name.
    goes_on
        Whether to go on with the observations that ``folder`` holds.
    kept
        Whether to watch nothing, and to take the jobs that the queues have kept instead.
    tell
        Called with the seconds that are over and the jobs that have come.

    Raises
    ------
    InputError
        If there is no Redis, or no such queue, or too few jobs to say anything; or if the folder is
        there already.
    JobError
        If Redis does not let us look.
    """
    folder = Path(folder)
    if file is not None:
        _check_alone(url=url, queues=queues, kept=kept, goes_on=goes_on)
    check_folder(folder, goes_on)
    if not (math.isfinite(minutes) and 0 < minutes <= _LONGEST_MIN):
        raise InputError(f"minutes = {minutes:g}: expected a number above 0, to {_LONGEST_MIN:,}")
    if file is not None:
        return calibrated(folder, find_file(str(file), Path()))
    seconds = 0.0 if kept else 60 * minutes
    try:
        _run(_watch(url, folder, seconds, queues, prefix, tell or _nothing, goes_on, kept))
    except KeyboardInterrupt:
        if not (folder / OBSERVATIONS).is_file():  # there was nothing to see yet
            raise
    except InputError as error:
        # The URL was given, and may stand in no variable.
        raise InputError(str(error).removeprefix("QUEUE_REDIS_URL=")) from error
    return calibrated(folder)


def _run(main: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine to its end or to Ctrl-C, in a notebook too, whose thread has a loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(main)
        return
    begun: Future[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = Future()

    async def elsewhere() -> None:
        task = asyncio.ensure_future(main)
        begun.set_result((asyncio.get_running_loop(), task))
        await task

    with ThreadPoolExecutor(1) as thread:
        over = thread.submit(asyncio.run, elsewhere())
        try:
            over.result()
        except KeyboardInterrupt:
            loop, task = begun.result()
            loop.call_soon_threadsafe(task.cancel)
            with suppress(CancelledError):
                over.result()
            raise


def _check_alone(**others: object) -> None:
    """Refuse what makes no sense beside a file that was recorded: it is over."""
    words = {"url": "a URL", "queues": "--queue", "kept": "--kept", "goes_on": "--continue"}
    for name, value in others.items():
        if value:
            raise InputError(
                f"--from, {words[name]}: give one of them; a recorded file has all that was seen"
            )


def check_folder(folder: Path, goes_on: bool) -> None:
    """Refuse a folder that is there, unless the watch is to go on that it holds.

    Raises
    ------
    InputError
        If it cannot be used.
    """
    if goes_on:
        if not (folder / OBSERVATIONS).is_file():
            raise InputError(f"{folder}: nothing to go on with: there is no {OBSERVATIONS} in it")
    elif folder.exists():
        more = "--continue goes on with it, " if (folder / OBSERVATIONS).is_file() else ""
        raise InputError(f"{folder}: is there already: {more}--out says another folder")


def _nothing(seconds: float, jobs: int) -> None:
    """Tell nobody."""


async def _watch(
    url: str | None,
    folder: Path,
    seconds: float,
    queues: Sequence[str] | None,
    prefix: str,
    tell: Tell,
    goes_on: bool,
    kept: bool,
) -> None:
    before = read_seen(folder / OBSERVATIONS) if goes_on else None
    async with operators_connection(url, prefix) as connection:
        await require_queues(connection, queues)
        names = list(dict.fromkeys(queues or (before.queues if before else ())))
        names = names or await all_queues(connection)
        if not names:
            raise InputError(
                f"Redis at {connection.url} has no BullMQ queue with the prefix {prefix}: there is "
                f"no key {prefix}:QUEUE:meta; --prefix says another, /1 at the URL's end another "
                "database"
            )
        made = not folder.exists()
        file = _opened(folder)
        try:
            if kept:
                await read_kept(connection, names, file)
                if b'"event"' not in file.path.read_bytes():
                    raise InputError(
                        f"--kept: {', '.join(names[:5])}: no job that ended is kept there; watch "
                        "the queues instead, without --kept"
                    )
            else:
                await Watcher(connection, names, file, before).run(seconds, tell)
        except BaseException:
            if made and b'"event"' not in file.path.read_bytes():
                file.path.unlink()
                folder.rmdir()
            raise
        finally:
            file.close()


def _opened(folder: Path) -> SeenFile:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot make the folder: {reason(error)}") from error
    return SeenFile(folder / OBSERVATIONS)


def calibrated(folder: Path, file: Path | None = None, name: str = "") -> Calibration:
    """Make a scenario of a file of observations.

    Parameters
    ----------
    folder
        Where to write.
    file
        The observations; by default those in the folder.
    name
        What to call the scenario; by default as the folder is called.

    Raises
    ------
    InputError
        If the file holds too few jobs to say anything.
    """
    file = file or folder / OBSERVATIONS
    seen = read_seen(file)
    day = day_of(seen)
    _check_enough(seen, day, file)
    found = estimates_of(seen, day)
    folder.mkdir(parents=True, exist_ok=True)
    write_scenario(folder, seen, day, found, name or f"as seen: {folder.resolve().name}")
    made = Calibration(folder, seen, day, found)
    made.log.write(folder / LOG)
    with writing(folder / REPORT) as out:
        out.write(made.report())
    return made


def _check_enough(seen: Seen, day: Day, file: Path) -> None:
    """Refuse a file in which too little happened, and say how long to watch.

    Raises
    ------
    InputError
        If it is so.
    """
    ended = [one for one in day.attempts if one.outcome in ("completed", "retried", "failed")]
    if len(ended) >= FEWEST:
        return
    watched = f"{day.lasted_s / 60:.3g} minutes of {', '.join(seen.queues[:5])}"
    if not day.jobs:
        raise InputError(
            f"{file}: {watched}: no job was seen; are jobs added to these queues now, and does "
            f"--prefix {seen.prefix} fit?"
        )
    if not ended:
        raise InputError(
            f"{file}: {watched}: {len(day.jobs):,} jobs were seen and none ended: does a worker "
            "run?"
        )
    rate = len(ended) / max(day.lasted_s, 1.0)
    minutes = ENOUGH / rate / 60
    raise InputError(
        f"{file}: {watched}: {len(ended)} attempts ended, too few to say anything; {ENOUGH} take "
        f"some {minutes:,.0f} minutes: --continue --minutes {minutes:.0f}"
    )
