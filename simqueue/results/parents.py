"""Parents of flows: what a scenario says of their children, and those that waited in vain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from simqueue.record.attempt_log import UNFINISHED, AttemptLog
from simqueue.results.wording import count
from simqueue.workload.children import mean_of, shares_of
from simqueue.workload.expected import fails_for_good
from simqueue.workload.scenario import Scenario

#: With these a parent does not run when one of its children has failed.
_NOT_WITHOUT = ("wait", "fail-parent")


def children_of(
    scenario: Scenario, queue: str, takes_s: Mapping[str, float]
) -> tuple[float, float]:
    """When a job of ``queue`` is ready, and how probable that is, expected of its children.

    Parameters
    ----------
    scenario, queue
        What is run, and whose jobs.
    takes_s
        Mean seconds after which the first attempt at a job of each queue is over.

    Returns
    -------
    float
        Seconds after it was asked for, if no child waits for a slot.
    float
        Share of the jobs that come to be run.
    """
    settings = scenario.queues[queue]
    takes, share = [0.0], 1.0
    for child, number in settings.children.items():
        lag, ready = children_of(scenario, child, takes_s)
        one = lag + takes_s[child]
        takes.append(one * mean_of(number) if scenario.in_process else one)
        fails = fails_for_good(scenario.queues[child], single=scenario.in_process)
        if settings.child_failure in _NOT_WITHOUT:
            completes = ready * (1 - fails)
            share *= sum(part * completes**n for n, part in shares_of(number).items())
    return (sum(takes) if scenario.in_process else max(takes)), share


@dataclass(frozen=True)
class InVain:
    """The parents of one queue that still waited for children when a run was over.

    Attributes
    ----------
    queue
        Its name.
    arrived, waiting
        Jobs that came in the window, and those of them that waited; over all replications.
    """

    queue: str
    arrived: int
    waiting: int

    @property
    def sentence(self) -> str:
        """What that means, in words."""
        return (
            f"{self.waiting:,} of {count(self.arrived, f'{self.queue} job')} never became ready: "
            "a child of each has failed, or has not ended."
        )


def in_vain(log: AttemptLog, scenario: Scenario, window: tuple[float, float]) -> list[InVain]:
    """The queues with parents that waited in vain, in the scenario's order.

    Parameters
    ----------
    log, scenario
        What was run, and what came out.
    window
        Jobs that were enqueued in [from, to), seconds.
    """
    found = []
    for queue, settings in scenario.queues.items():
        if not settings.children or queue not in log.queues:
            continue
        rows = log.select(queue, since_s=window[0], until_s=window[1]).rows
        first = rows[(rows["attempt"] == 1) & (rows["run"] == 1)]
        waiting = (first["outcome"] == UNFINISHED) & np.isnan(first["ready_s"])
        if waiting.any():
            found.append(InVain(queue, len(first), int(waiting.sum())))
    return found
