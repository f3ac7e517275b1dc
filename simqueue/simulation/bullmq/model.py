"""Production mode: BullMQ's queues, and worker processes that may die."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from simqueue.record.attempt_log import FAILED, STALLED
from simqueue.simulation.bullmq.locks import LostRun
from simqueue.simulation.bullmq.queue import Looker, Queue
from simqueue.simulation.bullmq.stalls import Stalls
from simqueue.simulation.bullmq.worker import Slot, Worker
from simqueue.simulation.core import Model
from simqueue.simulation.job import SimJob
from simqueue.workload.workload import Kind, Workload


class BullMQ(Model):
    """One replication of a scenario on BullMQ.

    Attributes
    ----------
    queues, queue_of
        By name, and by the kind of their jobs.
    workers
        The worker processes.
    doomed
        Jobs that stalled too often.
    """

    def __init__(self, workload: Workload) -> None:
        super().__init__(workload)
        scenario, bullmq = self.scenario, self.scenario.bullmq
        cost = bullmq.overhead
        self.loop_s, self.service_s, self.failure_s = cost.loop_s, cost.service_s, cost.failure_s
        self.patience_s = bullmq.lock_duration_s / 4
        self.doomed: set[SimJob] = set()
        #: Jobs whose follow-ups were added, once some job may run twice.
        self._followed: set[tuple[int, int, int]] = set()
        self.queues = {
            name: Queue(self.env, cost, settings.lifo, self.retry)
            for name, settings in scenario.queues.items()
        }
        self.queue_of = [self.queues[kind.queue] for kind in workload.kinds]
        self.workers = [Worker(number) for number in range(scenario.workers.count)]
        self._open_slots()
        self._stalls = Stalls(self, self.workers, bullmq, scenario.workers.crashes)

    def _open_slots(self) -> None:
        """Give each worker its slots for each queue.

        Idle workers take turns: one slot of each waits in Redis, and whoever has waited longest
        is served first.
        """
        lookers: defaultdict[tuple[int, str], Looker] = defaultdict(Looker)
        for number in range(self.scenario.workers.concurrency):
            for worker in self.workers:
                for name, queue in self.queues.items():
                    if self.scenario.works_on(name):
                        looker = lookers[worker.number, name]
                        worker.slots.append(Slot(self, queue, worker, number, looker))

    def put(self, job: SimJob, now: float) -> None:
        """Add a job to its queue."""
        self.queue_of[job.kind].put(job, now)

    def waiting(self) -> Iterator[SimJob]:
        """The jobs that are ready, queue by queue, and those that workers are picking up."""
        for queue in self.queues.values():
            yield from queue.waiting()
        for worker in self.workers:
            yield from (s.job for s in worker.slots if s.job and s.started > self.env.now)

    @property
    def more_to_come(self) -> bool:
        """Whether some worker will have something to do yet."""
        unserved = sum(
            len(queue.ready)
            for name, queue in self.queues.items()
            if not self.scenario.works_on(name)
        )
        return self.more_arrivals or self.unfinished > unserved

    def ended(self, slot: Slot, job: SimJob, now: float) -> None:
        """See to an attempt that came to its end, if it still holds its job's lock."""
        if not self._stalls.began or self._stalls.may_finish(slot, job):
            self.finish(slot, job, now)

    def watch_locks(self) -> None:
        """Some lock may run out from now on."""
        self._stalls.begin()

    def postpone(self, job: SimJob, wait: float) -> None:
        """Put a job that failed into the delayed set; without backoff, back in line at once."""
        queue = self.queue_of[job.kind]
        if wait > 0:
            queue.delay(job, wait)
            return
        now = self.env.now
        queue.promote()
        job.next_attempt(now)
        queue.put(job, now)

    def retry(self, job: SimJob) -> None:
        """Let the backoff of a job be over: it is due in the millisecond that has begun."""
        job.next_attempt(job.ready)
        self.queue_of[job.kind].due.append(job)

    def stall(self, queue: Queue, runs: Sequence[LostRun]) -> None:
        """Put jobs back whose locks ran out: no backoff, and the attempt does not count."""
        for run in runs:
            job = run.job
            self.rows.add(job, run.started, self.env.now, STALLED, run.worker, run.slot)
            job.run, job.ready = job.run + 1, self.env.now
            job.stalls += 1
            if job.stalls > self.scenario.bullmq.max_stalled:
                self.doomed.add(job)
        queue.put_back(run.job for run in runs)

    def fail_unrun(self, job: SimJob, slot: Slot) -> None:
        """End a job for good without its handler (``deferredFailure`` in ``worker.py``)."""
        self.doomed.discard(job)
        self.rows.add(job, np.nan, self.env.now, FAILED, slot.process.number, slot.number)
        self.unfinished -= 1
        self.follow_up(job, "failed", slot)

    def children(self, job: SimJob, kinds: Sequence[Kind]) -> list[SimJob]:
        """The jobs that follow; none if another run of ``job`` added them: ids are unique."""
        key = (job.kind, job.number, kinds[0].number)
        if self._stalls.began:
            if key in self._followed:
                return []
            self._followed.add(key)
        return super().children(job, kinds)
