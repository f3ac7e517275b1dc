"""A real attempt log as the workload: the model replays its own arrivals, times and failures.

What then differs from the log is the model's error alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simqueue.errors import InputError
from simqueue.results.attempt_log import (
    COMPLETED,
    FAILED,
    ROW,
    STALLED,
    UNFINISHED,
    AttemptLog,
    merge,
)
from simqueue.simulation.bullmq import BullModel
from simqueue.simulation.model import Job
from simqueue.workload.production import Overhead
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Attempts, Kind, Outcome, Workload

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Slots:
    """Who worked on a queue: worker processes at a time, and slots of each."""

    workers: int
    concurrency: int


def seen_slots(log: AttemptLog, queue: str) -> Slots:
    """The workers of a queue as the log shows them.

    As many as were at work at one time, each from its first start to its last end; as many slots
    as the highest number of one says.

    Raises
    ------
    InputError
        If the log does not say on which slots the attempts ran.
    """
    rows = log.of_queue(queue)
    rows = rows[np.isfinite(rows["started_s"])]
    if (rows["slot"] < 0).any() or (rows["worker"] < 0).any():
        raise InputError(
            f"queue {queue}: the log does not say which worker and slot ran each attempt; "
            "say how many there were with --workers and --concurrency"
        )
    if len(rows) == 0:
        return Slots(1, 1)
    names = np.unique(rows["worker"])
    from_s = np.array([rows["started_s"][rows["worker"] == name].min() for name in names])
    ended = np.fmax(rows["finished_s"], rows["started_s"])
    to_s = np.array([ended[rows["worker"] == name].max() for name in names])
    at_a_time = max(int(((from_s <= moment) & (moment <= to_s)).sum()) for moment in from_s)
    return Slots(at_a_time, int(rows["slot"].max()) + 1)


class RecordedWorkload(Workload):
    """The jobs of one queue of a log.

    Each row is one attempt of the model: it lasts as long, and is followed by as long a backoff.
    A run that stalled holds no slot, and its job is ready again when it was put back.
    """

    def __init__(self, scenario: Scenario, rows: NDArray[np.void], ids: Sequence[str]) -> None:
        """``rows`` are those of finished jobs, sorted by job and then in time."""
        self.scenario, self.replication = scenario, 0
        (queue,) = scenario.queues
        self.kinds = [Kind(0, queue, queue, queue, -1)]
        self.resends = {}
        self.ids = ids
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

    @property
    def arrivals(self) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
        """All jobs, in the order in which they were enqueued."""
        times = np.ascontiguousarray(self.rows["enqueued_s"][self.first])
        order = np.argsort(times, kind="stable")
        return times[order], np.zeros(len(order), np.int64), order

    def attempts(self, kind: int, attempt: int) -> Attempts:  # noqa: ARG002
        """What the ``attempt``-th rows of all jobs bring."""
        if attempt not in self._drawn:
            row = self.first + np.minimum(attempt, self.count) - 1
            fails = self.rows["outcome"][row] != COMPLETED
            self._drawn[attempt] = Attempts(
                cpu_s=np.zeros(len(row)).data,
                io_s=self._held_s[row].data,
                fails=fails.view(np.uint8).data,
                jitter=np.zeros(len(row)).data,
            )
        return self._drawn[attempt]

    def wait_s(self, kind: int, number: int, attempt: int) -> float | None:  # noqa: ARG002
        """The backoff that was recorded; ``None`` after a job's last row."""
        if attempt >= self.count[number]:
            return None
        return max(float(self._wait_s[self.first[number] + attempt - 1]), 1e-9)

    def stalled(self, number: int, attempt: int) -> bool:
        """Whether the ``attempt``-th row of a job is a run that stalled."""
        return bool(self.rows["outcome"][self.first[number] + attempt - 1] == STALLED)

    def follow_ups(self, kind: int, outcome: Outcome) -> tuple[Kind, ...]:  # noqa: ARG002
        """None: follow-ups are jobs with a recorded arrival of their own."""
        return ()

    def job_id(self, kind: Kind, number: int) -> str:  # noqa: ARG002
        """The recorded id."""
        return self.ids[number]

    def as_recorded(self, log: AttemptLog) -> AttemptLog:
        """``log`` with attempts, runs and stalls numbered as they were."""
        rows = log.rows
        number = rows["job"]  # there is one kind
        recorded = self.rows[self.first[number] + rows["attempt"] - 1]
        for column in ("attempt", "run", "outcome"):
            rows[column] = recorded[column]
        rows["finished_s"] = np.where(
            recorded["outcome"] == STALLED, _next_ready(rows), rows["finished_s"]
        )
        rows["started_s"] = np.where(np.isnan(recorded["started_s"]), np.nan, rows["started_s"])
        return log


