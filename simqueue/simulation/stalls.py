"""Locks, their renewal, the look for stalled jobs, and workers that die.

A lock can run out only if its worker dies or its event loop is held for long. Until the first of
these can happen nothing here runs, so that nobody pays for timers that would find nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import simpy

from simqueue.simulation.waiting import DUE, Wait

if TYPE_CHECKING:
    from simqueue.simulation.bullmq import BullModel, BullQueue, BullSlot, BullWorker
    from simqueue.simulation.model import Job

#: Rounding of sums of times: a look that is just due is due.
_TINY_S = 1e-9


@dataclass
class Run:
    """A run that nobody will end: its job is active, its lock runs out."""

    job: Job
    started: float
    worker: int
    slot: int
    lock_until: float
    marked: bool


class Stalls:
    """What BullMQ does so that no job is lost with its worker.

    A job's lock lasts ``lock_duration_s``. Its worker looks at its locks every quarter of that
    and renews those a quarter old (``lock_manager.py``). Every ``stalled_interval_s`` one
    worker looks over the active jobs of a queue: those that were marked the last time and have no
    lock go back to the head; all others are marked, and a renewal takes the mark away
    (``moveStalledJobsToWait-9.lua``).
    """

    def __init__(self, model: BullModel) -> None:
        self.model, self.env = model, model.env
        self.settings = model.scenario.bullmq
        self.began = False
        self._timers = 0
        for crash in model.scenario.workers.crashes:
            self.begin()
            worker = model.workers[crash.worker]
            end = self._drain if crash.drain else self._die
            self._at(crash.at_s, partial(end, worker))
            self._at(crash.at_s + crash.down_s, partial(self._return, worker))

    def begin(self) -> None:
        """Start all timers, as if they had run from the start."""
        if self.began:
            return
        self.began = True
        lock = self.settings.lock_duration_s
        last_look = self.env.now - self.env.now % (lock / 4)
        for worker in self.model.workers:
            for slot in worker.slots:
                if slot.job is not None and slot.started + lock / 4 < last_look:
                    slot.renewed, slot.lock_until = last_look, last_look + lock
            self._attend(worker, 0.0)

    def may_finish(self, slot: BullSlot, job: Job) -> bool:
        """Whether a run that came to its end still holds its job's lock.

        Without it BullMQ refuses the end ("Missing lock"), and the job stays active until it is
        found to have stalled. By then the follow-ups of a run that was to be the last have been
        added.
        """
        if not slot.lost and self.env.now < self._lock_of(slot):
            slot.marked = False
            return True
        if not slot.lost:
            slot.queue.lost.append(self._run_of(slot, job))
        if not slot.failed:
            self.model.follow_up(job, "completed", slot.pass_on)
        elif self.model.backoff(job) is None:
            self.model.follow_up(job, "failed", slot.pass_on)
        slot.lost = slot.marked = False
        return False

    def _die(self, worker: BullWorker) -> None:
        """End a worker as ``kill -9`` does."""
        now = self.env.now
        worker.life += 1
        busy = [slot for slot in worker.slots if slot.job is not None]
        for slot in worker.slots:
            if slot.job is None and slot in slot.queue.idle:
                slot.queue.idle.remove(slot)
            elif slot.telling:
                slot.ending.callbacks.clear()
                slot.telling = False
        for slot in busy:
            job, slot.job = slot.job, None
            slot.ending.callbacks.clear()
            if job is not None and slot.started > now:
                slot.queue.put_back([job])
            elif job is not None and not slot.lost:
                slot.queue.lost.append(self._run_of(slot, job))
            slot.lost = slot.marked = False

    def _drain(self, worker: BullWorker) -> None:
        """Tell a worker to end: it takes no more jobs, and goes on to renew its locks."""
        worker.closed = True
        for slot in worker.slots:
            if slot in slot.queue.idle:
                slot.queue.idle.remove(slot)

    def _return(self, worker: BullWorker) -> None:
        """Start a worker again in the place of one that has ended."""
        old_one_is_there = worker.closed and worker.busy
        worker.closed = False
        if not old_one_is_there:
            worker.start_anew()
            self._attend(worker, self.env.now)
        for slot in worker.slots:
            if slot.job is None and not slot.telling:
                slot.next()

    def _attend(self, worker: BullWorker, started: float) -> None:
        """Start the timers of a worker that came up at ``started``."""
        quarter, interval = self.settings.lock_duration_s / 4, self.settings.stalled_interval_s
        self._repeat(worker, started, quarter, self._renew)
        if self.settings.client == "node" and started == self.env.now:
            self._look(worker)
        self._repeat(worker, started, interval, self._look)

    def _repeat(
        self,
        worker: BullWorker,
        started: float,
        period: float,
        act: Callable[[BullWorker], None],
    ) -> None:
        """Have ``act`` done every ``period`` while the worker lives, when its loop has time."""
        life = worker.life

        def again(wait: float, *, waited: bool = False) -> None:
            self._timers += 1
            self._at(self.env.now + wait, lambda: fire(waited))

        def fire(waited: bool) -> None:
            self._timers -= 1
            if worker.life != life:
                return
            held = worker.loop_free_at - self.env.now
            if held > 0 and not waited:
                again(held, waited=True)
                return
            act(worker)
            if self._more_to_come():
                again(period)

        passed = math.floor((self.env.now - started) / period)
        again(started + (passed + 1) * period - self.env.now)

    def _more_to_come(self) -> bool:
        """Whether anything but timers is still to happen."""
        return len(self.env._queue) > self._timers or any(
            queue.lost for queue in self.model.queues.values()
        )

    def _at(self, moment: float, act: Callable[[], None]) -> None:
        def happen(_: simpy.Event) -> None:
            act()

        Wait(self.env, moment - self.env.now, DUE).callbacks.append(happen)

    def _renew(self, worker: BullWorker) -> None:
        """Renew the locks of a worker's jobs that are old enough, and not lost yet."""
        now, lock = self.env.now, self.settings.lock_duration_s
        for slot in worker.slots:
            if slot.job is None or slot.lost or now >= self._lock_of(slot):
                continue
            # A worker sleeps a little too long between two looks, so a quarter is always over.
            if max(slot.started, slot.renewed) + lock / 4 <= now + _TINY_S:
                slot.renewed, slot.lock_until, slot.marked = now, now + lock, False

    def _look(self, worker: BullWorker) -> None:
        """Look for stalled jobs, unless somebody has done so within the interval."""
        if worker.closed and not worker.busy:
            return  # it has ended
        now = self.env.now
        for queue in dict.fromkeys(slot.queue for slot in worker.slots):
            if now >= queue.look_again_at - _TINY_S:
                queue.look_again_at = now + self.settings.stalled_interval_s
                self._look_over(queue)

    def _look_over(self, queue: BullQueue) -> None:
        now = self.env.now
        stalled = [run for run in queue.lost if run.marked and run.lock_until <= now]
        queue.lost = [run for run in queue.lost if run not in stalled]
        for run in queue.lost:
            run.marked = True
        for slot in (slot for worker in self.model.workers for slot in worker.slots):
            if slot.queue is not queue or slot.job is None or slot.lost or slot.started > now:
                continue
            if slot.marked and self._lock_of(slot) <= now:
                stalled.append(self._run_of(slot, slot.job))
                slot.lost = True
            else:
                slot.marked = True
        self.model.stall(queue, sorted(stalled, key=lambda run: run.started))

    def _lock_of(self, slot: BullSlot) -> float:
        """Until when the lock of a slot's job lasts."""
        return max(slot.started + self.settings.lock_duration_s, slot.lock_until)

    def _run_of(self, slot: BullSlot, job: Job) -> Run:
        until = self._lock_of(slot)
        return Run(job, slot.started, slot.worker.number, slot.number, until, slot.marked)
