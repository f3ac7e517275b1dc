"""Jobs that nobody planned: those sent by hand, and those of a rate that was changed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

import simpy
from simpy.events import EventPriority

from simqueue.live.workload import LiveWorkload
from simqueue.simulation.waiting import ARRIVAL, SENT, Timer, Wait
from simqueue.workload.arrivals import Customers, Follows, Scheduler
from simqueue.workload.draws import generator
from simqueue.workload.others import further
from simqueue.workload.streams import Varied


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

    It is what `simqueue.workload.others` makes of a scenario in which all this is written.
    """

    def __init__(self, model: Receiver) -> None:
        self._model, self._workload = model, model.workload
        self.times: dict[str, float] = {}
        self._changes: dict[str, int] = {}
        self._stays: dict[str, memoryview] = {}
        self._away: set[tuple[str, int]] = set()
        self._more: dict[str, _More] = {}
        self._sends: list[_More] = []
        self.thinking = 0

    @property
    def pending(self) -> int:
        """How many jobs are known that are still to come."""
        return self.thinking + sum(one.left for one in (*self._more.values(), *self._sends))

    @property
    def sending(self) -> bool:
        """Whether there are jobs that were sent, and have not come yet."""
        self._sends = [one for one in self._sends if one.left]
        return bool(self._sends)

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
        numbers, now = self._numbers(kind.stream, count, by_hand=True), self._model.env.now
        come = partial(self._come, queue)
        self._sends.append(_More(self._model.env, [now] * count, numbers, come, SENT))

    def change_rate(self, queue: str, times: float) -> None:
        """Let so many times as many jobs come from now on as the scenario says."""
        workload, now = self._workload, self._model.env.now
        stream = workload.scenario.arrivals[queue]
        self.times[queue] = times
        if queue in self._more:
            self._more.pop(queue).stop()
        self._changes[queue] = self._changes.get(queue, 0) + 1
        scenario = workload.scenario
        source = partial(generator, scenario.seed, workload.replication, queue, "")
        assert isinstance(stream, Varied)
        number, end = len(stream.factor) + self._changes[queue], scenario.duration_s
        by_rate = stream.model_copy(update={"sent": []})  # who is sent comes at any rate
        moments = further(by_rate, source, number, now, times, end).tolist()
        numbers = self._numbers(queue, len(moments), by_hand=False)
        come = partial(self._come, queue)
        self._more[queue] = _More(self._model.env, moments, numbers, come, ARRIVAL)

    def comes(self, kind: int, number: int) -> bool:
        """Whether one of the scenario's own arrivals comes at the rate of now."""
        its = self._workload.kinds[kind]
        if its.queue != its.stream:  # it comes if the one did that it follows
            return (its.stream, number) not in self._away
        times = self.times.get(its.queue, 1.0)
        if times >= 1 or not self._workload.comes_by_rate(its.queue, number):
            return True
        stream = self._workload.scenario.arrivals[its.queue]
        assert isinstance(stream, Varied)
        # By the draw that the scenario's own factor has asked already.
        came = self._workload.streams[its.queue].times_s[number : number + 1]
        if self._stay(its.queue)[number] < times * min(1.0, float(stream.factor_at(came)[0])):
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
        rank: EventPriority,
    ) -> None:
        self._come = come
        self._coming = iter(zip(moments, numbers, strict=True))
        self.left = len(moments)
        self._timer = Timer(env, rank, self._arrival)
        self._await()

    def stop(self) -> None:
        """Let nobody come any more."""
        self._timer.cancel()

    def _await(self) -> None:
        coming = next(self._coming, None)
        if coming is not None:
            self._number = coming[1]
            self._timer.set_at(coming[0])

    def _arrival(self, _: simpy.Event) -> None:
        self.left -= 1
        self._come(self._number)
        self._await()
