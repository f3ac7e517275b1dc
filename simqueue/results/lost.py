"""Jobs that failed for good: how many, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simqueue.record.attempt_log import FAILED, AttemptLog
from simqueue.record.by_job import by_job
from simqueue.results.wording import count
from simqueue.workload.scenario import Scenario


@dataclass(frozen=True)
class Lost:
    """The jobs of one queue that failed for good.

    Attributes
    ----------
    queue
        Its name.
    arrived, failed
        Jobs that came in the window, and those of them that failed for good; over all
        replications.
    in_outage
        Failed jobs of which an attempt started in one of the queue's outages.
    stalled
        Failed jobs that stalled too often, and were not run again.
    sentence
        All this in words.
    """

    queue: str
    arrived: int
    failed: int
    in_outage: int
    stalled: int
    sentence: str


def lost_jobs(log: AttemptLog, scenario: Scenario, window: tuple[float, float]) -> list[Lost]:
    """The queues that lost jobs, in the scenario's order.

    Parameters
    ----------
    log, scenario
        What was run, and what came out.
    window
        Jobs that were enqueued in [from, to), seconds.
    """
    found = []
    for queue in log.queues:
        rows = log.select(queue, since_s=window[0], until_s=window[1]).rows
        jobs = by_job(rows)
        lost = np.flatnonzero(jobs.outcome == FAILED)
        if len(lost) == 0:
            continue
        outages: Sequence[tuple[float, float]] = (
            scenario.queues[queue].outages if queue in scenario.queues else ()
        )
        started = jobs.rows["started_s"]
        inside = np.zeros(len(started), bool)
        for start, end in outages:
            inside |= (started >= start) & (started < end)
        in_outage = len(np.intersect1d(lost, jobs.number[inside]))
        stalled = int(np.isnan(started[jobs.last[lost]]).sum())
        arrived = len(jobs.first)
        words = _sentence(queue, arrived, len(lost), in_outage, stalled, scenario)
        found.append(Lost(queue, arrived, len(lost), in_outage, stalled, words))
    order = {queue: place for place, queue in enumerate(scenario.queues)}
    return sorted(found, key=lambda one: order.get(one.queue, len(order)))


def _sentence(
    queue: str, arrived: int, lost: int, in_outage: int, stalled: int, scenario: Scenario
) -> str:
    words = f"{lost:,} of {count(arrived, f'{queue} job')} failed for good"
    reasons = []
    if in_outage:
        reasons.append(f"{in_outage:,} in the outage")
    if stalled:
        reasons.append(f"{stalled:,} stalled too often")
    if not reasons:
        return f"{words}."
    help_ = ""
    if in_outage >= lost / 2 and scenario.mode == "bull-queue":
        total = sum(scenario.policy_of(queue).waits_s())
        help_ = f"; their retries are over after {total:,.0f} s, and more slots would not save them"
    return f"{words}: {', '.join(reasons)}{help_}."
