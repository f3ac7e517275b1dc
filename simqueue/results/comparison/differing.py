"""Two logs of one workload, job by job: which jobs fared differently, and why they may have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simqueue.record.attempt_log import STALLED
from simqueue.results.comparison.job_by_job import Fate, JobTable, Key
from simqueue.results.crashes import caught
from simqueue.workload.scenario import Scenario

Reason = Literal[
    "outage's edge",
    "in flight at a crash",
    "places downstream",
    "only in the real run",
    "only in the model",
    "not finished in the real run",
    "not finished in the model",
    "unexplained",
]
#: Where a few milliseconds decide, no model can be right about each job.
EXCUSES: tuple[Reason, ...] = ("outage's edge", "in flight at a crash", "places downstream")


@dataclass(frozen=True)
class DifferingJob:
    """A job that fared differently; ``None``: that side has no such job."""

    queue: str
    job_id: str
    real: Fate | None
    model: Fate | None
    reason: Reason

    @property
    def excused(self) -> bool:
        """Whether the reason is one that no model could help."""
        return self.reason in EXCUSES


def differing_jobs(
    real: JobTable, model: JobTable, scenario: Scenario, edge_s: float
) -> tuple[DifferingJob, ...]:
    """The jobs whose outcome, attempts or runs differ, those without an excuse first.

    What a job adds depends on its outcome: the follow-ups of one that differs for an excuse have
    that excuse, too.
    """
    found: dict[Key, DifferingJob] = {}
    for key in dict.fromkeys((*real.fates, *model.fates)):
        fates = real.fates.get(key), model.fates.get(key)
        if fates[0] != fates[1]:
            found[key] = DifferingJob(
                *key, *fates, reason=_reason(key, real, model, scenario, edge_s)
            )
    by_id = {job.job_id: job for job in found.values()}
    parents = {key: side.parents[key] for side in (model, real) for key in side.parents}
    jobs = [_inherited(job, by_id, parents) for job in found.values()]
    return tuple(sorted(jobs, key=lambda job: job.excused))


def _inherited(
    job: DifferingJob, by_id: Mapping[str, DifferingJob], parents: Mapping[Key, str]
) -> DifferingJob:
    above: DifferingJob | None = job
    while above is not None:
        if above.excused:
            return replace(job, reason=above.reason)
        above = by_id.get(parents.get((above.queue, above.job_id), ""))
    return job


def _reason(key: Key, real: JobTable, model: JobTable, scenario: Scenario, edge_s: float) -> Reason:
    # No moment excuses a job that is lost, or made up.
    if key not in model.fates:
        return "only in the real run"
    if key not in real.fates:
        return "only in the model"
    if real.fates[key].outcome == "unfinished":
        return "not finished in the real run"
    if model.fates[key].outcome == "unfinished":
        return "not finished in the model"
    of_job = [(one, one.of(key)) for one in (real, model)]
    queue = scenario.queues.get(key[0])
    windows = queue.outage_windows if queue else []
    edges = np.array([edge for window in windows for edge in window])
    if any(_near(rows["started_s"], edges, edge_s) for _, rows in of_job):
        return "outage's edge"
    if any(_crashed(one, rows, scenario, edge_s) for one, rows in of_job):
        return "in flight at a crash"
    if queue is not None and queue.downstream is not None:
        return "places downstream"  # who finds the last one taken
    return "unexplained"


def _near(times: NDArray[np.float64], edges: NDArray[np.float64], within_s: float) -> bool:
    return bool((np.abs(times[:, None] - edges[None, :]) <= within_s).any())


def _crashed(one: JobTable, rows: NDArray[np.void], scenario: Scenario, slack_s: float) -> bool:
    """Whether a crash caught one of these attempts. Without crashes a stall is no excuse."""
    crashes = scenario.kills
    return bool(
        (crashes and (rows["outcome"] == STALLED).any())
        or any(caught(rows, one.workers, crash, slack_s).any() for crash in crashes)
    )
