"""Who takes a job where no cpu part holds an event loop: the slot that has been idle longest."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

import simpy

from simqueue.simulation.bullmq.lists import Waiting
from simqueue.simulation.bullmq.queue import Looker, Queue, Taker
from simqueue.simulation.job import SimJob
from simqueue.workload.production import Overhead


class FreeLoops(Queue):
    """A queue whose idle workers hear of a job at once, and of a retry when it is due."""

    def __init__(
        self,
        env: simpy.Environment,
        cost: Overhead,
        lifo: bool,
        retry: Callable[[SimJob], None],
        ready: Waiting | None = None,
    ) -> None:
        super().__init__(env, cost, lifo, retry, ready)
        self._idle: deque[Taker] = deque()
        self.join = self._idle.append

    def put(self, job: SimJob, now: float) -> None:
        """Add a job; if a worker is idle, it picks the job up."""
        if not self._idle or self.ready:
            self._add(job)
        elif self.due:  # one of these may have a better priority
            self._add(job)
            self._hand_out(self._pickup_s)
        else:
            self._idle.popleft().pick_up(job, now, self._pickup_s)

    def put_all(self, jobs: Iterable[SimJob]) -> None:
        """Add jobs in one transaction: idle workers hear of them when all are there."""
        for job in jobs:
            self._add(job)
        self._hand_out(self._pickup_s)

    def put_first(self, job: SimJob) -> None:
        """Add a job at the head of the list."""
        self.ready.appendleft(job)
        self._hand_out(self._pickup_s)

    def put_back(self, jobs: Iterable[SimJob]) -> None:
        """Put stalled jobs at the head, one before the other."""
        self.ready.extendleft(jobs)
        self._hand_out(self._pickup_s)

    def fetched(self, looker: Looker) -> None:
        """Nobody waits while there are jobs: nobody is to be told."""

    def leave(self, slot: Taker) -> None:
        """A slot takes no more jobs, idle or not."""
        if slot in self._idle:
            self._idle.remove(slot)

    def _begin(self, millisecond: float) -> None:
        """Let a millisecond begin in which retries are due: an idle worker's timer ends."""
        super()._begin(millisecond)
        self._when_woken(self._hand_out)

    def _hand_out(self, after: float) -> None:
        """Let idle slots take what is ready, and what will be in this millisecond."""
        now = self._env.now
        while self._idle and (self.ready or self.due):
            self.promote()
            self._idle.popleft().pick_up(self.ready.popleft(), now, after)
