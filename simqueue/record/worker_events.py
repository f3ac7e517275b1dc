"""The events of real workers, and how they become an attempt log.

A worker process appends a line of JSON when an attempt starts and when it ends, with Unix time, to
a file of its own: no two processes write to one file, and one that is killed leaves its start
events behind. Reading puts the files of all workers together; a line that a kill, a full disk or a
power cut has torn costs that line, and what was read past is counted.
"""

from __future__ import annotations

import errno
import json
import logging
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import nan
from pathlib import Path
from typing import Any, Literal, NamedTuple

from simqueue.errors import InputError
from simqueue.files import reason
from simqueue.jobs import Job
from simqueue.record.attempt_log import COLUMNS, TIMES, AttemptLog
from simqueue.record.event_fields import checked
from simqueue.record.event_line import line_of
from simqueue.record.table import from_frame

ENGINE = "bullmq"
#: What is added to the name of a log to name the folder with its workers' files.
FOLDER_SUFFIX = ".events"
#: A stalled job's put back and its new start may be written down in the wrong order, this close.
_LATE_S = 0.1
#: What an attempt's start and its end have in common.
_WHOSE = ("attempt", "worker", "slot")
#: What each line begins with.
_BEGIN = b'{"kind":'

_log = logging.getLogger(__name__)


