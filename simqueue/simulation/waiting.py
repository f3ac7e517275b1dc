"""Time to wait, and what comes first among things that happen at one moment."""

from __future__ import annotations

import simpy
from simpy.events import EventPriority

#: What comes first at one moment: an attempt ends, then a retry is due, then a job arrives.
FINISH, DUE, ARRIVAL = map(EventPriority, (1, 2, 3))


class Wait(simpy.Event):
    """A time to wait, with a rank among what happens at the same moment."""

    _ok, _value = True, None

    def __init__(self, env: simpy.Environment, delay: float, rank: EventPriority) -> None:
        self.callbacks = []
        env.schedule(self, rank, delay)
