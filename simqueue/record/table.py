"""From a table of attempts to a log, every cell checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simqueue.errors import InputError
from simqueue.jobs import queue_name
from simqueue.record.attempt_log import (
    COLUMNS,
    IDS,
    KEYS,
    OUTCOMES,
    ROW,
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
    rows = np.zeros(len(frame), dtype=ROW)
    vocabularies: dict[str, tuple[str, ...]] = {}
    for column in VOCABULARIES:
        codes, words = coded(cells.words(column))
        if len(words) > (most := np.iinfo(ROW[column]).max):
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
        ids=ListedIds(ids),
    )


def _may_be_called(queue: str) -> bool:
    try:
        queue_name(queue)
    except ValueError:
        return False
    return True
