"""What BullMQ does beside a plain queue: late promotion, stalled jobs, and its own cost.

The rules are those of BullMQ's scripts, and tests run the same jobs on the real queue. Locks are
looked after in `simqueue.simulation.stalls`, where they can run out.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import simpy

from simqueue.results.attempt_log import FAILED, STALLED
from simqueue.simulation.model import Job, Model, Queue, Slot, Worker
from simqueue.simulation.stalls import Run, Stalls
from simqueue.simulation.waiting import DUE, FINISH, Wait
from simqueue.workload.production import Overhead
from simqueue.workload.workload import Kind, Workload


class BullQueue(Queue):
    """A waiting list, and the jobs of the delayed set whose time has come.

    A retry that is due is promoted to the tail of the list when some worker fetches, not before
    (``promoteDelayedJobs`` in ``moveToActive-11.lua``). Whoever arrives while every slot is busy
    is ahead of it.
    """

    idle: deque[BullSlot]  # type: ignore[assignment]

    def __init__(self, env: simpy.Environment, cost: Overhead, lifo: bool) -> None:
        super().__init__()
        self.env, self.pickup_s, self.retry_s = env, cost.pickup_s, cost.retry_s
        self.due: deque[Job] = deque()
        self.lost: list[Run] = []
        self.look_again_at = 0.0
        self.add = self.ready.appendleft if lifo else self.ready.append
        self._look_at = math.inf

    def put(self, job: Job) -> None:
        """Add a job; if a worker is idle, it picks the job up."""
        slot = self.next_idle() if self.idle and not self.ready else None
        if slot is not None:
            slot.pick_up(job, self.env.now + self.pickup_s)
        else:
            self.add(job)

    def put_due(self, job: Job) -> None:
        """Let a retry be due: an idle worker's timer ends now, else the next fetch will see it."""
        slot = self.next_idle() if self.idle else None
        if slot is not None:
            slot.pick_up(job, self.env.now + self.retry_s)
        else:
            self.due.append(job)

    def put_back(self, jobs: Iterable[Job]) -> None:
        """Put stalled jobs at the head, one before the other."""
        self.ready.extendleft(jobs)
        self._hand_out(self.pickup_s)

    def promote(self) -> None:
        """Move the jobs that are due to the tail, also where new jobs go to the head."""
        self.ready.extend(self.due)
        self.due.clear()

    def next_idle(self) -> BullSlot | None:
        """The slot that has been idle longest and can ask at once.

        If the event loops of all idle workers are held, the first whose turn comes will look.
        """
        now = self.env.now
        for _ in range(len(self.idle)):
            if self.idle[0].asks_at(now) <= now:
                return self.idle.popleft()
            self.idle.rotate(-1)
        first = min(self.idle, key=lambda slot: slot.asks_at(now))
        if (at := first.asks_at(now)) < self._look_at:
            self._look_at = at
            turn = Wait(self.env, at - now, DUE)
            turn.callbacks.append(lambda _: self._look(first.looker))
        return None

    def _look(self, looker: Looker) -> None:
        """It is a worker's turn to ask, whatever stands behind it in its event loop by now."""
        self._look_at = math.inf
        self.promote()
        slot = next((slot for slot in self.idle if slot.looker is looker), None)
        if slot is not None and self.ready:
            self.idle.remove(slot)
            slot.pick_up(self.ready.popleft(), self.env.now)
        self._hand_out(0.0)

    def _hand_out(self, after: float) -> None:
        """Let idle workers take what is ready."""
        while self.ready and self.idle:
            slot = self.next_idle()
            if slot is None:
                return
            slot.pick_up(self.ready.popleft(), self.env.now + after)

    def waiting(self) -> Iterator[Job]:
        """The jobs that are ready, promoted or not."""
        yield from self.ready
        yield from self.due


