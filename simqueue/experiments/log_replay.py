"""A real attempt log run through the model: its own arrivals, times and failures."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simqueue.errors import InputError
from simqueue.record.attempt_log import UNFINISHED, AttemptLog, is_final
from simqueue.record.by_job import by_job
from simqueue.record.merging import merge
from simqueue.results.comparison.compare import Comparison, compare
from simqueue.simulation.engines import ENGINES
from simqueue.simulation.recorded import RecordedWorkload
from simqueue.workload.production import Overhead
from simqueue.workload.reading import build_scenario
from simqueue.workload.scenario import Scenario


@dataclass(frozen=True)
class Slots:
    """Who worked on a queue: worker processes at a time, and slots of each.

    With a ``schedule`` there were so many workers from each moment on, seconds. Where they differ,
    ``crews`` says it instead: slots of each, and the schedule of those that have as many.
    """

    workers: int
    concurrency: int
    schedule: tuple[tuple[float, int], ...] = ()
    crews: tuple[tuple[int, tuple[tuple[float, int], ...]], ...] = ()


def seen_slots(
    log: AttemptLog, queue: str, workers: int | None = None, concurrency: int | None = None
) -> Slots:
    """The workers of a queue as the log shows them.

    As many as were at work at one time, each from its first start to its last end; as many slots
    as the highest number of one says.

    Parameters
    ----------
    log
        The log.
    queue
        The queue's name.
    workers, concurrency
        What is known, and so not looked for.

    Raises
    ------
    InputError
        If the log does not say on which slots the attempts ran.
    """
    if workers is not None and concurrency is not None:
        return Slots(workers, concurrency)
    rows = log.of_queue(queue)
    rows = rows[np.isfinite(rows["started_s"])]
    if (rows["slot"] < 0).any() or (rows["worker"] < 0).any():
        raise InputError(
            f"queue {queue}: the log does not say which worker and slot ran each attempt; "
            "say how many there were with --workers and --concurrency"
        )
    if len(rows) == 0:
        return _known(workers, concurrency, Slots(1, 1))
    names = np.unique(rows["worker"])
    from_s = np.array([rows["started_s"][rows["worker"] == name].min() for name in names])
    ended = np.fmax(rows["finished_s"], rows["started_s"])
    to_s = np.array([ended[rows["worker"] == name].max() for name in names])
    at_a_time = max(int(((from_s <= moment) & (moment <= to_s)).sum()) for moment in from_s)
    return _known(workers, concurrency, Slots(at_a_time, int(rows["slot"].max()) + 1))


def _known(workers: int | None, concurrency: int | None, seen: Slots) -> Slots:
    return Slots(
        seen.workers if workers is None else workers,
        seen.concurrency if concurrency is None else concurrency,
    )


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
    name
        What to call the log.
    """

    real: AttemptLog
    model: AttemptLog
    slots: dict[str, Slots]
    left_out: int
    name: str = "the log"

    @cached_property
    def comparison(self) -> Comparison:
        """The two side by side."""
        return compare(self.real, self.model, self.scenario)

    @cached_property
    def scenario(self) -> Scenario:
        """What a comparison has to know: how long jobs came, and the places for them."""
        widest = max(self.slots.values(), key=lambda one: one.workers * one.concurrency)
        lasts = float(self.real.rows["enqueued_s"].max())
        return _scenario(self.name, self.real.queues, widest, lasts + 1e-3)

    @property
    def title(self) -> str:
        """What was replayed, in words; a line each."""
        words = f"{self.name}: the real run, and its own arrivals, times and failures in the model"
        for queue, one in self.slots.items():
            words += f"\n{queue}: {one.workers} worker(s) x {one.concurrency} slots"
        if self.left_out:
            words += f"\n{self.left_out:,} jobs without a start or an end are left out."
        return words


