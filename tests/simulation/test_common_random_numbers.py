"""More workers never meet different jobs."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from simqueue.experiments.run import simulate
from simqueue.workload.changes import parse_set
from simqueue.workload.reading import build_scenario, read_scenario

SCENARIO: dict[str, Any] = {
    "seed": 4,
    "duration_s": 400,
    "arrivals": {
        "order": {"rate_per_s": 6},
        "payment": {"follows": "order", "think": {"distribution": "exponential", "mean_s": 5}},
    },
    "queues": {
        name: {
            "service": {"distribution": "lognormal", "mean_s": 0.9, "cv": 1.2},
            "failure_rate": 0.3,
            "backoff": {"type": "exponential", "delay_ms": 500, "jitter": 0.5},
        }
        for name in ("order", "payment", "email")
    },
}


def attempts(workers: int) -> pd.DataFrame:
    scenario = build_scenario({**SCENARIO, "workers": {"count": workers, "concurrency": 5}})
    frame = simulate(scenario).log.frame()
    frame["service_s"] = frame["finished_s"] - frame["started_s"]
    frame["previous_end_s"] = frame.groupby("job_id")["finished_s"].shift()
    frame["backoff_s"] = frame["ready_s"] - frame["previous_end_s"]
    return frame.set_index(["job_id", "attempt"]).sort_index()


def test_arrivals_services_failures_and_backoffs_are_the_same() -> None:
    one, two, four = (attempts(workers) for workers in (1, 2, 4))

    assert (one["started_s"] - one["ready_s"]).mean() > 2 * (
        four["started_s"] - four["ready_s"]
    ).mean()
    roots = one["parent_id"] == ""
    for other in (two, four):
        assert one.index.equals(other.index)
        assert (one["outcome"] == other["outcome"]).all()
        np.testing.assert_allclose(other["service_s"], one["service_s"], atol=1e-9)
        np.testing.assert_allclose(other["backoff_s"], one["backoff_s"], atol=1e-9)
        np.testing.assert_array_equal(other.loc[roots, "enqueued_s"], one.loc[roots, "enqueued_s"])


@pytest.mark.slow
def test_so_on_the_busy_day() -> None:
    logs = [
        simulate(read_scenario(None, [parse_set(f"workers.count={workers}")])).log.rows
        for workers in (1, 2, 4)
    ]
    first = np.sort(logs[0], order=("job", "attempt"))
    for other in logs[1:]:
        again = np.sort(other, order=("job", "attempt"))
        np.testing.assert_array_equal(first["job"], again["job"])
        np.testing.assert_array_equal(first["outcome"], again["outcome"])
