"""A queue's lists, and the idle slots that wait for its jobs."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Protocol

import simpy

from simqueue.simulation.core import Process
from simqueue.simulation.job import SimJob
from simqueue.simulation.waiting import DUE, Wait
from simqueue.workload.production import Overhead


class Looker:
    """The slots of one worker for one queue: one of them at a time looks for a job."""

    def __init__(self) -> None:
        self.again_at = 0.0


class Taker(Protocol):
    """What a queue knows of a slot."""

    looker: Looker

    @property
    def process(self) -> Process:
        """The worker that it belongs to."""

    def asks_at(self, now: float) -> float:
        """When it can ask for a job."""

    def pick_up(self, job: SimJob, now: float, after: float) -> None:
        """Take a job that an idle worker has heard of, ``after`` seconds from now."""


class Queue:
    """A waiting list, and the jobs of the delayed set whose time has come.

    A retry that is due is promoted to the tail of the list when some worker fetches, not before
    (``promoteDelayedJobs`` in ``moveToActive-11.lua``). Whoever arrives while every slot is busy
    is ahead of it.
    """

    def __init__(self, env: simpy.Environment, cost: Overhead, lifo: bool) -> None:
        self._env, self._pickup_s, self._retry_s = env, cost.pickup_s, cost.retry_s
        self.ready: deque[SimJob] = deque()
        self.due: deque[SimJob] = deque()
        self.idle: deque[Taker] = deque()
        self._add = self.ready.appendleft if lifo else self.ready.append
        self._look_at = math.inf

    def put(self, job: SimJob, now: float) -> None:
        """Add a job; if a worker is idle, it picks the job up."""
        slot = self._next_idle(now) if self.idle and not self.ready else None
        if slot is not None:
            slot.pick_up(job, now, self._pickup_s)
        else:
            self._add(job)

    def put_due(self, job: SimJob, now: float) -> None:
        """Let a retry be due: an idle worker's timer ends now, else the next fetch will see it."""
        slot = self._next_idle(now) if self.idle else None
        if slot is not None:
            slot.pick_up(job, now, self._retry_s)
        else:
            self.due.append(job)

    def put_back(self, jobs: Iterable[SimJob]) -> None:
        """Put stalled jobs at the head, one before the other."""
        self.ready.extendleft(jobs)
        self._hand_out(self._pickup_s)

    def promote(self) -> None:
        """Move the jobs that are due to the tail, also where new jobs go to the head."""
        self.ready.extend(self.due)
        self.due.clear()

    def waiting(self) -> Iterator[SimJob]:
        """The jobs that are ready, promoted or not."""
        yield from self.ready
        yield from self.due

    def _next_idle(self, now: float) -> Taker | None:
        """The slot that has been idle longest and can ask at once.

        If the event loops of all idle workers are held, the first whose turn comes will look.
        """
        idle = self.idle
        slot = first = idle[0]
        while slot.looker.again_at > now or slot.process.loop_free_at > now:
            idle.rotate(-1)
            slot = idle[0]
            if slot is first:
                self._look_later(now)
                return None
        return idle.popleft()

    def _look_later(self, now: float) -> None:
        """Have the idle worker look whose turn comes first."""
        first = min(self.idle, key=lambda slot: slot.asks_at(now))
        if (at := first.asks_at(now)) < self._look_at:
            self._look_at = at
            Wait(self._env, at - now, DUE, lambda _: self._look(first.looker))

    def _look(self, looker: Looker) -> None:
        """It is a worker's turn to ask, whatever stands behind it in its event loop by now."""
        self._look_at = math.inf
        self.promote()
        slot = next((slot for slot in self.idle if slot.looker is looker), None)
        if slot is not None and self.ready:
            self.idle.remove(slot)
            slot.pick_up(self.ready.popleft(), self._env.now, 0.0)
        self._hand_out(0.0)

    def _hand_out(self, after: float) -> None:
        """Let idle workers take what is ready."""
        now = self._env.now
        while self.ready and self.idle:
            slot = self._next_idle(now)
            if slot is None:
                return
            slot.pick_up(self.ready.popleft(), now, after)
