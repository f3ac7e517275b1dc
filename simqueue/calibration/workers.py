"""Who worked on a queue: how many workers, and how many slots each had."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simqueue.calibration.attempts import Attempt, Day
from simqueue.calibration.seen import Client, Seen

Ints = NDArray[np.int64]

#: Who waits for longer has waited for a slot, seconds; so many of them tell how many there are.
_LONG_S, _FEWEST = 0.1, 5
#: Of those who waited long, so many take the last slot, and so many the last or the last but one.
_SHARE, _MOSTLY = 0.05, 0.7
#: A number of workers that lasted for less is a deployment's overlap, seconds.
_LASTS_S = 15.0


@dataclass(frozen=True)
class SeenWorkers:
    """The workers of a queue as they were seen.

    Attributes
    ----------
    schedule
        From which moment on, seconds, there were how many.
    concurrency
        Slots of each.
    reached
        Whether jobs waited while all slots were busy: else there may be more of them.
    busiest
        The most jobs that ran at once.
    source
        What the number of workers rests on: ``clients``, ``locks`` or ``nothing``.
    hosts
        Where they are connected from.
    names
        What they are called.
    """

    schedule: tuple[tuple[float, int], ...]
    concurrency: int
    reached: bool
    busiest: int
    source: str
    hosts: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()

    @property
    def most(self) -> int:
        """The most workers at a time."""
        return max(count for _, count in self.schedule)


def workers_of(seen: Seen, day: Day, queue: str, gated: bool) -> SeenWorkers:
    """The workers of a queue; ``gated``: something else may keep jobs waiting."""
    attempts = [one for one in day.of_queue(queue) if not math.isnan(one.started_s)]
    level = _busy(attempts, day)
    slots, reached = (level.busiest, False) if gated else level.slots()
    lives = _lives(attempts)
    schedule, clients = _connected(seen, day, queue, language_of(lives) == "python")
    source = "clients" if schedule else "locks" if lives else "nothing"
    if not schedule:
        schedule = ((0.0, max(1, _at_a_time(lives))),)
    most = max(count for _, count in schedule)
    own = max((_most_at_once(mine) for mine in lives.values()), default=1)
    concurrency = max(1, math.ceil(slots / most), own if gated or not reached else 1)
    return SeenWorkers(
        schedule, concurrency, reached, level.busiest, source,
        frozenset(one.host for one in clients), frozenset(one.name for one in clients) - {""},
    )  # fmt: skip


@dataclass(frozen=True)
class _Levels:
    """The most jobs that ran at once, and how many ran when one started that had waited long."""

    busiest: int
    found: Ints

    def slots(self) -> tuple[int, bool]:
        """How many slots there are, and whether that was seen or is only the most in use.

        Who has waited long takes the slot that was free last. Where many start while others are
        idle, something else kept them waiting.
        """
        if len(self.found) < _FEWEST:
            return self.busiest, False
        counts = np.bincount(self.found)
        often = int(np.flatnonzero(counts >= _SHARE * len(self.found))[-1])
        if not often or (self.found >= often - 1).mean() < _MOSTLY:
            return self.busiest, False
        return often, True


def _busy(attempts: Sequence[Attempt], day: Day) -> _Levels:
    """What ran at once; a run that stalled holds no slot that anybody knows of."""
    ran = [one for one in attempts if one.outcome != "stalled"]
    if not ran:
        return _Levels(1, np.zeros(0, np.int64))
    ran.sort(key=lambda one: one.started_s)
    started = np.array([one.started_s for one in ran])
    ended = np.sort([one.finished_s for one in ran if not math.isnan(one.finished_s)])
    # Stamps are whole milliseconds: what starts in one, starts together.
    begun = np.searchsorted(started, started, side="right")
    at_once = begun - np.searchsorted(ended, started, side="right")
    pauses = day.pauses.get(ran[0].job.queue, [])
    long = [
        one.started_s - one.ready_s > _LONG_S
        and not any(a <= one.started_s and one.ready_s <= b for a, b in pauses)
        for one in ran
    ]
    return _Levels(max(1, int(at_once.max())), np.maximum(at_once[long], 0))


def _lives(attempts: Sequence[Attempt]) -> dict[str, list[Attempt]]:
    """The attempts of each worker whose locks were seen."""
    found: dict[str, list[Attempt]] = {}
    for one in attempts:
        if one.worker:
            found.setdefault(one.worker, []).append(one)
    return found


def _at_a_time(lives: dict[str, list[Attempt]]) -> int:
    """How many workers there were at once, each from its first start to its last."""
    spans = [
        (min(one.started_s for one in mine), max(one.started_s for one in mine))
        for mine in lives.values()
    ]
    return max((sum(a <= at <= b for a, b in spans) for at, _ in spans), default=0)


def _most_at_once(attempts: Sequence[Attempt]) -> int:
    started = np.sort([one.started_s for one in attempts])
    ended = np.sort([one.finished_s for one in attempts if not math.isnan(one.finished_s)])
    return int((np.arange(1, len(started) + 1) - np.searchsorted(ended, started, "right")).max())


def language_of(workers: Iterable[str]) -> str | None:
    """What workers are written in, by the ids in their locks; ``None`` if no lock was seen.

    Sources: ``worker.py`` has ``uuid4().hex``, ``src/classes/worker.ts`` a UUID with dashes.
    """
    found = ["node" if "-" in worker else "python" for worker in workers if worker]
    return max(sorted(set(found)), key=found.count) if found else None


def _connected(
    seen: Seen, day: Day, queue: str, python: bool
) -> tuple[tuple[tuple[float, int], ...], list[Client]]:
    """From when on how many workers of a queue were connected, and their connections."""
    steps: list[tuple[float, int]] = []
    clients: list[Client] = []
    for watch, start_s in zip(seen.watches, day.starts_s, strict=True):
        for at_ms, found in watch.clients:
            mine = [one for one in found if one.queue == queue]
            # Node's workers name one connection, Python's all those of their pool.
            count = len({one.name for one in mine} - {""}) if python else len(mine)
            clients += mine
            at_s = max(start_s, start_s + (at_ms - watch.began_ms) / 1000)
            if steps and at_s - steps[-1][0] < _LASTS_S:
                steps[-1] = (steps[-1][0], count)
            elif not steps or steps[-1][1] != count:
                steps.append((at_s, count))
    steps = [one for i, one in enumerate(steps) if i == 0 or one[1] != steps[i - 1][1]]
    if len(steps) > 1 and not steps[-1][1]:  # the watch went on when all had gone home
        steps.pop()
    if not steps or not any(count for _, count in steps):
        return (), clients
    return ((0.0, steps[0][1]), *steps[1:]), clients
