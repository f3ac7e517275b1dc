"""Who asks for a job where cpu parts hold event loops: whom Redis tells, when its turn comes.

Idle workers wait for a queue's marker (``waitForJob`` in ``worker.py``: ``BZPOPMIN``). Redis gives
it to the one that has waited longest, and does not know that this one's event loop is held.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from heapq import heappop, heappush

import simpy

from simqueue.simulation.bullmq.lists import Waiting
from simqueue.simulation.bullmq.queue import Looker, Queue, Taker
from simqueue.simulation.job import SimJob
from simqueue.simulation.waiting import ARRIVAL, DUE, Timer, Wait
from simqueue.workload.production import Overhead

#: Who has waited so long looks, told or not (``drainDelay`` in ``worker.py``), seconds.
DRAIN_DELAY_S = 5.0


class HeldLoops(Queue):
    """A queue whose workers hear of a job when their event loops come to it.

    A job that is added leaves a marker, and so does one that is taken, whether or not there are
    more (``addBaseMarkerIfNeeded`` in ``addStandardJob-9.lua`` and ``moveToActive-11.lua``). So
    whoever gets a job has the next waiter told, mostly in vain; that one is the last in line then.
    Each look in vain tells when the next retry is due, and a failed attempt leaves a marker that
    tells it too (``addDelayMarkerIfNeeded`` in ``moveToDelayed-11.lua``).
    """

    def __init__(
        self,
        env: simpy.Environment,
        cost: Overhead,
        lifo: bool,
        retry: Callable[[SimJob], None],
        ready: Waiting | None = None,
    ) -> None:
        super().__init__(env, cost, lifo, retry, ready)
        self._line: deque[Looker] = deque()
        self._marker = self._due_marker = False
        self._dues: list[float] = []
        self.join = self._join

    def put(self, job: SimJob, now: float) -> None:  # noqa: ARG002
        """Add a job, and tell the worker that has waited longest."""
        self._add(job)
        self._tell(self._pickup_s)

    def put_all(self, jobs: Iterable[SimJob]) -> None:
        """Add jobs in one transaction: who waits hears of them when all are there."""
        for job in jobs:
            self._add(job)
        self._tell(self._pickup_s)

    def put_first(self, job: SimJob) -> None:
        """Add a job at the head of the list, and tell the worker that has waited longest."""
        self.ready.appendleft(job)
        self._tell(self._pickup_s)

    def put_back(self, jobs: Iterable[SimJob]) -> None:
        """Put stalled jobs at the head, one before the other."""
        self.ready.extendleft(jobs)
        if self.ready:
            self._tell(self._pickup_s)

    def fetched(self, looker: Looker) -> None:
        """A slot has taken a job by itself: the next waiter is told, as for any job taken."""
        looker.drained = False
        self._tell(0.0)

    def _join(self, slot: Taker) -> None:
        """A slot found nothing: it is idle, and one slot of its worker waits in Redis."""
        looker = slot.looker
        looker.idle.append(slot)
        if not (looker.looking and slot.failed):  # else it did not ask
            looker.drained = True
        if not looker.looking:
            looker.looking, looker.heard = True, self._answer_due()
            self._in_vain(looker)

    def leave(self, slot: Taker) -> None:
        """A slot takes no more jobs, idle or not; what it was told is lost."""
        looker = slot.looker
        if slot in looker.idle:
            looker.idle.remove(slot)
            if not looker.idle and looker in self._line:
                self._line.remove(looker)
                looker.looking = False
            if self.ready:
                self._time_out(math.inf)

    def delay(self, job: SimJob, wait: float) -> None:
        """Put a job into the delayed set, and tell the worker that has waited longest."""
        known = len(self._delayed)
        super().delay(job, wait)
        if len(self._delayed) > known:
            heappush(self._dues, next(reversed(self._delayed)))
        self._leave_due_marker()

    def _begin(self, millisecond: float) -> None:
        """Let a millisecond begin in which retries are due: timers end of those who know."""
        super()._begin(millisecond)
        heappop(self._dues)
        self._when_woken(lambda after: self._wake(millisecond, after))

    def _wake(self, millisecond: float, after: float) -> None:
        """End the waits of those who know that a retry was due in a millisecond."""
        know = [looker for looker in self._line if looker.heard <= millisecond]
        for looker in know:
            self._line.remove(looker)
        for looker in know:
            self._come(looker, after)
        if not know:
            self._time_out(math.inf)
        self._tell_on(0.0)

    def _leave_due_marker(self) -> None:
        """Leave a marker that tells when the next retry is due."""
        self._due_marker = not self._line
        if self._line:
            looker = self._longest()
            self._in_turn(looker, self._hear)

    def _tell(self, after: float) -> None:
        """Leave a marker: for the worker that has waited longest, or for the next that waits."""
        self._marker = True
        self._tell_on(after)

    def _tell_on(self, after: float) -> None:
        """Give the marker away, again and again if those who get it find jobs at once."""
        while self._marker and self._line:
            self._marker = False
            looker = self._longest()
            if self.ready or not self._waits_in_vain(looker):
                self._come(looker, after)

    def _waits_in_vain(self, looker: Looker) -> bool:
        """Put who would find nothing at once behind all others: most who look do.

        It is what asking would come to, in one step; it is left to that where anything else
        might happen on the way.
        """
        now = self._env.now
        if self.ready or self.due or self._due_marker or looker.process.loop_free_at > now:
            return False
        heard = self._answer_due()
        if heard <= now or not looker.idle:
            return False
        looker.drained, looker.heard, looker.since = True, heard, now
        self._line.append(looker)
        return True

    def _longest(self) -> Looker:
        """Take the first out of the line; whoever timed out since then waits anew."""
        line, now = self._line, self._env.now
        if now - line[0].since >= DRAIN_DELAY_S:
            for looker in line:
                if now - looker.since >= DRAIN_DELAY_S:
                    looker.since += (now - looker.since) // DRAIN_DELAY_S * DRAIN_DELAY_S
                    looker.heard = self._answer_due()
            self._line = line = deque(sorted(line, key=lambda looker: looker.since))
        return line.popleft()

    def _in_turn(self, looker: Looker, then: Callable[[Looker], None]) -> None:
        """Do something when the event loop has done what is before it now."""
        held = looker.process.loop_free_at - self._env.now
        Wait(self._env, held if held > 0 else 0.0, DUE, lambda _: then(looker))

    def _come(self, looker: Looker, after: float) -> None:
        """Have a worker ask for a job, ``after`` seconds from now or when its turn comes."""
        free_at = looker.process.loop_free_at
        if free_at <= self._env.now:
            if not self._ask(looker, after):
                self._answered(looker)
        else:
            self._look_in_turn(looker)
            self._time_out(free_at)

    def _look_in_turn(self, looker: Looker) -> None:
        """Have a worker look when its event loop has done what is before it now."""
        if looker.turn is None:
            looker.turn = Timer(self._env, DUE, lambda _: self._turn(looker))
        held = looker.process.loop_free_at - self._env.now
        looker.turn.set(held if held > 0 else 0.0)

    def _turn(self, looker: Looker) -> None:
        """Look; who finds nothing waits at once if nothing else happens at this moment."""
        alone = self._env.peek() > self._env.now and not self._marker
        if not (alone and self._waits_in_vain(looker)):
            self._look(looker)

    def _look(self, looker: Looker) -> None:
        """The event loop has come to it, whatever stands behind by now."""
        if not self._ask(looker, 0.0):
            self._in_vain(looker)
        if self._marker:
            self._tell_on(0.0)

    def _ask(self, looker: Looker, after: float) -> bool:
        """Ask for a job, and be told if there is none; the next slot asks behind the cpu part."""
        if not looker.idle:
            looker.looking = False
            return True
        if self.due:
            self.promote()
        looker.drained = not self.ready
        if looker.drained:
            looker.heard = self._answer_due()
            return False
        self._marker = True
        looker.idle.popleft().pick_up(self.ready.popleft(), self._env.now, after)
        if looker.idle:
            self._look_in_turn(looker)
        else:
            looker.looking = False
        return True

    def _in_vain(self, looker: Looker) -> None:
        """Wait, but not before other queues' cpu parts of this moment have begun."""
        Wait(self._env, 0.0, ARRIVAL, lambda _: self._answered(looker))

    def _answered(self, looker: Looker) -> None:
        """Wait, once the event loop has come to the answer that there is nothing."""
        if looker.process.loop_free_at > self._env.now:
            self._in_turn(looker, self._wait)
        else:
            self._wait(looker)

    def _hear(self, looker: Looker) -> None:
        """Hear when the next retry is due, and wait until then."""
        looker.heard = self._next_due()
        self._wait(looker)

    def _answer_due(self) -> float:
        """When the next retry is due, as who looks in vain is told."""
        return self._dues[0] if self._dues else math.inf

    def _next_due(self) -> float:
        return self._dues[0] if self._dues else math.inf

    def _wait(self, looker: Looker) -> None:
        """Wait in Redis, behind all others; a marker that is there ends that at once.

        That of a job comes before that of a retry (``BZPOPMIN``: its score is 0).
        """
        if self._due_marker and not self._marker:
            self._due_marker = False
            looker.heard = self._next_due()
        if not looker.idle:
            looker.looking = False
        elif self.due or looker.heard <= self._env.now:
            self._look(looker)
        else:
            looker.since = self._env.now
            self._line.append(looker)
            if self._marker:
                self._tell_on(0.0)

    def _time_out(self, before: float) -> None:
        """Let the first in line look when it has waited long enough, if that is before a moment."""
        if not self._line:
            return
        looker, now = self._line[0], self._env.now
        since, left = looker.since, DRAIN_DELAY_S - (now - looker.since) % DRAIN_DELAY_S

        def over(_: simpy.Event) -> None:
            if looker in self._line and looker.since == since:
                self._line.remove(looker)
                self._come(looker, 0.0)
                self._tell_on(0.0)

        if now + left < before:
            Wait(self._env, left, DUE, over)
