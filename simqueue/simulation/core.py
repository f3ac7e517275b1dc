"""What the models of both modes share: the sample path, the attempts, and what follows them.

A model keeps no statistics: it writes down every attempt, and whatever one wants to know is
computed from that afterwards. Who takes which job, and when, is for each mode to say.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import simpy

from simqueue.policies import Outcome
from simqueue.record.attempt_log import COMPLETED, FAILED, RETRIED, AttemptLog
from simqueue.simulation.clients import Clients
from simqueue.simulation.customers import Customers
from simqueue.simulation.door import Door
from simqueue.simulation.downstream import called_by
from simqueue.simulation.environment import Environment
from simqueue.simulation.job import SimJob
from simqueue.simulation.packed import PackedRows, log_of
from simqueue.simulation.waiting import ARRIVAL, DUE, Timer, Wait
from simqueue.workload.attempts import FATAL
from simqueue.workload.workload import Kind, Workload

#: What an attempt at a job that starts at a moment brings: seconds of cpu, of io, and how it ends.
Brings = Callable[[SimJob, float], tuple[float, float, int]]


class Process:
    """An operating-system process: one event loop, which runs one cpu part after the other."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.loop_free_at = 0.0

    def finish_at(self, now: float, cpu: float, io: float) -> float:
        """When an attempt that starts now will end: cpu waits for the loop, io overlaps."""
        free_at = now if now > self.loop_free_at else self.loop_free_at
        if cpu:  # an attempt that starts a little later does not hold the loop until then
            free_at = self.loop_free_at = free_at + cpu
        return free_at + io


class Place(Protocol):
    """Where an attempt is made: a slot of a worker, or a caller of the web process."""

    number: int
    started: float
    failed: int

    @property
    def process(self) -> Process:
        """The process that it belongs to."""

    def pass_on(self, jobs: list[SimJob]) -> None:
        """See to the jobs that follow the one just done."""


class Flows(Protocol):
    """The parents that wait for children, as a mode has them."""

    def settled(self, job: SimJob, outcome: Outcome, place: Any) -> None:
        """See to the parent of a job that has its final outcome."""


