"""What the rows of an attempt log mean for each queue: intervals of waiting, work and backoff."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from simqueue.record.attempt_log import RETRIED, STALLED, AttemptLog, Floats, is_final
from simqueue.record.by_job import ByJob, Ints, by_job, changes
from simqueue.results.timeline import Steps, steps
from simqueue.workload.pools import Death
from simqueue.workload.production import Crash


@dataclass(frozen=True)
class JobOutcomes:
    """The jobs of one queue in one replication, an element a job.

    ``finished_s`` is the moment of the final outcome, NaN if there was none before the run was
    cut off; ``outcome`` its code. ``attempts`` counts those that started; a rerun after a stall
    is the same attempt. ``group`` is the code of its class in the log.
    """

    job: Ints
    flow: Ints
    group: NDArray[np.int16]
    enqueued_s: Floats
    finished_s: Floats
    outcome: NDArray[np.int8]
    attempts: Ints


@dataclass(frozen=True)
class History:
    """The attempts of one queue in one replication, an element an attempt, and its jobs.

    An attempt waits in [ready_s, left_s) and occupies a slot in [started_s, freed_s); an end that
    did not come before the run was cut off is infinite, a start is NaN. A job is delayed, at first
    or in backoff, in each [delayed_s, due_s). ``group`` is the code of its class in the log. One
    that has waited for children until the end is ready at infinity.
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
    group: NDArray[np.int16]
    delayed_s: Floats
    due_s: Floats
    jobs: JobOutcomes

    @cached_property
    def waiting(self) -> Steps:
        """How many attempts wait, over time."""
        return steps(self.ready_s, self.left_s)

    @cached_property
    def wait_s(self) -> Floats:
        """Wait of each attempt, NaN for one that never started."""
        return self.started_s - self.ready_s

    @property
    def work_s(self) -> Floats:
        """Seconds for which each attempt held its slot; 0 if that is not known."""
        known = np.isfinite(self.freed_s) & np.isfinite(self.started_s)
        return np.where(known, self.freed_s - np.where(known, self.started_s, 0.0), 0.0)


def histories(
    log: AttemptLog,
    crashes: Sequence[Crash | Death] | None = None,
    about: Collection[str] | None = None,
) -> Iterator[History]:
    """Each queue of each replication that has rows in ``log``.

    Parameters
    ----------
    log
        The attempts.
    crashes
        Which workers died, and when, if that is known: a job holds its slot until then, and not
        until it is put back. Where it is not known, until the worker's last sign of life.
    about
        Only these queues.
    """
    for jobs in by_job(log.rows).by_queue():
        if about is None or log.queues[jobs.of["queue"][jobs.order[0]]] in about:
            yield _history(jobs, log, crashes)


def by_queue(log: AttemptLog, first: Iterable[str] = ()) -> dict[str, list[History]]:
    """The histories of each queue that has rows, replication by replication; those ``first``."""
    found: dict[str, list[History]] = {}
    for one in histories(log):
        found.setdefault(one.queue, []).append(one)
    return {queue: found[queue] for queue in (*first, *log.queues) if queue in found}


def _history(jobs: ByJob, log: AttemptLog, crashes: Sequence[Crash | Death] | None) -> History:
    first, its_first = jobs.first, jobs.order[jobs.first]
    enqueued, ready, started, finished, outcome, job, flow, attempt = jobs.columns(
        "enqueued_s", "ready_s", "started_s", "finished_s", "outcome", "job", "flow", "attempt"
    )
    ready[np.isnan(ready)] = np.inf
    # A job failed for good by stalling too often has an end, but no start.
    ended = np.fmin(finished, np.inf)  # NaN: infinite
    left = np.where(np.isnan(started), ended, started)
    # Rows of a job lie in order: after a retried attempt comes the next one, if it came to that.
    following = np.append(ready[1:], np.inf)
    following[jobs.last] = np.inf
    retried = outcome == RETRIED
    later = first[ready[first] > enqueued[first]]  # added with a delay
    became = outcome[jobs.last]
    group = np.broadcast_to(np.int16(-1), len(ready))
    if log.has_classes:
        (group,) = jobs.columns("class")
    return History(
        replication=int(jobs.of["replication"][its_first[0]]),
        queue=log.queues[jobs.of["queue"][its_first[0]]],
        enqueued_s=enqueued,
        ready_s=ready,
        left_s=left,
        started_s=started,
        freed_s=_freed(jobs, started, ended, outcome, log, crashes),
        finished_s=finished,
        outcome=outcome,
        group=group,
        delayed_s=np.concatenate([finished[retried], enqueued[later]]),
        due_s=np.concatenate([following[retried], ready[later]]),
        jobs=JobOutcomes(
            job=job[first],
            flow=flow[first],
            group=group[first],
            enqueued_s=enqueued[first],
            finished_s=np.where(is_final(became), finished[jobs.last], np.nan),
            outcome=became,
            attempts=jobs.count_attempts(attempt, started),
        ),
    )


def _freed(
    jobs: ByJob,
    started_s: Floats,
    ended_s: Floats,
    outcome: NDArray[np.int8],
    log: AttemptLog,
    crashes: Sequence[Crash | Death] | None,
) -> Floats:
    """When each attempt gave its slot back; infinite if it did not.

    A stalled attempt ends in the log when it is put back, long after its worker died. It held the
    slot until then, or until the slot took another job.
    """
    freed: Floats = np.where(np.isnan(started_s), np.inf, ended_s)
    stalled = outcome == STALLED
    if stalled.any():
        rows = jobs.rows
        order = np.lexsort((started_s, rows["slot"], rows["worker"]))
        same = ~changes(rows[order], "worker", "slot")
        taken = np.full(len(rows), np.inf)
        started = started_s[order]
        taken[order[:-1]] = np.where(same[1:] & ~np.isnan(started[1:]), started[1:], np.inf)
        freed[stalled] = np.minimum(freed, taken)[stalled]
        for place in np.flatnonzero(stalled & ~np.isnan(started_s)).tolist():
            freed[place] = _died(rows[place], float(freed[place]), log, crashes)
    return freed


def _died(
    row: np.void, until: float, log: AttemptLog, crashes: Sequence[Crash | Death] | None
) -> float:
    """When the worker of a stalled attempt died, ``until`` at the latest."""
    began = float(row["started_s"])
    if crashes is not None:
        name = log.workers[row["worker"]]
        kills = (one.at_s for one in crashes if str(one.worker) == name and not one.drain)
        return min((at_s for at_s in kills if began <= at_s < until), default=until)
    rows = log.rows
    mine = (rows["worker"] == row["worker"]) & (rows["replication"] == row["replication"])
    ended = mine & (rows["outcome"] != STALLED)
    signs = np.append(rows["started_s"][mine], rows["finished_s"][ended])
    signs = signs[(signs >= began) & (signs <= until)]
    return float(signs.max(initial=began))
