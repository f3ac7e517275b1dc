"""What ``simqueue stats`` would have shown at some moment of a run, computed from its log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from simqueue.policies import QueuePolicy
from simqueue.record.attempt_log import COMPLETED, FAILED, AttemptLog
from simqueue.results.history import histories


@dataclass(frozen=True)
class Counts:
    """Jobs of one queue by state; ``completed`` and ``failed`` are those kept, and no totals.

    A retry that is due counts as waiting, promoted or not; BullMQ counts it as delayed until some
    worker has promoted it.
    """

    waiting: int
    active: int
    delayed: int
    completed: int
    failed: int


def counts_at(
    log: AttemptLog, policies: Mapping[str, QueuePolicy], at_s: float
) -> dict[str, Counts]:
    """Count the jobs of each queue at a moment.

    Parameters
    ----------
    log
        One run.
    policies
        How many finished jobs each queue keeps.
    at_s
        The moment, seconds.

    Raises
    ------
    ValueError
        If the log holds several replications: they have no moment in common.
    """
    found: dict[str, Counts] = {}
    for one in histories(log):
        if one.queue in found:
            raise ValueError("counts_at takes a log of one replication")
        policy, jobs = policies[one.queue], one.jobs
        ended = jobs.finished_s <= at_s
        found[one.queue] = Counts(
            waiting=int(((one.ready_s <= at_s) & (at_s < one.left_s)).sum()),
            active=int(((one.started_s <= at_s) & (at_s < one.finished_s)).sum()),
            delayed=int(((one.delayed_s <= at_s) & (at_s < one.due_s)).sum()),
            completed=min(policy.keep_completed, int((ended & (jobs.outcome == COMPLETED)).sum())),
            failed=min(policy.keep_failed, int((ended & (jobs.outcome == FAILED)).sum())),
        )
    return found
