"""The rows of an attempt log, job by job."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Column = NDArray[Any]

#: What makes a job, and the order of its rows. Attempts of a job that somebody had done again are
#: counted anew: time tells which is last.
_JOB = ("replication", "queue", "job")
_IN_JOB = ("ready_s", "attempt", "run")
#: So many rows are sorted into columns at once: a processor has them at hand.
_AT_ONCE = 4096


@dataclass(frozen=True)
class ByJob:
    """Rows sorted by job; a job is a key in a queue of a replication.

    Two queues may give their jobs the same ids, and two replications do. The rows are by
    replication, queue and job; those of a job as they came, attempt by attempt.

    Attributes
    ----------
    of
        The rows of the log as they are there.
    order
        Where each of the sorted rows stands in the log.
    first, last
        The first and the last row of each job.
    """

    of: NDArray[np.void]
    order: Ints
    first: Ints
    last: Ints

    @cached_property
    def rows(self) -> NDArray[np.void]:
        """The sorted rows."""
        return self.of.take(self.order)

    def columns(self, *fields: str) -> list[Column]:
        """Some fields of the sorted rows, each by itself: in a structured array they lie far apart.

        All of them from some rows, then from the next: each row is fetched from memory once.
        """
        found = [np.empty(len(self.order), self.of.dtype[field]) for field in fields]
        for start in range(0, len(self.order), _AT_ONCE):
            here = slice(start, start + _AT_ONCE)
            some = self.of.take(self.order[here])
            for column, field in zip(found, fields, strict=True):
                column[here] = some[field]
        return found

    def by_queue(self) -> Iterator[ByJob]:
        """The jobs of each queue of each replication."""
        replication, queue, numbers = self.of["replication"], self.of["queue"], len(self.first)

        def place(number: int) -> tuple[int, int]:
            row = self.order[self.first[number]]
            return int(replication[row]), int(queue[row])

        start = 0
        while start < numbers:
            # There are many jobs and few queues: ends are looked for, not all jobs looked at.
            end = bisect_right(range(numbers), place(start), lo=start, key=place)
            low, high = int(self.first[start]), int(self.last[end - 1]) + 1
            yield ByJob(
                self.of,
                self.order[low:high],
                self.first[start:end] - low,
                self.last[start:end] - low,
            )
            start = end

    @property
    def outcome(self) -> NDArray[np.int8]:
        """How each job's last attempt ended."""
        found: NDArray[np.int8] = self.of["outcome"][self.order[self.last]]
        return found

    @property
    def attempts(self) -> Ints:
        """Attempts of each job that started; a rerun after a stall is the same attempt."""
        return self.count_attempts(*self.columns("attempt", "started_s"))

    def count_attempts(self, attempt: Column, started_s: Column) -> Ints:
        """The same from two columns."""
        new = changed(attempt)
        new[self.first] = True
        return self._count(new & np.isfinite(started_s))

    @property
    def runs(self) -> Ints:
        """How often each job was started in all."""
        (started_s,) = self.columns("started_s")
        return self._count(np.isfinite(started_s))

    @property
    def number(self) -> Ints:
        """Of each row, which job it belongs to."""
        return np.repeat(np.arange(len(self.first)), self.last - self.first + 1)

    def _count(self, what: NDArray[np.bool_]) -> Ints:
        if what.all():
            return np.asarray(self.last - self.first + 1)
        so_far = np.append(0, np.cumsum(what))
        return np.asarray(so_far[self.last + 1] - so_far[self.first])


def by_job(rows: NDArray[np.void]) -> ByJob:
    """Sort the rows of a log by job."""
    order, new = _grouped([np.ascontiguousarray(rows[field]) for field in _JOB])
    # Rows come in the order in which attempts ended, which mostly is that of a job's own.
    if not _ascends([rows[field] for field in _IN_JOB], order, np.flatnonzero(~new)):
        order = np.lexsort([rows[field] for field in (*_IN_JOB[::-1], *_JOB[::-1])])
    first = np.flatnonzero(new)
    return ByJob(rows, order, first, np.append(first[1:], len(rows))[: len(first)] - 1)


def _grouped(columns: Sequence[Column]) -> tuple[Ints, NDArray[np.bool_]]:
    """The order that sorts rows by whole numbers, equal ones as they came; where others begin.

    All of them and the place of the row in one number, if it has bits enough: numbers are sorted
    several times faster than places.
    """
    if not len(columns[0]):
        return np.empty(0, np.int64), np.empty(0, np.bool_)
    key = np.arange(len(columns[0]))
    place_bits = bits = len(key).bit_length()
    for column in reversed(columns):
        low = int(column.min())
        needed = (int(column.max()) - low).bit_length()
        if bits + needed > 63:
            order = np.lexsort(columns[::-1])
            return order, changed(*[column[order] for column in columns])
        if needed:
            key |= (column.astype(np.int64) - low) << bits
        bits += needed
    key.sort()
    return key & ((1 << place_bits) - 1), changed(key >> place_bits)


def _ascends(columns: Sequence[Column], order: Ints, follows: Ints) -> bool:
    """Whether each row that ``follows`` one of its job is not before it."""
    here, before = order[follows], order[follows - 1]
    undecided = np.ones(len(follows), dtype=bool)
    for column in columns:
        # A NaN is in order nowhere: the slower way knows its place.
        if not (column[here] >= column[before])[undecided].all():
            return False
        undecided &= column[here] == column[before]
        if not undecided.any():
            break
    return True


def changed(*columns: Column) -> NDArray[np.bool_]:
    """Whether each element differs in any column from the one before it; the first does."""
    new = np.ones(len(columns[0]), dtype=bool)
    new[1:] = False
    for column in columns:
        new[1:] |= column[1:] != column[:-1]
    return new


def changes(rows: NDArray[np.void], *fields: str) -> NDArray[np.bool_]:
    """Whether each row differs from the one before it in any of ``fields``; the first does."""
    return changed(*[rows[field] for field in fields])
