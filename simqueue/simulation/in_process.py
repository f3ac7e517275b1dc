"""In-process mode: a web process does each job, and what follows, within the request."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import simpy

from simqueue.simulation.core import Model, Process
from simqueue.simulation.job import SimJob
from simqueue.simulation.waiting import FINISH, Timer
from simqueue.workload.workload import Workload


class Caller:
    """A request that the web process serves: a job, and then whatever follows it (``to_do``)."""

    def __init__(self, model: InProcess, number: int) -> None:
        self.model, self.number, self.process = model, number, model.web
        self.started, self.failed = 0.0, False
        self.to_do: deque[SimJob] = deque()
        self._ending = Timer(model.env, FINISH, self._done)

    def take(self, job: SimJob, now: float) -> None:
        """Start the one attempt at a job."""
        model = self.model
        self.started = now
        cpu, io, self.failed = model.brings(job, now)
        ends = self.process.finish_at(now, cpu, io)
        self._job = job
        self._ending.set(ends - now)

    def pass_on(self, jobs: list[SimJob]) -> None:
        """Put the jobs that follow first among what is left to do."""
        self.to_do.extendleft(reversed(jobs))

    def _done(self, _: simpy.Event) -> None:
        """End the attempt; do what is left of this request before the next one."""
        now = self.model.env.now
        self.model.finish(self, self._job, now)
        if self.to_do:
            self.take(self.to_do.popleft(), now)
        else:
            self.model.next_request(self, now)


class InProcess(Model):
    """Training mode: requests that find all callers busy wait their turn, first come first served.

    A failed job is not tried again.
    """

    def __init__(self, workload: Workload) -> None:
        super().__init__(workload)
        self.web = Process(0)
        self._requests: deque[SimJob] = deque()
        self._callers = [Caller(self, n) for n in range(self.scenario.caller.concurrency)]
        self._idle = deque(self._callers)

    def put(self, job: SimJob, now: float) -> None:
        """Have a request served: by the caller that has been idle longest, if one is."""
        if self._idle:
            self._idle.popleft().take(job, now)
        else:
            self._requests.append(job)

    def next_request(self, caller: Caller, now: float) -> None:
        """Give a caller the next request, or let it be idle."""
        if self._requests:
            caller.take(self._requests.popleft(), now)
        else:
            self._idle.append(caller)

    def waiting(self) -> Iterator[SimJob]:
        """The requests that no caller serves yet, and what callers have still to do."""
        yield from self._requests
        for caller in self._callers:
            yield from caller.to_do
