"""Production mode: BullMQ's queues, and worker processes that may die."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence, Sized
from dataclasses import replace

import numpy as np

from simqueue.policies import Outcome
from simqueue.record.attempt_log import FAILED, STALLED, AttemptLog
from simqueue.simulation.bullmq.calling_slot import CallingSlot
from simqueue.simulation.bullmq.cores import Cores
from simqueue.simulation.bullmq.fleet import Fleet
from simqueue.simulation.bullmq.flows import Flows
from simqueue.simulation.bullmq.free_loops import FreeLoops
from simqueue.simulation.bullmq.gated_loops import GatedLoops
from simqueue.simulation.bullmq.held_loops import HeldLoops
from simqueue.simulation.bullmq.lists import Gate, Gated, Prioritized, Waiting
from simqueue.simulation.bullmq.locks import LostRun
from simqueue.simulation.bullmq.one_loop import OneLoop
from simqueue.simulation.bullmq.queue import Looker, Queue
from simqueue.simulation.bullmq.sandbox import SandboxedSlot
from simqueue.simulation.bullmq.scaling import Scaling
from simqueue.simulation.bullmq.schedulers import Schedulers
from simqueue.simulation.bullmq.stalls import Stalls
from simqueue.simulation.bullmq.worker import Slot, Worker
from simqueue.simulation.core import Model, Place
from simqueue.simulation.door import Door
from simqueue.simulation.job import SimJob
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Kind, Workload


class BullMQ(Model):
    """One replication of a scenario on BullMQ.

    Attributes
    ----------
    queues, queue_of
        By name, and by the kind of their jobs.
    fleet
        The worker processes.
    doomed
        Jobs that stalled too often.
    """

    flows: Flows | None

    def __init__(self, workload: Workload) -> None:
        super().__init__(workload)
        scenario, bullmq = self.scenario, self.scenario.bullmq
        cost = bullmq.overhead
        self.loop_s, self.service_s, self.failure_s = cost.loop_s, cost.service_s, cost.failure_s
        self.patience_s = bullmq.lock_duration_s / 4
        self.doomed: set[SimJob] = set()
        #: Jobs whose follow-ups were added, once some job may run twice.
        self._followed: set[tuple[int, int, int]] = set()
        self.flows = Flows(self) if workload.has_flows else None
        settings = scenario.queues.values()
        self._gated = any(one.gated for one in settings)
        self.computes = self._gated or any(one.computes for one in settings)
        self._delays_s = delays_of(workload)
        self._plain = self.flows is None and not self._delays_s
        self._priorities = priorities_of(workload)
        self.queues: dict[str, Queue] = {name: self._queue(name) for name in scenario.queues}
        for queue in self.queues.values():
            queue.redis_wakes = bullmq.client == "node"
        self.queue_of = [self.queues[kind.queue] for kind in workload.kinds]
        if workload.scheduled:
            self.brings = Schedulers(self).watching(self.brings)
        self._cores = {
            name: Cores(self.env, pool.cores or 1) for name, pool in scenario.worker_pools.items()
        }
        kinds = workload.kinds
        self._calls = {kinds[number].queue: called for number, called in self.called.items()}
        self._stalls = Stalls(self, list(self.queues.values()), bullmq)
        self.fleet = Fleet(self, self._stalls, self.queues, scenario.worker_pools)
        self._scaling = [
            Scaling(self, crew, crew.pool.autoscale)
            for crew in self.fleet.crews
            if crew.pool.autoscale
        ]
        if any(stream.max_waiting is not None for stream in scenario.arrivals.values()):
            self.door = Door(self)

    def _queue(self, name: str) -> Queue:
        """A queue with the lists that its settings ask for."""
        settings = self.scenario.queues[name]
        rest = self.env, self.scenario.bullmq.overhead, settings.lifo, self.retry
        most = self.scenario.bullmq.max_stalled
        jobs: Waiting = Prioritized(self._priority) if settings.prioritized else deque()
        if not settings.gated:
            return loops_of(self.scenario, name)(*rest, jobs)
        gate = Gate(
            self.env,
            settings.limiter,
            settings.global_concurrency,
            settings.paused,
            counts=lambda job: job.stalls <= most,
        )
        wakes = self.scenario.bullmq.client == "python"
        return GatedLoops(*rest, Gated(jobs, gate), wakes=wakes)

    def _priority(self, job: SimJob) -> int:
        priority: int = self._priorities[job.kind][job.number]
        return priority

    def open_slot(self, pool: str, queue: str, worker: Worker, number: int, looker: Looker) -> Slot:
        """A slot of a worker of a pool, as the queue's jobs need it."""
        its = self.queues[queue]
        if self.scenario.queues[queue].sandbox:
            return SandboxedSlot(self, its, worker, number, looker, self._cores[pool])
        if queue in self._calls:
            return CallingSlot(self, its, worker, number, looker, self._calls[queue])
        return Slot(self, its, worker, number, looker)

    def put(self, job: SimJob, now: float) -> None:
        """Add a job to its queue; one that has children waits for them first."""
        if self._plain:
            self.queue_of[job.kind].put(job, now)
        elif self.flows is None or not self.flows.add(job):
            self._add(job, now)

    def _add(self, job: SimJob, now: float) -> None:
        """Add a job to its queue; one with a delay, to the delayed set."""
        if self._delays_s and (delay := self._delays_s[job.kind][job.number]):
            job.attempt = 0  # it is due for its first attempt as a retry is for its next
            self.queue_of[job.kind].delay(job, delay)
        else:
            self.queue_of[job.kind].put(job, now)

    def put_together(self, jobs: Sequence[SimJob]) -> None:
        """Add jobs in one transaction."""
        of_queue: dict[Queue, list[SimJob]] = {}
        for job in jobs:
            if self._delays_s and self._delays_s[job.kind][job.number]:
                self._add(job, self.env.now)
            else:
                of_queue.setdefault(self.queue_of[job.kind], []).append(job)
        for queue, ones in of_queue.items():
            queue.put_all(ones)

    def release(self, job: SimJob) -> None:
        """Have a parent be ready that has waited for its children.

        It goes to the head of its list, or among those of its priority, or is delayed
        (``moveParentToWait`` in ``moveToFinished-14.lua``).
        """
        if self._delays_s and self._delays_s[job.kind][job.number]:
            self._add(job, self.env.now)
        else:
            self.queue_of[job.kind].put_first(job)

    def line(self, kind: int) -> Sized:
        """The waiting list of the queue of a kind of jobs."""
        return self.queue_of[kind].ready

    def turned_away(self, job: SimJob) -> None:
        """Let whoever waits for a job know that nobody will do it."""
        if self.clients is not None:
            self.clients.answer(job)
        if self.customers is not None:
            self.customers.answer(job, turned_away=True)

    def settled(self, job: SimJob) -> None:
        """Let a customer know that a job has its final outcome."""
        if self.customers is not None:
            self.customers.answer(job)

    def waiting(self) -> Iterator[SimJob]:
        """The jobs that are ready, queue by queue, and those that workers are picking up.

        After them the parents that wait for children.
        """
        for queue in self.queues.values():
            yield from queue.waiting()
        for worker in self.fleet.workers:
            yield from (s.job for s in worker.slots if s.job and s.started > self.env.now)
        if self.flows is not None:
            yield from self.flows.waiting()

    @property
    def over(self) -> bool:
        """Whether all jobs have come, and have their final outcomes or wait for ever."""
        return not (self.more_arrivals or self.thinking or self.unfinished > self._held)

    @property
    def _held(self) -> int:
        """Parents that wait for children: where nobody else is unfinished, in vain."""
        return self.flows.held if self.flows is not None else 0

    @property
    def more_to_come(self) -> bool:
        """Whether some worker will have something to do yet."""
        unserved = sum(
            len(queue.ready) for name, queue in self.queues.items() if not self.fleet.serves(name)
        )
        return self.more_arrivals or self.thinking > 0 or self.unfinished > unserved + self._held

    def ended(self, slot: Slot, job: SimJob, now: float) -> None:
        """See to an attempt that came to its end, if it still holds its job's lock.

        A job that depends on children cannot complete (-4 of ``moveToFinished-14.lua``).
        """
        if self.flows is not None and not slot.failed and self.flows.has_pending(job):
            slot.failed = True
        if not self._stalls.began or self._stalls.may_finish(slot, job):
            if self._gated:
                slot.queue.ended()
            self.finish(slot, job, now)

    def leaves(self, worker: Worker) -> None:
        """A worker that was told to end has a slot less to wait for."""
        self.fleet.leaves(worker)

    def log(self) -> AttemptLog:
        """What has happened so far; who worked is in it."""
        return replace(super().log(), **self.fleet.record(self.workload.replication))

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

    def follow_up(self, job: SimJob, outcome: Outcome, place: Place) -> None:
        """Add the jobs that follow the final outcome of a job; a client may have waited for it."""
        if self.clients is not None:
            self.clients.answer(job)
        super().follow_up(job, outcome, place)

    def fail_unrun(self, job: SimJob, slot: Slot) -> None:
        """End a job for good without its handler (``deferredFailure`` in ``worker.py``)."""
        self.doomed.discard(job)
        slot.queue.ended()
        self.rows.add(job, np.nan, self.env.now, FAILED, slot.process.number, slot.number)
        self.settle(job, "failed", slot)

    def children(self, job: SimJob, kinds: Sequence[Kind]) -> list[SimJob]:
        """The jobs that follow; none if another run of ``job`` added them: ids are unique."""
        key = (job.kind, job.number, kinds[0].number)
        if self._stalls.began:
            if key in self._followed:
                return []
            self._followed.add(key)
        return super().children(job, kinds)


def loops_of(scenario: Scenario, queue: str) -> type[FreeLoops | HeldLoops]:
    """Who asks for a queue's jobs: it matters only where event loops are held, or it is gated."""
    if scenario.queues[queue].gated:
        return GatedLoops
    if not scenario.computes:
        return FreeLoops
    crews = [pool for pool in scenario.worker_pools.values() if pool.slots_for(queue)]
    alone = all(pool.constant for pool in crews) and sum(pool.most for pool in crews) <= 1
    return OneLoop if alone else HeldLoops


def delays_of(workload: Workload) -> Mapping[int, memoryview]:
    """Seconds that each job is delayed, by kinds; nothing if none is."""
    queues = workload.scenario.queues
    delayed = any(part.delay is not None for one in queues.values() for _, part in one.parts)
    return {kind.number: workload.delay_s(kind).data for kind in workload.kinds if delayed}


def priorities_of(workload: Workload) -> Mapping[int, memoryview]:
    """The priority of each job, by the kinds that have some."""
    queues = workload.scenario.queues
    return {
        kind.number: workload.priority_of(kind).data
        for kind in workload.kinds
        if queues[kind.queue].prioritized
    }
