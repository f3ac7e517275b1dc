"""Worker processes and their slots: an attempt starts, ends, and makes room for the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import simpy

from simqueue.simulation.bullmq.queue import Looker, Queue
from simqueue.simulation.core import Process
from simqueue.simulation.job import SimJob
from simqueue.simulation.waiting import FINISH, Timer


class Worker(Process):
    """A worker process that may die; ``life`` counts its ends and starts.

    ``closed``: it takes no more jobs, because it was told to end, or takes none yet. ``started``
    is when it came up last, seconds.
    """

    def __init__(self, number: int, closed: bool = False) -> None:
        super().__init__(number)
        self.slots: list[Slot] = []
        self.life = 0
        self.closed = closed
        self.started = 0.0

    @property
    def busy(self) -> bool:
        """Whether it has something to finish."""
        return any(slot.job is not None or slot.telling for slot in self.slots)

    def start_anew(self, now: float) -> None:
        """Be a new process: nothing holds its event loop, and no job that it got counts."""
        self.life += 1
        self.loop_free_at = self.started = now
        fresh = {slot.looker: Looker(self) for slot in self.slots}
        for slot in self.slots:
            slot.looker = fresh[slot.looker]


class Rules(Protocol):
    """What a slot needs of the model: what an attempt brings, and what its end leads to.

    ``loop_s``, ``service_s`` and ``failure_s`` are what the queue itself costs; a loop that is
    held for longer than ``patience_s`` may cost some job its lock. All are seconds. ``computes``:
    whether some jobs have cpu parts.
    """

    env: simpy.Environment
    loop_s: float
    service_s: float
    failure_s: float
    patience_s: float
    computes: bool
    doomed: set[SimJob]

    @property
    def brings(self) -> Callable[[SimJob, float], tuple[float, float, int]]:
        """What an attempt brings: seconds of cpu and of io, and how it ends."""

    def ended(self, slot: Slot, job: SimJob, now: float) -> None:
        """See to an attempt that came to its end."""

    def fail_unrun(self, job: SimJob, slot: Slot) -> None:
        """End a job that stalled too often."""

    def put(self, job: SimJob, now: float) -> None:
        """Add a job to its queue."""

    def leaves(self, worker: Worker) -> None:
        """A worker that was told to end has a slot less to wait for."""

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
        Of that attempt: when it started, seconds, and how it will end: 0, it completes.
    telling
        Whether it still tells Redis of a failure.
    retired
        Whether its worker is to have fewer slots: it takes no more jobs.
    """

    def __init__(
        self, rules: Rules, queue: Queue, process: Worker, number: int, looker: Looker
    ) -> None:
        self.rules, self.queue, self.process, self.number = rules, queue, process, number
        self.looker = looker
        self.job: SimJob | None = None
        self.started, self.failed, self.telling = 0.0, 0, False
        self.retired = False
        self._ending = Timer(rules.env, FINISH, self._done)
        self._in_line = False
        if not process.closed:
            queue.join(self)

    def pick_up(self, job: SimJob, now: float, after: float) -> None:
        """Take a job that an idle worker has heard of, ``after`` seconds from now."""
        if self.rules.doomed and job in self.rules.doomed:
            self.rules.fail_unrun(job, self)
            self.next(now)
            return
        self.take(job, now, (job.ready if job.ready > now else now) + after)

    def take(self, job: SimJob, now: float, at: float) -> None:
        """Start an attempt at a job ``at`` a moment: now, or a little later if it was picked up."""
        rules, process = self.rules, self.process
        self.job, self.started = job, at
        cpu, io, self.failed = rules.brings(job, at)
        begun = at + rules.service_s
        ends = process.finish_at(begun, cpu + rules.loop_s, io)
        if process.loop_free_at - begun > rules.patience_s:
            rules.watch_locks()
        self._in_line = io > 0
        self._ending.set(ends - now)

    def pass_on(self, jobs: list[SimJob]) -> None:
        """Add the jobs that follow the one just done."""
        now = self.rules.env.now
        for job in jobs:
            self.rules.put(job, now)

    def next(self, now: float) -> None:
        """Take the next job, or be idle; a job that stalled too often fails here, unrun."""
        rules, queue = self.rules, self.queue
        if self.process.closed or self.retired:
            queue.left_alone()
            rules.leaves(self.process)
            return
        if queue.due:
            queue.promote()
        while queue.ready:
            job = queue.ready.popleft()
            if rules.doomed and job in rules.doomed:
                rules.fail_unrun(job, self)
            else:
                self.take(job, now, job.ready if job.ready > now else now)
                if rules.computes:
                    queue.fetched(self.looker)
                return
        queue.join(self)

    def ask(self, now: float) -> None:
        """Ask for a job, as who has failed has to; another slot may do so already.

        At most one slot of a worker does at a time (``waiting`` in ``worker.py``).
        """
        if self.looker.looking and not (self.process.closed or self.retired):
            self.queue.join(self)
        else:
            self.next(now)

    def abandon(self) -> SimJob | None:
        """Die with the worker: nothing that was to end will; the job that was being done."""
        job, self.job = self.job, None
        if job is not None or self.telling:
            self._ending.cancel()
            self._ending = Timer(self.rules.env, FINISH, self._done)
        else:
            self.queue.leave(self)
        self.telling = False
        return job

    def _done(self, _: simpy.Event) -> None:
        """End the attempt when the event loop comes to it, and take the next job."""
        rules = self.rules
        now = rules.env.now
        if self._in_line and self.process.loop_free_at > now:
            # It stands behind the cpu parts that wait now, not behind those that will come.
            self._in_line = False
            self._ending.set(self.process.loop_free_at - now)
            return
        if self.telling:  # Redis has heard of the failure
            self.telling = False
            self.ask(now)
            return
        job, self.job = self.job, None
        assert job is not None
        rules.ended(self, job, now)
        if self.failed and (rules.failure_s > 0 or rules.computes):
            self.telling = self._in_line = True
            self._ending.set(rules.failure_s)
        else:
            self.next(now)
