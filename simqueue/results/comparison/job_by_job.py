"""An attempt log by job: what became of each, and where its attempts are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simqueue.record.attempt_log import COMPLETED, FAILED, OUTCOMES, AttemptLog

#: A queue and the id of a job in it.
Key = tuple[str, str]


@dataclass(frozen=True)
class Fate:
    """What became of a job.

    Attributes
    ----------
    outcome
        ``completed``, ``failed``, or ``unfinished``.
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


def by_job(log: AttemptLog) -> JobTable:
    """Sort a log by job."""
    rows = log.rows[np.lexsort([log.rows[field] for field in ("run", "attempt", "job", "queue")])]
    new = np.ones(len(rows), dtype=bool)
    new[1:] = (rows["job"][1:] != rows["job"][:-1]) | (rows["queue"][1:] != rows["queue"][:-1])
    new_attempt = new.copy()
    new_attempt[1:] |= rows["attempt"][1:] != rows["attempt"][:-1]
    started = ~np.isnan(rows["started_s"])
    first = np.flatnonzero(new)
    ends = np.append(first, len(rows))[1:]
    last = rows["outcome"][ends - 1]
    fates = zip(
        [OUTCOMES[code] if code in (COMPLETED, FAILED) else "unfinished" for code in last.tolist()],
        _per_job(new_attempt & started, first),
        _per_job(started, first),
        strict=True,
    )
    keys: list[Key] = [
        (log.queues[queue], str(text))
        for queue, text in zip(
            rows["queue"][first].tolist(), log.ids(rows["job"][first]), strict=True
        )
    ]
    parents = rows["parent"][first]
    known = np.flatnonzero(parents >= 0)
    return JobTable(
        rows=rows,
        workers=log.workers,
        fates={key: Fate(*fate) for key, fate in zip(keys, fates, strict=True)},
        parents={
            keys[place]: str(text)
            for place, text in zip(known.tolist(), log.ids(parents[known]), strict=True)
        },
        places={
            key: slice(low, high)
            for key, low, high in zip(keys, first.tolist(), ends.tolist(), strict=True)
        },
    )


def _per_job(what: NDArray[np.bool_], first: NDArray[np.int64]) -> list[int]:
    if len(first) == 0:
        return []
    counts: list[int] = np.add.reduceat(what.astype(np.int64), first).tolist()
    return counts
