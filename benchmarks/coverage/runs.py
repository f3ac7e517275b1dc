"""The intervals of a run and of a sweep: means, quantiles, shares of time, counts, differences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.coverage.queue import Floats, Queue, started
from simqueue.results.intervals import Interval, count_interval, mean_interval, paired_interval
from simqueue.results.statistics import describe

LOADS = {1: (0.5, 0.8, 0.95), 5: (0.8, 0.95)}
JOBS = (200, 2_000)
REPLICATIONS = (3, 10, 30)
#: What is measured, as the table names it.
MEASURES = (
    *("mean", "p50", "p95", "p99", "utilisation", "queue length", "lost jobs"),
    *("p95 of a day", "one more"),
)
#: A failed attempt in so many, one attempt: a lost job.
LOST = 0.005
#: The truth is of days with so many jobs in all.
_JOBS_OF_TRUTH = 8_000_000


@dataclass(frozen=True)
class Day:
    """What a day was: waits of its jobs, and numbers of it all.

    ``difference_s`` is what one server more would change the mean wait by, with the same jobs.
    """

    waits_s: Floats
    utilisation: float
    queue_length: float
    lost: int
    difference_s: float


def days(queue: Queue, number: int, rng: np.random.Generator) -> Iterator[Day]:
    """So many days."""
    for arrived, service in queue.days(number, rng):
        lost = rng.random(arrived.shape) < LOST
        for one in zip(
            arrived.T, service.T, started(arrived, service, queue.servers).T,
            started(arrived, service, queue.servers + 1).T, lost.T, strict=True,
        ):  # fmt: skip
            yield day(queue, *one)


def day(
    queue: Queue, arrived: Floats, service: Floats, begun: Floats, begun_of_more: Floats,
    lost: NDArray[np.bool_],
) -> Day:  # fmt: skip
    """One day, cut off where its arrivals end."""
    end = queue.duration_s
    jobs = int(np.searchsorted(arrived, end))
    arrived, service, begun = arrived[:jobs], service[:jobs], begun[:jobs]
    waits = begun - arrived
    busy = (np.minimum(begun + service, end) - np.minimum(begun, end)).sum()
    waited = (np.minimum(begun, end) - arrived).sum()
    return Day(
        waits_s=waits,
        utilisation=float(busy) / end / queue.servers,
        queue_length=float(waited) / end,
        lost=int(lost[:jobs].sum()),
        difference_s=float((begun_of_more[:jobs] - begun).mean()),
    )


def intervals(some: Sequence[Day]) -> dict[str, Interval | None]:
    """What is printed of days, by the code that prints it."""
    waits = describe([one.waits_s for one in some])
    assert waits.p50 is not None
    assert waits.p95 is not None
    assert waits.p99 is not None
    return {
        "mean": waits.ci95,
        "p50": waits.p50.interval,
        "p95": waits.p95.interval,
        "p99": waits.p99.interval,
        "utilisation": mean_interval(np.array([one.utilisation for one in some])),
        "queue length": mean_interval(np.array([one.queue_length for one in some])),
        "lost jobs": count_interval(np.array([float(one.lost) for one in some])),
        "p95 of a day": mean_interval(np.array([np.quantile(one.waits_s, 0.95) for one in some])),
        "one more": paired_interval(np.array([one.difference_s for one in some])),
    }


@cache
def truth(queue: Queue) -> dict[str, float]:
    """What the measures are, from many days that no trial meets."""
    number = min(_JOBS_OF_TRUTH // queue.jobs, 60_000)
    some = list(days(queue, number, np.random.default_rng([1, *_seed(queue)])))
    of_day = np.array(
        [
            (
                one.waits_s.mean(), one.utilisation, one.queue_length, one.lost,
                np.quantile(one.waits_s, 0.95), one.difference_s,
            )
            for one in some
        ]
    )  # fmt: skip
    mean, busy, length, lost, p95_of_day, less = of_day.mean(axis=0).tolist()
    pooled = np.concatenate([one.waits_s for one in some])
    quantiles = np.quantile(pooled, (0.5, 0.95, 0.99)).tolist()
    found = (mean, *quantiles, busy, length, lost, p95_of_day, less)
    return dict(zip(MEASURES, found, strict=True))


def _seed(queue: Queue) -> tuple[int, int, int]:
    return queue.servers, int(1000 * queue.load), queue.jobs


@dataclass(frozen=True)
class Held:
    """Of the intervals of one measure, the shares that hold the truth, and that are open above."""

    share: float
    opened: float


def covered(queue: Queue, replications: int, trials: int) -> dict[str, Held]:
    """Of each measure, how often its interval holds the truth."""
    right = truth(queue)
    held = dict.fromkeys(MEASURES, 0)
    opened = dict.fromkeys(MEASURES, 0)
    rng = np.random.default_rng([2, *_seed(queue), replications])
    several = days(queue, replications * trials, rng)
    for _ in range(trials):
        for measure, ends in intervals([next(several) for _ in range(replications)]).items():
            assert ends is not None
            low, high = ends
            held[measure] += (low is None or low <= right[measure]) and (
                high is None or right[measure] <= high
            )
            opened[measure] += high is None
    return {m: Held(held[m] / trials, opened[m] / trials) for m in MEASURES}


def grid() -> list[Queue]:
    """The queues."""
    return [
        Queue(servers, load, jobs)
        for servers, loads in LOADS.items()
        for load in loads
        for jobs in JOBS
    ]


def rows(queue: Queue, trials: int) -> tuple[list[str], list[Held]]:
    """A queue's rows of the table, and what they say."""
    lines: list[str] = []
    entries: list[Held] = []
    for replications in REPLICATIONS:
        found = covered(queue, replications, trials)
        entries += found.values()
        words = [
            f"{one.share:.1%}" + (f" ({one.opened:.0%} open)" if one.opened >= 0.005 else "")
            for one in found.values()
        ]
        where = f"M/M/{queue.servers}, {queue.load:g} | {queue.jobs:,} | {replications}"
        lines.append(f"| {where} | {' | '.join(words)} |")
    return lines, entries
