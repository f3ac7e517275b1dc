"""Jobs that nobody planned: those sent by hand, and those of a rate that was changed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

import numpy as np
import simpy

from simqueue.live.workload import LiveWorkload
from simqueue.simulation.waiting import ARRIVAL, Timer, Wait
from simqueue.workload.arrivals import Customers, Follows, Scheduler
from simqueue.workload.draws import generator


class Receiver(Protocol):
    """Whom customers ask: a model."""

    env: simpy.Environment
    workload: LiveWorkload

    def ask(self, kind: int, number: int, now: float) -> None:
        """Let a customer ask for a job."""

    def grown(self) -> None:
        """There is more room for jobs than before."""


class Incoming:
    """What comes beside the scenario's own arrivals, and which of these stay away.

    A higher rate is that of the scenario and a Poisson process beside it, which follows its ups and
    downs; with a lower one each of the scenario's own arrivals stays away by a draw of its own. So
    what comes at both rates is the same.
    """

    def __init__(self, model: Receiver) -> None:
        self._model, self._workload = model, model.workload
        self.times: dict[str, float] = {}
        self._changes: dict[str, int] = {}
        self._stays: dict[str, memoryview] = {}
        self._away: set[tuple[str, int]] = set()
        self._more: dict[str, _More] = {}
        self.thinking = 0

    @property
    def pending(self) -> int:
        """How many jobs are known that are still to come."""
        return self.thinking + sum(one.left for one in self._more.values())

    def refusal(self, queue: str) -> str | None:
        """Why nobody can send jobs to a queue by hand; ``None``: one can."""
        stream = self._workload.scenario.arrivals.get(queue)
        if stream is None:
            return f"{queue} has no arrivals of its own: its jobs follow others"
        if isinstance(stream, Customers | Scheduler):
            return f"{queue}: its jobs are brought by customers who wait, or by a scheduler"
        return None

    def rate_refusal(self, queue: str) -> str | None:
        """Why the rate of a queue cannot be changed; ``None``: it can."""
        stream = self._workload.scenario.arrivals.get(queue)
        if isinstance(stream, Follows):
            return f"{queue}: its jobs follow those of {stream.follows}; change that"
        return self.refusal(queue)

    def send(self, queue: str, count: int) -> None:
        """Let so many jobs come now."""
        kind = self._workload.root(queue)
        assert kind is not None
        for number in self._numbers(kind.stream, count, by_hand=True):
            self._come(queue, number)

    def change_rate(self, queue: str, times: float) -> None:
        """Let so many times as many jobs come from now on as the scenario says."""
        workload, now = self._workload, self._model.env.now
        stream = workload.scenario.arrivals[queue]
        self.times[queue] = times
        if queue in self._more:
            self._more.pop(queue).stop()
        self._changes[queue] = self._changes.get(queue, 0) + 1
        if times <= 1:
            return
        end = workload.scenario.duration_s
        knots = np.unique(np.clip([now, *stream.steps_s(end), end], now, end))
        expected = (times - 1) * (stream.expected(knots, end) - stream.expected(knots[:1], end))
        key = f"more-{self._changes[queue]}"
        draws = generator(workload.scenario.seed, workload.replication, queue, "", key)
        count = int(draws.poisson(max(0.0, float(expected[-1]))))
        moments = np.interp(np.sort(draws.random(count)) * expected[-1], expected, knots)
        numbers = self._numbers(queue, count, by_hand=False)
        come = partial(self._come, queue)
        self._more[queue] = _More(self._model.env, moments.tolist(), numbers, come)

    def comes(self, kind: int, number: int) -> bool:
        """Whether one of the scenario's own arrivals comes at the rate of now."""
        its = self._workload.kinds[kind]
        if its.queue != its.stream:  # it comes if the one did that it follows
            return (its.stream, number) not in self._away
        if self.times.get(its.queue, 1.0) >= 1 or number >= self._workload.planned(its.queue):
            return True
        if self._stay(its.queue)[number] < self.times[its.queue]:
            return True
        self._away.add((its.queue, number))
        return False

    def _numbers(self, stream: str, count: int, by_hand: bool) -> range:
        room = self._workload.room
        found = self._workload.new_numbers(stream, count, by_hand)
        if self._workload.room > room:
            self._model.grown()
        return found

    def _stay(self, queue: str) -> memoryview:
        if queue not in self._stays:
            workload = self._workload
            draws = generator(workload.scenario.seed, workload.replication, queue, "", "stays")
            self._stays[queue] = draws.random(workload.planned(queue)).data
        return self._stays[queue]

    def _come(self, queue: str, number: int) -> None:
        """Let a customer come, who asks for what follows later."""
        model, workload = self._model, self._workload
        kind = workload.root(queue)
        assert kind is not None
        model.ask(kind.number, number, model.env.now)
        if workload.scenario.in_process:
            return  # what follows comes after the answer
        for other, stream in workload.scenario.arrivals.items():
            if isinstance(stream, Follows) and stream.follows == queue:
                self.thinking += 1
                think_s = float(workload.think_s(other)[number])
                Wait(model.env, think_s, ARRIVAL, partial(self._follow, other, number))

    def _follow(self, queue: str, number: int, _: simpy.Event) -> None:
        self.thinking -= 1
        kind = self._workload.root(queue)
        assert kind is not None
        self._model.ask(kind.number, number, self._model.env.now)


class _More:
    """Arrivals at moments that are known, until somebody stops them."""

    def __init__(
        self,
        env: simpy.Environment,
        moments: list[float],
        numbers: range,
        come: Callable[[int], None],
    ) -> None:
        self._env, self._come = env, come
        self._coming = iter(zip(moments, numbers, strict=True))
        self.left = len(moments)
        self._timer = Timer(env, ARRIVAL, self._arrival)
        self._await()

    def stop(self) -> None:
        """Let nobody come any more."""
        self._timer.cancel()

    def _await(self) -> None:
        coming = next(self._coming, None)
        if coming is not None:
            self._number = coming[1]
            self._timer.set(coming[0] - self._env.now)

    def _arrival(self, _: simpy.Event) -> None:
        self.left -= 1
        self._come(self._number)
        self._await()
