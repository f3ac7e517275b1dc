"""One attempt log of several, such as the replications of one scenario."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simqueue.record.attempt_log import KEYS, VOCABULARIES, AttemptLog, Ids, wide_rows


@dataclass(frozen=True)
class MergedIds:
    """Ids of several logs whose keys follow each other; part ``i`` has those from ``starts[i]``."""

    starts: tuple[int, ...]
    parts: tuple[Ids, ...]

    def __call__(self, keys: NDArray[np.int64]) -> list[str]:
        """Ask each log for its own."""
        texts = np.empty(len(keys), dtype=object)
        of_part = np.searchsorted(self.starts, keys, side="right") - 1
        for number in np.unique(of_part).tolist():
            mine = of_part == number
            texts[mine] = self.parts[number](keys[mine] - self.starts[number])
        return list(texts)


def merge(logs: Sequence[AttemptLog]) -> AttemptLog:
    """One log of several, such as the replications of one scenario.

    Raises
    ------
    ValueError
        If there are none, or two engines wrote them.
    """
    if len({log.engine for log in logs}) != 1:
        raise ValueError("merge takes at least one log, and logs of one engine only")
    if len(logs) == 1:
        return logs[0]
    classed = any(log.has_classes for log in logs)
    rows = np.concatenate([wide_rows(log) if classed else log.rows for log in logs])
    ends = np.cumsum([len(log) for log in logs])
    parts = [
        rows[end - len(log) : end] for log, end in zip(logs, ends.tolist(), strict=True)
    ]  # views
    vocabularies: dict[str, tuple[str, ...]] = {}
    for column, field in VOCABULARIES.items():
        if column == "class" and not classed:
            vocabularies[field] = ()
            continue
        words = tuple(dict.fromkeys(word for log in logs for word in getattr(log, field)))
        vocabularies[field] = words
        for log, part in zip(logs, parts, strict=True):
            own = getattr(log, field)
            if own != words[: len(own)]:
                # Code -1, none, is the last element.
                new = np.array([*(words.index(word) for word in own), -1], dtype=rows.dtype[column])
                part[column] = new[part[column]]
    # Keys count up from one log to the next, so that each asks its own log for ids.
    starts = [0]
    for part in parts:
        for field in KEYS:
            part[field][part[field] >= 0] += starts[-1]
        starts.append(max([starts[-1] - 1, *(int(part[f].max(initial=-1)) for f in KEYS)]) + 1)

    workers = vocabularies["workers"]
    pool_of = {
        word: pool for log in logs for word, pool in zip(log.workers, log.pools, strict=False)
    }
    presences = [log.presence.copy() for log in logs]
    for log, part in zip(logs, presences, strict=True):
        if len(part):
            part["worker"] = np.array([workers.index(word) for word in log.workers])[part["worker"]]
    return AttemptLog(
        engine=logs[0].engine,
        rows=rows,
        queues=vocabularies["queues"],
        names=vocabularies["names"],
        results=vocabularies["results"],
        workers=workers,
        classes=vocabularies["classes"],
        ids=MergedIds(tuple(starts[:-1]), tuple(log.ids for log in logs)),
        pools=tuple(pool_of.get(word, "") for word in workers) if pool_of else (),
        presence=np.concatenate(presences),
    )
