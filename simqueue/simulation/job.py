"""A job on its way through a model."""

from __future__ import annotations


class SimJob:
    """A job in virtual time.

    Attributes
    ----------
    kind, number
        Its kind, and the number of its root arrival: who it is, and to which its draws belong.
    attempt, run
        The attempt it is at, and how often that one was started, both from 1.
    enqueued, ready
        When it was added, and from when on it waits for this attempt, seconds.
    stalls
        How often it stalled.
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
