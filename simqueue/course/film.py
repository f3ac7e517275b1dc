"""What an animation shows: where each job is, and from when on."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass

import numpy as np

from simqueue.results.timeline import steps
from simqueue.results.wording import count

MOST_JOBS = 600

#: Where a job is; from `AT_WORK` on: in which slot.
WAITING, DELAYED, PUT_BACK, DONE, GIVEN_UP, AT_WORK = range(6)


@dataclass(frozen=True)
class Track:
    """Where one job is: at ``places[i]`` from tick ``ticks[i]`` on, in attempt ``attempts[i]``."""

    ticks: tuple[int, ...]
    places: tuple[int, ...]
    attempts: tuple[int, ...]

    def at(self, tick: float) -> int | None:
        """Where it is just after everything at that moment has happened; None: not there yet."""
        number = bisect_right(self.ticks, tick)
        return self.places[number - 1] if number else None


@dataclass(frozen=True)
class Counts:
    """How many jobs are where at one moment; the last two since the start of the log."""

    waiting: int
    at_work: int
    in_backoff: int
    completed: int
    failed: int


@dataclass(frozen=True)
class Film:
    """One queue of one replication, for a while.

    Attributes
    ----------
    queue
        Its name.
    start_s
        The first moment, seconds of the log.
    tick_s, ticks
        Length of a tick, and how many there are.
    workers
        Name of each worker, and how many slots of it the log shows.
    before
        How many jobs had completed, and failed, by ``start_s``.
    tracks
        The jobs that are there for a while.
    cut
        Whether it ends early, because more jobs came than it can show.
    """

    queue: str
    start_s: float
    tick_s: float
    ticks: int
    workers: tuple[tuple[str, int], ...]
    before: tuple[int, int]
    tracks: tuple[Track, ...]
    cut: bool

    def moment_s(self, tick: float) -> float:
        """Seconds of the log."""
        return self.start_s + tick * self.tick_s

    def clock(self, tick: float) -> str:
        """The time in words; as the page's script says it."""
        seconds = self.moment_s(tick)
        length = self.ticks * self.tick_s
        if self.moment_s(self.ticks) < 7200:
            return f"{seconds:.{0 if length >= 100 else 1 if length >= 10 else 2}f} s"
        whole = math.floor(seconds + 0.5)
        return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02} h"

    def counts(self, tick: float) -> Counts:
        """Count who is where, just after everything at that moment has happened."""
        where = [track.at(tick) for track in self.tracks]
        return Counts(
            waiting=where.count(WAITING),
            at_work=sum(place is not None and place >= AT_WORK for place in where),
            in_backoff=where.count(DELAYED),
            completed=self.before[0] + where.count(DONE),
            failed=self.before[1] + where.count(GIVEN_UP),
        )

    @property
    def peak(self) -> tuple[int, int]:
        """The most that wait at once, and the first tick at which they do."""
        waits = [
            (start, end)
            for track in self.tracks
            for start, end, place in zip(
                track.ticks, (*track.ticks[1:], math.inf), track.places, strict=True
            )
            if place == WAITING
        ]
        if not waits:
            return 0, 0
        lengths = steps(*np.array(waits, dtype=float).T)
        first = int(lengths.counts.argmax())
        return int(lengths.counts[first]), int(lengths.moments[first])

    @property
    def words(self) -> str:
        """What somebody who does not see it should know."""
        slots = count(sum(slots for _, slots in self.workers), "slot")
        most, tick = self.peak
        end = self.counts(self.ticks)
        cut = f" It ends here because {MOST_JOBS} jobs are all it can show." if self.cut else ""
        return (
            f"Animation of queue {self.queue} from {self.clock(0)} to {self.clock(self.ticks)}: "
            f"{count(len(self.tracks), 'job')} on {slots} of {count(len(self.workers), 'worker')}. "
            f"At most {most} waiting at once, first at {self.clock(tick)}. At the end: "
            f"{end.waiting} waiting, {end.at_work} at work, {end.in_backoff} in backoff, "
            f"{end.completed} completed, {end.failed} failed.{cut}"
        )
