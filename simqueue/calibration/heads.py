"""What is kept of a job's hash: how it is to be treated, and never what it is about."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from simqueue.operations.queues import number

#: Fields of a job's hash that are asked for: neither ``data`` nor what came of it.
FIELDS = (
    *("name", "timestamp", "opts", "delay", "priority", "parentKey", "rjk"),
    *("atm", "attemptsMade"),
)
#: The same of a job that has ended.
ENDED_FIELDS = (*FIELDS, "processedOn", "finishedOn", "pb")

#: What a child that failed for good does to its parent: the scenario's word, by BullMQ's short one
#: (``src/utils/index.ts``, ``optsDecodeMap``) and by the long one of older versions.
_CHILD_FAILURES = {
    "fpof": "fail-parent",
    "failParentOnFailure": "fail-parent",
    "cpof": "continue-parent",
    "continueParentOnFailure": "continue-parent",
    "idof": "ignore-dependency",
    "ignoreDependencyOnFailure": "ignore-dependency",
    "rdof": "remove-dependency",
    "removeDependencyOnFailure": "remove-dependency",
}
_CLASS = re.compile(r"([A-Za-z_][\w.]{0,80}(?:Error|Exception|Timeout|Failure|Interrupt))\b")


class JobKey(NamedTuple):
    """Which job."""

    queue: str
    id: str


@dataclass(frozen=True)
class Head:
    """What a job's hash says of how it is to be treated.

    Attributes
    ----------
    name
        The kind of job.
    added_ms
        When it was added by its producer's clock, Unix time.
    attempts
        Tries in all.
    backoff
        ``type``, ``delay`` (ms) and ``jitter``, as its options say; ``None``: none.
    delay_ms, priority, lifo
        As its options say.
    parent
        The queue and id of the job that waits for it.
    child_failure
        What its final failure does to its parent, in the scenario's words.
    scheduled
        Whether a scheduler (a repeatable job) added it.
    made
        Attempts that have been made.
    """

    name: str = ""
    added_ms: float | None = None
    attempts: int = 1
    backoff: dict[str, Any] | None = None
    delay_ms: float = 0.0
    priority: int = 0
    lifo: bool = False
    parent: JobKey | None = None
    child_failure: str = ""
    scheduled: bool = False
    made: int = 0

    def as_line(self) -> dict[str, Any]:
        """What is not as it usually is, for JSON."""
        return {key: value for key, value in asdict(self).items() if value != getattr(_USUAL, key)}

    @classmethod
    def of_line(cls, line: Mapping[str, Any]) -> Head:
        """The head that `as_line` wrote."""
        known = {key: value for key, value in line.items() if key in cls.__dataclass_fields__}
        if known.get("parent"):
            known["parent"] = JobKey(*known["parent"])
        return cls(**known)


_USUAL = Head()


def head_of(
    job: str, values: Sequence[str | None], prefix: str, queues: Collection[str]
) -> Head | None:
    """The head of a job from the `FIELDS` of its hash; ``None`` if there is none any more.

    Parameters
    ----------
    job
        Its id.
    values
        What ``HMGET`` gave.
    prefix, queues
        What keys begin with, and the queues that are known.
    """
    name, timestamp, opts, delay, priority, parent, repeat, *made = values[: len(FIELDS)]
    if all(value is None for value in values):
        return None
    said = _table(opts)
    return Head(
        name=name or "",
        added_ms=number(timestamp),
        attempts=max(1, _whole(said.get("attempts"), 1)),
        backoff=_backoff(said.get("backoff")),
        delay_ms=max(0.0, number(said.get("delay", delay)) or 0.0),
        priority=max(0, _whole(priority, _whole(said.get("priority"), 0))),
        lifo=said.get("lifo") is True,
        parent=None if not parent else _parent(parent, prefix, queues),
        child_failure=next((word for key, word in _CHILD_FAILURES.items() if said.get(key)), ""),
        scheduled=bool(repeat) or bool(said.get("repeat")) or job.startswith("repeat:"),
        # Before version 5 it is called by its long name, and counts an attempt from its start on.
        made=max(0, _whole(made[0], _whole(made[1], 0))),
    )


def class_of_error(reason: str | None) -> str:
    """The name of the class that a failure's reason begins with; nothing else of it is kept.

    >>> class_of_error("GatewayTimeout: POST https://user:secret@pay/9")
    'GatewayTimeout'
    >>> class_of_error("card 4111 declined")
    ''
    """
    found = _CLASS.match(reason or "")
    return found[1] if found else ""


def _table(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _whole(value: Any, otherwise: int) -> int:
    found = number(value) if not isinstance(value, bool) else None
    return otherwise if found is None else math.floor(found)


def _backoff(said: Any) -> dict[str, Any] | None:
    """BullMQ takes a number for a fixed backoff (``Backoffs.normalize``)."""
    if isinstance(said, dict):
        kind = said.get("type")
        table = {"type": kind if isinstance(kind, str) else "", "delay": number(said.get("delay"))}
        jitter = number(said.get("jitter"))
        return {**table, "jitter": jitter} if jitter else table
    delay = number(said) if not isinstance(said, bool) else None
    return {"type": "fixed", "delay": delay} if delay else None


def _parent(key: str, prefix: str, queues: Collection[str]) -> JobKey | None:
    """The job that a key names, ``PREFIX:QUEUE:ID``; an id may hold colons."""
    rest = key.removeprefix(f"{prefix}:")
    known = [queue for queue in queues if rest.startswith(f"{queue}:")]
    queue = max(known, key=len) if known else rest.partition(":")[0]
    job = rest[len(queue) + 1 :]
    return JobKey(queue, job) if job else None
