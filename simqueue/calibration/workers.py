"""Who worked on a queue: how many workers, and how many slots each had."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from simqueue.calibration.crews import (
    Crew,
    Life,
    Schedule,
    at_once,
    full_together,
    lives_of,
    sizes_of,
    whose,
)
from simqueue.calibration.days import Attempt, Day
from simqueue.calibration.seen import Client, Seen

Ints = NDArray[np.int64]

#: Who waits for longer has waited for a slot, seconds; so many of them tell how many there are.
_LONG_S, _FEWEST = 0.1, 5
#: Of those who waited long, so many take the last slot, and so many the last or the last but one.
_SHARE, _MOSTLY = 0.05, 0.7
#: A number of workers that lasted for less is a deployment's overlap, seconds.
_LASTS_S = 15.0
#: A connection may be seen so much later than the first start of its worker, seconds.
_LATE_S = 10.0


@dataclass(frozen=True)
class SeenWorkers:
    """The workers of a queue as they were seen.

    Attributes
    ----------
    schedule
        From which moment on, seconds, there were how many.
    concurrency
        Slots of each; of the largest where they differ.
    crews
        Workers of one size, by size; one where they do not differ.
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

    schedule: Schedule
    concurrency: int
    reached: bool
    busiest: int
    source: str
    hosts: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    crews: tuple[Crew, ...] = ()

    @property
    def slots(self) -> int:
        """The most slots at a time."""
        moments = sorted({at_s for crew in self.crews for at_s, _ in crew.schedule})
        return max(
            sum(crew.concurrency * _at(crew.schedule, at_s) for crew in self.crews)
            for at_s in moments
        )

    @property
    def most(self) -> int:
        """The most workers at a time."""
        return max(count for _, count in self.schedule)


def workers_of(seen: Seen, day: Day, queue: str, gated: bool) -> SeenWorkers:
    """The workers of a queue; ``gated``: something else may keep jobs waiting."""
    attempts = [one for one in day.of_queue(queue) if not math.isnan(one.started_s)]
    level = _busy(attempts, day)
    slots, reached = (level.busiest, False) if gated else level.slots()
    by_worker = _lives(attempts)
    lives = lives_of(by_worker, len(attempts))
    if reached:
        lives = full_together(lives, slots)
    python = language_of(by_worker) == "python"
    links = _links(seen, day, queue, python, [one.first_s for one in lives])
    schedule = _schedule(links)
    source = "clients" if schedule else "locks" if lives else "nothing"
    if not schedule:
        schedule = ((0.0, max(1, len(at_once(lives)))),)
    most = max(count for _, count in schedule)
    own = max((one.concurrency for one in lives), default=1)
    concurrency = max(1, math.ceil(slots / most), own if gated or not reached else 1)
    crews = _crews(lives, links, schedule)
    total = sum(crew.concurrency * crew.most for crew in crews)
    if not crews or (reached and total != slots):
        crews = (Crew(concurrency, schedule),)
    concurrency = max(crew.concurrency for crew in crews)
    there = [lives[i] for i in at_once(lives)]
    reached = reached or (len(there) == most and all(one.proven for one in there))
    clients = _clients(seen, queue)
    hosts = frozenset(one.host for one in clients)
    names = frozenset(one.name for one in clients) - {""}
    return SeenWorkers(schedule, concurrency, reached, level.busiest, source, hosts, names, crews)


def _at(schedule: Schedule, at_s: float) -> int:
    """How many there were at a moment."""
    return next((count for from_s, count in reversed(schedule) if from_s <= at_s), 0)


