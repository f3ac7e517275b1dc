"""The SimPy model: workers take jobs from queues, in virtual time.

One process for each slot of each worker takes the next job of its queue, spends the job's service
time and sees to what follows. The model keeps no statistics: it writes down every attempt, and
whatever one wants to know is computed from that afterwards.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from typing import Any

import simpy
from simpy.events import EventPriority

from simqueue.policies import next_step
from simqueue.results.attempt_log import COMPLETED, FAILED, RETRIED
from simqueue.simulation.record import Record
from simqueue.workload.workload import Outcome, Workload

#: What comes first at one moment: an attempt ends, then a retry is due, then a job arrives.
FINISH, DUE, ARRIVAL = map(EventPriority, (1, 2, 3))

Steps = Generator[simpy.Event, Any, None]


class Wait(simpy.Event):
    """A time to wait, with a rank among what happens at the same moment."""

    def __init__(self, env: simpy.Environment, delay: float, rank: EventPriority) -> None:
        self.env, self.callbacks = env, []
        self._ok, self._value = True, None
        env.schedule(self, rank, delay)


class Job:
    """A job on its way: its kind, the number of its root arrival, and the attempt it is at."""

    __slots__ = ("attempt", "enqueued", "kind", "number", "ready")

    def __init__(self, kind: int, number: int, now: float) -> None:
        self.kind, self.number, self.attempt = kind, number, 1
        self.enqueued = self.ready = now


class Queue:
    """Jobs that are ready, first in first out, and the slots that wait for one."""

    def __init__(self, env: simpy.Environment) -> None:
        self.env = env
        self.ready: deque[Job] = deque()
        self.idle: deque[simpy.Event] = deque()

    def put(self, job: Job) -> None:
        """Add a job at the tail; if slots are idle, the one that has been so longest takes it."""
        if self.idle:
            self.idle.popleft().succeed(job)
        else:
            self.ready.append(job)

    def wait(self) -> simpy.Event:
        """What an idle slot waits for: its value will be the job."""
        event = self.env.event()
        self.idle.append(event)
        return event


class Worker:
    """A process whose slots share one event loop, which runs one cpu part after the other."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.loop_free_at = 0.0

    def finish_at(self, now: float, cpu: float, io: float) -> float:
        """When an attempt that starts now will end: cpu waits for the loop, io overlaps."""
        self.loop_free_at = max(self.loop_free_at, now) + cpu
        return self.loop_free_at + io


class Model:
    """Production mode: queues, and workers that take jobs from them.

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
        self.queues = {name: Queue(self.env) for name in self.scenario.queues}
        self.queue_of = [self.queues[kind.queue] for kind in workload.kinds]
        self.settings_of = [self.scenario.queues[kind.queue] for kind in workload.kinds]
        self.env.process(self.arrivals())
        self.open()

    def open(self) -> None:
        """Start a process for each slot of each worker."""
        for number in range(self.scenario.workers.count):
            worker = Worker(number)
            for name, queue in self.queues.items():
                if self.scenario.works_on(name):
                    for slot in range(self.scenario.workers.concurrency):
                        self.env.process(self.slot(queue, worker, slot))

    def arrivals(self) -> Steps:
        """Add every job that a request brings, at its time."""
        env = self.env
        times, kinds, numbers = (column.data for column in self.workload.arrivals)
        for time, kind, number in zip(times, kinds, numbers, strict=True):
            yield Wait(env, time - env.now, ARRIVAL)
            self.add(Job(kind, number, env.now))

    def add(self, job: Job) -> None:
        """Put a job in its queue."""
        self.queue_of[job.kind].put(job)

    def slot(self, queue: Queue, worker: Worker, number: int) -> Steps:
        """One concurrent place of a worker: it does one job of its queue after the other."""
        env = self.env
        while True:
            job = queue.ready.popleft() if queue.ready else (yield queue.wait())
            started = env.now
            lasts, failed = self.start(job, worker)
            yield Wait(env, lasts, FINISH)
            self.finish(job, failed, started, worker.number, number)

    def start(self, job: Job, worker: Worker) -> tuple[float, bool]:
        """Begin an attempt: how long it will take, and whether it will fail."""
        now, number = self.env.now, job.number
        drawn = self.workload.attempts(job.kind, job.attempt)
        lasts = worker.finish_at(now, drawn.cpu_s[number], drawn.io_s[number]) - now
        outages = self.settings_of[job.kind].outages
        down = outages and any(start <= now < end for start, end in outages)
        return lasts, bool(down or drawn.fails[number])

    def finish(self, job: Job, failed: bool, started: float, worker: int, slot: int) -> None:
        """End an attempt: write it down, and see to the retry or to the jobs that follow."""
        if not failed:
            self.record.add(job, started, self.env.now, COMPLETED, worker, slot)
            self.follow(job, "completed")
            return
        policy = self.settings_of[job.kind]
        jitter = self.workload.attempts(job.kind, job.attempt).jitter[job.number]
        wait = next_step(policy, job.attempt, "failed", jitter)
        outcome = FAILED if wait is None else RETRIED
        self.record.add(job, started, self.env.now, outcome, worker, slot)
        if wait is None:
            self.follow(job, "failed")
        else:
            self.delay(job, wait)

    def delay(self, job: Job, wait: float) -> None:
        """Put a failed job back at the tail of its queue once its backoff is over."""

        def due(_: simpy.Event) -> None:
            job.attempt += 1
            job.ready = self.env.now
            self.add(job)

        Wait(self.env, wait, DUE).callbacks.append(due)

    def follow(self, job: Job, outcome: Outcome) -> None:
        """Add the jobs that a final outcome brings."""
        for kind in self.workload.follow_ups(job.kind, outcome):
            self.add(Job(kind.number, job.number, self.env.now))

    def run(self, until: float | None = None) -> None:
        """Let everything happen that will, or what will before ``until``."""
        self.env.run(until)

    def waiting(self) -> Iterator[Job]:
        """The jobs that are ready and that nobody has taken."""
        for queue in self.queues.values():
            yield from queue.ready


class TrainingModel(Model):
    """In-process mode: a web process does each job, and what follows, within the request.

    A failed job is not tried again. Requests that find all callers busy wait their turn.
    """

    def open(self) -> None:
        """Start a process for each request that the web process serves at once."""
        self.requests = Queue(self.env)
        self.queue_of = [self.requests for _ in self.workload.kinds]
        web = Worker(0)
        for slot in range(self.scenario.caller.concurrency):
            self.env.process(self.caller(web, slot))

    def caller(self, web: Worker, slot: int) -> Steps:
        """One request after the other."""
        while True:
            requests = self.requests
            job = requests.ready.popleft() if requests.ready else (yield requests.wait())
            yield from self.serve(job, web, slot)

    def serve(self, job: Job, web: Worker, slot: int) -> Steps:
        """Do a job, and then each that follows it."""
        started = self.env.now
        lasts, failed = self.start(job, web)
        yield Wait(self.env, lasts, FINISH)
        now = self.env.now
        self.record.add(job, started, now, FAILED if failed else COMPLETED, web.number, slot)
        for kind in self.workload.follow_ups(job.kind, "failed" if failed else "completed"):
            yield from self.serve(Job(kind.number, job.number, self.env.now), web, slot)

    def waiting(self) -> Iterator[Job]:
        """The requests that nobody has served."""
        yield from self.requests.ready
