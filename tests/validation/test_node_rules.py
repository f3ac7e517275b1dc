"""Every rule of a scenario, played by Node's workers: what becomes of each job is as in the model.

Each table asks a rule of Node's own code: parents and children, child processes, calls, hangs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from redis_servers import RedisServer

from simqueue.experiments.run import simulate
from simqueue.record.attempt_log import AttemptLog
from simqueue.validation.node.installed import NodeBullMQ
from simqueue.validation.node.plan import plan_of
from simqueue.validation.real import run_real
from simqueue.validation.server import Server
from simqueue.workload.reading import build_scenario
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload

QUICK = {"distribution": "exponential", "mean_s": 0.02}
WORKERS = {"count": 2, "concurrency": 3}
FLOW = {"order": {"interval_s": 0.1}}


def flow(child_failure: str, **page: Any) -> dict[str, Any]:
    return {
        "arrivals": FLOW,
        "queues": {
            "order": {
                "service": QUICK,
                "children": {"page": 2},
                "child_failure": child_failure,
                "follow_up": {},
            },
            "page": {"service": QUICK, "failure_rate": 0.3, **page},
        },
    }


RULES: dict[str, dict[str, Any]] = {
    "a parent whose children are tried again": flow("wait", attempts=9),
    "a failed child fails its parent": flow("fail-parent"),
    "a failed child is ignored": flow("ignore-dependency"),
    "a failed child's dependency is removed": flow("remove-dependency"),
    "what follows is a flow": {
        "arrivals": FLOW,
        "queues": {
            "order": {"service": QUICK, "follow_up": {"completed": ["report"]}},
            "report": {"service": QUICK, "children": {"page": {"0": 0.2, "2": 0.8}}, "attempts": 2},
            "page": {"service": QUICK, "priority": 2},
        },
    },
    "what follows has classes, priorities and delays": {
        "arrivals": {"order": {"interval_s": 0.05}},
        "queues": {
            "order": {"service": QUICK, "follow_up": {"completed": ["note"]}},
            "note": {
                "service": QUICK,
                "failure_rate": 0.3,
                "delay": {"distribution": "constant", "mean_s": 0.1},
                "classes": {
                    "vip": {
                        "share": 0.4,
                        "priority": 1,
                        "attempts": 4,
                        "backoff": {"type": "exponential", "delay_ms": 60},
                    },
                    "bulk": {"share": 0.6, "priority": 5},
                },
            },
        },
    },
    # At all times: a retry that Redis is late with meets the same.
    "an outage hits some, and they hang until the time-out": {
        "arrivals": {"order": {"interval_s": 0.05}},
        "queues": {
            "order": {
                "service": QUICK,
                "attempts": 3,
                "backoff": {"type": "fixed", "delay_ms": 50},
                "timeout_s": 0.2,
                "outages": [
                    {"from_s": 0.0, "to_s": 100.0, "attempt_takes_s": 5.0, "rate": 0.3},
                    {"from_s": 0.0, "to_s": 100.0, "attempt_takes_s": 0.1, "rate": 0.6},
                ],
                "failure_rate": 0.2,
                "fatal_rate": 0.5,
                "follow_up": {},
            },
        },
    },
    "a downstream keeps its callers waiting": {
        "arrivals": {"order": {"interval_s": 0.02}},
        "downstreams": {"gateway": {"places": 1, "when_full": "wait"}},
        "queues": {"order": {"service": QUICK, "downstream": "gateway", "follow_up": {}}},
    },
    "a downstream turns its callers away": {
        # One calls for 2 s; the other finds no place, three times.
        "arrivals": {"order": {"interval_s": 0.5, "batch": 2}},
        "workers": {"count": 1, "concurrency": 2},  # of two workers either may be first
        "duration_s": 0.6,
        "downstreams": {"gateway": {"places": 1}},
        "queues": {
            "order": {
                "service": {"distribution": "constant", "mean_s": 2.0},
                "downstream": "gateway",
                "attempts": 3,
                "backoff": {"type": "fixed", "delay_ms": 60},
                "follow_up": {},
            }
        },
    },
    "cpu parts in child processes": {
        "arrivals": {"order": {"interval_s": 0.05}},
        "workers": {"count": 1, "concurrency": 2, "cores": 1},
        "queues": {
            "order": {
                "sandbox": True,
                "cpu": {"distribution": "constant", "mean_s": 0.03},
                "service": QUICK,
                "follow_up": {},
            }
        },
    },
}


def scenario(table: dict[str, Any]) -> Scenario:
    whole = {"seed": 5, "duration_s": 1.2, "workers": WORKERS, **table}
    return build_scenario({**whole, "bullmq": {"client": "node"}})


@pytest.fixture
def run(redis_server: RedisServer, node_bullmq: NodeBullMQ) -> Callable[[Workload], AttemptLog]:
    server = Server(redis_server.url, "7", "given", f"rules-{time.monotonic_ns()}")
    return lambda workload: run_real(workload, server, node=node_bullmq).log


def attempts_of(frame: pd.DataFrame) -> dict[tuple[str, str], list[str]]:
    """What became of each attempt at each job."""
    ordered = frame.sort_values(["attempt", "run"])
    return {
        (str(queue), str(job)): some["outcome"].tolist()
        for (queue, job), some in ordered.groupby(["queue", "job_id"])
    }


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
def test_the_same_becomes_of_each_job(rule: str, run: Callable[[Workload], AttemptLog]) -> None:
    asked = scenario(RULES[rule])
    model, real = simulate(asked).frame(), run(Workload(asked)).frame()

    assert len(real) > 2
    assert attempts_of(real) == attempts_of(model)


@pytest.mark.slow
def test_a_parent_starts_after_its_children(run: Callable[[Workload], AttemptLog]) -> None:
    """A slot may ask some moments before it is given a parent; without waiting, 0.2 s before."""
    table = RULES["what follows is a flow"]
    page = {"service": {"distribution": "constant", "mean_s": 0.2}}
    frame = run(Workload(scenario({**table, "queues": {**table["queues"], "page": page}}))).frame()
    parents = frame[frame["queue"] == "report"].groupby("flow")["started_s"].min()
    last = frame[frame["queue"] == "page"].groupby("flow")["finished_s"].max()

    assert len(parents) > 5
    assert len(last) > 3  # some reports have no page
    assert (parents[last.index] > last - 0.1).all()


@pytest.mark.slow
def test_a_wait_counts_from_when_a_job_is_due(run: Callable[[Workload], AttemptLog]) -> None:
    """Delayed by 0.5 s, and done as soon as Redis says so, which is within a tenth of one."""
    queue = {"delay": {"distribution": "constant", "mean_s": 0.5}, "follow_up": {}}
    table = {"arrivals": {"order": {"interval_s": 0.1}}, "queues": {"order": queue}}
    frame = run(Workload(scenario(table))).frame()

    assert (frame["ready_s"] - frame["enqueued_s"]).to_numpy() == pytest.approx(0.5, abs=0.002)
    assert (frame["started_s"] - frame["ready_s"]).median() < 0.3


@pytest.mark.slow
def test_a_sandbox_leaves_the_event_loop_free(run: Callable[[Workload], AttemptLog]) -> None:
    """Two jobs at a time: on one event loop the second would start when the first is over."""
    table = RULES["cpu parts in child processes"]
    cpu_s = 1.0
    order = {**table["queues"]["order"], "cpu": {"distribution": "constant", "mean_s": cpu_s}}
    table = {
        **table,
        "arrivals": {"order": {"interval_s": 1.0, "batch": 2}},
        "queues": {"order": order},
    }
    frame = run(Workload(scenario(table))).frame()
    first, second = np.sort(frame["started_s"])

    assert second - first < cpu_s


def test_the_plan_says_of_each_outage_whom_it_hits_and_for_how_long() -> None:
    some = Workload(scenario(RULES["an outage hits some, and they hang until the time-out"]))
    (kind,) = plan_of(some)["kinds"]
    size = some.size(some.kinds[0])

    for number, attempt in enumerate(kind["attempts"], start=1):
        for job in range(size):
            hits = (one for one in attempt["outages"] if one["hits"][job])
            hit = next(hits, None)
            brings = some.brings(0, job, number, 0.3)
            assert (attempt if hit is None else hit)["io_s"][job] == brings.io_s
            assert bool(hit or attempt["fails"][job]) == bool(brings.fails)
