"""A workload that is not closed: jobs are added by hand, and settings change, while it runs."""

from __future__ import annotations

import copy
from bisect import bisect
from collections import defaultdict
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simqueue.workload.arrivals import Follows
from simqueue.workload.distributions import Floats
from simqueue.workload.scenario import Scenario
from simqueue.workload.streams import Arrivals, Turns
from simqueue.workload.traces import Trace
from simqueue.workload.workload import Kind, Workload

#: Room for jobs beyond those of the scenario, at first; it doubles when it is full.
ROOM = 1024


class LiveWorkload(Workload):
    """The sample path of a scenario, with room for jobs that nobody planned.

    Numbers after those of the scenario's own root arrivals are theirs. A generator gives its n-th
    number to the n-th root arrival, so that what the others bring stays as it was. Of these numbers
    the even ones are for jobs sent by hand, the odd ones for those of a higher rate: whoever sends
    a job does not disturb them either.

    Attributes
    ----------
    room
        How many numbers there are behind those of the scenario's own.
    """

    def __init__(self, scenario: Scenario, replication: int = 0) -> None:
        super().__init__(scenario, replication)
        self.room = ROOM
        self._given: dict[tuple[str, int], int] = defaultdict(int)
        #: From when on jobs are added with which policy.
        self._versions: list[tuple[float, Workload]] = []
        self._keep_version(0.0)

    def root(self, queue: str) -> Kind | None:
        """The kind of the jobs that requests add to a queue; ``None``: they follow others."""
        return next((one for one in self.kinds if one.queue == queue and one.parent < 0), None)

    def new_numbers(self, stream: str, count: int, by_hand: bool) -> range:
        """Numbers for further root arrivals of a stream."""
        key = stream, 0 if by_hand else 1
        first, self._given[key] = self._given[key], self._given[key] + count
        while 2 * self._given[key] > self.room:
            self.room *= 2
            self._forget("streams", "arrivals", "outages", "_ids", "next_requests")
            self._classes.clear()
            self._refresh()
        begin = self.planned(stream) + key[1]
        return range(begin + 2 * first, begin + 2 * (first + count), 2)

    def planned(self, stream: str) -> int:
        """How many root arrivals of a stream the scenario itself has."""
        return self.size_of(stream) - self.room

    def comes_by_rate(self, queue: str, number: int) -> bool:
        """Whether a root arrival is one that the scenario's rate brings: it was not sent."""
        beside = number - self._others[queue].own
        return number < self.planned(queue) and (beside < 0 or beside % 2 == 1)

    def size_of(self, stream: str) -> int:
        """How many numbers a stream has, those included that nobody has yet."""
        return len(self.streams[stream].times_s)

    def change(self, scenario: Scenario, now: float, policy: bool) -> None:
        """Have other settings from now on; ``policy``: for jobs that are added from now on."""
        self.scenario = scenario
        self._refresh()
        if policy:
            self._keep_version(now)

    def wait_s(self, kind: int, number: int, attempt: int, enqueued: float) -> float:
        """How long a job waits if an attempt fails, by the policy that it was added with; NaN."""
        at = bisect(self._versions, enqueued, key=lambda version: version[0]) - 1
        return self._versions[at][1].waits_s(kind, attempt)[number]

    def think_s(self, queue: str) -> Floats:
        """How long the customers of a stream that follows another one think, seconds."""
        stream = self.scenario.arrivals[queue]
        assert isinstance(stream, Follows)
        return self._think(queue, stream, self.size_of(stream.follows))

    def worth(self, kind: int, number: int) -> float:
        """What the order came to that a job is about, if a request added the job; else nothing.

        An order that is none of the recorded ones, because the load is scaled or somebody sent it
        by hand, is worth what they are on average.
        """
        its = self.kinds[kind]
        totals = self.worths.get(its.stream)
        if its.parent >= 0 or not totals:
            return 0.0
        keys = self.streams[its.stream].keys
        mean = sum(totals.values()) / len(totals)
        return mean if keys is None else totals.get(keys[number], mean)

    @cached_property
    def worths(self) -> dict[str, dict[str, float]]:
        """By queue with recorded arrivals whose file says it: what each order came to."""
        arrivals = self.scenario.arrivals.items()
        traces = {queue: one.totals for queue, one in arrivals if isinstance(one, Trace)}
        return {queue: totals for queue, totals in traces.items() if totals}

    @cached_property
    def streams(self) -> dict[str, Arrivals]:
        """The arrivals of each queue that has some, and behind them those that are not planned."""
        drawn: dict[str, Arrivals] = Workload.streams.func(self)  # type: ignore[attr-defined]
        return {
            queue: _with_room(one, self.room, self._beside(queue)) for queue, one in drawn.items()
        }

    def _beside(self, queue: str) -> int:
        """How many numbers the scenario itself gives beside a stream's own arrivals."""
        stream = self.scenario.arrivals[queue]
        others = self._others[stream.follows if isinstance(stream, Follows) else queue]
        return len(others.arrivals.times_s) - others.own

    def _known_beforehand(self, kind: Kind) -> NDArray[np.int64]:
        numbers = super()._known_beforehand(kind)
        return numbers[numbers < self.planned(kind.queue)]

    def _refresh(self) -> None:
        self._attempts.clear()
        self._waits.clear()
        self._forget("outages")
        for number, (since, one) in enumerate(self._versions):
            self._versions[number] = since, self._as(one.scenario)

    def _keep_version(self, now: float) -> None:
        self._versions.append((now, self._as(self.scenario)))

    def _as(self, scenario: Scenario) -> Workload:
        """The same workload under other settings."""
        one = copy.copy(self)
        one.scenario, one._attempts, one._waits = scenario, {}, {}
        return one

    def _forget(self, *names: str) -> None:
        for name in names:
            self.__dict__.pop(name, None)


def _with_room(arrivals: Arrivals, room: int, beside: int) -> Arrivals:
    """Arrivals with elements at the end for others; so many beside their own there are already."""
    times, keys, turns, classes = arrivals
    numbers = range(beside + 1, beside + room + 1)

    def longer(values: NDArray[Any], by: float) -> NDArray[Any]:
        return np.append(values, np.full(room, by, dtype=values.dtype))

    return Arrivals(
        longer(times, np.inf),
        None if keys is None else [*keys, *(f"more-{number}" for number in numbers)],
        None if turns is None else Turns(longer(turns.think_s, 0.0), longer(turns.following, -1)),
        None if classes is None else [*classes, *[""] * room],
    )
