"""Who takes a job where there is one worker: one of its slots, when its event loop comes to it."""

from __future__ import annotations

import math

from simqueue.simulation.bullmq.free_loops import FreeLoops
from simqueue.simulation.bullmq.queue import Looker
from simqueue.simulation.job import SimJob
from simqueue.simulation.waiting import DUE, Wait


class OneLoop(FreeLoops):
    """A queue of one worker, which hears of a job when its event loop comes to it.

    Redis has nobody to choose from, so that markers need not be followed as in `HeldLoops`: the
    worker looks behind what its loop was to do when it heard of a job, or behind the cpu part of
    the job that it got last (``worker.py``: the next fetch is begun when that one has begun).
    """

    _look_at = math.inf

    def put(self, job: SimJob, now: float) -> None:
        """Add a job; if a slot is idle, the worker looks when its turn comes."""
        if self._idle and not self.ready:
            looker = self._idle[0].looker
            at = _turn(looker, now)
            if at <= now and self.due:  # one of these may have a better priority
                self._add(job)
                self._hand_out(self._pickup_s)
                return
            if at <= now:
                self._idle.popleft().pick_up(job, now, self._pickup_s)
                looker.again_at = looker.process.loop_free_at
                return
            self._look_later(at)
        self._add(job)

    def _hand_out(self, after: float) -> None:
        """Let idle slots take what is ready, one behind the cpu part of the other's."""
        now = self._env.now
        while self._idle and (self.ready or self.due):
            at = _turn(self._idle[0].looker, now)
            if at > now:
                self._look_later(at)
                return
            self._hand_one(after)

    def _hand_one(self, after: float) -> None:
        self.promote()
        slot = self._idle.popleft()
        slot.pick_up(self.ready.popleft(), self._env.now, after)
        slot.looker.again_at = slot.looker.process.loop_free_at

    def _look_later(self, at: float) -> None:
        if at < self._look_at:
            self._look_at = at
            Wait(self._env, at - self._env.now, DUE, lambda _: self._look())

    def _look(self) -> None:
        """It is the worker's turn to ask, whatever stands behind it in its event loop by now."""
        self._look_at = math.inf
        if self._idle and (self.ready or self.due):
            self._hand_one(0.0)
        self._hand_out(0.0)


def _turn(looker: Looker, now: float) -> float:
    """When a worker can ask for a job; in the past if it can now."""
    return looker.again_at if looker.again_at > now else looker.process.loop_free_at