class BullWorker(Worker):
    """A worker process that may die; ``life`` counts its ends and starts.

    ``closed``: it was told to end, and takes no more jobs.
    """

    def __init__(self, number: int, model: BullModel) -> None:
        super().__init__(number)
        self.model = model
        self.slots: list[BullSlot] = []
        self.life = 0
        self.closed = False

    def finish_at(self, now: float, cpu: float, io: float) -> float:
        """When an attempt that starts now will end, if the event loop has time then."""
        free = (now if now > self.loop_free_at else self.loop_free_at) + cpu
        self.loop_free_at = free
        if free - now > self.model.patience_s:
            self.model.stalls.begin()
        return free + io

    @property
    def busy(self) -> bool:
        """Whether it has something to finish."""
        return any(slot.job is not None or slot.telling for slot in self.slots)

    def start_anew(self) -> None:
        """Be a new process: nothing holds its event loop, and no job that it got counts."""
        self.life += 1
        self.loop_free_at = self.model.env.now
        fresh = {slot.looker: Looker() for slot in self.slots}
        for slot in self.slots:
            slot.looker = fresh[slot.looker]


class Looker:
    """The slots of one worker for one queue: one of them at a time looks for a job."""

    def __init__(self) -> None:
        self.again_at = 0.0


class BullSlot(Slot):
    """A place for one job, with the job's lock.

    Attributes
    ----------
    looker
        What it has in common with the worker's other slots for its queue.
    job
        What is being done; ``None`` while idle.
    lost
        Whether the job was put back meanwhile: somebody else will do it too.
    telling
        Whether it still tells Redis of a failure.
    marked
        Whether the last look for stalled jobs marked it.
    renewed, lock_until
        Last renewal of some job's lock in this slot, and how long that lasts.
    """

    model: BullModel
    worker: BullWorker
    queue: BullQueue
    ending: Wait
    job: Job | None  # type: ignore[assignment]

    def __init__(
        self,
        model: BullModel,
        queue: BullQueue,
        worker: BullWorker,
        number: int,
        looker: Looker,
    ) -> None:
        super().__init__(model, queue, worker, number)
        self.looker = looker
        self.job = None
        self.lost = self.marked = self.telling = False
        self.renewed = self.lock_until = 0.0

    def asks_at(self, now: float) -> float:
        """When this slot can ask for a job.

        Who has just got one asks again right behind its cpu part. Who found nothing waits in
        Redis, and hears of a job when the event loop has done what is before it now.
        """
        again, free = self.looker.again_at, self.worker.loop_free_at
        return again if again > now else free if free > now else now

    def pick_up(self, job: Job, at: float) -> None:
        """Take a job that an idle worker has heard of."""
        if self.model.doomed and job in self.model.doomed:
            self.model.fail_unrun(job, self)
            self.next()
            return
        self.take(job, at)
        self.looker.again_at = self.worker.loop_free_at

    def take(self, job: Job, at: float | None = None) -> None:
        """Start an attempt at a job, now or a little later."""
        model = self.model
        now = model.env.now
        self.job, self.started = job, now if at is None else at
        ends, self.failed, self.has_io = model.begin(job, self.worker, self.started)
        self.ending = Wait(model.env, ends - now, FINISH)
        self.ending.callbacks.append(self.done)

    def done(self, _: simpy.Event) -> None:
        """End the attempt when the event loop comes to it, and take the next job."""
        model = self.model
        if self.has_io and self.worker.loop_free_at > model.env.now:
            # It stands behind the cpu parts that wait now, not behind those that will come.
            self.has_io = False
            self.ending = Wait(model.env, self.worker.loop_free_at - model.env.now, FINISH)
            self.ending.callbacks.append(self.done)
            return
        job, self.job = self.job, None
        assert job is not None
        if not model.stalls.began or model.stalls.may_finish(self, job):
            model.finish(self, job)
        if self.failed and model.failure_s > 0:
            self.telling = True
            self.ending = Wait(model.env, model.failure_s, FINISH)
            self.ending.callbacks.append(self.told)
        else:
            self.next()

    def told(self, _: simpy.Event) -> None:
        """Go on when Redis has heard of the failure."""
        self.telling = False
        self.next()

    def next(self) -> None:
        """Take the next job, or be idle; a job that stalled too often fails here, unrun."""
        queue = self.queue
        if self.worker.closed:
            return
        if queue.due:
            queue.promote()
        if not queue.ready:
            queue.idle.append(self)
        elif self.model.doomed and queue.ready[0] in self.model.doomed:
            self.model.fail_unrun(queue.ready.popleft(), self)
            self.next()
        else:
            self.take(queue.ready.popleft())


