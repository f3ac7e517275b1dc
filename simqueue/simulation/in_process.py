"""In-process mode: a web process does each job, and what follows, within the request."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

import simpy

from simqueue.simulation.core import Model, Process
from simqueue.simulation.job import SimJob
from simqueue.simulation.waiting import FINISH, Timer
from simqueue.workload.workload import Workload

#: Something to do at a moment; whether the event loop is still held after it.
Step = Callable[[float], bool]


class EventLoop:
    """The web process's event loop: one step at a time, first come first served."""

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


class Caller:
    """A request that the web process serves: a job, and then whatever follows it.

    The cpu part of a job holds the event loop. What is ready meanwhile waits for its turn: another
    request, and the end of an io part too. Whoever has the loop goes on with what follows, or with
    the next request, until there is something to wait for.
    """

    def __init__(self, model: InProcess, number: int) -> None:
        self.model, self.number, self.process = model, number, model.web
        self.started, self.failed = 0.0, False
        self._free_at = 0.0
        self._cpu_s = self._io_s = 0.0
        self._computes = False
        self.to_do: deque[SimJob] = deque()
        self._timer = Timer(model.env, FINISH, self._over)

    def start(self, job: SimJob) -> bool:
        """Start the one attempt at a job; whether it holds the event loop.

        Waiting for the event loop is a part of it.
        """
        now = self.model.env.now
        self.started = max(job.enqueued, self._free_at)
        self._job = job
        self._cpu_s, self._io_s, self.failed = self.model.brings(job, self.started)
        self._computes = self._cpu_s > 0 or self._io_s == 0
        ends = now + (self._cpu_s if self._computes else self._io_s)
        self._timer.set(ends - now)
        return self._computes

    def pass_on(self, jobs: list[SimJob]) -> None:
        """Put the jobs that follow first among what is left to do."""
        self.to_do.extendleft(reversed(jobs))

    def _over(self, _: simpy.Event) -> None:
        """The cpu part is over; or the io part, and the event loop has to come to it."""
        loop, now = self.model.loop, self.model.env.now
        if self._computes:
            loop.go_on(self._computed, now)
        else:
            loop.enter(self._end, now)

    def _computed(self, now: float) -> bool:
        if self._io_s == 0:
            return self._end(now)
        self._computes = False
        self._timer.set(self._io_s)
        return False

    def _end(self, now: float) -> bool:
        """End the attempt; do what is left of this request before the next one."""
        self.model.finish(self, self._job, now)
        self._free_at = now
        job = self.to_do.popleft() if self.to_do else self.model.next_request(self)
        return job is not None and self.start(job)


class InProcess(Model):
    """Training mode: requests that find all callers busy wait their turn, first come first served.

    A failed job is not tried again.
    """

    def __init__(self, workload: Workload) -> None:
        super().__init__(workload)
        self.web, self.loop = Process(0), EventLoop()
        #: Requests of which the event loop has not heard yet, and those that it has.
        self._unheard: deque[SimJob] = deque()
        self._requests: deque[SimJob] = deque()
        self._callers = [Caller(self, n) for n in range(self.scenario.caller.concurrency)]
        self._idle = deque(self._callers)

    def put(self, job: SimJob, now: float) -> None:
        """Have a request served: by the caller that has been idle longest, if one is."""
        self._unheard.append(job)
        self.loop.enter(self._come, now)

    def _come(self, _: float) -> bool:
        job = self._unheard.popleft()
        if self._idle:
            return self._idle.popleft().start(job)
        self._requests.append(job)
        return False

    def next_request(self, caller: Caller) -> SimJob | None:
        """The next request for a caller, which is idle if there is none."""
        if self._requests:
            return self._requests.popleft()
        self._idle.append(caller)
        return None

    def waiting(self) -> Iterator[SimJob]:
        """The requests that no caller serves yet, and what callers have still to do."""
        yield from self._requests
        yield from self._unheard
        for caller in self._callers:
            yield from caller.to_do
