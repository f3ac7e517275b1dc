"""Renewals, the look for stalled jobs, and workers that die.

A lock can run out only if its worker dies or its event loop is held for long. Until the first of
these can happen nothing here runs, so that nobody pays for timers that would find nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import simpy

from simqueue.policies import Outcome
from simqueue.simulation.bullmq.locks import TINY_S, Locks, LostRun
from simqueue.simulation.bullmq.queue import Queue
from simqueue.simulation.bullmq.worker import Slot, Worker
from simqueue.simulation.job import SimJob
from simqueue.simulation.waiting import DUE, Wait
from simqueue.workload.production import BullMQSettings


class Jobs(Protocol):
    """What the look for stalled jobs needs of the model."""

    env: simpy.Environment

    @property
    def more_to_come(self) -> bool:
        """Whether some worker will have something to do yet."""

    def backoff_s(self, job: SimJob, failed: int) -> float | None:
        """How long a job that has just failed waits; ``None``: for good."""

    def follow_up(self, job: SimJob, outcome: Outcome, place: Slot) -> None:
        """Add the jobs that follow."""

    def stall(self, queue: Queue, runs: Sequence[LostRun]) -> None:
        """Put jobs back."""


class Stalls:
    """What BullMQ does so that no job is lost with its worker.

    A job's lock lasts ``lock_duration_s``. Its worker looks at its locks every quarter of that
    and renews those a quarter old (``lock_manager.py``). Every ``stalled_interval_s`` one
    worker looks over the active jobs of a queue: those that were marked the last time and have no
    lock go back to the head; all others are marked, and a renewal takes the mark away
    (``moveStalledJobsToWait-9.lua``).
    """

    def __init__(self, jobs: Jobs, queues: Sequence[Queue], settings: BullMQSettings) -> None:
        self._jobs, self._env, self._settings = jobs, jobs.env, settings
        self._workers: list[Worker] = []
        self._slots: list[Slot] = []
        self._locks = Locks(settings.lock_duration_s)
        self._lost: dict[Queue, list[LostRun]] = {queue: [] for queue in queues}
        self._look_again_at = dict.fromkeys(queues, 0.0)
        self.began = False

    def add(self, worker: Worker) -> None:
        """See to the jobs of a further worker, which has its slots."""
        self._workers.append(worker)
        self.add_slots(worker.slots)

    def add_slots(self, slots: Sequence[Slot]) -> None:
        """See to the jobs of further slots of a worker."""
        self._slots += slots
        self._locks.add(slots)

    def begin(self) -> None:
        """Start all timers, as if they had run from the start."""
        if self.began:
            return
        self.began = True
        lasts, now = self._locks.lasts_s, self._env.now
        for worker in self._workers:
            if worker.closed and not worker.busy:
                continue
            last_look = now - (now - worker.started) % (lasts / 4)
            for slot in worker.slots:
                if slot.job is not None and slot.started + lasts / 4 < last_look:
                    lock = self._locks.of(slot)
                    lock.renewed, lock.until = last_look, last_look + lasts
            self._attend(worker, worker.started)

    def may_finish(self, slot: Slot, job: SimJob) -> bool:
        """Whether a run that came to its end still holds its job's lock.

        Without it BullMQ refuses the end ("Missing lock"), and the job stays active until it is
        found to have stalled. By then the follow-ups of a run that was to be the last have been
        added.
        """
        lock = self._locks.of(slot)
        if not lock.lost and self._env.now < self._locks.until(slot):
            lock.marked = False
            return True
        if not lock.lost:
            self._lost[slot.queue].append(self._locks.lost_run(slot, job))
        if not slot.failed:
            self._jobs.follow_up(job, "completed", slot)
        elif self._jobs.backoff_s(job, slot.failed) is None:
            self._jobs.follow_up(job, "failed", slot)
        self._locks.forget(slot)
        return False

    def die(self, worker: Worker) -> None:
        """End a worker as ``kill -9`` does."""
        now = self._env.now
        worker.life += 1
        for slot in worker.slots:
            if slot.job is None:
                slot.abandon()
        for slot in worker.slots:
            started, job = slot.started, slot.abandon()
            if job is None:
                continue
            if started > now:
                slot.queue.put_back([job])
            elif not self._locks.of(slot).lost:
                self._lost[slot.queue].append(self._locks.lost_run(slot, job))
            self._locks.forget(slot)

    def drain(self, worker: Worker) -> None:
        """Tell a worker to end: it takes no more jobs, and goes on to renew its locks."""
        worker.closed = True
        for slot in worker.slots:
            slot.queue.leave(slot)

    def come_up(self, worker: Worker) -> None:
        """Start a worker, in the place of one that has ended if there was one."""
        old_one_is_there = worker.closed and worker.busy
        worker.closed = False
        if not old_one_is_there:
            worker.start_anew(self._env.now)
            if self.began:
                self._attend(worker, self._env.now)
        for slot in worker.slots:
            if slot.job is None and not slot.telling:
                slot.next(self._env.now)

    def _attend(self, worker: Worker, started: float) -> None:
        """Start the timers of a worker that came up at ``started``."""
        quarter, interval = self._locks.lasts_s / 4, self._settings.stalled_interval_s
        # A timer that sleeps a quarter at a time comes a little later than one that sleeps once.
        self._repeat(worker, started + TINY_S, quarter, self._renew)
        if self._settings.client == "node" and started == self._env.now:
            self._look(worker)
        self._repeat(worker, started, interval, self._look)

    def _repeat(
        self, worker: Worker, started: float, period: float, act: Callable[[Worker], None]
    ) -> None:
        """Have ``act`` done every ``period`` while the worker lives, when its loop has time."""
        life = worker.life

        def again(wait: float, *, waited: bool = False) -> None:
            self._at(self._env.now + wait, lambda: fire(waited))

        def fire(waited: bool) -> None:
            if worker.life != life:
                return
            held = worker.loop_free_at - self._env.now
            if held > 0 and not waited:
                again(held, waited=True)
                return
            act(worker)
            if self._jobs.more_to_come:
                again(period)

        passed = math.floor((self._env.now - started) / period)
        again(started + (passed + 1) * period - self._env.now)

    def _at(self, moment: float, act: Callable[[], None]) -> None:
        Wait(self._env, moment - self._env.now, DUE, lambda _: act())

    def _renew(self, worker: Worker) -> None:
        """Renew the locks of a worker's jobs that are old enough."""
        for slot in worker.slots:
            self._locks.renew(slot, self._env.now)

    def _look(self, worker: Worker) -> None:
        """Look for stalled jobs, unless somebody has done so within the interval."""
        if worker.closed and not worker.busy:
            return  # it has ended
        now = self._env.now
        for queue in dict.fromkeys(slot.queue for slot in worker.slots):
            if now >= self._look_again_at[queue] - TINY_S:
                self._look_again_at[queue] = now + self._settings.stalled_interval_s
                self._look_over(queue)

    def _look_over(self, queue: Queue) -> None:
        now, lost = self._env.now, self._lost[queue]
        stalled = [run for run in lost if run.marked and run.lock_until <= now]
        lost[:] = [run for run in lost if not (run.marked and run.lock_until <= now)]
        for run in lost:
            run.marked = True
        for slot in self._slots:
            lock = self._locks.of(slot)
            if slot.queue is not queue or slot.job is None or lock.lost or slot.started > now:
                continue
            if lock.marked and self._locks.until(slot) <= now:
                stalled.append(self._locks.lost_run(slot, slot.job))
                lock.lost = True
            else:
                lock.marked = True
        self._jobs.stall(queue, sorted(stalled, key=lambda run: run.started))
