"""The events of real workers, and how they become an attempt log.

A worker process appends a line of JSON when an attempt starts and when it ends, with Unix time, to
a file of its own: no two processes write to one file, and one that is killed leaves its start
events behind. Reading puts the files of all workers together.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from simqueue.errors import InputError
from simqueue.jobs import Job
from simqueue.results.attempt_log import COLUMNS, TIMES, AttemptLog, from_frame
from simqueue.results.files import reason

ENGINE = "bullmq"
#: What is added to the name of a log to name the folder with its workers' files.
FOLDER_SUFFIX = ".events"


@dataclass(frozen=True)
class Event:
    """Something that happened to an attempt.

    Attributes
    ----------
    kind
        ``start``, ``end``, or ``stalled``: put back because its worker went silent.
    at
        Unix time, seconds.
    queue, job_id
        Which job.
    attempt, worker, slot
        Which attempt at it, and where; a stalled job's are not known to who notices.
    name, flow, parent_id, enqueued
        Of a start: what the job is, and when it was enqueued (Unix time).
    outcome, result
        Of an end: as in the attempt log.
    due
        Of an end that leads to a retry: when that is due, Unix time.
    """

    kind: Literal["start", "end", "stalled"]
    at: float
    queue: str
    job_id: str
    attempt: int = 0
    worker: str = ""
    slot: int = -1
    name: str = ""
    flow: str = ""
    parent_id: str = ""
    enqueued: float = 0.0
    outcome: str = ""
    result: str = ""
    due: float | None = None


def start_event(
    job: Job, *, at: float, enqueued: float, attempt: int, worker: str, slot: int
) -> Event:
    """The start of an attempt at ``job``."""
    return Event(
        "start", at, job.queue, job.id, attempt, worker, slot,
        name=job.name, flow=job.flow, parent_id=job.parent_id or "", enqueued=enqueued,
    )  # fmt: skip


class EventFile:
    """The file of one worker process.

    Parameters
    ----------
    log
        The log that it belongs to; the file is in the folder beside it, ``LOG.events``.
    worker
        The worker's name, unique among those of the log.
    """

    def __init__(self, log: Path, worker: str) -> None:
        folder = log.with_name(log.name + FOLDER_SUFFIX)
        self.path = folder / f"{worker}.jsonl"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            size = os.fstat(self._file).st_size
            if size and os.pread(self._file, 1, size - 1) != b"\n":
                # A worker of this name was killed while it wrote: its last line stays its own.
                os.write(self._file, b"\n")
        except OSError as error:
            raise InputError(f"{self.path}: cannot write events: {reason(error)}") from error

    def write(self, event: Event) -> None:
        """Append an event; a kill right after does not lose it."""
        known = {key: value for key, value in vars(event).items() if value not in ("", None)}
        os.write(self._file, (json.dumps(known, separators=(",", ":")) + "\n").encode())

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def has_events(log: Path) -> bool:
    """Whether workers have left events for ``log``."""
    return log.with_name(log.name + FOLDER_SUFFIX).is_dir()


def read_events(log: Path) -> AttemptLog:
    """The attempt log of all workers that wrote events for ``log``.

    Raises
    ------
    InputError
        If a file cannot be read or a line is no event.
    """
    folder = log.with_name(log.name + FOLDER_SUFFIX)
    events = [event for file in sorted(folder.glob("*.jsonl")) for event in _events_of(file)]
    return merge_events(events)


def _events_of(file: Path) -> Iterator[Event]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot read events: {error}") from error
    for number, line in enumerate(lines, start=1):
        try:
            yield Event(**json.loads(line))
        except (ValueError, TypeError) as error:
            if line.startswith("{") and not line.endswith("}"):
                continue  # a worker was killed while it wrote
            raise InputError(f"{file}:{number}: not an event: {error}") from error


def merge_events(events: Iterable[Event]) -> AttemptLog:
    """The attempt log that events of any number of workers tell; seconds from the first of them.

    An attempt that starts again without having ended was stalled: its row ends when the job was
    put back, or, if nobody wrote that down, when it started again. What never ended has no times
    of an end, and no outcome.
    """
    import pandas as pd

    by_job: dict[tuple[str, str], list[Event]] = {}
    for event in sorted(events, key=lambda event: event.at):
        by_job.setdefault((event.queue, event.job_id), []).append(event)
    rows = [row for of_job in by_job.values() for row in _rows(of_job)]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    if rows:
        times = list(TIMES)
        zero = frame["enqueued_s"].min()
        frame[times] = frame[times].astype(float) - zero
        frame = frame.sort_values(["finished_s", "started_s"], kind="stable", ignore_index=True)
    return from_frame(frame)


def _rows(events: list[Event]) -> Iterator[dict[str, Any]]:
    """The attempts of one job, in the order of their starts."""
    open_row: dict[str, Any] | None = None
    put_back: float | None = None
    # A worker that wrote no log may have had the job first: then its start is not there.
    ready = next((event.enqueued for event in events if event.kind == "start"), 0.0)
    runs: Counter[int] = Counter()
    for event in events:
        if event.kind == "start":
            if open_row is not None:
                ready = event.at if put_back is None else put_back
                yield {**open_row, "finished_s": ready, "outcome": "stalled"}
            runs[event.attempt] += 1
            open_row, put_back = _opened(event, ready, runs[event.attempt]), None
        elif event.kind == "stalled":
            put_back = event.at
        elif open_row is not None and _same(open_row, event):
            end = {"finished_s": event.at, "outcome": event.outcome, "result": event.result}
            yield {**open_row, **end}
            # After a final outcome somebody may have the job done again: ready when that was.
            open_row, ready = None, event.at if event.due is None else event.due
    if open_row is not None:
        if put_back is not None:
            open_row |= {"finished_s": put_back, "outcome": "stalled"}
        yield open_row


def _same(row: dict[str, Any], event: Event) -> bool:
    """Whether an end belongs to the attempt that is open, not to a run whose job was taken away."""
    return bool(row["attempt"] == event.attempt and row["worker"] == event.worker)


def _opened(event: Event, ready: float, run: int) -> dict[str, Any]:
    return {
        "engine": ENGINE,
        "replication": 0,
        "queue": event.queue,
        "job_id": event.job_id,
        "flow": event.flow,
        "parent_id": event.parent_id,
        "name": event.name,
        "attempt": event.attempt,
        "run": run,
        "enqueued_s": event.enqueued,
        "ready_s": ready,
        "started_s": event.at,
        "finished_s": float("nan"),
        "outcome": "",
        "result": "",
        "worker": event.worker,
        "slot": event.slot,
    }
