"""A job on its way through a model."""

from __future__ import annotations


class SimJob:
    """A job in virtual time: its kind, the number of its root arrival, the attempt it is at.

    ``run`` counts how often that attempt was started, ``stalls`` how often the job stalled.
    Moments are seconds.
    """

    __slots__ = ("attempt", "enqueued", "kind", "number", "ready", "run", "stalls")

    def __init__(self, kind: int, number: int, now: float) -> None:
        self.kind, self.number = kind, number
        self.attempt = self.run = 1
        self.enqueued = self.ready = now
        self.stalls = 0

    def next_attempt(self, now: float) -> None:
        """Be ready for the next attempt."""
        self.attempt, self.run, self.ready = self.attempt + 1, 1, now
