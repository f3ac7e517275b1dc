"""The in-process engine and the simulator in in-process mode write equal logs."""

import asyncio
from typing import Any

import pandas as pd
import pytest

from simqueue.adapters.scripted import run_in_process
from simqueue.errors import InputError
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


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"caller.concurrency": 2}, "caller.concurrency: the adapter runs here with one caller"),
        ({"caller.processes": 2}, "caller.processes: the adapter runs here with one caller"),
        ({"caller.max_waiting": 0}, "caller.max_waiting: the adapter runs here with one caller"),
        (
            {"caller.crashes": [{"at_s": 1, "down_s": 1}]},
            "caller.crashes: the adapter runs here with one caller",
        ),
        ({"arrivals.order.client": {"timeout_s": 1}}, "arrivals.order.client: impatient clients"),
    ],
)
def test_what_the_adapter_cannot_play_is_refused(change: dict[str, Any], said: str) -> None:
    workload = Workload(build_scenario(REAL_DAY).replace(change))

    with pytest.raises(InputError, match=said):
        asyncio.run(run_in_process(workload))


def both_logs(table: dict[str, Any], replication: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    scenario = build_scenario(table)
    real = asyncio.run(run_in_process(Workload(scenario, replication))).frame()
    simulated = simulate(scenario, replications=replication + 1).log.frame()
    return real, simulated[simulated["replication"] == replication].reset_index(drop=True)


def tell_the_same(real: pd.DataFrame, simulated: pd.DataFrame) -> None:
    """Assert that every column but ``engine`` agrees row by row, times within a nanosecond."""
    for column in real.columns.drop("engine"):
        if column.endswith("_s"):
            difference = (real[column] - simulated[column]).abs().max()
            assert difference < 1e-9, f"{column} differs by {difference}"
        else:
            assert real[column].astype(str).tolist() == simulated[column].astype(str).tolist()


#: Children of children, follow-ups with children, and children with follow-ups; some fail.
FLOWS: dict[str, Any] = {
    "name": "reports in training mode",
    "mode": "in-process",
    "duration_s": 600,
    "arrivals": {"report": {"rate_per_s": 0.2}},
    "queues": {
        "report": {
            "service": {"distribution": "exponential", "mean_s": 1.0},
            "failure_rate": 0.2,
            "children": {"thumbnails": {"0": 0.2, "3": 0.8}, "pdf": 1},
            "follow_up": {"completed": ["mail"], "failed": ["mail"]},
        },
        "thumbnails": {
            "service": {"distribution": "exponential", "mean_s": 0.3},
            "failure_rate": 0.1,
            "follow_up": {"completed": ["pdf"], "failed": ["mail"]},
        },
        "pdf": {
            "cpu": {"distribution": "exponential", "mean_s": 0.1},
            "failure_rate": 0.1,
            "children": {"page": 2},
        },
        "page": {
            "service": {"distribution": "exponential", "mean_s": 0.1},
            "failure_rate": 0.05,
        },
        "mail": {"children": {"page": 1}, "child_failure": "ignore-dependency"},
    },
}


@pytest.mark.parametrize(
    "option",
    ["wait", "fail-parent", "continue-parent", "ignore-dependency", "remove-dependency"],
)
def test_equal_logs_with_children(option: str) -> None:
    """Children come before their parents, which run or fail as the option says."""
    table = {**FLOWS, "queues": {**FLOWS["queues"]}}
    table["queues"]["report"] = {**table["queues"]["report"], "child_failure": option}
    real, simulated = both_logs(table)

    unrun = real[(real["queue"] == "report") & real["started_s"].isna()]
    assert (len(unrun) > 0) == (option in ("wait", "fail-parent"))
    assert set(unrun["outcome"]) <= {"failed"}
    for column in real.columns.drop("engine"):
        if column.endswith("_s"):
            gap = (real[column] - simulated[column]).abs()
            assert (real[column].isna() == simulated[column].isna()).all()
            assert gap.max() < 1e-9
        else:
            assert list(real[column].astype(object).fillna("")) == list(
                simulated[column].astype(object).fillna("")
            )


@pytest.mark.parametrize("seed", [17, 18, 19])
def test_equal_logs_on_a_real_day(seed: int) -> None:
    real, simulated = both_logs({**REAL_DAY, "seed": seed})

    assert len(real) > 300
    assert (real["started_s"] - real["ready_s"]).max() > 1, "nobody waited: nothing was tested"
    assert {"completed", "failed"} == set(real["outcome"])
    tell_the_same(real, simulated)
    assert (real["engine"] == "in-process").all()
    assert (simulated["engine"] == "simpy").all()


def test_equal_logs_with_all_rules_of_attempts() -> None:
    """Fatal failures, time-outs, failures with a time of their own, outages in which calls hang.

    One caller never finds the places of a downstream taken.
    """
    own = {"distribution": "exponential", "mean_s": 0.2}
    hang = {"from_s": 200, "to_s": 400, "attempt_takes_s": 3, "rate": 0.5}
    table = {
        **REAL_DAY,
        "downstreams": {"gateway": {"places": 1}},
        "queues": {
            **REAL_DAY["queues"],
            "order": {**REAL_DAY["queues"]["order"], "timeout_s": 2, "outages": [[100, 120], hang]},
            "payment": {
                **REAL_DAY["queues"]["payment"],
                "fatal_rate": 0.5,
                "failure_service": own,
                "outages": [{**hang, "attempt_takes_s": own}],
                "downstream": "gateway",
            },
        },
    }
    real, simulated = both_logs(table)
    plain, _ = both_logs(REAL_DAY)

    assert (real["outcome"] == "failed").sum() > (plain["outcome"] == "failed").sum()
    tell_the_same(real, simulated)