class Model(ABC):
    """One replication in virtual time.

    Parameters
    ----------
    workload
        What to run.

    Attributes
    ----------
    env
        SimPy's environment: the virtual time and what is to happen.
    rows
        The attempts, in the order in which they ended.
    unfinished
        Jobs that have come and have no final outcome yet.
    brings
        What an attempt at a job that starts at a moment brings: seconds of cpu, of io, and how it
        ends (see `simqueue.workload.attempts`).
    called
        What jobs call downstream, by their kinds.
    flows
        Who looks after parents and children; ``None`` if there are none.
    """

    flows: Flows | None = None

    def __init__(self, workload: Workload) -> None:
        self.workload = workload
        self.scenario = workload.scenario
        self.env: simpy.Environment = Environment()
        self.rows = PackedRows()
        self.unfinished = 0
        # Where there are no outages the moment does not matter, and nobody pays for looking.
        self.brings: Brings = self._brings_then if workload.outages else self._brings_ever
        self.called = called_by(workload)
        self.clients = Clients(self) if workload.resends else None
        self.customers = Customers(self) if workload.next_requests else None
        self.door: Door | None = None
        self._coming = zip(*(column.data for column in workload.arrivals), strict=True)
        self.more_arrivals = True
        self._next = Timer(self.env, ARRIVAL, self._arrival)
        self._await_arrival()

    @abstractmethod
    def put(self, job: SimJob, now: float) -> None:
        """Add a job: at the tail of its queue, or wherever the mode has it."""

    @abstractmethod
    def waiting(self) -> Iterator[SimJob]:
        """The jobs that are ready and that nobody has taken."""

    def run(self, until: float | None = None) -> None:
        """Let everything happen that will, or what will before ``until``."""
        self.env.run(until)

    @property
    def now(self) -> float:
        """The virtual time, seconds."""
        return float(self.env.now)

    @property
    def over(self) -> bool:
        """Whether all jobs have come and have their final outcomes."""
        return not (self.more_arrivals or self.unfinished or self.thinking)

    @property
    def thinking(self) -> int:
        """Customers who will ask for something else."""
        return 0 if self.customers is None else self.customers.thinking

    def log(self) -> AttemptLog:
        """What has happened so far, and after it the jobs that are ready and wait."""
        for job in self.waiting():
            self.rows.add_waiting(job)
        return log_of(self.rows.array(), self.workload, "simpy")

    def arrive(self, kind: int, number: int, now: float) -> None:
        """Let the job of ``kind`` of root arrival ``number`` come in, unless it is turned away."""
        job = SimJob(kind, number, now)
        if self.door is None or self.door.lets_in(job, now):
            self.unfinished += 1
            self.put(job, now)

    def _brings_ever(self, job: SimJob, now: float) -> tuple[float, float, int]:  # noqa: ARG002
        """What an attempt brings: seconds of cpu, of io, and how it ends."""
        number = job.number
        cpu_s, io_s, fails = self.workload.attempts(job.kind, job.attempt)
        return cpu_s[number], io_s[number], fails[number]

    def _brings_then(self, job: SimJob, now: float) -> tuple[float, float, int]:
        """What an attempt brings that starts now."""
        return self.workload.brings(job.kind, job.number, job.attempt, now)

    def finish(self, place: Place, job: SimJob, now: float) -> None:
        """End an attempt: write it down, and see to the retry or to the jobs that follow."""
        failed = place.failed
        wait = self.backoff_s(job, failed) if failed else None
        outcome = COMPLETED if not failed else FAILED if wait is None else RETRIED
        self.rows.add(job, place.started, now, outcome, place.process.number, place.number)
        if wait is None:
            self.settle(job, "failed" if failed else "completed", place)
        else:
            self.postpone(job, wait)

    def settle(self, job: SimJob, outcome: Outcome, place: Place) -> None:
        """Give a job its final outcome: see to the jobs that follow, and to its parent."""
        self.unfinished -= 1
        if self.customers is not None:
            self.settled(job)
        self.follow_up(job, outcome, place)
        if self.flows is not None:
            self.flows.settled(job, outcome, place)

    @abstractmethod
    def settled(self, job: SimJob) -> None:
        """A job has its final outcome; a customer may have waited for that."""

    def follow_up(self, job: SimJob, outcome: Outcome, place: Place) -> None:
        """Add the jobs that follow the final outcome of a job."""
        kinds = self.workload.follow_ups(job.kind, outcome)
        if kinds:
            place.pass_on(self.children(job, kinds))

    def children(self, job: SimJob, kinds: Sequence[Kind]) -> list[SimJob]:
        """The jobs of ``kinds`` that descend from ``job``, to be added now."""
        self.unfinished += len(kinds)
        return [SimJob(kind.number, job.number, self.env.now) for kind in kinds]

    def backoff_s(self, job: SimJob, failed: int) -> float | None:
        """How long a job that has just failed waits, seconds; ``None``: it is not tried again."""
        if failed == FATAL:
            return None
        wait: float = self.workload.waits_s(job.kind, job.attempt)[job.number]
        return wait if wait == wait else None  # NaN: no more

    def postpone(self, job: SimJob, wait: float) -> None:
        """Let a job that failed wait until its retry is due."""
        Wait(self.env, wait, DUE, lambda _: self.retry(job))

    def retry(self, job: SimJob) -> None:
        """Let the backoff of a job be over."""
        now = self.env.now
        job.next_attempt(now)
        self.put(job, now)

    def ask(self, kind: int, number: int, now: float) -> None:
        """Let a customer ask for a job of ``kind``, and wait for it if the scenario says so."""
        if self.door is not None and self.door.is_gone(kind, number):
            return
        if self.clients is None:
            self.arrive(kind, number, now)
        else:
            self.clients.ask(kind, number, now)

    def _await_arrival(self) -> None:
        coming = next(self._coming, None)
        if coming is None:
            self.more_arrivals = False
            return
        time, self._kind, self._number = coming
        self._next.set_at(time)

    def _arrival(self, _: simpy.Event) -> None:
        self.ask(self._kind, self._number, self.env.now)
        self._await_arrival()
