"""A scenario run faster meets the same draws, in a part of the time."""

from typing import Any

import numpy as np
import pytest

from simqueue.experiments.run import simulate
from simqueue.validation.faster import faster
from simqueue.workload.reading import build_scenario
from simqueue.workload.workload import Workload

SPEED = 8.0
TABLE: dict[str, Any] = {
    "name": "everything that has a time",
    "duration_s": 400,
    "warmup_s": 40,
    "workers": {"count": 2, "crashes": [{"at_s": 80, "worker": 1, "down_s": 16}]},
    "arrivals": {
        "order": {"profile": [[0, 0.5], [200, 0.25]]},
        "payment": {
            "follows": "order",
            "think": {"distribution": "uniform", "low_s": 1.0, "high_s": 9.0},
        },
        "slow": {"interval_s": 40, "client": {"timeout_s": 16, "retries": 1}},
        "real": {
            "trace": "data/arrivals.csv",
            "window": ["2011-11-17T08:00", "2011-11-17T20:00"],
            "speed": 108,
        },
        "crowd": {"rate_per_s": 0.1},
    },
    "queues": {
        "order": {
            "service": {
                "distribution": "empirical",
                "file": "data/checkout_times.csv",
                "column": "order_ms",
            },
            "cpu": {"distribution": "constant", "mean_s": 0.5},
            "backoff": {"type": "exponential", "delay_ms": 8000, "max_ms": 16000},
            "failure_rate": 0.2,
            "outages": [[16, 32]],
        },
        "payment": {"service": {"distribution": "lognormal", "mean_s": 4.0, "cv": 2.0}},
        "email": {"service": {"distribution": "exponential", "mean_s": 2.0}},
        "slow": {"service": {"distribution": "gamma", "mean_s": 4.0, "cv": 0.5}},
        "real": {},
        "crowd": {},
    },
    "bullmq": {"lock_duration_s": 8.0, "stalled_interval_s": 16.0},
}


def test_all_draws_are_the_same_and_their_times_shorter() -> None:
    slow = Workload(build_scenario(TABLE))
    quick = Workload(faster(slow.scenario, SPEED))

    for one, other in zip(slow.arrivals[1:], quick.arrivals[1:], strict=True):
        assert np.array_equal(one, other)
    assert quick.arrivals[0] == pytest.approx(slow.arrivals[0] / SPEED)
    for kind in slow.kinds:
        for attempt in (1, 2):
            one, other = slow.attempts(kind.number, attempt), quick.attempts(kind.number, attempt)
            assert np.array(other.io_s) == pytest.approx(np.array(one.io_s) / SPEED)
            assert np.array(other.cpu_s) == pytest.approx(np.array(one.cpu_s) / SPEED)
            assert other.fails == one.fails
            assert other.jitter == one.jitter


def test_the_model_tells_the_same_story_in_a_part_of_the_time() -> None:
    # Not so fast that times which lay apart fall in one millisecond of the queue's clock.
    slow, speed = build_scenario(TABLE), SPEED / 2
    logs = [simulate(scenario).log.frame() for scenario in (slow, faster(slow, speed))]

    for column in ("started_s", "finished_s", "ready_s"):
        assert logs[1][column].to_numpy() == pytest.approx(
            logs[0][column].to_numpy() / speed, nan_ok=True, abs=1e-6
        )
    for column in ("job_id", "attempt", "run", "outcome", "worker"):
        assert list(logs[1][column]) == list(logs[0][column])


def test_what_the_queue_costs_and_what_is_no_time_stay() -> None:
    slow = build_scenario({**TABLE, "bullmq": {"overhead": "measured", "max_stalled": 2}})
    quick = faster(slow, SPEED)

    assert quick.bullmq.overhead == slow.bullmq.overhead
    assert quick.bullmq.max_stalled == 2
    assert quick.queues["order"].attempts == slow.queues["order"].attempts
    assert faster(slow, 1) is slow
