"""BullMQ's job schedulers: a queue that brings itself one job after the other, like a clock."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from simqueue.workload.changes import key_of
from simqueue.workload.duration import Floats
from simqueue.workload.production import Period, Seconds
from simqueue.workload.queues import QueueModel
from simqueue.workload.streams import Arrivals, Source, Stream

#: What a class may not say of a scheduler's jobs: they all are made from one template.
_OF_THE_TEMPLATE = ("priority", "attempts", "backoff", "delay")


class Scheduler(Stream):
    """A job scheduler: the next job is added, for its slot, when the one before it starts.

    Attributes
    ----------
    every_s
        From one slot to the next, seconds; BullMQ counts whole milliseconds.
    offset_s
        The first slot, seconds.

    Notes
    -----
    Source: BullMQ ``src/classes/job-scheduler.ts``, ``addJobScheduler-11.lua`` and
    ``updateJobScheduler-12.lua``; ``offset_s`` is its ``startDate``.
    """

    #: Nobody asks for its jobs, so nobody waits for them or is turned away.
    client: ClassVar[None] = None
    max_waiting: ClassVar[None] = None
    every_s: Period
    offset_s: Seconds = 0.0

    @property
    def every_ms(self) -> int:
        """From one slot to the next, milliseconds."""
        return max(1, round(1000 * self.every_s))

    @property
    def first_ms(self) -> int:
        """The first slot, milliseconds."""
        return round(1000 * self.offset_s)

    @property
    def steady(self) -> bool:
        """As much is expected at any moment as at any other."""
        return self.first_ms == 0

    @property
    def random(self) -> bool:
        """Chance says of no slot when it is."""
        return False

    def steps_s(self, duration_s: float) -> Floats:  # noqa: ARG002
        """Moments at which the expected rate changes."""
        return np.array([self.first_ms / 1000])

    def expected(self, times_s: Floats, duration_s: float) -> Floats:
        """Slots by each moment: there are never more jobs."""
        past = np.minimum(times_s, duration_s) - self.first_ms / 1000
        found: Floats = np.maximum(past, 0.0) / (self.every_ms / 1000)
        return found

    def draw(self, source: Source, duration_s: float) -> Arrivals:  # noqa: ARG002
        """The slots in [0, duration_s); which of them get a job, a run says.

        Where the one before starts too late, a slot has none, and what was drawn for it is unused.
        """
        return Arrivals(self.slots_s(duration_s), None)

    def slots_s(self, duration_s: float) -> Floats:
        """The slots in [0, duration_s), seconds."""
        n = max(0, math.ceil((1000 * duration_s - self.first_ms) / self.every_ms))
        slots: Floats = (self.first_ms + self.every_ms * np.arange(n)) / 1000
        return slots[slots < duration_s]

    def slot_after(self, slot: int, now_ms: int) -> int:
        """The number of the next job's slot, if that of ``slot`` starts now.

        The next one, or, if that is over, the first that is to come: ``prevMillis + every`` and
        what follows in ``getJobSchedulerEveryNextMillis``, a part of ``updateJobScheduler-12.lua``.
        """
        first, every = self.first_ms, self.every_ms
        due_ms = first + every * (slot + 1)
        return slot + 1 if due_ms >= now_ms else (now_ms - first) // every + 1


def check_scheduled(queue: str, stream: Scheduler, settings: QueueModel, mode: str) -> None:
    """Refuse what BullMQ's job schedulers cannot do.

    Raises
    ------
    ValueError
        If the jobs of ``queue`` are to be something that a template cannot say, or there is no
        BullMQ.
    """
    place = key_of("arrivals", queue, "every_s")
    if mode != "bull-queue":
        raise ValueError(
            f"{place}: job schedulers are BullMQ's, and {mode} mode has none; expected another "
            f"kind of arrivals, such as interval_s = {stream.every_s:g}"
        )
    if settings.children:
        raise ValueError(
            f"{key_of('queues', queue, 'children')}: a job scheduler adds jobs without children "
            f"({place})"
        )
    if settings.delay is not None:
        raise ValueError(
            f"{key_of('queues', queue, 'delay')}: a job scheduler says itself when its jobs are "
            f"due ({place})"
        )
    _check_classes(queue, settings, place)


def _check_classes(queue: str, settings: QueueModel, place: str) -> None:
    for name, one in settings.classes.items():
        said = [key for key in _OF_THE_TEMPLATE if getattr(one, key) is not None]
        if said:
            raise ValueError(
                f"{key_of('queues', queue, 'classes', name, said[0])}: a job scheduler makes all "
                f"its jobs from one template ({place})"
            )
