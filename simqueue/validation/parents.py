"""The parents of a real run: workers do not see when they became ready, or that they never did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf, isfinite, nan
from typing import Any, NamedTuple

from simqueue.record.attempt_log import COLUMNS, AttemptLog
from simqueue.record.table import from_frame
from simqueue.record.worker_events import ENGINE
from simqueue.workload.workload import Kind, Workload

Name = tuple[str, str]
_LATER = ("started_s", "finished_s")


class Held(NamedTuple):
    """A parent that waited for children to the end; ``enqueued_s`` is of the run's own time."""

    queue: str
    job_id: str
    enqueued_s: float


def with_parents(log: AttemptLog, workload: Workload, held: Sequence[Held]) -> AttemptLog:
    """A real log with what its workers could not write down of parents.

    A parent is ready when its last child has ended, or, where the scenario says so, when the first
    has failed; one that waited to the end has a row without any other time.
    """
    if not workload.has_flows:
        return log
    import pandas as pd

    rows: list[dict[Any, Any]] = log.frame().to_dict("records")
    ends = {
        (row["queue"], row["job_id"]): (row["finished_s"], row["outcome"] == "failed")
        for row in rows
        if row["outcome"] in ("completed", "failed")
    }
    ready = {
        (queue, job_id): _ready_s(workload, queue, [ends[one] for one in children if one in ends])
        for queue, job_id, children in _families(workload)
    }
    for row in rows:
        at = ready.get((row["queue"], row["job_id"]))
        if at is not None and row["attempt"] == row["run"] == 1:
            # Stamps of two processes: a parent may seem to have started before that.
            row["ready_s"] = min(at, *(row[one] for one in _LATER if isfinite(row[one])))
    names = _names(workload) if held else {}
    rows += [_waiting(one, workload, *names[one.queue, one.job_id]) for one in held]
    return from_frame(pd.DataFrame(rows, columns=list(COLUMNS)))


def _names(workload: Workload) -> dict[Name, tuple[Kind, int]]:
    """Which job each parent's queue and id name."""
    return {
        (kind.queue, workload.job_id(kind, number)): (kind, number)
        for kind in workload.kinds
        if workload.children(kind.number)
        for number in range(workload.size(kind))
    }


def _waiting(parent: Held, workload: Workload, kind: Kind, number: int) -> dict[Any, Any]:
    """The row of a parent that waited to the end."""
    above = "" if kind.parent < 0 else workload.job_id(workload.kinds[kind.parent], number)
    return {
        "engine": ENGINE,
        "replication": 0,
        "queue": parent.queue,
        "job_id": parent.job_id,
        "flow": workload.flow(kind, number),
        "parent_id": above,
        "name": kind.name,
        "attempt": 1,
        "run": 1,
        "enqueued_s": parent.enqueued_s,
        "outcome": "",
        "slot": nan,
    }


def _families(workload: Workload) -> Iterator[tuple[str, str, list[Name]]]:
    """Each parent's queue and id, and those of its children."""
    for kind in workload.kinds:
        for number in range(workload.size(kind)) if workload.children(kind.number) else ():
            children = workload.children_of(kind.number, number)
            below = [(child.queue, workload.job_id(child, number)) for child in children]
            if below:
                yield kind.queue, workload.job_id(kind, number), below


def _ready_s(workload: Workload, queue: str, ends: Sequence[tuple[float, bool]]) -> float:
    """When a parent became ready, of the ends of its children: when, and whether it failed."""
    rule = workload.scenario.queues[queue].child_failure
    failed = [at for at, fails in ends if fails]
    if failed and rule in ("fail-parent", "continue-parent"):
        return min(failed)
    return max((at for at, _ in ends), default=inf)
