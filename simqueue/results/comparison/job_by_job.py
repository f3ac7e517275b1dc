"""An attempt log by job: what became of each, and where its attempts are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simqueue.record.attempt_log import FINAL, NOT_DONE, OUTCOMES, AttemptLog
from simqueue.record.by_job import by_job

#: A queue and the id of a job in it.
Key = tuple[str, str]


@dataclass(frozen=True)
class Fate:
    """What became of a job.

    Attributes
    ----------
    outcome
        ``completed``, ``failed``, ``refused``, ``lost``, or ``unfinished``.
    attempts
        Attempts that started; a rerun after a stall is the same attempt.
    runs
        How often it was started in all.
    """

    outcome: str
    attempts: int
    runs: int


@dataclass(frozen=True)
class JobTable:
    """A log by job.

    Attributes
    ----------
    rows
        Its rows in the order of jobs and their attempts.
    workers
        Names, as in the log.
    fates, places
        What became of each job, and which rows it has; in the order of the rows.
    parents
        Ids of the jobs that added others.
    """

    rows: NDArray[np.void]
    workers: tuple[str, ...]
    fates: dict[Key, Fate]
    parents: dict[Key, str]
    places: dict[Key, slice]

    def of(self, key: Key) -> NDArray[np.void]:
        """The rows of one job; none if there is no such job."""
        return self.rows[self.places.get(key, slice(0))]

    def without(self, keys: Iterable[Key], log: AttemptLog) -> AttemptLog:
        """``log``, of which this is the table, without some of its jobs."""
        kept = np.ones(len(self.rows), dtype=bool)
        for key in keys:
            kept[self.places.get(key, slice(0))] = False
        return replace(log, rows=self.rows[kept])


def job_table(log: AttemptLog) -> JobTable:
    """Sort a log by job; it is of one replication."""
    jobs = by_job(log.rows)
    first = jobs.rows[jobs.first]
    queues = [log.queues[code] for code in first["queue"].tolist()]
    keys: list[Key] = list(zip(queues, log.ids(first["job"]), strict=True))
    known = np.flatnonzero(first["parent"] >= 0).tolist()
    over = (*FINAL, *NOT_DONE)
    outcomes = [OUTCOMES[code] if code in over else "unfinished" for code in jobs.outcome.tolist()]
    fates = zip(outcomes, jobs.attempts.tolist(), jobs.runs.tolist(), strict=True)
    places = zip(jobs.first.tolist(), (jobs.last + 1).tolist(), strict=True)
    return JobTable(
        rows=jobs.rows,
        workers=log.workers,
        fates={key: Fate(*fate) for key, fate in zip(keys, fates, strict=True)},
        parents={
            keys[place]: text
            for place, text in zip(known, log.ids(first["parent"][known]), strict=True)
        },
        places={key: slice(*place) for key, place in zip(keys, places, strict=True)},
    )
