"""A workload drawn in blocks, one stretch of time after the other: the same draws, in less memory.

The n-th number of a generator belongs to the n-th root arrival, so that it does not matter where
one block ends and the next begins, as long as each generator goes on where it stopped.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from simqueue.workload.arrivals import Arrivals, Hourly, Poisson, Profile, Source
from simqueue.workload.changes import key_of
from simqueue.workload.distributions import Mixture
from simqueue.workload.draws import generator
from simqueue.workload.duration import Floats
from simqueue.workload.others import Others
from simqueue.workload.queues import QueueModel
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload

#: Root arrivals of a block, about.
JOBS = 1 << 16
#: All attempts that a block's jobs may come to are drawn, needed or not.
MOST_ATTEMPTS = 25
_STEPS = 10_000

_Generators = dict[tuple[str, str, str, int], np.random.Generator]


class Block(Workload):
    """A workload of the root arrivals of a while; the generators go on behind those before it.

    Attributes
    ----------
    times_s
        When they come, by stream.
    first
        The number that the first of them has in the whole workload, by stream.
    last
        Whether no other block follows.
    """

    def __init__(
        self,
        scenario: Scenario,
        replication: int,
        times_s: Mapping[str, Floats],
        first: Mapping[str, int],
        generators: _Generators,
    ) -> None:
        super().__init__(scenario, replication)
        self.times_s, self.first, self.last = times_s, first, False
        self._generators = generators
        self._others = {
            queue: Others(Arrivals(times, None), len(times), {}) for queue, times in times_s.items()
        }

    def _generator(
        self, queue: str, kind: str, purpose: str, attempt: int = 0
    ) -> np.random.Generator:
        key = (queue, kind, purpose, attempt)
        if key not in self._generators:
            self._generators[key] = super()._generator(*key)
        return self._generators[key]


def blocks(scenario: Scenario, replication: int = 0, jobs: int = JOBS) -> Iterator[Block]:
    """A workload, block by block; none is without arrivals, unless all of it is.

    Parameters
    ----------
    scenario, replication
        What is drawn; `not_in_blocks` says nothing against it.
    jobs
        How many root arrivals there are in a block, about.
    """
    part = max(jobs // len(scenario.arrivals), 256)
    coming = {
        queue: _Moments(stream.rates().poisson_in_parts(scenario.duration_s, source, part))
        for queue, stream, source in _streams(scenario, replication)
    }
    first = dict.fromkeys(coming, 0)
    generators: _Generators = {}
    found: Block | None = None
    for end in _ends(scenario, jobs):
        times = {queue: moments.until(end) for queue, moments in coming.items()}
        if found is not None and not any(map(len, times.values())):
            continue
        if found is not None and any(map(len, found.times_s.values())):
            yield found
        found = Block(scenario, replication, times, first, generators)
        first = {queue: number + len(times[queue]) for queue, number in first.items()}
    assert found is not None
    found.last = True
    yield found


class _Moments:
    """Moments that come in parts, taken until a moment."""

    def __init__(self, parts: Iterator[Floats]) -> None:
        self._parts, self._next = parts, np.empty(0)

    def until(self, end_s: float) -> Floats:
        """Those before a moment that were not taken yet."""
        parts = [self._next]
        while not len(parts[-1]) or parts[-1][-1] < end_s:
            more = next(self._parts, None)
            if more is None:
                break
            parts.append(more)
        moments = np.concatenate(parts)
        here = int(np.searchsorted(moments, end_s))
        self._next = moments[here:]
        return moments[:here]


def _streams(
    scenario: Scenario, replication: int
) -> Iterator[tuple[str, Poisson | Profile | Hourly, Source]]:
    for queue, stream in scenario.arrivals.items():
        assert isinstance(stream, Poisson | Profile | Hourly)
        yield queue, stream, partial(generator, scenario.seed, replication, queue, "")


def _ends(scenario: Scenario, jobs: int) -> list[float]:
    """Where blocks end so that about as many arrivals come in each; the last never does."""
    end = scenario.duration_s
    moments = np.linspace(0.0, end, _STEPS)
    expected = np.sum([one.expected(moments, end) for one in scenario.arrivals.values()], axis=0)
    number = math.ceil(float(expected[-1]) / jobs)
    wanted = float(expected[-1]) / max(number, 1) * np.arange(1, number)
    return [*np.interp(wanted, expected, moments).tolist(), math.inf]


def not_in_blocks(scenario: Scenario) -> str | None:
    """What keeps a scenario from being drawn in blocks, in words; ``None``: nothing does."""
    for name, stream in scenario.arrivals.items():
        place = key_of("arrivals", name)
        if not isinstance(stream, Poisson | Profile | Hourly):
            return f"{place}: only rate_per_s, profile and per_hour are drawn in blocks"
        if stream.batch != 1 or not stream.alone:
            return f"{place}: batch, sent and factor are not drawn in blocks"
    for name, queue in scenario.queues.items():
        if (key := next(_obstacles(queue), None)) is not None:
            return f"{key_of('queues', name, key)}: not drawn in blocks"
    return None


def _obstacles(queue: QueueModel) -> Iterator[str]:
    """Keys of a queue that are not drawn in blocks."""
    if queue.children:
        yield "children"
    if queue.classes:
        yield "classes"
    if queue.priority:
        yield "priority"
    if queue.delay is not None:
        yield "delay"
    if queue.attempts > MOST_ATTEMPTS:
        yield "attempts"
    if any(one.rate < 1 or one.hang is not None for one in queue.outage_tables):
        yield "outages"
    times = [time for attempt in queue.different_times for time in attempt]
    # The generators of its parts are made anew with each draw.
    if any(isinstance(time, Mixture) for time in (*times, queue.failure_service)):
        yield "service"
