"""A queue's lists, and the idle slots that wait for its jobs."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Protocol

import simpy

from simqueue.simulation.core import Process
from simqueue.simulation.job import SimJob
from simqueue.simulation.waiting import DUE, Wait
from simqueue.workload.production import Overhead

#: Retries that one fetch promotes at most.
PROMOTED_AT_ONCE = 1000
#: Rounding of sums of times: 1.6 s is millisecond 1600, however it was added up.
TINY_MS = 1e-3


def millisecond_of(moment: float) -> float:
    """When the millisecond of a moment begins; both are seconds."""
    return (math.floor(1000 * moment + TINY_MS) - TINY_MS) / 1000


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

    The delayed set counts whole milliseconds: a fetch promotes what is due by the end of its own,
    at most a thousand jobs (scores up to ``(timestamp + 1) * 0x1000 - 1``). Those of one
    millisecond keep the order in which they came (``getDelayedScore`` in
    ``moveToDelayed-11.lua``).
    """

    def __init__(
        self, env: simpy.Environment, cost: Overhead, lifo: bool, retry: Callable[[SimJob], None]
    ) -> None:
        self._env, self._pickup_s, self._retry_s = env, cost.pickup_s, cost.retry_s
        self._retry = retry
        self.ready: deque[SimJob] = deque()
        self.due: deque[SimJob] = deque()
        self._delayed: dict[float, list[SimJob]] = {}
        self.idle: deque[Taker] = deque()
        self._add = self.ready.appendleft if lifo else self.ready.append
        self._look_at = math.inf

    def put(self, job: SimJob, now: float) -> None:
        """Add a job; if a worker is idle, it picks the job up."""
        slot = self._next_idle(now) if self.idle and not self.ready else None
        if slot is not None:
            slot.pick_up(job, now, self._pickup_s)
            if self.due:
                self._hand_out(self._pickup_s)
        else:
            self._add(job)

    def delay(self, job: SimJob, wait: float) -> None:
        """Put a job into the delayed set for ``wait`` seconds."""
        now = self._env.now
        job.ready = now + wait
        begins = millisecond_of(job.ready)
        if begins <= now:
            self._retry(job)
        elif begins in self._delayed:
            self._delayed[begins].append(job)
        else:
            self._delayed[begins] = [job]
            Wait(self._env, begins - now, DUE, lambda _: self._begin(begins))

    def put_back(self, jobs: Iterable[SimJob]) -> None:
        """Put stalled jobs at the head, one before the other."""
        self.ready.extendleft(jobs)
        self._hand_out(self._pickup_s)

    def promote(self) -> None:
        """Move the jobs that are due to the tail, also where new jobs go to the head."""
        for _ in range(min(len(self.due), PROMOTED_AT_ONCE)):
            self.ready.append(self.due.popleft())

    def waiting(self) -> Iterator[SimJob]:
        """The jobs that are ready, promoted or not."""
        now = self._env.now
        yield from (job for job in chain(self.ready, self.due) if job.ready <= now)

    def _begin(self, millisecond: float) -> None:
        """Let a millisecond begin in which retries are due: an idle worker's timer ends."""
        for job in self._delayed.pop(millisecond):
            self._retry(job)
        if self.idle:
            self._hand_out(self._retry_s)

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
        now = self._env.now
        self.promote()
        slot = next((slot for slot in self.idle if slot.looker is looker), None)
        if slot is not None and self.ready:
            self.idle.remove(slot)
            slot.pick_up(self.ready.popleft(), now, 0.0)
        self._hand_out(0.0)

    def _hand_out(self, after: float) -> None:
        """Let idle workers take what is ready, and what will be in this millisecond."""
        now = self._env.now
        while self.idle and (self.ready or self.due):
            slot = self._next_idle(now)
            if slot is None:
                return
            self.promote()
            slot.pick_up(self.ready.popleft(), now, after)
