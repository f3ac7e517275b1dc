"""From a table of attempts to a log, every cell checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simqueue.errors import InputError
from simqueue.jobs import queue_name
from simqueue.record.attempt_log import (
    CLASS_COLUMNS,
    COLUMNS,
    IDS,
    KEYS,
    OUTCOMES,
    ROW,
    ROW_OF_CLASSES,
    TIMES,
    UNFINISHED,
    VOCABULARIES,
    AttemptLog,
    ListedIds,
)
from simqueue.record.columns import Columns, coded

if TYPE_CHECKING:
    import pandas as pd


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
    classed = all(column in frame for column in CLASS_COLUMNS)
    row = ROW_OF_CLASSES if classed else ROW
    rows = np.zeros(len(frame), dtype=row)
    vocabularies: dict[str, tuple[str, ...]] = {}
    for column in VOCABULARIES:
        if column == "class" and not classed:
            vocabularies[column] = ()
            continue
        codes, words = coded(cells.words(column))
        if len(words) > (most := np.iinfo(row[column]).max):
            raise InputError(
                f"{place}: column {column}: {len(words):,} words; at most {most:,} fit"
            )
        rows[column], vocabularies[column] = codes, tuple(words)
    keys, ids = coded(np.concatenate([cells.words(column) for column in IDS]))
    for field, part in zip(KEYS, np.split(keys, 3), strict=True):
        rows[field] = part
    for column, field in (("queue", "queue"), ("job_id", "job"), ("flow", "flow")):
        cells.demand(rows[field] >= 0, column, "should not be empty")
    named = np.array([*map(_may_be_called, vocabularies["queue"]), True])
    cells.demand(named[rows["queue"]], "queue", "is no queue's name")
    outcomes = cells.words("outcome")
    known = np.isin(outcomes, OUTCOMES)
    cells.demand(known, "outcome", f"is none of {', '.join(OUTCOMES[1:])}")
    for code, outcome in enumerate(OUTCOMES):
        rows["outcome"][outcomes == outcome] = code
    for column in ("replication", "attempt", "run"):
        rows[column] = cells.whole(column, np.iinfo(ROW[column]).max)
    rows["slot"] = cells.whole("slot", np.iinfo(ROW["slot"]).max, empty=-1)
    if classed:
        rows["priority"] = cells.whole("priority", np.iinfo(row["priority"]).max)
    for column in TIMES:
        rows[column] = cells.times(column, column != "enqueued_s")
    started = np.isfinite(rows["started_s"]) | np.isfinite(rows["finished_s"])
    cells.demand(np.isfinite(rows["ready_s"]) | ~started, "ready_s", "should be there")
    ended = np.isfinite(rows["finished_s"]) == (rows["outcome"] != UNFINISHED)
    cells.demand(ended, "finished_s", "should be there if, and only if, there is an outcome")
    workers = vocabularies["worker"]
    return AttemptLog(
        engine=engines[0] if engines else "",
        rows=rows,
        queues=vocabularies["queue"],
        names=vocabularies["name"],
        results=vocabularies["result"],
        workers=workers,
        ids=ListedIds(ids),
        classes=vocabularies["class"],
        pools=_pools(cells, rows["worker"], workers) if "pool" in frame else (),
    )


def _pools(cells: Columns, worker: NDArray[np.int16], workers: tuple[str, ...]) -> tuple[str, ...]:
    """The pool of each worker, which is in one only."""
    words = cells.words("pool")
    found = np.full(len(workers) + 1, "", dtype=object)
    found[worker] = words
    cells.demand((found[worker] == words) | (worker < 0), "pool", "is not the worker's other pool")
    return tuple(found[:-1])


def _may_be_called(queue: str) -> bool:
    try:
        queue_name(queue)
    except ValueError:
        return False
    return True