def replay_log(
    log: AttemptLog,
    slots: dict[str, Slots] | None = None,
    overhead: Overhead | None = None,
    name: str = "the log",
    rules: Mapping[str, Mapping[str, Any]] | None = None,
    parents: Mapping[str, Collection[str]] | None = None,
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
    name
        What to call the log.
    rules
        By queue: keys of its table in a scenario that say who is next or keep jobs waiting, such as
        ``limiter``. Priorities and delays are the log's own.
    parents
        By queue: ids of the jobs that waited for children; by default those whose id rows that were
        added with them name as their parent.

    Raises
    ------
    InputError
        If the log has several replications or no job that ended, does not say who worked, or no
        scenario could have its queues.
    """
    if len(log.replications) > 1:
        raise InputError(
            f"the log has {len(log.replications)} replications: expected one real run, such as "
            "log.replication(0)"
        )
    cost = overhead or Overhead()
    pickups = {"pickup_s": cost.pickup_s, "retry_s": cost.retry_s}
    slots = slots or {queue: seen_slots(log, queue) for queue in log.queues}
    parents = _parents_of(log) if parents is None else parents
    kept, models = [], []
    left_out = 0
    for queue in log.queues:
        rows, missing = _whole_jobs(log.of_queue(queue))
        left_out += missing
        if len(rows) == 0:
            continue
        ids = log.ids(np.unique(rows["job"]))
        lasts = max(float(rows["enqueued_s"].max()), 0.0) + 1.0
        own = {**_who_is_next(rows), **(rules or {}).get(queue, {})}
        scenario = _scenario(name, [queue], slots[queue], lasts, pickups, own)
        workload = RecordedWorkload(scenario, rows, ids, parents.get(queue, ()))
        models.append(ENGINES["simpy"](workload).log)
        kept.append(rows)
    if not kept:
        raise InputError("the log has no job that came to its end: there is nothing to replay")
    real = replace(log, rows=np.concatenate(kept))
    return LogReplay(real, merge(models), slots, left_out, name)


def _parents_of(log: AttemptLog) -> dict[str, set[str]]:
    """By queue: jobs that came with others which name them as their parent, and waited.

    What follows a job names it, too, and comes when it has ended.
    """
    rows = log.rows[(log.rows["attempt"] == 1) & (log.rows["run"] == 1)]
    rows = rows[np.argsort(-rows["enqueued_s"], kind="stable")]
    came = dict(zip(rows["parent"].tolist(), rows["enqueued_s"].tolist(), strict=True))
    first_s = np.array([came.get(job, np.inf) for job in rows["job"].tolist()])
    waited = (rows["ready_s"] > rows["enqueued_s"]) & (first_s < rows["ready_s"])
    return {
        name: set(log.ids(rows["job"][waited & (rows["queue"] == place)]))
        for place, name in enumerate(log.queues)
    }


def _whole_jobs(rows: NDArray[np.void]) -> tuple[NDArray[np.void], int]:
    """The rows of the jobs that ended, job by job and in order; how many jobs are left out."""
    jobs = by_job(rows)
    unknown = np.logical_or.reduceat(jobs.rows["outcome"] == UNFINISHED, jobs.first)
    whole = is_final(jobs.outcome) & ~unknown
    return jobs.rows[whole[jobs.number]], int((~whole).sum())


def _who_is_next(rows: NDArray[np.void]) -> dict[str, Any]:
    """What a queue has to say of jobs that have priorities or delays of their own."""
    found: dict[str, Any] = {}
    if "priority" in (rows.dtype.names or ()) and (rows["priority"] > 0).any():
        found["priority"] = 1
    if ((rows["attempt"] == 1) & (rows["ready_s"] > rows["enqueued_s"])).any():
        found["delay"] = {"distribution": "constant", "mean_s": 1.0}
    return found


def _scenario(
    name: str,
    queues: Sequence[str],
    slots: Slots,
    duration_s: float,
    overhead: dict[str, float] | None = None,
    own: Mapping[str, Any] | None = None,
) -> Scenario:
    """A scenario around recorded jobs: it says who works and how long, and draws nothing."""
    table: dict[str, Any] = {
        "name": name,
        "duration_s": max(duration_s, 1e-3),
        "workers": {"count": slots.workers, "concurrency": slots.concurrency},
        "arrivals": {queue: {"interval_s": duration_s + 1} for queue in queues},
        "queues": {queue: {"follow_up": {}, **(own or {})} for queue in queues},
        "bullmq": {"overhead": overhead or {}},
    }
    crews = slots.crews or ((slots.concurrency, slots.schedule),)
    if crews[0][1]:
        del table["workers"]
        table["pools"] = {
            f"workers-{number}": {
                "schedule": schedule,
                "queues": dict.fromkeys(queues, concurrency),
            }
            for number, (concurrency, schedule) in enumerate(crews)
        }
    return build_scenario(table, place=name)
