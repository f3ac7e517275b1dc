"""What BullMQ keeps in Redis, as lines of a file of observations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from simqueue.calibration.heads import class_of_error
from simqueue.calibration.seen import STALLED
from simqueue.operations.queues import number

#: How BullMQ names the failure of a job that stalled too often.
_STALLED = "job stalled more than allowable limit"
#: Scores of delayed jobs are times in ms with room for so many jobs each (``addDelayedJob-6.lua``).
_SCORE = 0x1000


def storable(text: str) -> str:
    """``text`` as any file can hold it: Node cuts names inside an emoji."""
    return text.encode(errors="backslashreplace").decode()


def event_line(
    queue: str, entry: str, what: str, job: str, event: Mapping[str, str]
) -> dict[str, Any]:
    """What is written down of an entry of a queue's stream: no result, no text of an error."""
    line: dict[str, Any] = {"kind": "event", "queue": queue, "id": entry, "event": what}
    if job:
        line["job"] = storable(job)
    if prev := event.get("prev"):
        line["prev"] = prev
    if what == "added" and (name := event.get("name")):
        line["name"] = storable(name)
    if what == "delayed" and (due_ms := number(event.get("delay"))) is not None:
        line["due_ms"] = due_ms
    if what == "failed":
        said = event.get("failedReason")
        if found := STALLED if said == _STALLED else class_of_error(said):
            line["reason"] = found
    return line


def jobs_there(lists: Sequence[Any]) -> Iterator[tuple[str, str, float | None]]:
    """The jobs of a snapshot: id, which list, and when a delayed one is due.

    Lists fill from the left, so the first in line is the last; "0:..." is a marker of old versions.
    """
    _, active, wait, paused, prioritized, delayed, children = lists
    for state, jobs in (("active", active), ("waiting", [*reversed(wait), *reversed(paused)])):
        yield from ((job, state, None) for job in jobs if not job.startswith("0:"))
    yield from ((job, "waiting", None) for job, _ in prioritized)
    yield from ((job, "delayed", score // _SCORE) for job, score in delayed)
    yield from ((job, "waiting-children", None) for job, _ in children)


def flat(entries: Any) -> list[tuple[str, dict[str, str]]]:
    """Entries of a stream; the new protocol of Redis has them in one list more."""
    if entries and isinstance(entries[0], list):
        return [entry for part in entries for entry in part]
    return list(entries)


def order(entry: str) -> tuple[int, int]:
    """The id of an entry as numbers, which can be compared."""
    ms, _, part = entry.partition("-")
    return int(ms), int(part or 0)
