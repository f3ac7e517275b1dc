"""A queue whose truth can be known: M/M/c, first come first served, many days of it at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Numbers of one array: what a batch of days may hold at once.
_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Queue:
    """Places that serve for a second on average, and how busy arrivals keep them.

    Attributes
    ----------
    servers
        Places, all alike.
    load
        Their utilisation, if it goes on for ever.
    jobs
        That a day brings on average: it ends with the arrivals' time, ``duration_s``.
    """

    servers: int
    load: float
    jobs: int

    @property
    def rate_per_s(self) -> float:
        """Jobs that come in a second."""
        return self.servers * self.load

    @property
    def duration_s(self) -> float:
        """The day's length, seconds."""
        return self.jobs / self.rate_per_s

    def days(self, number: int, rng: np.random.Generator) -> Iterator[tuple[Floats, Floats]]:
        """So many days, in batches: when jobs come and how long each takes, a row a job.

        Rows go on beyond the end of the day: a column, a day, has to be cut off there.
        """
        most = int(self.jobs + 7 * self.jobs**0.5 + 20)
        batch = max(_AT_ONCE // most, 1)
        for done in range(0, number, batch):
            shape = most, min(batch, number - done)
            gaps = rng.exponential(1 / self.rate_per_s, shape)
            yield np.cumsum(gaps, axis=0), rng.exponential(1.0, shape)


def started(arrived_s: Floats, service_s: Floats, servers: int) -> Floats:
    """When each job starts, a row a job in order of arrival, a column a day.

    The recursion of Lindley (1952) for one server, of Kiefer and Wolfowitz (1955) for several: who
    comes first takes the place that is free first.
    """
    free = np.zeros((servers, arrived_s.shape[1]))
    each = np.arange(arrived_s.shape[1])
    begins = np.empty_like(arrived_s)
    for job, (comes, takes) in enumerate(zip(arrived_s, service_s, strict=True)):
        first = free.argmin(axis=0) if servers > 1 else 0
        begins[job] = np.maximum(comes, free[first, each])
        free[first, each] = begins[job] + takes
    return begins
