"""The attempt log: one row an attempt, the only thing an engine writes.

Every number, plot and lesson is computed from it afterwards. In memory the rows are numbers with
vocabularies beside them (some 70 bytes a row), so that a million attempts fit; `AttemptLog.frame`
and the CSV files show names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simqueue.errors import InputError
from simqueue.files import reason, writing
from simqueue.record.by_job import by_job

if TYPE_CHECKING:
    import pandas as pd

#: Columns of the table, in order.
COLUMNS = (
    *("engine", "replication", "queue", "job_id", "flow", "parent_id", "name", "attempt", "run"),
    *("enqueued_s", "ready_s", "started_s", "finished_s", "outcome", "result", "worker", "slot"),
)
#: Columns that only a log has whose jobs are of classes, or have priorities.
CLASS_COLUMNS = ("class", "priority")
TIMES = ("enqueued_s", "ready_s", "started_s", "finished_s")
IDS = ("job_id", "flow", "parent_id")
KEYS = ("job", "flow", "parent")
VOCABULARIES = {
    "queue": "queues", "name": "names", "result": "results", "worker": "workers", "class": "classes"
}  # fmt: skip

#: What became of an attempt; the empty word: nothing yet when the run was cut off.
OUTCOMES = ("", "completed", "retried", "failed", "stalled", "refused", "lost")
UNFINISHED, COMPLETED, RETRIED, FAILED, STALLED, REFUSED, LOST = range(7)
#: With these a job is over: it has been done, or given up after its last attempt.
FINAL = (COMPLETED, FAILED)
#: With these, too, and nobody has done it: its customer knows, and nobody tries again.
NOT_DONE = (REFUSED, LOST)

#: A row in memory. ``job``, ``flow`` and ``parent`` are keys of `AttemptLog.ids`; there, and in
#: ``name``, ``result``, ``worker``, ``slot`` and ``class``, -1 stands for none.
ROW = np.dtype(
    [
        ("replication", "i4"),
        ("queue", "i2"),
        ("job", "i8"),
        ("flow", "i8"),
        ("parent", "i8"),
        ("name", "i4"),
        ("attempt", "i2"),
        ("run", "i2"),
        ("enqueued_s", "f8"),
        ("ready_s", "f8"),
        ("started_s", "f8"),
        ("finished_s", "f8"),
        ("outcome", "i1"),
        ("result", "i4"),
        ("worker", "i2"),
        ("slot", "i2"),
    ]
)
#: A row of a log with `CLASS_COLUMNS`.
ROW_OF_CLASSES = np.dtype([*ROW.descr, ("class", "i2"), ("priority", "i4")])

#: A worker's time in its pool, seconds: when it was asked for, when it took jobs, when it was told
#: to end, and when it was gone; NaN for what did not happen. ``worker`` is as in `ROW`.
PRESENCE = np.dtype(
    [
        ("replication", "i4"),
        ("worker", "i4"),
        ("asked_s", "f8"),
        ("ready_s", "f8"),
        ("drained_s", "f8"),
        ("gone_s", "f8"),
    ]
)

Floats = NDArray[np.float64]
Ids = Callable[[NDArray[np.int64]], Sequence[str]]


def is_final(outcome: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Whether a job is over with an attempt that ended so."""
    found: NDArray[np.bool_] = outcome == FINAL[0]
    for code in FINAL[1:]:
        found |= outcome == code
    return found


