"""A real attempt log as the workload: the model replays its own arrivals, times and failures.

What then differs from the log is the model's error alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import simpy
from numpy.typing import NDArray

from simqueue.policies import Outcome
from simqueue.record.attempt_log import (
    COMPLETED,
    STALLED,
    UNFINISHED,
    AttemptLog,
    ListedIds,
)
from simqueue.simulation.bullmq import BullMQ
from simqueue.simulation.core import Place
from simqueue.simulation.job import SimJob
from simqueue.simulation.waiting import DUE, Wait
from simqueue.workload.attempts import Attempts
from simqueue.workload.scenario import Scenario
from simqueue.workload.schedulers import Scheduler
from simqueue.workload.workload import Ids, Kind, Workload

Floats = NDArray[np.float64]


class RecordedWorkload(Workload):
    """The jobs of one queue of a log.

    Each row is one attempt of the model: it lasts as long, and is followed by as long a backoff.
    A run that stalled holds no slot, and its job is ready again when it was put back.
    """

    def __init__(
        self,
        scenario: Scenario,
        rows: NDArray[np.void],
        ids: Sequence[str],
        parents: Collection[str] = (),
    ) -> None:
        """``rows`` are those of finished jobs, sorted by job and then in time.

        ``parents`` are the ids of jobs that waited for children.
        """
        self.scenario, self.replication = scenario, 0
        (queue,) = scenario.queues
        self.kinds = [Kind(0, queue, queue, queue, -1)]
        self.resends, self._children = {}, {}
        self._texts = ids
        new = np.append(True, rows["job"][1:] != rows["job"][:-1])
        self.first = np.flatnonzero(new)
        self.count = np.diff(np.append(self.first, len(rows)))
        self.rows = rows
        stalled, unrun = rows["outcome"] == STALLED, np.isnan(rows["started_s"])
        held = np.where(stalled | unrun, 0.0, rows["finished_s"] - rows["started_s"])
        self._held_s = np.fmax(held, 0.0)
        begun = np.where(stalled, rows["started_s"], rows["finished_s"])
        self._wait_s = np.append(rows["ready_s"][1:] - begun[:-1], 0.0)
        self._drawn: dict[int, Attempts] = {}
        self._waits_s: dict[int, memoryview] = {}
        #: Numbers of the jobs that waited for children.
        self.parents = {number for number, id_ in enumerate(ids) if id_ in parents}

    @property
    def arrivals(self) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
        """All jobs, in the order in which they were enqueued."""
        times = np.ascontiguousarray(self.rows["enqueued_s"][self.first])
        order = np.argsort(times, kind="stable")
        return times[order], np.zeros(len(order), np.int64), order

    @property
    def scheduled(self) -> dict[int, Scheduler]:
        """None: whatever added a job, it comes when it came."""
        return {}

    def attempts(self, kind: int, attempt: int) -> Attempts:  # noqa: ARG002
        """What the ``attempt``-th rows of all jobs bring."""
        if attempt not in self._drawn:
            row = self.first + np.minimum(attempt, self.count) - 1
            fails = self.rows["outcome"][row] != COMPLETED
            self._drawn[attempt] = Attempts(
                cpu_s=np.zeros(len(row)).data,
                io_s=self._held_s[row].data,
                fails=fails.view(np.uint8).data,
            )
        return self._drawn[attempt]

    def waits_s(self, kind: int, attempt: int) -> memoryview:  # noqa: ARG002
        """The backoffs that were recorded; NaN after a job's last row."""
        if attempt not in self._waits_s:
            row = self.first + np.minimum(attempt, self.count) - 1
            waits = np.where(attempt < self.count, np.fmax(self._wait_s[row], 1e-9), np.nan)
            self._waits_s[attempt] = waits.data
        return self._waits_s[attempt]

    def priority_of(self, kind: Kind) -> NDArray[np.int64]:  # noqa: ARG002
        """The recorded priorities; 0 where the log has none."""
        if "priority" not in (self.rows.dtype.names or ()):
            return np.zeros(len(self.first), np.int64)
        found: NDArray[np.int64] = self.rows["priority"][self.first].astype(np.int64)
        return found

    def delay_s(self, kind: Kind) -> Floats:  # noqa: ARG002
        """How long after it was enqueued each job was ready first, seconds."""
        rows = self.rows[self.first]
        found: Floats = np.fmax(rows["ready_s"] - rows["enqueued_s"], 0.0)
        return found

    def stalled(self, number: int, attempt: int) -> bool:
        """Whether the ``attempt``-th row of a job is a run that stalled."""
        return bool(self.rows["outcome"][self.first[number] + attempt - 1] == STALLED)

    def follow_ups(self, kind: int, outcome: Outcome) -> tuple[Kind, ...]:  # noqa: ARG002
        """None: follow-ups are jobs with a recorded arrival of their own."""
        return ()

    def ids(self) -> Ids:
        """The recorded ids; with one kind of jobs a job's key is its number."""
        return ListedIds(self._texts)

    def job_id(self, kind: Kind, number: int) -> str:  # noqa: ARG002
        """The recorded id."""
        return self._texts[number]

    def as_recorded(self, log: AttemptLog) -> AttemptLog:
        """``log`` with its attempts, runs and outcomes as they were."""
        rows = log.rows
        number = rows["job"]  # there is one kind
        recorded = self.rows[self.first[number] + rows["attempt"] - 1]
        for column in ("attempt", "run"):
            rows[column] = recorded[column]
        ended = rows["outcome"] != UNFINISHED
        rows["outcome"] = np.where(ended, recorded["outcome"], UNFINISHED)
        rows["started_s"] = np.where(np.isnan(recorded["started_s"]), np.nan, rows["started_s"])
        return log


class RecordedBullMQ(BullMQ):
    """The queue of a log: a stalled job, or a parent whose children are done, goes to the head."""

    workload: RecordedWorkload

    def put(self, job: SimJob, now: float) -> None:
        """Add a job; a parent waits for its children first, as long as it did."""
        waits_s = self._delays_s.get(job.kind)
        wait_s = waits_s[job.number] if waits_s is not None else 0.0
        if not wait_s or job.number not in self.workload.parents:
            super().put(job, now)
            return
        job.ready = now + wait_s
        put_first = self.queue_of[job.kind].put_first
        Wait(self.env, wait_s, DUE, lambda _: put_first(job))

    def finish(self, place: Place, job: SimJob, now: float) -> None:
        """End an attempt; a run that stalled holds no slot, and ends when its job is put back."""
        if not self.workload.stalled(job.number, job.attempt):
            super().finish(place, job, now)
            return
        started, worker, slot = place.started, place.process.number, place.number

        def put_back(_: simpy.Event) -> None:
            now = self.env.now
            self.rows.add(job, started, now, STALLED, worker, slot)
            job.next_attempt(now)
            self.queue_of[job.kind].put_back([job])

        Wait(self.env, self.workload.waits_s(job.kind, job.attempt)[job.number], DUE, put_back)

    def log(self) -> AttemptLog:
        """What has happened so far, its attempts, runs and outcomes as they were."""
        return self.workload.as_recorded(super().log())
