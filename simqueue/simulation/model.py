"""The SimPy model: workers take jobs from queues, in virtual time.

Each slot of each worker takes the next job of its queue, spends the job's service time and sees to
what follows. The model keeps no statistics: it writes down every attempt, and whatever one wants to
know is computed from that afterwards.

Here is the plain queue. What BullMQ does beside is in `simqueue.simulation.bullmq`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence

import simpy

from simqueue.results.attempt_log import COMPLETED, FAILED, RETRIED
from simqueue.simulation.clients import Clients
from simqueue.simulation.record import Record
from simqueue.simulation.waiting import ARRIVAL, DUE, FINISH, Wait
from simqueue.workload.workload import Kind, Outcome, Workload


class Job:
    """A job on its way: its kind, the number of its root arrival, and the attempt it is at.

    ``run`` counts how often that attempt was started, ``stalls`` how often the job stalled.
    """

    __slots__ = ("attempt", "enqueued", "kind", "number", "ready", "run", "stalls")

    def __init__(self, kind: int, number: int, now: float) -> None:
        self.kind, self.number, self.attempt, self.run = kind, number, 1, 1
        self.enqueued = self.ready = now
        self.stalls = 0


class Queue:
    """Jobs that are ready, first in first out, and slots that are idle."""

    def __init__(self) -> None:
        self.ready: deque[Job] = deque()
        self.idle: deque[Slot] = deque()

    def put(self, job: Job) -> None:
        """Add a job at the tail; if slots are idle, the one that has been so longest takes it."""
        if self.idle:
            self.idle.popleft().take(job)
        else:
            self.ready.append(job)

    def waiting(self) -> Iterator[Job]:
        """The jobs that are ready and that nobody has taken."""
        yield from self.ready


class Worker:
    """A process whose slots share one event loop, which runs one cpu part after the other."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.loop_free_at = 0.0

    def finish_at(self, now: float, cpu: float, io: float) -> float:
        """When an attempt that starts now will end: cpu waits for the loop, io overlaps."""
        self.loop_free_at = (now if now > self.loop_free_at else self.loop_free_at) + cpu
        return self.loop_free_at + io


class Slot:
    """One of a worker's concurrent places: it does one job of its queue after the other."""

    def __init__(self, model: Model, queue: Queue, worker: Worker, number: int) -> None:
        self.model, self.queue, self.worker, self.number = model, queue, worker, number
        queue.idle.append(self)

    def take(self, job: Job) -> None:
        """Start an attempt at a job."""
        self.job, self.started = job, self.model.env.now
        lasts, self.failed = self.model.start(job, self.worker, self.started)
        Wait(self.model.env, lasts, FINISH).callbacks.append(self.done)

    def done(self, _: simpy.Event) -> None:
        """End the attempt, and take the next job."""
        self.model.finish(self, self.job)
        self.next()

    def pass_on(self, jobs: list[Job]) -> None:
        """Add the jobs that follow the one just done."""
        for job in jobs:
            self.model.queue_of[job.kind].put(job)

    def next(self) -> None:
        """Take the next job, or be idle."""
        if self.queue.ready:
            self.take(self.queue.ready.popleft())
        else:
            self.queue.idle.append(self)


