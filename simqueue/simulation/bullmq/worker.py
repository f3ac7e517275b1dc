"""Worker processes and their slots: an attempt starts, ends, and makes room for the next."""

from __future__ import annotations

from typing import Protocol

import simpy

from simqueue.simulation.bullmq.queue import Looker, Queue
from simqueue.simulation.core import Process
from simqueue.simulation.job import SimJob
from simqueue.simulation.waiting import FINISH, Wait
from simqueue.workload.workload import Workload


class Worker(Process):
    """A worker process that may die; ``life`` counts its ends and starts.

    ``closed``: it was told to end, and takes no more jobs.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.slots: list[Slot] = []
        self.life = 0
        self.closed = False

    @property
    def busy(self) -> bool:
        """Whether it has something to finish."""
        return any(slot.job is not None or slot.telling for slot in self.slots)

    def start_anew(self, now: float) -> None:
        """Be a new process: nothing holds its event loop, and no job that it got counts."""
        self.life += 1
        self.loop_free_at = now
        fresh = {slot.looker: Looker() for slot in self.slots}
        for slot in self.slots:
            slot.looker = fresh[slot.looker]


class Rules(Protocol):
    """What a slot needs of the model: what an attempt brings, and what its end leads to.

    ``loop_s``, ``service_s`` and ``failure_s`` are what the queue itself costs; a loop that is
    held for longer than ``patience_s`` may cost some job its lock. All are seconds.
    """

    env: simpy.Environment
    workload: Workload
    loop_s: float
    service_s: float
    failure_s: float
    patience_s: float
    doomed: set[SimJob]

    def fails(self, job: SimJob, drawn: int, now: float) -> bool:
        """Whether an attempt that starts now will fail."""

    def ended(self, slot: Slot, job: SimJob) -> None:
        """See to an attempt that came to its end."""

    def fail_unrun(self, job: SimJob, slot: Slot) -> None:
        """End a job that stalled too often."""

    def put(self, job: SimJob) -> None:
        """Add a job to its queue."""

    def watch_locks(self) -> None:
        """Some lock may run out from now on."""


class Slot:
    """One of a worker's concurrent places: it does one job of its queue after the other.

    Attributes
    ----------
    looker
        What it has in common with the worker's other slots for its queue.
    job
        What is being done; ``None`` while idle.
    started, failed
        Of that attempt: when it started, seconds, and whether it will fail.
    telling
        Whether it still tells Redis of a failure.
    """

    def __init__(
        self, rules: Rules, queue: Queue, process: Worker, number: int, looker: Looker
    ) -> None:
        self.rules, self.queue, self.process, self.number = rules, queue, process, number
        self.looker = looker
        self.job: SimJob | None = None
        self.started, self.failed, self.telling = 0.0, False, False
        self._ending: Wait | None = None
        self._has_io = False
        queue.idle.append(self)

    def asks_at(self, now: float) -> float:
        """When this slot can ask for a job.

        Who has just got one asks again right behind its cpu part. Who found nothing waits in
        Redis, and hears of a job when the event loop has done what is before it now.
        """
        again, free = self.looker.again_at, self.process.loop_free_at
        return again if again > now else free if free > now else now

    def pick_up(self, job: SimJob, at: float) -> None:
        """Take a job that an idle worker has heard of."""
        if self.rules.doomed and job in self.rules.doomed:
            self.rules.fail_unrun(job, self)
            self.next()
            return
        self.take(job, at)
        self.looker.again_at = self.process.loop_free_at

    def take(self, job: SimJob, at: float) -> None:
        """Start an attempt at a job: now or, where it was picked up, a little later."""
        rules, number = self.rules, job.number
        self.job, self.started = job, at
        cpu_s, io_s, fails, _ = rules.workload.attempts(job.kind, job.attempt)
        io = io_s[number]
        begun = at + rules.service_s
        ends = self.process.finish_at(begun, cpu_s[number] + rules.loop_s, io)
        if self.process.loop_free_at - begun > rules.patience_s:
            rules.watch_locks()
        self.failed = rules.fails(job, fails[number], at)
        self._has_io = io > 0
        self._ending = Wait(rules.env, ends - rules.env.now, FINISH, self._done)

    def pass_on(self, jobs: list[SimJob]) -> None:
        """Add the jobs that follow the one just done."""
        for job in jobs:
            self.rules.put(job)

    def next(self) -> None:
        """Take the next job, or be idle; a job that stalled too often fails here, unrun."""
        queue = self.queue
        if self.process.closed:
            return
        if queue.due:
            queue.promote()
        if not queue.ready:
            queue.idle.append(self)
        elif self.rules.doomed and queue.ready[0] in self.rules.doomed:
            self.rules.fail_unrun(queue.ready.popleft(), self)
            self.next()
        else:
            self.take(queue.ready.popleft(), self.rules.env.now)

    def abandon(self) -> SimJob | None:
        """Die with the worker: nothing that was to end will; the job that was being done."""
        job, self.job = self.job, None
        if self._ending is not None and (job is not None or self.telling):
            self._ending.cancel()
        elif job is None and self in self.queue.idle:
            self.queue.idle.remove(self)
        self.telling = False
        return job

    def _done(self, _: simpy.Event) -> None:
        """End the attempt when the event loop comes to it, and take the next job."""
        rules = self.rules
        if self._has_io:
            held = self.process.loop_free_at - rules.env.now
            if held > 0:
                # It stands behind the cpu parts that wait now, not behind those that will come.
                self._has_io = False
                self._ending = Wait(rules.env, held, FINISH, self._done)
                return
        job, self.job = self.job, None
        assert job is not None
        rules.ended(self, job)
        if self.failed and rules.failure_s > 0:
            self.telling = True
            self._ending = Wait(rules.env, rules.failure_s, FINISH, self._told)
        else:
            self.next()

    def _told(self, _: simpy.Event) -> None:
        """Go on when Redis has heard of the failure."""
        self.telling = False
        self.next()
