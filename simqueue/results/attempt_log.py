"""The attempt log: one row an attempt, the only thing an engine writes.

Every number, plot and lesson is computed from it afterwards. In memory the rows are numbers with
vocabularies beside them (some 60 bytes a row), so that a million attempts fit; `AttemptLog.frame`
and the CSV files show names.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simqueue.errors import InputError
from simqueue.results.columns import Columns, coded
from simqueue.results.files import reading, reason, writing

if TYPE_CHECKING:
    import pandas as pd

#: Columns of the table, in order.
COLUMNS = (
    *("engine", "replication", "queue", "job_id", "flow", "parent_id", "name", "attempt", "run"),
    *("enqueued_s", "ready_s", "started_s", "finished_s", "outcome", "result", "worker", "slot"),
)
TIMES = ("enqueued_s", "ready_s", "started_s", "finished_s")
_IDS = ("job_id", "flow", "parent_id")
_KEYS = ("job", "flow", "parent")
_VOCABULARIES = {"queue": "queues", "name": "names", "result": "results", "worker": "workers"}
_COUNTS = ("replication", "attempt", "run")

#: What became of an attempt; the empty word: nothing yet when the run was cut off.
OUTCOMES = ("", "completed", "retried", "failed", "stalled")
UNFINISHED, COMPLETED, RETRIED, FAILED, STALLED = range(5)

#: A row in memory. ``job``, ``flow`` and ``parent`` are keys of `AttemptLog.ids`; there, and in
#: ``name``, ``result``, ``worker`` and ``slot``, -1 stands for none.
ROW = np.dtype(
    [
        ("replication", "i4"),
        ("queue", "i2"),
        ("job", "i8"),
        ("flow", "i8"),
        ("parent", "i8"),
        ("name", "i2"),
        ("attempt", "i2"),
        ("run", "i2"),
        ("enqueued_s", "f8"),
        ("ready_s", "f8"),
        ("started_s", "f8"),
        ("finished_s", "f8"),
        ("outcome", "i1"),
        ("result", "i2"),
        ("worker", "i2"),
        ("slot", "i2"),
    ]
)

Ids = Callable[[NDArray[np.int64]], Sequence[str]]


@dataclass(frozen=True)
class AttemptLog:
    """The attempts of one run, or of several replications of it.

    Attributes
    ----------
    engine
        Who wrote it: ``simpy``, ``in-process``...
    rows
        Structured array of `ROW`, one element an attempt, in the order in which they ended.
        Times are seconds since the start of the run; NaN where something had not happened.
    queues, names, results, workers
        Vocabularies: ``rows["queue"]`` holds positions in ``queues``, and so on.
    ids
        Turns the keys of jobs into their ids; called only when a person wants to see them.
    """

    engine: str
    rows: NDArray[np.void]
    queues: tuple[str, ...]
    names: tuple[str, ...]
    results: tuple[str, ...]
    workers: tuple[str, ...]
    ids: Ids

    def __len__(self) -> int:
        return len(self.rows)

    def of_queue(self, queue: str) -> NDArray[np.void]:
        """Pick the rows of one queue."""
        of_queue: NDArray[np.bool_] = self.rows["queue"] == self.queues.index(queue)
        return self.rows[of_queue]

    def frame(self) -> pd.DataFrame:
        """Build the table of `COLUMNS` as a DataFrame; what a row does not have is missing."""
        import pandas as pd

        def named(codes: NDArray[Any], words: Sequence[str]) -> pd.Categorical:
            return pd.Categorical.from_codes(list(codes), pd.Index(list(words), dtype=object))

        words = {column: getattr(self, field) for column, field in _VOCABULARIES.items()}
        words["outcome"] = OUTCOMES
        table: dict[str, Any] = {"engine": named(np.zeros(len(self.rows), int), [self.engine])}
        for column in COLUMNS[1:]:
            if column in words:
                table[column] = named(self.rows[column], words[column])
            elif column in _IDS:
                table[column] = self._texts(self.rows[column.removesuffix("_id")])
            else:
                table[column] = self.rows[column]
        slot = self.rows["slot"].astype(np.int16)
        table["slot"] = pd.array(slot, dtype="Int16")
        table["slot"][slot < 0] = pd.NA
        return pd.DataFrame(table)

    def _texts(self, keys: NDArray[np.int64]) -> NDArray[np.object_]:
        distinct, where = np.unique(keys, return_inverse=True)
        texts = np.full(len(distinct), "", dtype=object)
        known = distinct >= 0
        texts[known] = self.ids(distinct[known])
        return texts[where]

    def write(self, path: Path) -> None:
        """Write the table as CSV, gzipped if ``path`` ends in ``.gz``; times to the nanosecond.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        try:
            with writing(path) as file:
                self.frame().to_csv(file, index=False, float_format="%.9f", lineterminator="\n")
        except OSError as error:
            raise InputError(f"{path}: cannot write the attempt log: {reason(error)}") from error


