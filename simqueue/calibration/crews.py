"""Workers of one queue that differ: how many slots each has, by who takes whose turn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simqueue.calibration.days import Attempt

Floats = NDArray[np.float64]

#: How rarely a worker with a free slot would never have had its turn by chance.
_BY_CHANCE = 1e-6
#: A worker was so often at its highest level; starts that are so close are one turn, seconds.
_VISITS, _TURN_S = 3, 0.01
#: The share of the attempts whose worker is known: else a worker does more than it seems.
_KNOWN = 0.9
#: Workers that are gone for a larger part of the time are fewer.
_SMALL = 0.25
#: A connection may be seen so much later than the first start of its worker, seconds.
_LATE_S = 3.0

#: From which moment on, seconds, there were how many.
Schedule = tuple[tuple[float, int], ...]


class Crew(NamedTuple):
    """Workers that have as many slots each."""

    concurrency: int
    schedule: Schedule

    @property
    def most(self) -> int:
        """The most of them at a time."""
        return max(count for _, count in self.schedule)


class Away(NamedTuple):
    """A worker that was gone for a while: from when on, seconds, which, and for how long."""

    at_s: float
    worker: int
    down_s: float


def absences(schedule: Schedule, lasted_s: float) -> list[Away] | None:
    """When which workers were gone, of as many as there were at first.

    ``None``: they were more or fewer for other reasons than a deployment. It was one if there were
    never more than at first, and fewer for a small part of the time only.
    """
    usual = schedule[0][1]
    ends = [*(at_s for at_s, _ in schedule), lasted_s][1:]
    steps = [(at_s, end_s, count) for (at_s, count), end_s in zip(schedule, ends, strict=True)]
    fewer_s = sum(end_s - at_s for at_s, end_s, count in steps if count < usual)
    if any(count > usual for _, _, count in steps) or fewer_s > _SMALL * lasted_s:
        return None
    found = []
    for worker in range(usual):
        gone: list[tuple[float, float]] = []
        for at_s, end_s, count in steps:
            if count >= usual - worker:
                continue
            if gone and gone[-1][1] == at_s:
                gone[-1] = (gone[-1][0], end_s)
            else:
                gone.append((at_s, end_s))
        found += [Away(at_s, worker, end_s - at_s) for at_s, end_s in gone]
    return sorted(found)


class Life(NamedTuple):
    """A worker as its locks show it: its first and last start, seconds, and its slots.

    ``concurrency`` is the most that it did at once, ``proven`` whether it has no more slots.
    """

    first_s: float
    last_s: float
    concurrency: int
    proven: bool


def lives_of(by_worker: Mapping[str, Sequence[Attempt]], attempts: int) -> list[Life]:
    """The workers of a queue, of which so many attempts are known.

    Notes
    -----
    Redis hands a job to the worker that has waited longest, so of n workers that have a free slot
    each starts every n-th job. A worker with none starts none: where others start more than n - 1
    jobs, again and again, while it does as many as it ever did, it has no more slots.
    """
    known = sum(map(len, by_worker.values())) >= _KNOWN * attempts
    starts = {name: np.sort([one.started_s for one in mine]) for name, mine in by_worker.items()}
    turns = np.sort(np.concatenate([np.empty(0), *starts.values()]))
    found = []
    for name, mine in by_worker.items():
        ended = np.sort([one.finished_s for one in mine if not math.isnan(one.finished_s)])
        level = _level(starts[name], ended, starts[name])
        most = max(1, int(level.max()))
        first_s, last_s = float(starts[name][0]), float(starts[name][-1])
        there = turns[(first_s < turns) & (turns < last_s)]
        others = there[~np.isin(there, starts[name])]
        full = others[_level(starts[name], ended, others) == most]
        full = full[np.diff(np.floor(full / _TURN_S), prepend=-1.0) > 0]
        turns_each = np.bincount(np.searchsorted(starts[name], full), minlength=1)
        workers = max(2, len(starts))
        passed = int(np.maximum(turns_each - (workers - 1), 0).sum())
        chance = passed * math.log(1 - 1 / workers)
        visits = int((level == most).sum())
        proven = known and visits >= _VISITS and chance <= math.log(_BY_CHANCE)
        found.append(Life(first_s, last_s, most, proven))
    return found


def _level(starts: Floats, ends: Floats, at_s: Floats) -> NDArray[np.int64]:
    """How many attempts ran at some moments, those that start then included."""
    return np.searchsorted(starts, at_s, "right") - np.searchsorted(ends, at_s, "right")


def sizes_of(lives: Sequence[Life]) -> list[int] | None:
    """The slots of each worker; ``None`` where they are not seen to differ.

    Of one that was not seen full: as many as the smallest that it does not exceed has.
    """
    proven = sorted({one.concurrency for one in lives if one.proven})
    most = max((one.concurrency for one in lives), default=0)
    if not proven or (len(proven) == 1 and proven[0] == most):
        return None
    sizes = sorted({*proven, most})
    return [
        one.concurrency if one.proven else next(n for n in sizes if n >= one.concurrency)
        for one in lives
    ]


def at_once(lives: Sequence[Life]) -> list[int]:
    """Which lives there were when there were most of them, each from its first start to its last.

    Of several such moments the last.
    """
    best: list[int] = []
    for moment in sorted(one.first_s for one in lives):
        there = [i for i, one in enumerate(lives) if one.first_s <= moment <= one.last_s]
        best = there if len(there) >= len(best) else best
    return best


def full_together(lives: Sequence[Life], slots: int) -> list[Life]:
    """The workers, of whom it is proven that they were full if together they had all ``slots``."""
    there = at_once(lives)
    if sum(lives[i].concurrency for i in there) != slots:
        return list(lives)
    return [one._replace(proven=one.proven or i in there) for i, one in enumerate(lives)]


def whose(lives: Sequence[Life], spans: Mapping[str, tuple[float, float]]) -> dict[str, int] | None:
    """Which life is behind each connection: the number of a life; ``None`` if some have none.

    Parameters
    ----------
    lives
        The workers, by their locks.
    spans
        Of each connection: from when to when it was seen, seconds.
    """
    free = dict(spans)
    found: dict[str, int] = {}
    for number, one in sorted(enumerate(lives), key=lambda pair: pair[1].first_s - pair[1].last_s):
        around = [
            key
            for key, (from_s, to_s) in free.items()
            if from_s - _LATE_S <= one.first_s and one.last_s <= to_s + _LATE_S
        ]
        if not around:
            continue
        mine = min(around, key=lambda key: free[key][1] - free[key][0])
        found[mine] = number
        del free[mine]
    return found if not free else None