class BullModel(Model):
    """Production mode: BullMQ's queues, and worker processes that may die."""

    queues: dict[str, BullQueue]  # type: ignore[assignment]
    queue_of: list[BullQueue]  # type: ignore[assignment]

    def __init__(self, workload: Workload) -> None:
        bullmq = workload.scenario.bullmq
        cost = bullmq.overhead
        self.loop_s, self.service_s, self.failure_s = cost.loop_s, cost.service_s, cost.failure_s
        #: A loop that is held for longer may cost some job its lock.
        self.patience_s = bullmq.lock_duration_s / 4
        #: Jobs that stalled too often.
        self.doomed: set[Job] = set()
        #: Jobs whose follow-ups were added, once some job may run twice.
        self.followed: set[tuple[int, int, int]] = set()
        super().__init__(workload)
        self.stalls = Stalls(self)

    def open(self) -> None:
        """Give each worker its slots for each queue."""
        cost = self.scenario.bullmq.overhead
        self.queues = {
            name: BullQueue(self.env, cost, settings.lifo)
            for name, settings in self.scenario.queues.items()
        }
        self.queue_of = [self.queues[kind.queue] for kind in self.workload.kinds]
        self.workers = [BullWorker(n, self) for n in range(self.scenario.workers.count)]
        lookers: defaultdict[tuple[int, str], Looker] = defaultdict(Looker)
        # Idle workers take turns: one slot of each waits in Redis, and whoever has waited longest
        # is served first.
        for number in range(self.scenario.workers.concurrency):
            for worker in self.workers:
                for name, queue in self.queues.items():
                    if self.scenario.works_on(name):
                        looker = lookers[worker.number, name]
                        worker.slots.append(BullSlot(self, queue, worker, number, looker))

    def begin(self, job: Job, worker: Worker, now: float) -> tuple[float, bool, bool]:
        """Begin an attempt: when it will end, whether it will fail, whether it has io."""
        number = job.number
        cpu_s, io_s, fails, _ = self.workload.attempts(job.kind, job.attempt)
        io = io_s[number]
        ends = worker.finish_at(now + self.service_s, cpu_s[number] + self.loop_s, io)
        failed = fails[number] == 1
        for start, end in self.outages_of[job.kind]:
            failed = failed or start <= now < end
        return ends, failed, io > 0

    def postpone(self, job: Job, wait: float) -> None:
        """Put a job that failed into the delayed set; without backoff, back in line at once."""
        if wait > 0:
            super().postpone(job, wait)
            return
        queue = self.queue_of[job.kind]
        queue.promote()
        self.next_attempt(job)
        queue.put(job)

    def retry(self, job: Job) -> None:
        """Let the backoff of a job be over."""
        self.next_attempt(job)
        self.queue_of[job.kind].put_due(job)

    def stall(self, queue: BullQueue, runs: list[Run]) -> None:
        """Put jobs back whose locks ran out: no backoff, and the attempt does not count."""
        for run in runs:
            job = run.job
            self.record.add(job, run.started, self.env.now, STALLED, run.worker, run.slot)
            job.run, job.ready = job.run + 1, self.env.now
            job.stalls += 1
            if job.stalls > self.scenario.bullmq.max_stalled:
                self.doomed.add(job)
        queue.put_back(run.job for run in runs)

    def fail_unrun(self, job: Job, slot: Slot) -> None:
        """End a job for good without its handler (``deferredFailure`` in ``worker.py``)."""
        self.doomed.discard(job)
        self.record.add(job, np.nan, self.env.now, FAILED, slot.worker.number, slot.number)
        self.follow_up(job, "failed", slot.pass_on)

    def children(self, job: Job, kinds: Sequence[Kind]) -> list[Job]:
        """The jobs that follow; none if another run of ``job`` added them: ids are unique."""
        key = (job.kind, job.number, kinds[0].number)
        if self.stalls.began:
            if key in self.followed:
                return []
            self.followed.add(key)
        return super().children(job, kinds)