def merge(logs: Sequence[AttemptLog]) -> AttemptLog:
    """One log of several, such as the replications of one scenario.

    Raises
    ------
    ValueError
        If there are none, or two engines wrote them.
    """
    if len({log.engine for log in logs}) != 1:
        raise ValueError("merge takes at least one log, and logs of one engine only")
    rows = np.concatenate([log.rows for log in logs])
    ends = np.cumsum([len(log) for log in logs])
    parts = [
        rows[end - len(log) : end] for log, end in zip(logs, ends.tolist(), strict=True)
    ]  # views
    vocabularies: dict[str, tuple[str, ...]] = {}
    for column, field in _VOCABULARIES.items():
        words = tuple(dict.fromkeys(word for log in logs for word in getattr(log, field)))
        vocabularies[field] = words
        for log, part in zip(logs, parts, strict=True):
            own = getattr(log, field)
            if own != words[: len(own)]:
                # Code -1, none, is the last element.
                new = np.array([*(words.index(word) for word in own), -1], dtype=np.int16)
                part[column] = new[part[column]]
    # Keys count up from one log to the next, so that each asks its own log for ids.
    starts = [0]
    for part in parts:
        for field in _KEYS:
            part[field][part[field] >= 0] += starts[-1]
        starts.append(max([starts[-1] - 1, *(int(part[f].max(initial=-1)) for f in _KEYS)]) + 1)

    def ids(keys: NDArray[np.int64]) -> list[str]:
        texts = np.empty(len(keys), dtype=object)
        of_log = np.searchsorted(starts[:-1], keys, side="right") - 1
        for number in np.unique(of_log).tolist():
            mine = of_log == number
            texts[mine] = logs[number].ids(keys[mine] - starts[number])
        return list(texts)

    return AttemptLog(
        engine=logs[0].engine,
        rows=rows,
        queues=vocabularies["queues"],
        names=vocabularies["names"],
        results=vocabularies["results"],
        workers=vocabularies["workers"],
        ids=ids,
    )


def from_frame(frame: pd.DataFrame, place: str = "attempt log") -> AttemptLog:
    """Make a log of a table of `COLUMNS`.

    Raises
    ------
    InputError
        If a column is missing or holds what it cannot hold; ``place`` names the culprit.
    """
    missing = [column for column in COLUMNS if column not in frame]
    if missing:
        raise InputError(
            f"{place}: column {missing[0]} is missing; an attempt log has {', '.join(COLUMNS)}"
        )
    engines = [str(engine) for engine in frame["engine"].unique()]
    if len(engines) > 1:
        raise InputError(
            f"{place}: column engine: a log is of one engine, this one has {', '.join(engines)}"
        )
    cells = Columns(frame, place)
    rows = np.zeros(len(frame), dtype=ROW)
    vocabularies: dict[str, tuple[str, ...]] = {}
    for column in _VOCABULARIES:
        rows[column], words = coded(cells.words(column))
        vocabularies[column] = tuple(words)
    keys, ids = coded(np.concatenate([cells.words(column) for column in _IDS]))
    for field, part in zip(_KEYS, np.split(keys, 3), strict=True):
        rows[field] = part
    for column, field in (("queue", "queue"), ("job_id", "job"), ("flow", "flow")):
        cells.demand(rows[field] >= 0, column, "should not be empty")
    outcomes = cells.words("outcome")
    known = np.isin(outcomes, OUTCOMES)
    cells.demand(known, "outcome", f"is none of {', '.join(OUTCOMES[1:])}")
    for code, outcome in enumerate(OUTCOMES):
        rows["outcome"][outcomes == outcome] = code
    for column in _COUNTS:
        rows[column] = cells.whole(column, np.iinfo(ROW[column]).max)
    rows["slot"] = cells.whole("slot", np.iinfo(ROW["slot"]).max, empty=-1)
    for column in TIMES:
        rows[column] = cells.times(column, column in ("started_s", "finished_s"))
    ended = np.isfinite(rows["finished_s"]) == (rows["outcome"] != UNFINISHED)
    cells.demand(ended, "finished_s", "should be there if, and only if, there is an outcome")
    return AttemptLog(
        engine=engines[0] if engines else "",
        rows=rows,
        queues=vocabularies["queue"],
        names=vocabularies["name"],
        results=vocabularies["result"],
        workers=vocabularies["worker"],
        ids=lambda keys: list(ids[keys]),
    )


def read_log(path: Path) -> AttemptLog:
    """Read a log that an engine wrote, or that is to be put together from its workers' events.

    Raises
    ------
    InputError
        If there is no such file or it is no attempt log.
    """
    import pandas as pd

    from simqueue.results.events import has_events, read_events

    if not path.exists() and has_events(path):
        return read_events(path)

    texts = dict.fromkeys(("engine", *_VOCABULARIES, *_IDS, "outcome"), str)
    try:
        with reading(path) as file:
            frame = pd.read_csv(file, dtype=texts, keep_default_na=False, low_memory=False)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot read the attempt log: {reason(error)}") from error
    except ValueError as error:
        raise InputError(f"{path}: not an attempt log: {reason(error)}") from error
    if not isinstance(frame.index, pd.RangeIndex):  # pandas takes a surplus column for an index
        raise InputError(f"{path}: not an attempt log: its rows are longer than its header")
    return from_frame(frame, place=str(path))