class Event(NamedTuple):
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
        Of a start, or of the end of a job that was not run: what the job is, and when it was
        enqueued (Unix time).
    outcome, result
        Of an end: as in the attempt log.
    due
        Of an end that leads to a retry: when that is due, Unix time. Of a start: when a job that
        was added with a delay was due first.
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
    job: Job,
    *,
    at: float,
    enqueued: float,
    attempt: int,
    worker: str,
    slot: int,
    due: float | None = None,
) -> Event:
    """The start of an attempt at ``job``."""
    return Event(
        "start", at, job.queue, job.id, attempt, worker, slot,
        name=job.name, flow=job.flow, parent_id=job.parent_id or "", enqueued=enqueued, due=due,
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
            #: Whether the last line is not whole: then the next event begins with a line's end. A
            #: worker of this name was killed while it wrote, or the disk was full.
            self._torn = bool(size) and os.pread(self._file, 1, size - 1) != b"\n"
        except OSError as error:
            raise InputError(f"{self.path}: cannot write events: {reason(error)}") from error

    def write(self, event: Event) -> None:
        """Append an event; a kill right after does not lose it.

        Raises
        ------
        OSError
            If it could not be written whole.
        """
        line = line_of(event)
        if self._torn:
            line = b"\n" + line
        written = os.write(self._file, line)
        if written < len(line):
            # Nothing but the line's end that may have been missing leaves no line torn.
            self._torn = not (self._torn and written == 1)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        self._torn = False

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def has_events(log: Path) -> bool:
    """Whether workers have left events for ``log``."""
    return log.with_name(log.name + FOLDER_SUFFIX).is_dir()


def read_events(log: Path, origin: float | None = None) -> AttemptLog:
    """The attempt log of all workers that wrote events for ``log``; see `merge_events`.

    Lines that are no events are passed over; how many is logged as a warning, once for each file.

    Raises
    ------
    InputError
        If a file cannot be read, or holds lines and not one event.
    """
    folder = log.with_name(log.name + FOLDER_SUFFIX)
    events = [event for file in sorted(folder.glob("*.jsonl")) for event in _events_of(file)]
    return merge_events(events, origin)


def _events_of(file: Path) -> list[Event]:
    try:
        lines = file.read_bytes().split(b"\n")
    except OSError as error:
        raise InputError(f"{file}: cannot read events: {reason(error)}") from error
    events: list[Event] = []
    unread = 0
    first, why = 0, ""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        event, trouble = _event_of(line)
        if event is not None:
            events.append(event)
        if trouble:
            unread += 1
            first, why = (first, why) if first else (number, trouble)
    # A worker that was killed may have left nothing but its first event, or the beginning of it.
    torn = [line for line in lines if line.strip()]
    if (
        unread
        and not events
        and not all(_BEGIN in line or _BEGIN.startswith(line) for line in torn)
    ):
        raise InputError(f"{file}:{first}: not an event: {why}")
    if unread:
        _log.warning("%s: %d lines are torn and passed over, from line %d", file, unread, first)
    return events


def _event_of(line: bytes) -> tuple[Event | None, str]:
    """The event of a line, and what is wrong with the line.

    What was written after half a line may stand behind it, whole.
    """
    try:
        return Event(**_storable(checked(json.loads(line)))), ""
    except (ValueError, TypeError, RecursionError) as error:
        rest = line.rfind(_BEGIN)
        event = _event_of(line[rest:])[0] if rest > 0 else None
        return event, reason(error)


def _storable(known: dict[str, Any]) -> dict[str, Any]:
    """Ids that were no UTF-8 in Redis are half an emoji here: no table holds that."""
    return {
        key: value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value
        for key, value in known.items()
    }


def merge_events(events: Iterable[Event], origin: float | None = None) -> AttemptLog:
    """The attempt log that events of any number of workers tell.

    Its second zero is ``origin``, Unix time; by default the moment that the first job was enqueued.

    An attempt that starts again without having ended was stalled: its row ends when the job was
    put back, or, if nobody wrote that down, when it started again. A job that stalled too often
    ends with a row that never started. What never ended has no time of an end, and no outcome.
    """
    import pandas as pd

    by_job: dict[tuple[str, str], list[Event]] = {}
    for event in sorted(events, key=lambda event: event.at):
        by_job.setdefault((event.queue, event.job_id), []).append(event)
    rows = [row for of_job in by_job.values() for row in _rows(of_job)]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    if rows:
        times = list(TIMES)
        zero = frame["enqueued_s"].min() if origin is None else origin
        frame[times] = frame[times].astype(float) - zero
        frame = frame.sort_values(["finished_s", "started_s"], kind="stable", ignore_index=True)
    return from_frame(frame)


def _rows(events: list[Event]) -> list[dict[str, Any]]:
    """The attempts of one job, in the order of their starts."""
    rows: list[dict[str, Any]] = []
    running = False
    # A worker that wrote no log may have had the job first: then its start is not there.
    start = next((event for event in events if event.kind == "start"), None)
    ready = 0.0 if start is None else start.enqueued if start.due is None else start.due
    runs: Counter[int] = Counter()
    for event in _as_they_happened(events):
        if event.kind == "start":
            if running:  # nobody wrote down that it was put back
                _close(rows, event.at, "stalled")
                ready = event.at
            runs[event.attempt] += 1
            rows.append(_opened(event, ready, runs[event.attempt]))
            running = True
        elif not rows:
            if event.kind == "end" and event.slot < 0 and event.flow:
                # Its child had failed.
                unrun = {"ready_s": event.enqueued, "started_s": nan, "slot": nan}
                rows.append({**_opened(event, event.enqueued, 1), **unrun})
                _close(rows, event.at, event.outcome, event.result)
        elif event.kind == "stalled":
            # A worker may have written an end that the queue refused: it had lost the lock.
            _close(rows, event.at, "stalled")
            running, ready = False, event.at
        elif running and _same(rows[-1], event):
            _close(rows, event.at, event.outcome, event.result)
            # After a final outcome somebody may have the job done again: ready when that was.
            running, ready = False, event.at if event.due is None else event.due
        elif event.slot < 0 and rows[-1]["outcome"] == "stalled":
            again = {"ready_s": ready, "started_s": nan, "run": rows[-1]["run"] + 1, "slot": nan}
            rows.append({**rows[-1], **again, "worker": event.worker})
            _close(rows, event.at, event.outcome, event.result)
    return rows


def _close(rows: list[dict[str, Any]], at: float, outcome: str, result: str = "") -> None:
    # Who enqueued the job and who did it read different clocks: no attempt ends before its start.
    at = max(at, rows[-1]["started_s"])
    rows[-1] |= {"finished_s": at, "outcome": outcome, "result": result}


def _as_they_happened(events: list[Event]) -> list[Event]:
    """Who puts a job back may hear of it later than who takes it then.

    Who had it before may have been killed with the job in hand and its start not yet written: then
    the first start that is known comes before the stall, and its own end after.
    """
    ordered = list(events)
    for i, (one, other) in enumerate(pairwise(events)):
        if (
            (one.kind, other.kind) == ("start", "stalled")
            and other.at - one.at < _LATE_S
            and (i or _ended_after(one, events[2:]))
        ):
            ordered[i : i + 2] = [other._replace(at=one.at), one]
    return ordered


def _ended_after(start: Event, later: Sequence[Event]) -> bool:
    """Whether an attempt goes on to its own end, before any other starts."""
    following = next((event for event in later if event.kind != "stalled"), None)
    if following is None or following.kind != "end":
        return False
    return all(getattr(start, key) == getattr(following, key) for key in _WHOSE)


def _same(row: dict[str, Any], event: Event) -> bool:
    """Whether an end belongs to the attempt that is open, not to a run whose job was taken away."""
    return all(row[key] == getattr(event, key) for key in _WHOSE)


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
        # A slot may ask for a job a moment before one is there, and be given it all the same; and
        # BullMQ notes when a job was enqueued in whole milliseconds, rounded.
        "started_s": ready if 0 < ready - event.at < _LATE_S else event.at,
        "finished_s": nan,
        "outcome": "",
        "result": "",
        "worker": event.worker,
        "slot": event.slot,
    }
