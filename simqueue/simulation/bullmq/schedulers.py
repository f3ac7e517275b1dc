"""BullMQ's job schedulers: each job's start adds the next one, for its slot."""

from __future__ import annotations

import math
from functools import partial
from typing import Protocol

import numpy as np
import simpy

from simqueue.simulation.bullmq.queue import TINY_MS, Queue
from simqueue.simulation.core import Brings
from simqueue.simulation.job import SimJob
from simqueue.simulation.waiting import ARRIVAL, Wait
from simqueue.workload.workload import Workload


class Receiver(Protocol):
    """The model whose queues get the jobs."""

    workload: Workload
    env: simpy.Environment
    queue_of: list[Queue]
    unfinished: int


class Schedulers:
    """All job schedulers of a scenario.

    There is never more than one job of a scheduler that is delayed or waits: the next one is added
    when the last one that was added is taken (``nextJobFromJobData`` in ``worker.py`` and
    ``worker.ts``), and only then: a retry, or a run after a stall, is no job that was added last
    (``producerId == currentDelayedJobId`` in ``updateJobScheduler-12.lua``).

    A job is enqueued at its slot here, whenever it was added: before that it is only delayed.
    """

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        workload = receiver.workload
        self._of = workload.scheduled
        times = {kind: workload.streams[workload.kinds[kind].queue].times_s for kind in self._of}
        # A session has room for jobs behind the slots, at infinity.
        self._slots = {kind: its[np.isfinite(its)].tolist() for kind, its in times.items()}
        #: The slot of the job that was added last, by kinds.
        self._last: dict[int, int] = {}
        for kind in self._of:
            self._await(kind, 0, receiver.env.now)

    def watching(self, brings: Brings) -> Brings:
        """The same as ``brings``, which is asked as an attempt starts; a next job may be added."""

        def watched(job: SimJob, at: float) -> tuple[float, float, int]:
            if self._last.get(job.kind) == job.number:
                self._started(job, at)
            return brings(job, at)

        return watched

    def _started(self, job: SimJob, at: float) -> None:
        now_ms = math.floor(1000 * at + TINY_MS)
        self._await(job.kind, self._of[job.kind].slot_after(job.number, now_ms), at)

    def _await(self, kind: int, slot: int, at: float) -> None:
        """Have the job of a slot added at a moment, if there is such a slot."""
        self._last[kind] = slot
        if slot < len(self._slots[kind]):
            self._receiver.unfinished += 1  # from now on: nobody may think that all is over
            env = self._receiver.env
            Wait(env, at - env.now, ARRIVAL, partial(self._add, kind, slot))

    def _add(self, kind: int, slot: int, _: simpy.Event) -> None:
        """Add the job of a slot: delayed until then, or to the list at once."""
        slots, receiver = self._slots[kind], self._receiver
        now, queue = receiver.env.now, receiver.queue_of[kind]
        job = SimJob(kind, slot, slots[slot])
        if slots[slot] > now:
            job.attempt = 0  # it is due for its first attempt as a retry is for its next
            queue.delay(job, slots[slot] - now)
            job.enqueued = job.ready
        else:
            queue.put(job, now)
