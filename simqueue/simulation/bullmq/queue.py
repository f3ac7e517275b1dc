"""A queue's lists: what is ready, what is due, and what waits for its time."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Protocol

import simpy

from simqueue.simulation.bullmq.lists import Waiting
from simqueue.simulation.core import Process
from simqueue.simulation.job import SimJob
from simqueue.simulation.waiting import DUE, Timer, Wait
from simqueue.workload.production import Overhead

#: Retries that one fetch promotes at most.
PROMOTED_AT_ONCE = 1000
#: Rounding of sums of times: 1.6 s is millisecond 1600, however it was added up.
TINY_MS = 1e-3


def millisecond_of(moment: float) -> float:
    """When the millisecond of a moment begins; both are seconds."""
    return (math.floor(1000 * moment + TINY_MS) - TINY_MS) / 1000


class Looker:
    """A worker's consumer of one queue: it looks for a job while some of its slots are idle.

    One of them at a time does; ``looking`` is true until that one has a job. It waits in Redis
    from ``since`` on, and knows that a retry is due at ``heard``. Where there is no other worker
    only ``again_at`` counts: before that it does not look again. All are seconds. ``drained``:
    what it was last told is that there is no job, not one. ``turn`` is over when its event loop
    comes to the next look.
    """

    __slots__ = ("again_at", "drained", "heard", "idle", "looking", "process", "since", "turn")

    def __init__(self, process: Process) -> None:
        self.process = process
        self.idle: deque[Taker] = deque()
        self.looking, self.drained = False, True
        self.since, self.heard, self.again_at = 0.0, math.inf, 0.0
        self.turn: Timer | None = None


class Taker(Protocol):
    """What a queue knows of a slot."""

    looker: Looker
    failed: int

    def pick_up(self, job: SimJob, now: float, after: float) -> None:
        """Take a job that an idle worker has heard of, ``after`` seconds from now."""


class Queue(ABC):
    """A waiting list, and the jobs of the delayed set whose time has come.

    A retry that is due is promoted to the tail of the list when some worker fetches, not before
    (``promoteDelayedJobs`` in ``moveToActive-11.lua``). Whoever arrives while every slot is busy
    is ahead of it.

    The delayed set counts whole milliseconds: a fetch promotes what is due by the end of its own,
    at most a thousand jobs (scores up to ``(timestamp + 1) * 0x1000 - 1``). Those of one
    millisecond keep the order in which they came (``getDelayedScore`` in
    ``moveToDelayed-11.lua``).

    Attributes
    ----------
    ready, due
        The list, and what the next fetch puts at its tail.
    join
        For a slot that found nothing: it is idle from now on.
    """

    join: Callable[[Taker], object]
    #: Whether it is Redis that ends the wait of an idle worker for a retry, and late: then whoever
    #: fetches meanwhile has the retry. Node's workers wait so; ours are told (`consumer.py`).
    redis_wakes = False

    def __init__(
        self,
        env: simpy.Environment,
        cost: Overhead,
        lifo: bool,
        retry: Callable[[SimJob], None],
        ready: Waiting | None = None,
    ) -> None:
        self._env, self._pickup_s, self._retry_s = env, cost.pickup_s, cost.retry_s
        self._retry = retry
        self.ready: Waiting = deque() if ready is None else ready
        self.due: deque[SimJob] = deque()
        self._delayed: dict[float, list[SimJob]] = {}
        self._add = self.ready.appendleft if lifo else self.ready.append

    @abstractmethod
    def put(self, job: SimJob, now: float) -> None:
        """Add a job; if a worker is idle, it hears of it."""

    @abstractmethod
    def put_all(self, jobs: Iterable[SimJob]) -> None:
        """Add jobs in one transaction: idle workers hear of them when all are there."""

    @abstractmethod
    def put_first(self, job: SimJob) -> None:
        """Add a job at the head of the list."""

    @abstractmethod
    def put_back(self, jobs: Iterable[SimJob]) -> None:
        """Put stalled jobs at the head, one before the other."""

    @abstractmethod
    def fetched(self, looker: Looker) -> None:
        """A slot has taken a job by itself, with the end of the one before."""

    @abstractmethod
    def leave(self, slot: Taker) -> None:
        """A slot takes no more jobs, idle or not."""

    def ended(self) -> None:  # noqa: B027
        """A job is active no more: it ended."""

    def left_alone(self) -> None:  # noqa: B027
        """A slot that takes no more jobs has ended one."""

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

    def promote(self) -> None:
        """Move the jobs that are due to the tail, also where new jobs go to the head."""
        for _ in range(min(len(self.due), PROMOTED_AT_ONCE)):
            self.ready.append(self.due.popleft())

    def waiting(self) -> Iterator[SimJob]:
        """The jobs that are ready, promoted or not."""
        now = self._env.now
        yield from (job for job in chain(self.ready, self.due) if job.ready <= now)

    def delayed(self) -> Iterator[SimJob]:
        """The jobs of the delayed set, which wait for their time."""
        return chain.from_iterable(self._delayed.values())

    def _begin(self, millisecond: float) -> None:
        """Let a millisecond begin in which retries are due."""
        for job in self._delayed.pop(millisecond):
            self._retry(job)

    def _when_woken(self, then: Callable[[float], None]) -> None:
        """Have an idle worker see to a retry that is due: tell it how long it takes to ask."""
        if self.redis_wakes and self._retry_s > 0:
            Wait(self._env, self._retry_s, DUE, lambda _: then(0.0))
        else:
            then(self._retry_s)
