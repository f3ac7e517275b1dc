"""Locks: who holds a job, until when, and the runs that nobody will end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from simqueue.simulation.bullmq.worker import Slot
from simqueue.simulation.job import SimJob

#: Rounding of sums of times: a look that is just due is due.
TINY_S = 1e-9


class Lock:
    """The lock on the job in a slot, and what others have found about it.

    ``renewed`` and ``until`` are the last renewal of some job's lock in this slot and how long
    that lasts, seconds; ``marked``: the last look for stalled jobs saw it; ``lost``: the job was
    put back meanwhile, and somebody else will do it too.
    """

    __slots__ = ("lost", "marked", "renewed", "until")

    def __init__(self) -> None:
        self.renewed = self.until = 0.0
        self.marked = self.lost = False


@dataclass
class LostRun:
    """A run that nobody will end: its job is active, its lock runs out."""

    job: SimJob
    started: float
    worker: int
    slot: int
    lock_until: float
    marked: bool


class Locks:
    """The locks of all slots. Each lasts ``lasts_s`` from its job's start or its renewal."""

    def __init__(self, lasts_s: float) -> None:
        self.lasts_s = lasts_s
        self._of: dict[Slot, Lock] = {}

    def add(self, slots: Iterable[Slot]) -> None:
        """Have locks for the jobs of further slots."""
        self._of |= {slot: Lock() for slot in slots}

    def of(self, slot: Slot) -> Lock:
        """The lock of a slot's job."""
        return self._of[slot]

    def until(self, slot: Slot) -> float:
        """Until when the lock of a slot's job lasts."""
        return max(slot.started + self.lasts_s, self._of[slot].until)

    def renew(self, slot: Slot, now: float) -> None:
        """Renew a lock that is a quarter old and not lost yet.

        A worker sleeps a little too long between two looks, so a quarter is always over.
        """
        lock = self._of[slot]
        if slot.job is None or lock.lost or now >= self.until(slot):
            return
        if max(slot.started, lock.renewed) + self.lasts_s / 4 <= now + TINY_S:
            lock.renewed, lock.until, lock.marked = now, now + self.lasts_s, False

    def forget(self, slot: Slot) -> None:
        """The slot has let go of its job."""
        lock = self._of[slot]
        lock.lost = lock.marked = False

    def lost_run(self, slot: Slot, job: SimJob) -> LostRun:
        """What is left of a slot's run when its worker is gone or has lost the lock."""
        until, marked = self.until(slot), self._of[slot].marked
        return LostRun(job, slot.started, slot.process.number, slot.number, until, marked)
