"""Time to wait, and what comes first among things that happen at one moment."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappush

import simpy
from simpy.events import EventPriority

#: What comes first at one moment: an attempt ends, then somebody changes the model by hand, then a
#: retry is due, then a job arrives, then one that somebody sends.
FINISH, BY_HAND, DUE, ARRIVAL, SENT = map(EventPriority, (1, 2, 3, 4, 5))


class Wait(simpy.Event):
    """A time to wait, with a rank among what happens at the same moment, and what happens then."""

    _ok, _value = True, None

    def __init__(
        self,
        env: simpy.Environment,
        delay: float,
        rank: EventPriority,
        then: Callable[[simpy.Event], None],
    ) -> None:
        self.callbacks = [then]
        env.schedule(self, rank, delay)


class Timer(simpy.Event):
    """A time to wait that can be set again once it is over: one object for many waits."""

    _ok, _value = True, None

    def __init__(
        self, env: simpy.Environment, rank: EventPriority, then: Callable[[simpy.Event], None]
    ) -> None:
        self.env = env
        self._schedule, self._rank, self._then = env.schedule, rank, [then]

    def set(self, delay: float) -> None:
        """Let it be over after ``delay`` seconds."""
        self.callbacks = self._then
        self._schedule(self, self._rank, delay)

    def set_at(self, moment: float) -> None:
        """Let it be over at a moment, to the last digit: now + (moment - now) may be off."""
        self.callbacks = self._then
        heappush(self.env._queue, (moment, self._rank, next(self.env._eid), self))

    def cancel(self) -> None:
        """Let nothing happen then. It cannot be set again: the old end is still to come."""
        self.callbacks = []
