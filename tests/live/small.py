"""A small shop to play with, and two logs laid beside each other."""

from __future__ import annotations

from typing import Any

import numpy as np

from simqueue.record.attempt_log import AttemptLog
from simqueue.workload.reading import build_scenario
from simqueue.workload.scenario import Scenario


def shop(**changes: Any) -> Scenario:
    """Orders that are paid later, with failures and two workers; it is over within a minute."""
    service = {"distribution": "lognormal", "mean_s": 0.3, "cv": 1.0}
    table = {
        "name": "small shop",
        "seed": 5,
        "duration_s": 40,
        "arrivals": {
            "order": {"rate_per_s": 5.0},
            "payment": {"follows": "order", "think": {**service, "mean_s": 3.0}},
        },
        "queues": {
            "order": {"service": service, "failure_rate": 0.1},
            "payment": {"service": service, "failure_rate": 0.2},
            "email": {"service": {**service, "mean_s": 0.1}},
        },
        "workers": {"count": 2, "concurrency": 3},
        "bullmq": {"lock_duration_s": 4.0, "stalled_interval_s": 4.0},
    }
    scenario = build_scenario(table)
    return scenario.replace(changes) if changes else scenario


def differing(one: AttemptLog, other: AttemptLog) -> list[str]:
    """Columns in which two logs differ; their names for workers are none."""
    if len(one) != len(other):
        return [f"{len(one)} rows, {len(other)} rows"]
    names = one.rows.dtype.names or ()
    return [name for name in names if not _equal(one.rows[name], other.rows[name])]


def _equal(one: Any, other: Any) -> bool:
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


def attempts_of(log: AttemptLog) -> dict[tuple[str, int, int], tuple[float, float, str]]:
    """By job, attempt and run: when it was ready, how long it took, and how it ended."""
    return {
        (row.job_id, row.attempt, row.run): (
            round(row.ready_s, 9),
            round(row.finished_s - row.started_s, 9),
            row.outcome,
        )
        for row in log.frame().itertuples()
    }
