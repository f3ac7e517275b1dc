"""A day with an outage, beside the same day without it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from simqueue.experiments.parallel import run_all
from simqueue.experiments.run import Run, replicate
from simqueue.record.attempt_log import NOT_DONE, Floats
from simqueue.results.history import History, histories
from simqueue.results.statistics import describe
from simqueue.simulation.engines import Engine
from simqueue.workload.outages import Outage
from simqueue.workload.scenario import Scenario

#: What is measured of each queue, with the outage and without it: jobs of the day that failed for
#: good, and quantiles of the response times of the jobs that came in the outage or as long after.
NUMBERS = ("failed", "p95_s", "p99_s")


@dataclass(frozen=True)
class Pair:
    """One day twice.

    Attributes
    ----------
    found
        An array (2, queues, numbers): with the outage and without it; the scenario's queues;
        `NUMBERS`. NaN where there was nothing to measure.
    recovery_s
        See `recovery_s`.
    """

    found: Floats
    recovery_s: float


@dataclass(frozen=True)
class _Task:
    sick: Scenario
    well: Scenario
    queue: str
    outage: Outage
    day: int
    engine: str | Engine


def pairs(
    work: Sequence[tuple[Scenario, Scenario, int]],
    queue: str,
    outage: Outage,
    cores: int | None,
    cluster: str | None,
    engine: str | Engine,
) -> Iterator[tuple[int, Pair]]:
    """Run days with and without an outage, and give them as they come.

    Parameters
    ----------
    work
        With, without, and which day.
    queue, outage
        Whose downstream it is, and when.
    cores, cluster, engine
        See `sweep`.
    """
    tasks = [_Task(sick, well, queue, outage, day, engine) for sick, well, day in work]
    yield from run_all(_pair, tasks, cores, cluster)


def _pair(task: _Task) -> Pair:
    sick, well = (replicate(one, task.day, task.engine) for one in (task.sick, task.well))
    since_s, end_s = task.outage.from_s, task.outage.to_s
    until_s = end_s + (end_s - since_s)
    found = np.array(
        [
            [_numbers(run, queue, since_s, until_s) for queue in task.sick.queues]
            for run in (sick, well)
        ]
    )
    return Pair(found, recovery_s(_jobs(sick, task.queue), _jobs(well, task.queue), end_s))


def _numbers(run: Run, queue: str, since_s: float, until_s: float) -> list[float]:
    known = queue in run.log.queues
    response_s = run.log.responses(queue, since_s, until_s) if known else np.empty(0)
    of = describe([response_s])
    numbers = (run.summary().queues[queue].failed, of.p95, of.p99)
    return [math.nan if one is None else float(one) for one in numbers]


def _jobs(run: Run, queue: str) -> list[History]:
    return [one for one in histories(run.log, run.scenario.crashes) if one.queue == queue]


def recovery_s(sick: Sequence[History], well: Sequence[History], end_s: float) -> float:
    """How long after an outage it is as before, seconds.

    That is the first moment from its end on at which no more jobs of the queue are unfinished than
    at that moment of the same day without it: they wait, run, or are in backoff.

    Parameters
    ----------
    sick, well
        The queue's history with the outage and without it.
    end_s
        When it is over.

    Returns
    -------
    float
        NaN if that never comes.
    """
    both = [spans(sick), spans(well)]
    moments = np.unique(np.concatenate([[end_s], *both[0], *both[1]]))
    moments = moments[(moments >= end_s) & np.isfinite(moments)]
    with_it, without = (unfinished(*one, moments) for one in both)
    over = np.flatnonzero(with_it <= without)
    return float(moments[over[0]] - end_s) if len(over) else math.nan


def spans(found: Sequence[History]) -> tuple[Floats, Floats]:
    """When each job came, and when it had its final outcome; infinite if it had none."""
    came, went = [np.empty(0)], [np.empty(0)]
    for one in found:
        mine = ~np.isin(one.jobs.outcome, NOT_DONE)
        came.append(one.jobs.enqueued_s[mine])
        went.append(np.nan_to_num(one.jobs.finished_s[mine], nan=np.inf))
    return np.sort(np.concatenate(came)), np.sort(np.concatenate(went))


def unfinished(came: Floats, went: Floats, moments: Floats) -> Floats:
    """Jobs that have come and have no final outcome, just after each moment; both are sorted.

    >>> unfinished(np.array([0.0, 1.0, 5.0]), np.array([2.0, 5.0, 9.0]), np.array([1.0, 5.0]))
    array([2., 1.])
    """
    number = np.searchsorted(came, moments, side="right") - np.searchsorted(
        went, moments, side="right"
    )
    return number.astype(np.float64)