class Model:
    """Queues, and workers that take jobs from them.

    Attributes
    ----------
    env
        SimPy's environment: the virtual time and what is to happen.
    record
        The attempts, in the order in which they ended.
    """

    def __init__(self, workload: Workload) -> None:
        self.workload = workload
        self.scenario = workload.scenario
        self.env = simpy.Environment()
        self.record = Record()
        self.queues = {name: Queue() for name in self.scenario.queues}
        self.queue_of = [self.queues[kind.queue] for kind in workload.kinds]
        self.settings_of = [self.scenario.queues[kind.queue] for kind in workload.kinds]
        self.outages_of = [settings.outages for settings in self.settings_of]
        self.open()
        self.clients = Clients(self) if workload.resends else None
        self.env.process(self.arrivals())

    def open(self) -> None:
        """Give each worker its slots for each queue."""
        for number in range(self.scenario.workers.count):
            worker = Worker(number)
            for name, queue in self.queues.items():
                if self.scenario.works_on(name):
                    for slot in range(self.scenario.workers.concurrency):
                        Slot(self, queue, worker, slot)

    def arrivals(self) -> Generator[simpy.Event, None, None]:
        """Add every job that a request brings, at its time."""
        env = self.env
        arrive = self.clients.ask if self.clients else self.arrive
        times, kinds, numbers = (column.data for column in self.workload.arrivals)
        for time, kind, number in zip(times, kinds, numbers, strict=True):
            yield Wait(env, time - env.now, ARRIVAL)
            arrive(kind, number)

    def arrive(self, kind: int, number: int) -> None:
        """Add the job of ``kind`` of root arrival ``number`` to its queue."""
        self.queue_of[kind].put(Job(kind, number, self.env.now))

    def start(self, job: Job, worker: Worker, now: float) -> tuple[float, bool]:
        """Begin an attempt: how long it will take, and whether it will fail."""
        number = job.number
        cpu_s, io_s, fails, _ = self.workload.attempts(job.kind, job.attempt)
        lasts = worker.finish_at(now, cpu_s[number], io_s[number]) - now
        failed = fails[number] == 1
        for start, end in self.outages_of[job.kind]:
            failed = failed or start <= now < end
        return lasts, failed

    def finish(self, slot: Slot, job: Job) -> None:
        """End an attempt: write it down, and see to the retry or to the jobs that follow."""
        now = self.env.now
        wait = self.backoff(job) if slot.failed else None
        outcome = COMPLETED if not slot.failed else FAILED if wait is None else RETRIED
        self.record.add(job, slot.started, now, outcome, slot.worker.number, slot.number)
        if wait is None:
            self.follow_up(job, "failed" if slot.failed else "completed", slot.pass_on)
        else:
            self.postpone(job, wait)

    def follow_up(self, job: Job, outcome: Outcome, add: Callable[[list[Job]], None]) -> None:
        """``add`` the jobs that follow the final outcome of a job."""
        if self.clients is not None:
            self.clients.answer(job)
        kinds = self.workload.follow_ups(job.kind, outcome)
        if kinds:
            add(self.children(job, kinds))

    def children(self, job: Job, kinds: Sequence[Kind]) -> list[Job]:
        """The jobs of ``kinds`` that descend from ``job``, to be added now."""
        return [Job(kind.number, job.number, self.env.now) for kind in kinds]

    def postpone(self, job: Job, wait: float) -> None:
        """Let a job that failed wait until its retry is due."""
        Wait(self.env, wait, DUE).callbacks.append(lambda _: self.retry(job))

    def backoff(self, job: Job) -> float | None:
        """How long a job that has just failed waits; ``None``: it is not tried again."""
        return self.workload.wait_s(job.kind, job.number, job.attempt)

    def retry(self, job: Job) -> None:
        """Put a job whose backoff is over at the tail of its queue."""
        self.next_attempt(job)
        self.queue_of[job.kind].put(job)

    def next_attempt(self, job: Job) -> None:
        """Have a job ready for its next attempt."""
        job.attempt, job.run, job.ready = job.attempt + 1, 1, self.env.now

    def run(self, until: float | None = None) -> None:
        """Let everything happen that will, or what will before ``until``."""
        self.env.run(until)

    def waiting(self) -> Iterator[Job]:
        """The jobs that are ready and that nobody has taken."""
        for queue in self.queues.values():
            yield from queue.waiting()


class Caller(Slot):
    """A request that the web process serves: a job, and then whatever follows it."""

    def __init__(self, model: Model, queue: Queue, worker: Worker, number: int) -> None:
        super().__init__(model, queue, worker, number)
        self.to_do: deque[Job] = deque()

    def pass_on(self, jobs: list[Job]) -> None:
        """Put the jobs that follow first among what is left to do."""
        self.to_do.extendleft(reversed(jobs))

    def next(self) -> None:
        """Do what is left of this request before the next one."""
        if self.to_do:
            self.take(self.to_do.popleft())
        else:
            super().next()


class TrainingModel(Model):
    """In-process mode: a web process does each job, and what follows, within the request.

    A failed job is not tried again. Requests that find all callers busy wait their turn.
    """

    def open(self) -> None:
        """Give the web process as many callers as it serves requests at once."""
        requests, web = Queue(), Worker(0)
        self.queues = {"requests": requests}
        self.queue_of = [requests for _ in self.workload.kinds]
        for number in range(self.scenario.caller.concurrency):
            Caller(self, requests, web, number)

    def backoff(self, job: Job) -> None:
        """One attempt is all there is."""