class RecordedModel(BullModel):
    """The queue of a log: a job whose run stalled comes back at the head, as it did."""

    workload: RecordedWorkload

    def retry(self, job: Job) -> None:
        """Have a job ready again."""
        if self.workload.stalled(job.number, job.attempt):
            self.next_attempt(job)
            self.queue_of[job.kind].put_back([job])
        else:
            super().retry(job)


def _next_ready(rows: NDArray[np.void]) -> Floats:
    """When the job of each row was ready again; NaN after its last row."""
    order = np.lexsort((rows["ready_s"], rows["job"]))
    ready: Floats = np.full(len(rows), np.nan)
    same = rows["job"][order[1:]] == rows["job"][order[:-1]]
    ready[order[:-1]] = np.where(same, rows["ready_s"][order[1:]], np.nan)
    return ready


@dataclass(frozen=True)
class Replayed:
    """What `replay_log` gives.

    Attributes
    ----------
    real, model
        The jobs of the log that came to an end, and the same ones in the model.
    slots
        The workers of each queue.
    left_out
        Jobs without an end or a start in the log: nobody knows how long they would have taken.
    """

    real: AttemptLog
    model: AttemptLog
    slots: dict[str, Slots]
    left_out: int


def replay_log(
    log: AttemptLog, slots: dict[str, Slots] | None = None, overhead: Overhead | None = None
) -> Replayed:
    """Run the jobs of a real log through the model.

    Parameters
    ----------
    log
        One real run.
    slots
        The workers of each queue; by default as `seen_slots` finds them.
    overhead
        Of which only the pick-ups count: a recorded service time holds all the rest.

    Raises
    ------
    InputError
        If the log has no job that ended, or does not say who worked.
    """
    cost = overhead or Overhead()
    pickups = {"pickup_s": cost.pickup_s, "retry_s": cost.retry_s}
    slots = slots or {queue: seen_slots(log, queue) for queue in log.queues}
    kept, models = [], []
    left_out = 0
    for queue in log.queues:
        rows, missing = _whole_jobs(log.of_queue(queue))
        left_out += missing
        if len(rows) == 0:
            continue
        keys = rows["job"][np.append(True, rows["job"][1:] != rows["job"][:-1])]
        workload = RecordedWorkload(
            _scenario(queue, slots[queue], rows, pickups), rows, log.ids(keys)
        )
        model = RecordedModel(workload)
        model.run()
        models.append(workload.as_recorded(model.record.log(workload)))
        kept.append(rows)
    if not kept:
        raise InputError("the log has no job that came to its end: there is nothing to replay")
    real = AttemptLog(**{**vars(log), "rows": np.concatenate(kept).astype(ROW)})
    return Replayed(real, merge(models), slots, left_out)


def _whole_jobs(rows: NDArray[np.void]) -> tuple[NDArray[np.void], int]:
    """The rows of the jobs that ended, job by job and in order; how many jobs are left out."""
    order = np.lexsort((rows["run"], rows["attempt"], rows["job"]))
    rows = rows[order]
    jobs, number = np.unique(rows["job"], return_inverse=True)
    last = np.append(number[1:] != number[:-1], True)[: len(rows)]
    final = np.isin(rows["outcome"][last], (COMPLETED, FAILED))
    unknown = np.zeros(len(jobs), bool)
    np.logical_or.at(unknown, number, rows["outcome"] == UNFINISHED)
    whole = final & ~unknown
    return rows[whole[number]], int((~whole).sum())


def _scenario(
    queue: str, slots: Slots, rows: NDArray[np.void], pickups: dict[str, float]
) -> Scenario:
    duration = max(float(rows["enqueued_s"].max()), 0.0) + 1.0
    table: dict[str, Any] = {
        "name": "recorded",
        "duration_s": duration,
        "workers": {"count": slots.workers, "concurrency": slots.concurrency},
        "arrivals": {queue: {"interval_s": duration}},
        "queues": {queue: {"follow_up": {}}},
        "bullmq": {"overhead": pickups},
    }
    return Scenario.model_validate(table)
