"""The in-process engine and the simulator in in-process mode write equal logs."""

import asyncio
from typing import Any

import pandas as pd
import pytest

from simqueue.adapters.scripted import run_in_process
from simqueue.experiments.run import simulate
from simqueue.workload.reading import build_scenario
from simqueue.workload.workload import Workload

#: A real day, at the recorded scale, with slow enough jobs that requests wait for the caller.
REAL_DAY: dict[str, Any] = {
    "name": "17 November 2011 in training mode",
    "seed": 17,
    "mode": "in-process",
    "arrivals": {
        "order": {
            "trace": "data/arrivals.csv",
            "window": ["2011-11-17T08:00", "2011-11-17T20:00"],
            "speed": 60,
        },
        "payment": {
            "follows": "order",
            "think": {"distribution": "exponential", "mean_s": 5},
        },
    },
    "queues": {
        "order": {
            "service": {"distribution": "lognormal", "mean_s": 1.5, "cv": 1.2},
            "cpu": {"distribution": "constant", "mean_s": 0.1},
            "failure_rate": 0.1,
            "outages": [[300, 320]],
        },
        "payment": {
            "service": {"distribution": "gamma", "mean_s": 0.5, "cv": 0.7},
            "failure_rate": 0.2,
        },
        "email": {
            "service": {
                "distribution": "empirical",
                "file": "data/checkout_times.csv",
                "column": "email_ms",
            },
            "failure_rate": 0.05,
        },
    },
}


def both_logs(table: dict[str, Any], replication: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    scenario = build_scenario(table)
    real = asyncio.run(run_in_process(Workload(scenario, replication))).frame()
    simulated = simulate(scenario, replications=replication + 1).log.frame()
    return real, simulated[simulated["replication"] == replication].reset_index(drop=True)


@pytest.mark.parametrize("seed", [17, 18, 19])
def test_equal_logs_on_a_real_day(seed: int) -> None:
    """Every column but ``engine`` agrees row by row, times within a nanosecond."""
    real, simulated = both_logs({**REAL_DAY, "seed": seed})

    assert len(real) > 300
    assert (real["started_s"] - real["ready_s"]).max() > 1, "nobody waited: nothing was tested"
    assert {"completed", "failed"} == set(real["outcome"])
    for column in real.columns.drop("engine"):
        if column.endswith("_s"):
            difference = (real[column] - simulated[column]).abs().max()
            assert difference < 1e-9, f"{column} differs by {difference}"
        else:
            assert real[column].astype(str).tolist() == simulated[column].astype(str).tolist()
    assert (real["engine"] == "in-process").all()
    assert (simulated["engine"] == "simpy").all()
