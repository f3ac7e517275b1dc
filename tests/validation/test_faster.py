"""A scenario run faster meets the same draws, in a part of the time."""

from typing import Any

import numpy as np
import pytest

from simqueue.experiments.run import simulate
from simqueue.simulation.bullmq import held_loops
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
        "crowd": {"rate_per_s": 0.1, "sent": [[24, 3]], "factor": [[40, 2.5], [80, 0.5]]},
        "upload": {"profile": [[0, 0.2], [50, 0.05]], "repeat_s": 100, "batch": [1, 3]},
        "hook": {
            "calm": {"rate_per_s": 0.1, "mean_s": 80},
            "burst": {"rate_per_s": 1, "mean_s": 20},
            "max_waiting": 4,
        },
        "hour": {"per_hour": [360] * 24, "speed": 2},
        "report": {
            "customers": 3,
            "think": {"distribution": "weibull", "mean_s": 24.0, "cv": 2.0},
        },
        "clock": {"every_s": 16, "offset_s": 4},
    },
    "queues": {
        "clock": {},
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
        "payment": {
            "service": {"distribution": "lognormal", "mean_s": 4.0, "cv": 2.0},
            "failure_service": {"distribution": "exponential", "mean_s": 1.0},
            "failure_rate": 0.2,
            "fatal_rate": 0.3,
            "timeout_s": 12,
            "backoff": {"type": "list", "delays_ms": [800, 4000], "min_ms": 1600},
            "outages": [
                [40, 48],
                {"from_s": 80, "to_s": 88, "attempt_takes_s": 8, "rate": 0.5},
                {
                    "from_s": 120,
                    "to_s": 160,
                    "attempt_takes_s": {"distribution": "exponential", "mean_s": 4},
                },
            ],
            "downstream": "gateway",
        },
        "email": {"service": {"distribution": "exponential", "mean_s": 2.0}},
        "slow": {"service": {"distribution": "gamma", "mean_s": 4.0, "cv": 0.5}},
        "real": {},
        "crowd": {},
        "upload": {
            "service": {"distribution": "pareto", "mean_s": 4.0, "cv": 1.5},
            "failure_rate": 0.2,
            "attempts": 2,
            "backoff": {"delay_ms": 8000},
            "later_attempts": [{"service": {"distribution": "constant", "mean_s": 16.0}}],
        },
        "hook": {"service": {"distribution": "constant", "mean_s": 40.0}},
        "hour": {
            "service": {
                "distribution": "mixture",
                "parts": [
                    {"share": 0.5, "time": {"distribution": "constant", "mean_s": 0.5}},
                    {
                        "share": 0.5,
                        "time": {"distribution": "hyperexponential", "mean_s": 2.0, "cv": 2.0},
                    },
                ],
            }
        },
        "report": {"service": {"distribution": "gamma", "mean_s": 8.0, "cv": 0.5}},
    },
    "downstreams": {"gateway": {"places": 3, "when_full": "wait"}},
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
            jitters = (each.jitter(kind.number, attempt) for each in (slow, quick))
            assert np.array_equal(*jitters)


def test_the_model_tells_the_same_story_in_a_part_of_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Not so fast that times which lay apart fall in one millisecond of the queue's clock.
    slow, speed = build_scenario(TABLE), SPEED / 2
    logs = [simulate(slow).log.frame()]
    # BullMQ's own five seconds are no key of a scenario, and stay.
    monkeypatch.setattr(held_loops, "DRAIN_DELAY_S", held_loops.DRAIN_DELAY_S / speed)
    logs.append(simulate(faster(slow, speed)).log.frame())

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


def test_a_schedule_of_workers_goes_as_fast() -> None:
    day = build_scenario(
        {
            "duration_s": 100,
            "pools": {"web": {"schedule": [[0, 1], [60, 3]], "queues": {"q": 2}, "start_s": 8}},
            "arrivals": {"q": {"rate_per_s": 1}},
            "queues": {"q": {}},
        }
    )
    pool = faster(day, 4).pools["web"]

    assert (pool.schedule, pool.start_s) == ([(0.0, 1), (15.0, 3)], 2.0)
