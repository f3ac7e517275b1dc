"""SimPy's environment, with less to do for each event: models spend most of their time here."""

from __future__ import annotations

from heapq import heappop, heappush
from math import inf
from typing import Any

import simpy
from simpy.events import NORMAL, Event, EventPriority


class Environment(simpy.Environment):
    """SimPy's environment: the same events in the same order.

    Two things are quicker. The time is an attribute, not a property, and `run` handles the events
    itself instead of calling `step` for each, with a look at the next one's time where SimPy
    schedules an event that ends the run.
    """

    now: float = 0.0

    def __init__(self, initial_time: float = 0.0) -> None:
        super().__init__(initial_time)
        self.now = initial_time

    def schedule(self, event: Event, priority: EventPriority = NORMAL, delay: float = 0.0) -> None:
        """Let an event happen after ``delay`` seconds."""
        heappush(self._queue, (self.now + delay, priority, next(self._eid), event))

    def step(self) -> None:
        """Let the next event happen."""
        super().step()
        self.now = self._now

    def run(self, until: float | Event | None = None) -> Any:
        """Let everything happen that will, or what will before ``until``.

        Raises
        ------
        ValueError
            If ``until`` is not to come.
        """
        if isinstance(until, Event):
            return super().run(until)
        end = inf if until is None else until
        if end <= self.now:
            raise ValueError(f"until (={until}) must be greater than the current time {self.now}")
        queue = self._queue
        while queue and queue[0][0] < end:
            self.now, _, _, event = heappop(queue)
            self._now = self.now
            callbacks, event.callbacks = event.callbacks, None  # type: ignore[assignment]
            for callback in callbacks:
                callback(event)
            if not event._ok and not hasattr(event, "_defused"):
                raise event._value
        if until is not None:
            self.now = self._now = end
        return None
