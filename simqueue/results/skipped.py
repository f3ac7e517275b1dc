"""Slots of job schedulers that had no job: where a queue that they feed cannot keep up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simqueue.jobs import root_name
from simqueue.record.attempt_log import AttemptLog
from simqueue.results.wording import count
from simqueue.workload.scenario import Scenario
from simqueue.workload.schedulers import Scheduler


@dataclass(frozen=True)
class Skipped:
    """The job scheduler of one queue, which missed some of its slots.

    Attributes
    ----------
    queue
        Its name.
    slots, jobs
        Slots in the window, and those of them that had a job; over all replications.
    """

    queue: str
    slots: int
    jobs: int

    @property
    def share(self) -> float:
        """Of the slots, those without a job."""
        return 1 - self.jobs / self.slots

    @property
    def sentence(self) -> str:
        """What that means, in words."""
        return (
            f"{self.slots - self.jobs:,} of {count(self.slots, 'slot')} of the {self.queue} "
            "queue's job scheduler had no job: the one before started too late."
        )


def skipped(log: AttemptLog, scenario: Scenario, window: tuple[float, float]) -> list[Skipped]:
    """The job schedulers that missed slots, in the scenario's order.

    Parameters
    ----------
    log, scenario
        What was run to its end, and what came out.
    window
        Slots in [from, to), seconds.
    """
    found = []
    replications = len(log.replications)
    for queue, stream in scenario.arrivals.items():
        if not isinstance(stream, Scheduler) or queue not in log.queues:
            continue
        slots = stream.slots_s(scenario.duration_s)
        inside = int(((slots >= window[0]) & (slots < window[1])).sum()) * replications
        rows = log.select(queue, since_s=window[0], until_s=window[1]).rows
        mine = rows[rows["name"] == log.names.index(root_name(queue))]
        jobs = len(np.unique(mine[["replication", "job"]]))
        if jobs < inside:
            found.append(Skipped(queue, inside, jobs))
    return found
