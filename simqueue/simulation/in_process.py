"""In-process mode: web processes do each job, and what follows, within the request."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from simqueue.record.attempt_log import LOST, REFUSED
from simqueue.simulation.core import Model
from simqueue.simulation.job import SimJob
from simqueue.simulation.waiting import DUE, Wait
from simqueue.simulation.web import Caller, WebProcess
from simqueue.simulation.web_flows import Flows
from simqueue.workload.callers import CallerCrash
from simqueue.workload.workload import Kind, Workload


class InProcess(Model):
    """Training mode: requests that find all callers busy wait their turn, first come first served.

    A failed job is not tried again. A customer is answered when all that follows the request has
    been done or has failed; what the same customer asks for next comes after that.

    With several processes a balancer stands in front of them: it knows who is free, and keeps the
    line. With one the line is its own, and it hears of a request when its event loop is free.
    """

    flows: Flows | None

    def __init__(self, workload: Workload) -> None:
        super().__init__(workload)
        caller = self.scenario.caller
        self.flows = Flows(self) if workload.has_flows else None
        self._most_waiting = math.inf if caller.max_waiting is None else caller.max_waiting
        #: Requests of which the event loop has not heard yet, and those that wait in line.
        self._unheard: deque[SimJob] = deque()
        self._line: deque[SimJob] = deque()
        self._idle: deque[Caller] = deque()
        #: By their numbers; ``None`` while one is down.
        self._processes: list[WebProcess | None] = [None] * caller.processes
        for number in range(caller.processes):
            self._processes[number] = WebProcess(self, number, caller.concurrency)
        # Idle processes take turns.
        for place in range(caller.concurrency):
            self._idle.extend(process.callers[place] for process in self.up)
        self._plan(caller.crashes)

    def put(self, job: SimJob, now: float) -> None:
        """Have a request served: by the caller that has been idle longest, if one is."""
        if self._only is not None:
            self._unheard.append(job)
            self._only.loop.enter(self._hear, now)
        elif self._idle:
            self._serve(self._idle.popleft(), job, now)
        elif self.up:
            self._line_up(job, now)
        else:
            self._turn_away(job, now)

    def waiting(self) -> Iterator[SimJob]:
        """The requests that no caller serves yet, and what callers have still to do."""
        yield from self._line
        yield from self._unheard
        for process in self.up:
            for caller in process.callers:
                yield from caller.to_do

    def next_request(self, caller: Caller) -> SimJob | None:
        """The next request for a caller, which is idle if there is none."""
        if self._line:
            return self._line.popleft()
        self._idle.append(caller)
        return None

    def settled(self, job: SimJob) -> None:
        """A job has ended, and the request goes on: its end is what the customer waits for."""

    def answered(self, request: SimJob) -> None:
        """Answer a customer, who thinks and then asks for what comes next, once."""
        if self.clients is not None:
            self.clients.answer(request)
        if self.customers is not None:
            self.customers.answer(request)

    def work_of(self, request: SimJob) -> list[SimJob]:
        """What is to be done for a request: the children of a job come before it."""
        return [request] if self.flows is None else self.flows.in_order(request)

    def children(self, job: SimJob, kinds: Sequence[Kind]) -> list[SimJob]:
        """The jobs that follow, and before each its own children."""
        found = super().children(job, kinds)
        if self.flows is None:
            return found
        return [one for child in found for one in self.flows.in_order(child)]

    @property
    def up(self) -> list[WebProcess]:
        """The processes that are there."""
        return [process for process in self._processes if process is not None]

    @property
    def _only(self) -> WebProcess | None:
        """The process that is the only one, while it is up: no balancer stands in front of it."""
        return self._processes[0] if len(self._processes) == 1 else None

    def _hear(self, now: float) -> bool:
        """Let the only process hear of a request."""
        job = self._unheard.popleft()
        if not self._idle:
            self._line_up(job, now)
            return False
        caller = self._idle.popleft()
        caller.take(job)
        return caller.go_on(now)

    def _serve(self, caller: Caller, request: SimJob, now: float) -> None:
        """Have a request served once the event loop of the caller's process comes to it."""
        caller.take(request)
        caller.process.loop.enter(caller.go_on, now)

    def _line_up(self, job: SimJob, now: float) -> None:
        if len(self._line) < self._most_waiting:
            self._line.append(job)
        else:
            self._turn_away(job, now)

    def _turn_away(self, request: SimJob, now: float) -> None:
        self.rows.add(request, math.nan, now, REFUSED, -1, -1)
        self.unfinished -= 1
        self._let_know(request)

    def _lose(self, job: SimJob, started: float, process: int, caller: int) -> None:
        self.rows.add(job, started, self.env.now, LOST, process, caller)
        self.unfinished -= 1

    def _let_know(self, request: SimJob) -> None:
        """A request will not be done, and its customer sees that."""
        if self.clients is not None:
            self.clients.answer(request)
        if self.customers is not None:
            self.customers.answer(request, turned_away=True)

    def _plan(self, crashes: list[CallerCrash]) -> None:
        # At one moment a process comes back before another one dies.
        for crash in crashes:
            self._at(crash.at_s + crash.down_s, partial(self._come_back, crash.process))
        for crash in crashes:
            self._at(crash.at_s, partial(self._die, crash.process))

    def _at(self, moment: float, act: Callable[[], None]) -> None:
        Wait(self.env, moment - self.env.now, DUE, lambda _: act())

    def _die(self, number: int) -> None:
        """End a process as ``kill -9`` does; when none is left, nobody waits any longer."""
        dead = self._processes[number]
        assert dead is not None
        self._processes[number] = None
        self._idle = deque(caller for caller in self._idle if caller.process is not dead)
        for caller in dead.callers:
            for job, started in caller.cut_off():
                self._lose(job, started, number, caller.number)
            if caller.request is not None:
                self._let_know(caller.request)
        if not self.up:
            for request in (*self._line, *self._unheard):
                self._lose(request, math.nan, -1, -1)
                self._let_know(request)
            self._line.clear()
            self._unheard.clear()

    def _come_back(self, number: int) -> None:
        """Start a process in the place of one that has died; it takes what waits in line."""
        process = self._processes[number] = WebProcess(
            self, number, self.scenario.caller.concurrency
        )
        for caller in process.callers:
            request = self.next_request(caller)
            if request is not None:
                self._serve(caller, request, self.env.now)
