"""When which worker process of a real run lives: known beforehand, by the schedule and the crashes.

A place in a pool is taken by one process after the other. The newest go first, as in the model.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from simqueue.workload.pools import Pool
from simqueue.workload.production import Crash


@dataclass(frozen=True)
class Life:
    """One process.

    Attributes
    ----------
    start_s, end_s
        When it takes jobs, and when it ends, seconds; infinite: with the run.
    drain
        Whether it is told to end; killed otherwise.
    """

    start_s: float
    end_s: float = math.inf
    drain: bool = True


def lives(pool: Pool) -> list[list[Life]]:
    """The processes of a pool whose number is known beforehand, place by place."""
    found = _by_schedule(pool)
    for crash in sorted(pool.crashes, key=lambda crash: crash.at_s):
        if crash.worker < len(found):
            found[crash.worker] = [
                part for life in found[crash.worker] for part in _parted(life, crash)
            ]
    return found


def _by_schedule(pool: Pool) -> list[list[Life]]:
    found: list[list[Life]] = []
    on: list[int] = []
    for moment, count in pool.steps:
        while len(on) > count:
            mine = found[on.pop()]
            last = mine.pop()
            if last.start_s < moment:
                mine.append(replace(last, end_s=moment))
        while len(on) < count:
            place = next((one for one in range(len(found)) if one not in on), len(found))
            if place == len(found):
                found.append([])
            # The workers with which a run begins are up.
            found[place].append(Life(moment + pool.start_s if moment else 0.0))
            on.append(place)
    return found


def _parted(life: Life, crash: Crash) -> Iterator[Life]:
    """A life, or what a crash leaves of it."""
    if not life.start_s <= crash.at_s < life.end_s:
        yield life
        return
    yield Life(life.start_s, crash.at_s, crash.drain)
    back = crash.at_s + crash.down_s
    if back < life.end_s:
        yield replace(life, start_s=back)
