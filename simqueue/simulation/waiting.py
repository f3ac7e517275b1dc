"""Time to wait, and what comes first among things that happen at one moment."""

from __future__ import annotations

from collections.abc import Callable

import simpy
from simpy.events import EventPriority

#: What comes first at one moment: an attempt ends, then a retry is due, then a job arrives.
FINISH, DUE, ARRIVAL = map(EventPriority, (1, 2, 3))


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

    def cancel(self) -> None:
        """Let nothing happen then."""
        self.callbacks.clear()
