"""Who asks for a job where none may be had for a while: limiter, global concurrency, pauses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf

import simpy

from simqueue.simulation.bullmq.held_loops import HeldLoops
from simqueue.simulation.bullmq.lists import Gate, Gated
from simqueue.simulation.bullmq.queue import Looker, Taker, millisecond_of
from simqueue.simulation.job import SimJob
from simqueue.simulation.waiting import DUE, Wait
from simqueue.workload.production import Overhead

#: A backoff up to this long is ended by our consumer's own clock, seconds.
SHORT_BACKOFF_S = 2.0
#: A limited worker looks again after so long (``maximumRateLimitDelay`` in ``worker.ts``), seconds.
MAXIMUM_RATE_LIMIT_DELAY_S = 30.0


class GatedLoops(HeldLoops):
    """A queue behind a gate; who hears of what is worked out marker by marker, as in `HeldLoops`.

    While the queue is paused, or as many jobs are active as may be, a job that is added leaves no
    marker, and whoever asks is told nothing, not even when the next retry is due. One who is told
    that the limiter's window is full sleeps until its end, deaf to markers, and asks again
    (``waitForRateLimit`` in ``worker.ts``). A pause takes the marker away; a resume leaves one if
    jobs wait, and else one for the next that is due (``pause-7.lua``).

    Parameters
    ----------
    wakes
        Whether whoever puts a retry off leaves a marker when it is due, as our consumer does for
        short backoffs (``Consumer._wake_up``) and Node's workers do not.
    """

    ready: Gated

    def __init__(
        self,
        env: simpy.Environment,
        cost: Overhead,
        lifo: bool,
        retry: Callable[[SimJob], None],
        ready: Gated,
        wakes: bool,
    ) -> None:
        super().__init__(env, cost, lifo, retry, ready)
        self._wakes, self._wake_at = wakes, set[float]()
        self.gate: Gate = ready.gate
        self.gate.on_pause, self.gate.on_resume = self._pause, self._resume

    def put(self, job: SimJob, now: float) -> None:
        """Add a job, and tell the worker that has waited longest if it may be had."""
        if self.gate.silent:
            self._add(job)
        else:
            super().put(job, now)

    def put_all(self, jobs: Iterable[SimJob]) -> None:
        """Add jobs in one transaction: who waits hears of them if they may be had."""
        if self.gate.silent:
            for job in jobs:
                self._add(job)
        else:
            super().put_all(jobs)

    def put_first(self, job: SimJob) -> None:
        """Put a job at the head that was in no list, and tell of it if it may be had."""
        if self.gate.silent:
            self.ready.appendleft(job)
        else:
            super().put_first(job)

    def put_back(self, jobs: Iterable[SimJob]) -> None:
        """Put stalled jobs at the head, one before the other; they are active no more."""
        jobs = list(jobs)
        self.gate.end(len(jobs))
        super().put_back(jobs)

    def delay(self, job: SimJob, wait: float) -> None:
        """Put a job into the delayed set; our consumer remembers when a short backoff is over."""
        super().delay(job, wait)
        if self._wakes and job.attempt and wait <= SHORT_BACKOFF_S:
            self._wake_at.add(millisecond_of(job.ready))

    def _begin(self, millisecond: float) -> None:
        super()._begin(millisecond)
        if millisecond in self._wake_at:
            self._wake_at.remove(millisecond)
            self._tell(self._retry_s)

    def ended(self) -> None:
        """A job is active no more."""
        self.gate.end()

    def left_alone(self) -> None:
        """Whoever ended a job takes no other: the next look is that of who has waited long."""
        self._time_out(inf)

    def _join(self, slot: Taker) -> None:
        """Be idle; one whose attempt failed does not ask if another slot of its worker waits.

        If that one asked in vain while as many jobs were active as may be, nobody knows that one
        may be had: then the next look is that of who has waited long.
        """
        super()._join(slot)
        if self.ready:
            self._time_out(inf)

    def _pause(self) -> None:
        self._marker = self._due_marker = False

    def _resume(self) -> None:
        if len(self.ready):
            self._tell(0.0)
        elif self.due or self._dues:
            self._leave_due_marker()

    def _hear(self, looker: Looker) -> None:
        """Hear when the next retry is due; who has taken a job meanwhile asks all the same.

        It forgets what it has heard then, and is told nothing where no job may be had (``drained``
        and ``blockUntil`` in ``worker.py``).
        """
        if looker.drained:
            super()._hear(looker)
        else:
            self._look(looker)

    def _waits_in_vain(self, looker: Looker) -> bool:  # noqa: ARG002
        """What the gate says is found out step by step."""
        return False

    def _answer_due(self) -> float:
        return inf if self.gate.closed else super()._answer_due()

    def _wait(self, looker: Looker) -> None:
        """Wait in Redis; if the window is full, sleep until it ends."""
        left = self.gate.limited_until - self._env.now
        if left <= 0 or not looker.idle:
            super()._wait(looker)
            return
        left = min(left, MAXIMUM_RATE_LIMIT_DELAY_S)
        Wait(self._env, left, DUE, lambda _: self._come(looker, 0.0))
