"""What waits where a queue has more than one line: priorities, and jobs that nobody may take."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush
from typing import Protocol

import simpy

from simqueue.simulation.job import SimJob
from simqueue.simulation.waiting import DUE, Wait
from simqueue.workload.classes import Limiter


class Waiting(Protocol):
    """The jobs that are ready; what is next is on the left."""

    def append(self, job: SimJob, /) -> None:
        """Put a job at the tail of what it belongs to."""

    def appendleft(self, job: SimJob, /) -> None:
        """Put a job at the head, where that is allowed."""

    def extendleft(self, jobs: Iterable[SimJob], /) -> None:
        """Put jobs ahead of all others, one before the other."""

    def popleft(self) -> SimJob:
        """Take the next job."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[SimJob]: ...


class Prioritized:
    """A plain list, and a set of jobs with priorities that is served when the list is empty.

    A job's place in the set is its priority and then a counter, which goes on each time a job is
    put there (``getPriorityScore`` in ``addPrioritizedJob-9.lua``): first come, first served within
    a priority. A job that is tried again keeps its priority and gets a new counter
    (``promoteDelayedJobs`` in ``moveToActive-11.lua``, ``retryJob-11.lua``). Newest first holds for
    the plain list alone. A stalled job goes to the head of the *plain* list, ahead of every
    priority (``moveJobToWait`` in ``moveStalledJobsToWait-9.lua``).

    Parameters
    ----------
    priority_of
        Gives a job's priority; 0: none, it goes to the plain list.
    """

    def __init__(self, priority_of: Callable[[SimJob], int]) -> None:
        self._priority_of = priority_of
        self._plain: deque[SimJob] = deque()
        self._set: list[tuple[int, int, SimJob]] = []
        self._counter = 0

    def append(self, job: SimJob, /) -> None:
        """Put a job at the tail of its priority."""
        if not self._prioritized(job):
            self._plain.append(job)

    def appendleft(self, job: SimJob, /) -> None:
        """Put a plain job at the head of the list; one with a priority, at the tail of that."""
        if not self._prioritized(job):
            self._plain.appendleft(job)

    def extendleft(self, jobs: Iterable[SimJob], /) -> None:
        """Put jobs ahead of all others, whatever their priorities."""
        self._plain.extendleft(jobs)

    def popleft(self) -> SimJob:
        """Take the next job: the plain list comes first."""
        return self._plain.popleft() if self._plain else heappop(self._set)[2]

    @property
    def plain(self) -> int:
        """How many jobs are in the plain list."""
        return len(self._plain)

    def __len__(self) -> int:
        return len(self._plain) + len(self._set)

    def __iter__(self) -> Iterator[SimJob]:
        yield from self._plain
        yield from (job for *_, job in sorted(self._set))

    def _prioritized(self, job: SimJob) -> bool:
        priority = self._priority_of(job)
        if priority:
            self._counter += 1
            heappush(self._set, (priority, self._counter, job))
        return priority > 0


class Gate:
    """What keeps jobs from being taken: a limiter, a global concurrency, a pause.

    The limiter counts starts in a window of fixed length: the first start after the last window's
    end opens one (``INCR`` and ``PEXPIRE`` in ``prepareJobForProcessing``, a part of
    ``moveToActive-11.lua``), and whoever asks before its end, when it is full, is told how long it
    still lasts (``getRateLimitTTL``). All workers' starts count, but not those of jobs that stalled
    too often.

    The global concurrency counts the jobs that are active (``getQueueMetadata``), those of dead
    workers too until they are put back. A pause is a mark (``pause-7.lua``): jobs are added and
    running ones end as ever.

    Parameters
    ----------
    env
        The virtual time.
    limiter, at_most, pauses
        Of the queue's settings; ``None`` or empty: there is none.
    counts
        Whether the start of a job counts for the limiter.

    Attributes
    ----------
    paused
        Whether the queue is.
    limited_until
        When the window ends that is full; in the past if none is.
    on_pause, on_resume
        What is to be done then.
    """

    def __init__(
        self,
        env: simpy.Environment,
        limiter: Limiter | None,
        at_most: int | None,
        pauses: Iterable[tuple[float, float]],
        counts: Callable[[SimJob], bool],
    ) -> None:
        self._env, self._limiter, self._counts = env, limiter, counts
        self._at_most = math.inf if at_most is None else at_most
        self._active = 0
        self._started, self._window_ends = 0, -math.inf
        self.limited_until = -math.inf
        self.paused = False
        self.on_pause: Callable[[], None] = lambda: None
        self.on_resume: Callable[[], None] = lambda: None
        for start, end in pauses:
            Wait(env, start, DUE, lambda _: self.pause())
            Wait(env, end, DUE, lambda _: self.resume())

    @property
    def limited(self) -> bool:
        """Whether the window is full."""
        return self.limited_until > self._env.now

    @property
    def silent(self) -> bool:
        """Whether a job that is added leaves no marker (``isQueuePausedOrMaxed``)."""
        return self.paused or self._active >= self._at_most

    @property
    def closed(self) -> bool:
        """Whether nobody may take a job."""
        return self.silent or self.limited

    def start(self, job: SimJob) -> None:
        """Let a job be taken."""
        self._active += 1
        if self._limiter is None or not self._counts(job):
            return
        now = self._env.now
        if now >= self._window_ends:
            self._started = 0
            self._window_ends = math.floor(1000 * now + _TINY_MS) / 1000 + self._limiter.duration_s
        self._started += 1
        if self._started >= self._limiter.max:
            self.limited_until = self._window_ends

    def end(self, jobs: int = 1) -> None:
        """Let jobs be active no more: they ended, or were put back."""
        self._active -= jobs

    def pause(self) -> None:
        """Let no job be taken until `resume`."""
        self.paused = True
        self.on_pause()

    def resume(self) -> None:
        """End a pause."""
        self.paused = False
        self.on_resume()


#: Rounding of sums of times.
_TINY_MS = 1e-3


class Gated:
    """A list behind a gate: while that is closed there seems to be no job in it."""

    def __init__(self, jobs: Waiting, gate: Gate) -> None:
        self.jobs, self.gate = jobs, gate
        self.append, self.appendleft = jobs.append, jobs.appendleft
        self.extendleft = jobs.extendleft

    def popleft(self) -> SimJob:
        """Take the next job; the gate counts it."""
        job = self.jobs.popleft()
        self.gate.start(job)
        return job

    def __bool__(self) -> bool:
        return len(self.jobs) > 0 and not self.gate.closed

    def __len__(self) -> int:
        return len(self.jobs)

    def __iter__(self) -> Iterator[SimJob]:
        return iter(self.jobs)


def plain_length(ready: Waiting) -> int:
    """How many jobs are in a queue's plain list, which Redis calls ``wait``."""
    jobs = ready.jobs if isinstance(ready, Gated) else ready
    return jobs.plain if isinstance(jobs, Prioritized) else len(jobs)
