"""The rows of an attempt log, job by job."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class ByJob:
    """Rows sorted by job; a job is a key in a queue of a replication.

    Two queues may give their jobs the same ids, and two replications do.

    Attributes
    ----------
    rows
        By replication, queue and job; those of a job as they came, attempt by attempt.
    order
        Where each of them stands in the log.
    first, last
        The first and the last row of each job.
    """

    rows: NDArray[np.void]
    order: Ints
    first: Ints
    last: Ints

    def by_queue(self) -> Iterator[ByJob]:
        """The jobs of each queue of each replication."""
        start = np.flatnonzero(changes(self.rows, "replication", "queue"))
        jobs = np.append(np.searchsorted(self.first, start), len(self.first)).tolist()
        edges = np.append(start, len(self.rows)).tolist()
        for number, low in enumerate(edges[:-1]):
            rows, part = slice(low, edges[number + 1]), slice(jobs[number], jobs[number + 1])
            yield ByJob(
                self.rows[rows], self.order[rows], self.first[part] - low, self.last[part] - low
            )

    @property
    def outcome(self) -> NDArray[np.int8]:
        """How each job's last attempt ended."""
        found: NDArray[np.int8] = self.rows["outcome"][self.last]
        return found

    @property
    def attempts(self) -> Ints:
        """Attempts of each job that started; a rerun after a stall is the same attempt."""
        new = changes(self.rows, "attempt")
        new[self.first] = True
        return self._count(new & self._started)

    @property
    def runs(self) -> Ints:
        """How often each job was started in all."""
        return self._count(self._started)

    @property
    def number(self) -> Ints:
        """Of each row, which job it belongs to."""
        return np.repeat(np.arange(len(self.first)), self.last - self.first + 1)

    @property
    def _started(self) -> NDArray[np.bool_]:
        started: NDArray[np.bool_] = np.isfinite(self.rows["started_s"])
        return started

    def _count(self, what: NDArray[np.bool_]) -> Ints:
        return np.add.reduceat(what.astype(np.int64), self.first)


def by_job(rows: NDArray[np.void]) -> ByJob:
    """Sort the rows of a log by job."""
    # Attempts of a job that somebody had done again are counted anew: time tells which is last.
    fields = ("run", "attempt", "ready_s", "job", "queue", "replication")
    order = np.lexsort([rows[field] for field in fields])
    rows = rows.take(order)  # ten times as fast as rows[order], which copies field by field
    first = np.flatnonzero(changes(rows, "replication", "queue", "job"))
    return ByJob(rows, order, first, np.append(first[1:], len(rows))[: len(first)] - 1)


def changes(rows: NDArray[np.void], *fields: str) -> NDArray[np.bool_]:
    """Whether each row differs from the one before it in any of ``fields``; the first does."""
    new = np.ones(len(rows), dtype=bool)
    new[1:] = False
    for field in fields:
        column = rows[field]
        new[1:] |= column[1:] != column[:-1]
    return new
