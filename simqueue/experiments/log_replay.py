"""A real attempt log run through the model: its own arrivals, times and failures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simqueue.errors import InputError
from simqueue.record.attempt_log import FINAL, UNFINISHED, AttemptLog
from simqueue.record.by_job import by_job
from simqueue.record.merging import merge
from simqueue.simulation.engines import ENGINES
from simqueue.simulation.recorded import RecordedWorkload
from simqueue.workload.production import Overhead
from simqueue.workload.scenario import Scenario


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


@dataclass(frozen=True)
class LogReplay:
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
) -> LogReplay:
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
        If the log has several replications or no job that ended, or does not say who worked.
    """
    if len(log.replications) > 1:
        raise InputError(
            f"the log has {len(log.replications)} replications: expected one real run, such as "
            "log.replication(0)"
        )
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
        ids = log.ids(np.unique(rows["job"]))
        workload = RecordedWorkload(_scenario(queue, slots[queue], rows, pickups), rows, ids)
        models.append(ENGINES["simpy"](workload).log)
        kept.append(rows)
    if not kept:
        raise InputError("the log has no job that came to its end: there is nothing to replay")
    real = replace(log, rows=np.concatenate(kept))
    return LogReplay(real, merge(models), slots, left_out)


def _whole_jobs(rows: NDArray[np.void]) -> tuple[NDArray[np.void], int]:
    """The rows of the jobs that ended, job by job and in order; how many jobs are left out."""
    jobs = by_job(rows)
    unknown = np.logical_or.reduceat(jobs.rows["outcome"] == UNFINISHED, jobs.first)
    whole = np.isin(jobs.outcome, FINAL) & ~unknown
    return jobs.rows[whole[jobs.number]], int((~whole).sum())


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