@dataclass(frozen=True)
class AttemptLog:
    """The attempts of one run, or of several replications of it.

    Attributes
    ----------
    engine
        Who wrote it: ``simpy``, ``in-process``...
    rows
        Structured array of `ROW` or `ROW_OF_CLASSES`, one element an attempt, in the order in which
        they ended.
        Times are seconds since the start of the run; NaN where something had not happened.
    queues, names, results, workers, classes
        Vocabularies: ``rows["queue"]`` holds positions in ``queues``, and so on.
    ids
        Turns the keys of jobs into their ids; called only when a person wants to see them.
    pools
        The pool of each of ``workers``; empty where there is only one, which has no name.
    presence
        Structured array of `PRESENCE`: when there was which worker, if that is known. It is no
        part of the table.

    Examples
    --------
    >>> import simqueue as sq
    >>> log = sq.simulate(sq.read_scenario("outage.toml"), replications=2).log
    >>> log.queues, log.replications
    (('payment',), (0, 1))
    >>> day = log.replication(1)
    >>> f"{day.waits('payment').mean():.3f} s, {len(day.select(outcome='failed'))} failed"
    '0.003 s, 11 failed'
    """

    engine: str
    rows: NDArray[np.void]
    queues: tuple[str, ...]
    names: tuple[str, ...]
    results: tuple[str, ...]
    workers: tuple[str, ...]
    ids: Ids
    classes: tuple[str, ...] = ()
    pools: tuple[str, ...] = ()
    presence: NDArray[np.void] = field(default_factory=lambda: np.empty(0, PRESENCE))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def replications(self) -> tuple[int, ...]:
        """The numbers of the replications that have rows, ascending."""
        return tuple(np.unique(self.rows["replication"]).tolist())

    def replication(self, number: int) -> AttemptLog:
        """The log of one replication, counted from 0; empty if it had no jobs."""
        return self._run(number, self.rows[self.rows["replication"] == number])

    def by_replication(self) -> Iterator[AttemptLog]:
        """The log of each replication that has rows, in order."""
        numbers = self.rows["replication"]
        order = np.argsort(numbers, kind="stable")
        edges = np.flatnonzero(np.diff(numbers[order])) + 1
        for part in np.split(order, edges) if len(order) else ():
            yield self._run(int(numbers[part[0]]), self.rows.take(part))

    def of_queue(self, queue: str) -> NDArray[np.void]:
        """The rows of one queue.

        Raises
        ------
        InputError
            If the log has no such queue.
        """
        return self.select(queue).rows

    def select(
        self,
        queue: str | None = None,
        *,
        outcome: str | None = None,
        since_s: float = -np.inf,
        until_s: float = np.inf,
    ) -> AttemptLog:
        """The log with fewer rows, in the same order.

        Parameters
        ----------
        queue
            Attempts of this queue only.
        outcome
            Attempts that ended so: ``completed``, ``retried``, ``failed``, ``stalled``,
            ``refused`` or ``lost``.
        since_s, until_s
            Attempts of jobs that were enqueued in [since_s, until_s), seconds.

        Raises
        ------
        InputError
            If the log has no such queue, or there is no such outcome.
        """
        enqueued = self.rows["enqueued_s"]
        keep: NDArray[np.bool_] = (enqueued >= since_s) & (enqueued < until_s)
        if queue is not None:
            keep &= self.rows["queue"] == _position(queue, self.queues, "queue")
        if outcome is not None:
            keep &= self.rows["outcome"] == _position(outcome, OUTCOMES, "outcome")
        return self._only(keep)

    def waits(
        self, queue: str | None = None, since_s: float = -np.inf, until_s: float = np.inf
    ) -> Floats:
        """Seconds from ready to started, one element for each attempt that started.

        Parameters
        ----------
        queue, since_s, until_s
            As in `select`.

        Raises
        ------
        InputError
            If the log has no such queue.
        """
        rows = self.select(queue, since_s=since_s, until_s=until_s).rows
        waits: Floats = rows["started_s"] - rows["ready_s"]
        return waits[np.isfinite(waits)]

    def responses(
        self, queue: str | None = None, since_s: float = -np.inf, until_s: float = np.inf
    ) -> Floats:
        """Seconds from enqueued to the final outcome, one element for each job that has one.

        Failed jobs and backoffs count. A job that was done again by hand counts once, with its
        last end.

        Parameters
        ----------
        queue, since_s, until_s
            As in `select`.

        Raises
        ------
        InputError
            If the log has no such queue.
        """
        rows = self.select(queue, since_s=since_s, until_s=until_s).rows
        jobs = by_job(rows)
        ends = np.sort(jobs.order[jobs.last[is_final(jobs.outcome)]])
        responses: Floats = rows["finished_s"][ends] - rows["enqueued_s"][ends]
        return responses

    @property
    def has_classes(self) -> bool:
        """Whether the table has `CLASS_COLUMNS`."""
        return self.rows.dtype == ROW_OF_CLASSES

    def _run(self, number: int, rows: NDArray[np.void]) -> AttemptLog:
        mine = self.presence["replication"] == number
        return replace(self, rows=rows, presence=self.presence[mine])

    def _only(self, keep: NDArray[np.bool_]) -> AttemptLog:
        # Several times as fast as rows[keep], which copies field by field.
        return replace(self, rows=self.rows.take(np.flatnonzero(keep)))

    def frame(self) -> pd.DataFrame:
        """The table as a DataFrame; what a row does not have is missing.

        It has the columns of `COLUMNS`, and those of `CLASS_COLUMNS` if `has_classes`; a log of
        several pools has a column ``pool`` more, the last.
        """
        import pandas as pd

        def named(codes: NDArray[Any], words: Sequence[str]) -> pd.Categorical:
            return pd.Categorical.from_codes(list(codes), pd.Index(list(words), dtype=object))

        words = {column: getattr(self, field) for column, field in VOCABULARIES.items()}
        words["outcome"] = OUTCOMES
        table: dict[str, Any] = {"engine": named(np.zeros(len(self.rows), int), [self.engine])}
        for column in COLUMNS[1:]:
            if column in words:
                table[column] = named(self.rows[column], words[column])
            elif column in IDS:
                table[column] = self._texts(self.rows[column.removesuffix("_id")])
            else:
                table[column] = self.rows[column]
        slot = self.rows["slot"].astype(np.int16)
        table["slot"] = pd.array(slot, dtype="Int16")
        table["slot"][slot < 0] = pd.NA
        if self.has_classes:
            table["class"] = named(self.rows["class"], self.classes)
            table["priority"] = self.rows["priority"]
        if self.pools:
            pools = tuple(dict.fromkeys(self.pools))
            # Code -1, no worker, is the last element.
            codes = np.array([*map(pools.index, self.pools), -1])
            table["pool"] = named(codes[self.rows["worker"]], pools)
        return pd.DataFrame(table)

    def _texts(self, keys: NDArray[np.int64]) -> NDArray[np.object_]:
        distinct, where = np.unique(keys, return_inverse=True)
        texts = np.full(len(distinct), "", dtype=object)
        known = distinct >= 0
        texts[known] = self.ids(distinct[known])
        return texts[where]

    def write(self, path: str | Path) -> None:
        """Write the table as CSV, gzipped if ``path`` ends in ``.gz``; times to the nanosecond.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        path = Path(path)
        try:
            with writing(path) as file:
                self.frame().to_csv(file, index=False, float_format="%.9f", lineterminator="\n")
        except OSError as error:
            raise InputError(f"{path}: cannot write the attempt log: {reason(error)}") from error


def wide_rows(log: AttemptLog) -> NDArray[np.void]:
    """The rows of a log as `ROW_OF_CLASSES`: of no class and no priority, if it has none."""
    if log.has_classes:
        return log.rows
    rows = np.zeros(len(log), dtype=ROW_OF_CLASSES)
    for name in ROW.names or ():
        rows[name] = log.rows[name]
    rows["class"] = -1
    return rows


def _position(word: str, words: tuple[str, ...], what: str) -> int:
    if word not in words or not word:
        known = ", ".join(repr(one) for one in words if one) or "none"
        raise InputError(f"attempt log: there is no {what} {word!r}; it has {known}")
    return words.index(word)


@dataclass(frozen=True)
class ListedIds:
    """Ids by position."""

    texts: Sequence[str] | NDArray[np.object_]

    def __call__(self, keys: NDArray[np.int64]) -> list[str]:
        """The texts at ``keys``."""
        return [self.texts[key] for key in keys.tolist()]
