"""When there were which workers: their number over time, the slots that they had, what they cost.

Counted are workers from the moment they take jobs until they are gone: one that was told to end
still does what it has. One that crashed is to be back, and counts on. What is paid for begins when
a worker is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from simqueue.record.attempt_log import AttemptLog, Floats
from simqueue.results.intervals import mean_interval
from simqueue.results.statistics import Estimate
from simqueue.results.timeline import mean_open, most_open, seconds_since
from simqueue.workload.pools import Pool

if TYPE_CHECKING:
    import pandas as pd

_HOUR_S = 3600.0


@dataclass(frozen=True)
class PoolSummary:
    """One pool.

    Attributes
    ----------
    workers, most
        Workers that took jobs: their time-average, and the most at a time.
    worker_hours
        Hours of workers (pod-hours), from when each was asked for until it was gone.
    cost
        What these cost; ``None`` where no cost is given.
    """

    workers: Estimate
    most: int
    worker_hours: Estimate
    cost: Estimate | None

    def as_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {
            "workers": {
                "mean": self.workers, "max": self.most, "ci95": self.workers.interval,
            },
            "worker_hours": self.worker_hours,
            "worker_hours_ci95": self.worker_hours.interval,
            "cost": self.cost,
            "cost_ci95": None if self.cost is None else self.cost.interval,
        }  # fmt: skip


@dataclass(frozen=True)
class Stays:
    """The workers of one pool in one replication, an element each time that one was asked for.

    Infinite: it did not happen. All are seconds.
    """

    asked_s: Floats
    ready_s: Floats
    gone_s: Floats


@dataclass(frozen=True)
class Presence:
    """The workers of a run.

    Attributes
    ----------
    log
        What came out; if it does not know, all went by the schedule.
    pools
        By name.
    replications
        How many the log is of.
    """

    log: AttemptLog
    pools: Mapping[str, Pool]
    replications: int

    def slots(self, queue: str, edges: Floats) -> Floats:
        """Slots for a queue that there are between each two edges, the mean over replications."""
        runs = [self.slots_in(run, queue, edges) for run in self._numbers]
        return np.asarray(np.mean(runs, axis=0))

    def slots_in(self, replication: int, queue: str, edges: Floats) -> Floats:
        """The same in one replication."""
        found = np.zeros(len(edges) - 1)
        for name, pool in self.pools.items():
            if each := pool.slots_for(queue):
                found += each * _mean_number(self._stays[name][replication], edges)
        return found

    def workers(self, pool: str, edges: Floats) -> Floats:
        """Workers of a pool between each two edges, the mean over replications."""
        stays = self._stays[pool].values()
        return np.asarray(np.mean([_mean_number(one, edges) for one in stays], axis=0))

    def summary(self, low: float, high: float) -> dict[str, PoolSummary]:
        """Each pool in numbers, over [low, high), seconds; a pool without a name is none."""
        return {name: self._of_pool(name, low, high) for name in self.pools if name}

    def _of_pool(self, name: str, low: float, high: float) -> PoolSummary:
        stays, price = list(self._stays[name].values()), self.pools[name].cost_per_hour
        hours = np.array([mean_open(s.asked_s, s.gone_s, low, high) for s in stays])
        hours *= (high - low) / _HOUR_S
        return PoolSummary(
            workers=_mean(np.array([mean_open(s.ready_s, s.gone_s, low, high) for s in stays])),
            most=max(most_open(s.ready_s, s.gone_s, low, high) for s in stays),
            worker_hours=_mean(hours),
            cost=None if price is None else _mean(hours * price),
        )

    @cached_property
    def _numbers(self) -> list[int]:
        """Which replications these are: one by itself may be the seventh of many."""
        known = [*self.log.replications, *self.log.presence["replication"].tolist()]
        return list(dict.fromkeys([*known, *range(self.replications)]))[: self.replications]

    @cached_property
    def _stays(self) -> dict[str, dict[int, Stays]]:
        """By pool and replication."""
        known = self.log.presence
        if not len(known):
            return {
                name: dict.fromkeys(self._numbers, _planned(pool))
                for name, pool in self.pools.items()
            }
        pools = np.array(self.log.pools or [""] * len(self.log.workers), dtype=object)
        of_pool = pools[known["worker"]]
        return {
            name: {
                run: _as_stays(known[(of_pool == name) & (known["replication"] == run)])
                for run in self._numbers
            }
            for name in self.pools
        }


def presence_frame(log: AttemptLog) -> pd.DataFrame:
    """The workers of a run, a row each time that one was asked for."""
    import pandas as pd

    known = log.presence
    pools = np.array(log.pools or [""] * len(log.workers), dtype=object)
    names = np.array(log.workers, dtype=object)
    return pd.DataFrame(
        {
            "replication": known["replication"],
            "pool": pools[known["worker"]],
            "worker": names[known["worker"]],
            **{name: known[name] for name in ("asked_s", "ready_s", "drained_s", "gone_s")},
        }
    )


def _as_stays(rows: np.ndarray[Any, Any]) -> Stays:
    asked, ready, gone = (
        np.where(np.isnan(rows[name]), np.inf, rows[name])
        for name in ("asked_s", "ready_s", "gone_s")
    )
    # One that was dismissed while it started was never ready.
    return Stays(asked, np.minimum(ready, gone), gone)


def _planned(pool: Pool) -> Stays:
    """Who comes and goes by the schedule, if leaving took no time."""
    return _as_stays(np.array(list(_by_schedule(pool)), dtype=_PLANNED))


_PLANNED = np.dtype([("asked_s", "f8"), ("ready_s", "f8"), ("gone_s", "f8")])


def _by_schedule(pool: Pool) -> Iterator[tuple[float, float, float]]:
    there: list[float] = []
    for moment, count in pool.steps:
        while len(there) > count:
            asked = there.pop()
            yield asked, _ready(pool, asked), moment
        there += [moment] * (count - len(there))
    for asked in there:
        yield asked, _ready(pool, asked), math.nan


def _ready(pool: Pool, asked: float) -> float:
    """The workers with which a run begins are up."""
    return asked + (pool.start_s if asked else 0.0)


def _mean_number(stays: Stays, edges: Floats) -> Floats:
    """Workers that take jobs between each two edges."""
    came, went = (seconds_since(times, edges) for times in (stays.ready_s, stays.gone_s))
    number: Floats = np.diff(came - went) / np.diff(edges)
    # Rounding of large sums may leave a pool a hair below or above none.
    return np.maximum(np.round(number, 9), 0.0)


def _mean(values: Floats) -> Estimate:
    return Estimate(float(values.mean()), mean_interval(values))