def _crews(
    lives: Sequence[Life], links: Sequence[tuple[float, set[str]]], schedule: Schedule
) -> tuple[Crew, ...]:
    """Workers by their size, where they are seen to differ and to be all that there are."""
    sizes = sizes_of(lives)
    if sizes is None:
        return ()
    found = whose(lives, _spans(links))
    if found:
        by_size = {
            size: {link for link, number in found.items() if sizes[number] == size}
            for size in sorted(set(sizes))
        }
        schedules = {
            size: _schedule([(at_s, there & mine) for at_s, there in links])
            for size, mine in by_size.items()
        }
        return tuple(Crew(size, mine) for size, mine in schedules.items() if mine)
    there = at_once(lives)
    if len(schedule) > 1 or len(there) != schedule[0][1]:
        return ()
    counts = Counter(sizes[i] for i in there)
    return tuple(Crew(size, ((0.0, counts[size]),)) for size in sorted(counts))


def _spans(links: Sequence[tuple[float, set[str]]]) -> dict[str, tuple[float, float]]:
    """From when to when each connection was seen, seconds."""
    found: dict[str, tuple[float, float]] = {}
    for (at_s, there), (until_s, _) in pairwise([*links, (math.inf, set())]):
        for link in there:
            found[link] = (found.get(link, (at_s, 0.0))[0], until_s)
    return found


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


def language_of(workers: Iterable[str]) -> str | None:
    """What workers are written in, by the ids in their locks; ``None`` if no lock was seen.

    Sources: ``worker.py`` has ``uuid4().hex``, ``src/classes/worker.ts`` a UUID with dashes.
    """
    found = ["node" if "-" in worker else "python" for worker in workers if worker]
    return max(sorted(set(found)), key=found.count) if found else None


def _clients(seen: Seen, queue: str) -> list[Client]:
    """All connections of a queue's workers."""
    return [
        one
        for watch in seen.watches
        for _, found in watch.clients
        for one in found
        if one.queue == queue
    ]


def _links(
    seen: Seen, day: Day, queue: str, python: bool, firsts: Sequence[float]
) -> list[tuple[float, set[str]]]:
    """Which workers of a queue were connected from when on; ``firsts`` are their first starts.

    Node's workers name one connection, Python's all those of their pool. Connections are looked at
    now and then: a worker that is new was there when it first took a job.
    """
    links: list[tuple[float, set[str]]] = []
    for watch, start_s in zip(seen.watches, day.starts_s, strict=True):
        for at_ms, found in watch.clients:
            mine = {one.name if python else one.id for one in found if one.queue == queue} - {""}
            at_s = max(start_s, start_s + (at_ms - watch.began_ms) / 1000)
            before_s, before = links[-1] if links else (0.0, mine)
            if mine - before:
                since_s = max(before_s, at_s - _LATE_S)
                at_s = min((one for one in firsts if since_s < one <= at_s), default=at_s)
            links.append((at_s if links else 0.0, mine))
    return links


def _schedule(links: Sequence[tuple[float, set[str]]]) -> Schedule:
    """From when on there were how many; nothing if there was none.

    While a deployment starts the new ones before the old ones have ended there are more for a
    moment, of whom those that end take no more jobs: no more are counted than before or after. Who
    comes as the watch begins counts from its beginning: both were started together.
    """
    steps = _changes([(at_s, len(there)) for at_s, there in links])
    while len(steps) > 1 and steps[0][1] < steps[1][1] and steps[1][0] < _LASTS_S:
        steps[:2] = [(steps[0][0], steps[1][1])]
    ends = [*(at_s for at_s, _ in steps), math.inf][1:]
    lasting = [i for i, (at_s, _) in enumerate(steps) if ends[i] - at_s >= _LASTS_S]
    capped = []
    for i, (at_s, count) in enumerate(steps):
        around = {*[j for j in lasting if j <= i][-1:], *[j for j in lasting if j >= i][:1]}
        most = max((steps[j][1] for j in around), default=count)
        capped.append((at_s, min(count, most)))
    steps = _changes(capped)
    if len(steps) > 1 and not steps[-1][1]:  # the watch went on when all had gone home
        steps.pop()
    return tuple(steps) if any(count for _, count in steps) else ()


def _changes(steps: Sequence[tuple[float, int]]) -> list[tuple[float, int]]:
    """The steps that change the number."""
    return [one for i, one in enumerate(steps) if i == 0 or one[1] != steps[i - 1][1]]
