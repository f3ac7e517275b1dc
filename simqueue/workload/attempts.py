"""What the attempts at a job bring: how long each takes, and how it ends.

The draws are those of `simqueue.workload.workload`; here stand the rules about what follows from
them: a time-out, how long a failure takes, which failures are final, what an outage does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simqueue.workload.distributions import Distribution
from simqueue.workload.queues import QueueModel

#: How an attempt ends: it completes, it fails, or it fails so that no further one can succeed.
COMPLETES, FAILS, FATAL = 0, 1, 2

#: A generator for a purpose.
Source = Callable[[str], np.random.Generator]


class Attempts(NamedTuple):
    """What the attempts of one number bring, an element for each root arrival.

    ``cpu_s`` and ``io_s`` are seconds; ``fails`` is 0, 1, or 2 for a failure that no retry can
    help. Memory views, because reading one number from them is twice as fast as from an array.
    """

    cpu_s: memoryview
    io_s: memoryview
    fails: memoryview


class Brings(NamedTuple):
    """What one attempt brings: seconds of cpu, of io, and how it ends."""

    cpu_s: float
    io_s: float
    fails: int


def ended(drawn: Attempts, queue: QueueModel, source: Source) -> Attempts:
    """What attempts bring once it is known how they end.

    A failure may take another time than a success (``failure_service``), and some are final
    (``fatal_rate``). Whoever is not done when ``timeout_s`` is over fails then: the cpu part comes
    first and cannot be interrupted, so that this is a bound on the io part.
    """
    if not (queue.fatal_rate or queue.timeout_s or queue.failure_service):
        return drawn
    io_s, fails = np.array(drawn.io_s), np.array(drawn.fails)
    failed = fails > 0
    if queue.failure_service is not None:
        io_s = np.where(failed, queue.failure_service.draw(source("failure-io"), len(io_s)), io_s)
    if queue.fatal_rate:
        final = source("fatal").random(len(fails)) < queue.fatal_rate
        fails[failed & final] = FATAL
    if queue.timeout_s is not None:
        late = io_s > queue.timeout_s
        io_s = np.where(late, queue.timeout_s, io_s)
        fails[late] = FAILS
    return drawn._replace(io_s=io_s.data, fails=fails.data)


class Hit(NamedTuple):
    """An outage, and what it does to the attempts of one number.

    ``hits`` says which it hits, all without it; ``io_s`` how long their io parts last, seconds,
    without it as long as those of any other.
    """

    from_s: float
    to_s: float
    hits: NDArray[np.bool_] | None
    io_s: memoryview | None


class KindOutages:
    """What outages make of the attempts at one kind of job.

    Parameters
    ----------
    queue
        The queue of these jobs.
    source
        For a number of attempts, what gives the generator of a purpose.
    size
        How many root arrivals there are.
    """

    def __init__(
        self, queue: QueueModel, source: Callable[[int], Source], size: Callable[[], int]
    ) -> None:
        self._outages, self._timeout_s = queue.outage_tables, queue.timeout_s
        self._source, self._size = source, size
        self._shares: dict[int, memoryview] = {}
        self._hangs: dict[tuple[int, int], memoryview] = {}

    def brings(self, drawn: Brings, number: int, attempt: int, started_s: float) -> Brings:
        """What an attempt brings that starts at a moment, if ``drawn`` is what it would without."""
        for place, one in enumerate(self._outages):
            if one.from_s <= started_s < one.to_s and (
                one.rate == 1 or self._share(attempt)[number] < one.rate
            ):
                hang = self._hang(place, one.hang, attempt)
                io_s = drawn.io_s if hang is None else hang[number]
                return Brings(drawn.cpu_s, io_s, FAILS)
        return drawn

    def of(self, attempt: int) -> Iterator[Hit]:
        """What all of them do to the attempts of a number, the first that counts first."""
        for place, one in enumerate(self._outages):
            hits = None if one.rate == 1 else np.asarray(self._share(attempt)) < one.rate
            yield Hit(one.from_s, one.to_s, hits, self._hang(place, one.hang, attempt))

    def _share(self, attempt: int) -> memoryview:
        """Uniform in [0, 1): an outage hits those below its rate."""
        if attempt not in self._shares:
            draws = self._source(attempt)("outage").random(self._size())
            self._shares[attempt] = draws.data
        return self._shares[attempt]

    def _hang(self, place: int, takes: Distribution | None, attempt: int) -> memoryview | None:
        """How long io parts last; all outages have the same draws, as an attempt meets one."""
        if takes is None:
            return None
        if (place, attempt) not in self._hangs:
            lasts = takes.draw(self._source(attempt)("hang"), self._size())
            if self._timeout_s is not None:
                lasts = np.minimum(lasts, self._timeout_s)
            self._hangs[place, attempt] = lasts.data
        return self._hangs[place, attempt]
