"""A bounded queue: who finds too many waiting is turned away at the door."""

from __future__ import annotations

import math
from collections.abc import Sized
from typing import Protocol

from simqueue.record.attempt_log import REFUSED
from simqueue.simulation.job import SimJob
from simqueue.simulation.packed import PackedRows
from simqueue.workload.arrivals import Follows
from simqueue.workload.workload import Workload


class Waiting(Protocol):
    """The models whose queues are bounded."""

    workload: Workload
    rows: PackedRows

    def line(self, kind: int) -> Sized:
        """The jobs that wait where those of a kind go."""

    def turned_away(self, job: SimJob) -> None:
        """Let whoever waits for a job know that nobody will do it."""


class Door:
    """What the producers look at before they add a job: how many wait in its queue.

    They count the waiting list (``getWaitingCount``): not what runs, is delayed, or is due and not
    yet promoted. Follow-ups and retries go in by another door, and are never turned away. A job
    that follows one which was turned away does not come: its customer has gone.
    """

    def __init__(self, model: Waiting) -> None:
        self._model = model
        workload = model.workload
        kinds, arrivals = workload.kinds, workload.scenario.arrivals
        self._most: list[float] = []
        self._leader: dict[int, int] = {}
        first = {kind.queue: kind.number for kind in kinds if kind.parent < 0}
        requests = set(first.values()) | workload.resends.keys()
        for kind in kinds:
            stream = arrivals.get(kind.queue) if kind.number in requests else None
            most = stream.max_waiting if stream is not None else None
            self._most.append(math.inf if most is None else most)
            if kind.parent < 0 and isinstance(stream, Follows):
                self._leader[kind.number] = first[stream.follows]
        self._gone: set[tuple[int, int]] = set()

    def lets_in(self, job: SimJob, now: float) -> bool:
        """Whether a job may come in; who may not is written down."""
        most = self._most[job.kind]
        if most == math.inf or len(self._model.line(job.kind)) < most:
            return True
        self._gone.add((job.kind, job.number))
        self._model.rows.add(job, math.nan, now, REFUSED, -1, -1)
        self._model.turned_away(job)
        return False

    def is_gone(self, kind: int, number: int) -> bool:
        """Whether the customer who would ask for this has been turned away before."""
        leader = self._leader.get(kind)
        return leader is not None and (leader, number) in self._gone
