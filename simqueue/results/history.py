"""What the rows of an attempt log mean for each queue: intervals of waiting, work and backoff."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simqueue.record.attempt_log import COMPLETED, FAILED, RETRIED, STALLED, AttemptLog

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Jobs:
    """The jobs of one queue in one replication, an element a job.

    ``finished_s`` is the moment of the final outcome, NaN if there was none before the run was
    cut off; ``outcome`` its code. ``attempts`` counts those that started; a rerun after a stall
    is the same attempt.
    """

    job: Ints
    flow: Ints
    enqueued_s: Floats
    finished_s: Floats
    outcome: NDArray[np.int8]
    attempts: Ints


@dataclass(frozen=True)
class History:
    """The attempts of one queue in one replication, an element an attempt, and its jobs.

    An attempt waits in [ready_s, left_s) and occupies a slot in [started_s, freed_s); an end that
    did not come before the run was cut off is infinite, a start is NaN. A job is in backoff in
    each [delayed_s, due_s).
    """

    replication: int
    queue: str
    enqueued_s: Floats
    ready_s: Floats
    left_s: Floats
    started_s: Floats
    freed_s: Floats
    finished_s: Floats
    outcome: NDArray[np.int8]
    delayed_s: Floats
    due_s: Floats
    jobs: Jobs

    @property
    def wait_s(self) -> Floats:
        """Wait of each attempt, NaN for one that never started."""
        return self.started_s - self.ready_s

    @property
    def work_s(self) -> Floats:
        """Seconds for which each attempt held its slot; 0 if that is not known."""
        known = np.isfinite(self.freed_s) & np.isfinite(self.started_s)
        return np.where(known, self.freed_s - np.where(known, self.started_s, 0.0), 0.0)


def histories(log: AttemptLog) -> Iterator[History]:
    """Each queue of each replication that has rows in ``log``."""
    if len(log) == 0:
        return
    replications, number = np.unique(log.rows["replication"], return_inverse=True)
    group = number * len(log.queues) + log.rows["queue"]
    # Attempts of a job that somebody had done again are counted anew: time tells which is last.
    order = np.lexsort((*(log.rows[name] for name in ("run", "attempt", "ready_s", "job")), group))
    rows, group = log.rows[order], group[order]
    new_group = _changes(group)
    new_job = new_group | _changes(rows["job"])
    new_attempt = new_job | _changes(rows["attempt"])
    edges = np.append(np.flatnonzero(new_group), len(rows))
    freed = _freed(rows, group)
    for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        part = slice(low, high)
        replication, queue = divmod(int(group[low]), len(log.queues))
        yield _history(
            rows[part],
            freed[part],
            new_job[part],
            new_attempt[part],
            int(replications[replication]),
            log.queues[queue],
        )


def _history(
    rows: NDArray[np.void],
    freed: Floats,
    new_job: NDArray[np.bool_],
    new_attempt: NDArray[np.bool_],
    replication: int,
    queue: str,
) -> History:
    # Fields of a structured array lie far apart; a column of its own is several times faster.
    ready, started, finished = (
        np.ascontiguousarray(rows[name]) for name in ("ready_s", "started_s", "finished_s")
    )
    outcome = np.ascontiguousarray(rows["outcome"])
    # A job failed for good by stalling too often has an end, but no start.
    ended = np.where(np.isnan(finished), np.inf, finished)
    left = np.where(np.isnan(started), ended, started)
    # Rows of a job lie in order: after a retried attempt comes the next one, if it came to that.
    following = np.append(ready[1:], np.inf)
    following[np.append(new_job[1:], True)] = np.inf
    retried = outcome == RETRIED
    first = np.flatnonzero(new_job)
    last = np.append(first[1:], len(rows)) - 1
    final = (outcome[last] == COMPLETED) | (outcome[last] == FAILED)
    jobs = Jobs(
        job=rows["job"][first],
        flow=rows["flow"][first],
        enqueued_s=rows["enqueued_s"][first],
        finished_s=np.where(final, finished[last], np.nan),
        outcome=outcome[last],
        attempts=np.add.reduceat((new_attempt & ~np.isnan(started)).astype(np.int64), first),
    )
    return History(
        replication=replication,
        queue=queue,
        enqueued_s=np.ascontiguousarray(rows["enqueued_s"]),
        ready_s=ready,
        left_s=left,
        started_s=started,
        freed_s=freed,
        finished_s=finished,
        outcome=outcome,
        delayed_s=finished[retried],
        due_s=following[retried],
        jobs=jobs,
    )


def _freed(rows: NDArray[np.void], group: Ints) -> Floats:
    """When each attempt gave its slot back; infinite if it did not.

    A stalled attempt ends in the log when it is put back, long after its worker died. When that
    worker is back and the slot has taken another job, the slot is no longer the dead job's.
    """
    freed: Floats = np.where(np.isnan(rows["finished_s"]), np.inf, rows["finished_s"])
    freed[np.isnan(rows["started_s"])] = np.inf
    stalled = rows["outcome"] == STALLED
    if stalled.any():
        order = np.lexsort((rows["started_s"], rows["slot"], rows["worker"], group))
        same = ~(
            _changes(group[order]) | _changes(rows["worker"][order]) | _changes(rows["slot"][order])
        )
        taken = np.full(len(rows), np.inf)
        started = rows["started_s"][order]
        taken[order[:-1]] = np.where(same[1:] & ~np.isnan(started[1:]), started[1:], np.inf)
        freed[stalled] = np.minimum(freed, taken)[stalled]
    return freed


def _changes(values: NDArray[np.integer]) -> NDArray[np.bool_]:
    return np.concatenate([[True], values[1:] != values[:-1]])
