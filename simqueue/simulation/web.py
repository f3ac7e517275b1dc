"""A web process of in-process mode: its event loop, and the callers that it serves."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol

import simpy

from simqueue.simulation.core import Process
from simqueue.simulation.downstream import Call, Called
from simqueue.simulation.job import SimJob
from simqueue.simulation.waiting import FINISH, Timer
from simqueue.workload.attempts import FAILS

#: Something to do at a moment; whether the event loop is still held after it.
Step = Callable[[float], bool]


class EventLoop:
    """A web process's event loop: one step at a time, first come first served."""

    def __init__(self) -> None:
        self._steps: deque[Step] = deque()
        self._held = False

    def enter(self, step: Step, now: float) -> None:
        """Do a step when its turn comes."""
        if self._held:
            self._steps.append(step)
        else:
            self.go_on(step, now)

    def go_on(self, step: Step, now: float) -> None:
        """Do a step of whoever has the loop; then those that wait, until one holds it."""
        self._held = step(now)
        while self._steps and not self._held:
            self._held = self._steps.popleft()(now)


class Requests(Protocol):
    """What a caller needs of the model."""

    env: simpy.Environment
    called: dict[int, Called]

    @property
    def brings(self) -> Callable[[SimJob, float], tuple[float, float, int]]:
        """What an attempt that starts at a moment brings: seconds of cpu, of io, how it ends."""

    def finish(self, place: Caller, job: SimJob, now: float) -> None:
        """End an attempt."""

    def work_of(self, request: SimJob) -> list[SimJob]:
        """The jobs that a request stands for, in the order in which they are done."""

    def answered(self, request: SimJob) -> None:
        """All that a request asked for has been done, or has failed."""

    def next_request(self, caller: Caller) -> SimJob | None:
        """The next request for a caller, which is idle if there is none."""


class WebProcess(Process):
    """A web process; after a crash another one takes its place and its number."""

    def __init__(self, requests: Requests, number: int, concurrency: int) -> None:
        super().__init__(number)
        self.loop = EventLoop()
        kind = CallingCaller if requests.called else Caller
        self.callers = [kind(requests, self, place) for place in range(concurrency)]


class Caller:
    """A request that a web process serves: a job, and then whatever follows it.

    The cpu part of a job holds the event loop. What is ready meanwhile waits for its turn: another
    request, and the end of an io part too. Whoever has the loop goes on with what follows, or with
    the next request, until there is something to wait for.

    Attributes
    ----------
    request
        What it serves, or did last; ``None`` before the first.
    to_do
        What is left to do for it, and has not begun.
    job, started
        What it does now, ``None`` while it is idle, and since when, seconds.
    """

    def __init__(self, requests: Requests, process: WebProcess, number: int) -> None:
        self._requests, self.process, self.number = requests, process, number
        self.started, self.failed = 0.0, 0
        self.request: SimJob | None = None
        self.to_do: deque[SimJob] = deque()
        self.job: SimJob | None = None
        self._free_at = requests.env.now
        self._cpu_s = self._io_s = 0.0
        self._computes = False
        self._timer = Timer(requests.env, FINISH, self._over)
        #: Let a part of so many seconds begin.
        self._begin: Callable[[float], None] = self._timer.set

    def take(self, request: SimJob) -> None:
        """Have a request to do next."""
        self.request = request
        self.to_do += self._requests.work_of(request)

    def pass_on(self, jobs: list[SimJob]) -> None:
        """Put the jobs that follow first among what is left to do."""
        self.to_do.extendleft(reversed(jobs))

    def cut_off(self) -> Iterator[tuple[SimJob, float]]:
        """Die; what it has not done, and when each of these started, NaN if it had not."""
        self._timer.cancel()
        if self.job is not None:
            yield self.job, self.started
        for job in self.to_do:
            yield job, math.nan

    def go_on(self, now: float) -> bool:
        """Start the one attempt at what comes next; whether it holds the event loop.

        Waiting for the event loop is a part of it.
        """
        job = self.job = self.to_do.popleft()
        self.started = max(job.enqueued, self._free_at)
        self._cpu_s, self._io_s, self.failed = self._requests.brings(job, self.started)
        self._computes = self._cpu_s > 0 or self._io_s == 0
        ends = now + (self._cpu_s if self._computes else self._io_s)
        self._begin(ends - now)
        return self._computes

    def _over(self, _: simpy.Event) -> None:
        """The cpu part is over; or the io part, and the event loop has to come to it."""
        loop, now = self.process.loop, self._requests.env.now
        if self._computes:
            loop.go_on(self._computed, now)
        else:
            loop.enter(self._end, now)

    def _computed(self, now: float) -> bool:
        if self._io_s == 0:
            return self._end(now)
        self._computes = False
        self._begin(self._io_s)
        return False

    def _end(self, now: float) -> bool:
        """End the attempt; do what is left of this request before the next one."""
        assert self.job is not None
        assert self.request is not None
        self._requests.finish(self, self.job, now)
        self.job, self._free_at = None, now
        if not self.to_do:
            self._requests.answered(self.request)
            request = self._requests.next_request(self)
            if request is None:
                return False
            self.take(request)
        return self.go_on(now)


class CallingCaller(Caller):
    """A caller some of whose jobs call a downstream: their io parts need places there."""

    def __init__(self, requests: Requests, process: WebProcess, number: int) -> None:
        super().__init__(requests, process, number)
        self._call = Call(requests.env, self._answered)
        self._begin = self._begin_or_call

    def cut_off(self) -> Iterator[tuple[SimJob, float]]:
        """Die, and hang up."""
        self._call.hang_up()
        yield from super().cut_off()

    def _begin_or_call(self, seconds: float) -> None:
        assert self.job is not None
        called = None if self._computes else self._requests.called.get(self.job.kind)
        if called is None:
            self._timer.set(seconds)
        else:
            self._call.begin(called, self._io_s)

    def _answered(self, cut: bool) -> None:
        """End the io part when the event loop comes to that."""
        if cut:
            self.failed = FAILS
        self.process.loop.enter(self._end, self._requests.env.now)
