"""Jobs that failed for good or that nobody did: how many, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simqueue.record.attempt_log import FAILED, LOST, REFUSED, AttemptLog
from simqueue.record.by_job import by_job
from simqueue.results.wording import count
from simqueue.workload.expected import mean_up_to
from simqueue.workload.scenario import Scenario


@dataclass(frozen=True)
class Lost:
    """The jobs of one queue that failed for good, were turned away, or died with a process.

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
    with_child
        Failed jobs that were not run because a child of theirs had failed.
    fatal
        Failed jobs that had attempts left: no further one could have succeeded.
    refused, cut_off
        Jobs that were turned away, and that were lost with a web process that died.
    sentence
        All this in words.
    """

    queue: str
    arrived: int
    failed: int
    in_outage: int
    stalled: int
    with_child: int
    fatal: int
    refused: int
    cut_off: int
    sentence: str

    @property
    def share(self) -> float:
        """Of the jobs that came, those that were not done."""
        return (self.failed + self.refused + self.cut_off) / self.arrived


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
        refused, cut_off = (int((jobs.outcome == code).sum()) for code in (REFUSED, LOST))
        if len(lost) + refused + cut_off == 0:
            continue
        outages: Sequence[tuple[float, float]] = (
            scenario.queues[queue].outage_windows if queue in scenario.queues else ()
        )
        started = jobs.rows["started_s"]
        inside = np.zeros(len(started), bool)
        for start, end in outages:
            inside |= (started >= start) & (started < end)
        last = jobs.last[lost]
        unrun = np.isnan(started[last])
        with_child = unrun & (jobs.rows["run"][last] == 1)
        fatal = ~unrun & (jobs.rows["attempt"][last] < _most(log, jobs.rows[last], queue, scenario))
        in_outage = len(np.intersect1d(lost[~fatal], jobs.number[inside]))
        stalled = int(unrun.sum() - with_child.sum())
        why = _Why(in_outage, stalled, int(with_child.sum()), int(fatal.sum()))
        arrived = len(jobs.first)
        words = []
        if len(lost):
            words.append(_failed(queue, arrived, len(lost), why, scenario))
        if refused or cut_off:
            words.append(_not_done(queue, arrived, refused, cut_off))
        counts = (arrived, len(lost), *why, refused, cut_off)
        found.append(Lost(queue, *counts, " ".join(words)))
    order = {queue: place for place, queue in enumerate(scenario.queues)}
    return sorted(found, key=lambda one: order.get(one.queue, len(order)))


def _most(
    log: AttemptLog, rows: NDArray[np.void], queue: str, scenario: Scenario
) -> NDArray[np.int64]:
    """How many attempts each of these jobs may have."""
    if queue not in scenario.queues or scenario.in_process:
        return np.ones(len(rows), np.int64)
    settings = scenario.queues[queue]
    if not (settings.classes and log.has_classes):
        return np.full(len(rows), settings.attempts)
    each = [settings.by_class[name].attempts if name in settings.by_class else settings.attempts
            for name in log.classes]  # fmt: skip
    most: NDArray[np.int64] = np.array(each)[rows["class"]]
    return most


class _Why(NamedTuple):
    """Of how many jobs is known why they failed for good."""

    in_outage: int
    stalled: int
    with_child: int
    fatal: int


def _failed(queue: str, arrived: int, lost: int, why: _Why, scenario: Scenario) -> str:
    words = f"{lost:,} of {count(arrived, f'{queue} job')} failed for good"
    reasons = []
    if why.in_outage:
        reasons.append(f"{why.in_outage:,} in the outage")
    if why.stalled:
        reasons.append(f"{why.stalled:,} stalled too often")
    if why.with_child:
        reasons.append(f"{why.with_child:,} because a child had failed")
    if why.fatal:
        reasons.append(f"{why.fatal:,} with an error that no retry can help")
    if not reasons:
        return f"{words}."
    help_ = ""
    if why.in_outage >= lost / 2 and scenario.mode == "bull-queue":
        total = sum(scenario.policy_of(queue).waits_s()) + _hangs_s(scenario, queue)
        help_ = f"; their retries are over after {total:,.0f} s, and more slots would not save them"
    return f"{words}: {', '.join(reasons)}{help_}."


def _hangs_s(scenario: Scenario, queue: str) -> float:
    """How long the attempts of a job hang in an outage that hits them all but the last."""
    settings = scenario.queues[queue]
    hangs = [one.hang for one in settings.outage_tables if one.hang is not None]
    longest = max((mean_up_to(hang, settings.timeout_s) for hang in hangs), default=0.0)
    return longest * settings.retries


def _not_done(queue: str, arrived: int, refused: int, cut_off: int) -> str:
    parts = []
    if refused:
        parts.append(f"{refused:,} {_were(refused)} turned away")
    if cut_off:
        parts.append(f"{cut_off:,} {_were(cut_off)} lost with a web process that died")
    return f"Of {count(arrived, f'{queue} job')} {', '.join(parts)}."


def _were(number: int) -> str:
    return "was" if number == 1 else "were"
