"""In-process mode: a web process does each job, and what follows, within the request."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import simpy

from simqueue.simulation.core import Model, Process
from simqueue.simulation.job import SimJob
from simqueue.simulation.waiting import FINISH, Wait
from simqueue.workload.workload import Workload


class Caller:
    """A request that the web process serves: a job, and then whatever follows it."""

    def __init__(self, model: InProcess, number: int) -> None:
        self.model, self.number, self.process = model, number, model.web
        self.started, self.failed = 0.0, False
        self._to_do: deque[SimJob] = deque()

    def take(self, job: SimJob) -> None:
        """Start the one attempt at a job."""
        model, number = self.model, job.number
        now = self.started = model.env.now
        cpu_s, io_s, fails, _ = model.workload.attempts(job.kind, job.attempt)
        ends = self.process.finish_at(now, cpu_s[number], io_s[number])
        self.failed = model.fails(job, fails[number], now)
        self._job = job
        Wait(model.env, ends - now, FINISH, self._done)

    def pass_on(self, jobs: list[SimJob]) -> None:
        """Put the jobs that follow first among what is left to do."""
        self._to_do.extendleft(reversed(jobs))

    def _done(self, _: simpy.Event) -> None:
        """End the attempt; do what is left of this request before the next one."""
        self.model.finish(self, self._job)
        if self._to_do:
            self.take(self._to_do.popleft())
        else:
            self.model.next_request(self)


class InProcess(Model):
    """Training mode: requests that find all callers busy wait their turn, first come first served.

    A failed job is not tried again.
    """

    def __init__(self, workload: Workload) -> None:
        super().__init__(workload)
        self.web = Process(0)
        self._requests: deque[SimJob] = deque()
        self._idle = deque(Caller(self, n) for n in range(self.scenario.caller.concurrency))

    def put(self, job: SimJob) -> None:
        """Have a request served: by the caller that has been idle longest, if one is."""
        if self._idle:
            self._idle.popleft().take(job)
        else:
            self._requests.append(job)

    def next_request(self, caller: Caller) -> None:
        """Give a caller the next request, or let it be idle."""
        if self._requests:
            caller.take(self._requests.popleft())
        else:
            self._idle.append(caller)

    def waiting(self) -> Iterator[SimJob]:
        """The requests that no caller serves yet."""
        yield from self._requests
