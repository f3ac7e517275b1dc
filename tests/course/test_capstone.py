"""The answers of the capstone, found by other roads than the one they were written on.

Those of its last exercise, which are graded, are in ``test_grading.py``: there a repair that two
tests ask about is simulated once.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from simqueue import Backoff, build_scenario, read_scenario, simulate
from simqueue.course import real_orders
from simqueue.course.lessons import predictions
from simqueue.course.marking import mark
from simqueue.data import data_path
from simqueue.workload.workload import Workload


def test_the_guess_is_a_number_of_orders() -> None:
    assert predictions()["capstone.a"].unit == "orders"


def test_workers_by_the_recorded_orders() -> None:
    quarters = [(o.placed_at.hour, o.placed_at.minute // 15) for o in real_orders("2011-11-17")]
    assert quarters.count((13, 3)) == max(map(quarters.count, quarters)) == 7
    order = read_scenario(data_path("incident.toml")).queues["order"]
    held = 7 * 200 / 900 * order.cpu.mean_s / (1 - order.failure_rate)
    assert mark("capstone.b", math.ceil(held)).verdict == "right"


def test_workers_by_the_drawn_orders() -> None:
    scenario = read_scenario(data_path("incident.toml"))
    for day in range(3):
        times = Workload(scenario, day).streams["order"].times_s
        drawn = np.histogram(times, np.arange(9) * 900.0)[0].max()
        assert mark("capstone.b", np.ceil(drawn / 900 * 1.5)).verdict == "right"


def test_attempts_by_the_policy_and_by_simulation() -> None:
    backoff = Backoff(type="exponential", delay_ms=2000)
    at, attempts = 0.0, 1
    while at < 240:
        at += 1 + backoff.wait_s(attempts)
        attempts += 1
    assert mark("capstone.c", attempts).verdict == "right"

    table = {
        "duration_s": 1,
        "arrivals": {"payment": {"interval_s": 0.9}},
        "queues": {
            "payment": {
                "attempts": 20,
                "backoff": {"type": "exponential", "delay_ms": 2000},
                "service": {"distribution": "constant", "mean_s": 1.0},
                "outages": [[0, 240]],
            }
        },
    }
    rows = simulate(build_scenario(table)).log.rows
    assert mark("capstone.c", int(rows["attempt"].max())).verdict == "right"


def test_recovery_by_simulation() -> None:
    """Crashes at every moment of the cycle of looks: the longest is what the settings allow."""
    longest = 0.0
    for at_s in range(301, 901, 20):
        table = {
            "duration_s": 1000,
            "workers": {"count": 2, "concurrency": 9, "crashes": [{"at_s": at_s, "down_s": 5000}]},
            "bullmq": {"lock_duration_s": 300, "stalled_interval_s": 300},
            "arrivals": {"order": {"interval_s": 7}},
            "queues": {"order": {"service": {"distribution": "constant", "mean_s": 60}}},
        }
        log = simulate(build_scenario(table)).log
        stalled = log.rows[log.rows["outcome"] == 4]
        longest = max([longest, *(stalled["finished_s"] - at_s).tolist()])
    assert 560 < longest <= 600
    assert mark("capstone.d", math.ceil(longest / 60) * 60).verdict == "right"
    assert mark("capstone.d", "10 min").verdict == "right"


@pytest.mark.parametrize(
    ("key", "wrong", "hint"),
    [
        ("capstone.b", 0.94, "mean of the whole day"),
        ("capstone.b", 1, "mean of the whole day"),
        ("capstone.b", 1.46, "busiest quarter-hour"),
        ("capstone.b", 1.556, "orders a second"),
        ("capstone.b", 2, "mean of the two hours"),
        ("capstone.b", 7 * 200 / 900 * 1.5, "whole workers"),
        ("capstone.b", "2.38 loops", "whole workers"),
        ("capstone.b", 4, "fewer"),
        ("capstone.b", 7 * 200 / 900 * 3.5, "io time"),
        ("capstone.b", 40, "Slots do not help"),
        ("capstone.b", 0.2, "Orders a second"),
        ("capstone.c", 7, "six waits"),
        ("capstone.c", 9, "in practice"),
        ("capstone.c", 81, "always the same"),
        ("capstone.c", 121, "always the same"),
        ("capstone.c", 5, "Add up"),
        ("capstone.c", 3, "Write down"),
        ("capstone.d", "5 min", "found twice"),
        ("capstone.d", 10, "its unit"),
        ("capstone.d", 60, "BullMQ's own"),
        ("capstone.d", "12 min", "in the log"),
        ("capstone.d", "15 min", "while they wait"),
        ("capstone.d", "1 h", "second"),
    ],
)
def test_wrong_answers_get_a_hint(key: str, wrong: object, hint: str) -> None:
    judged = mark(key, wrong)
    assert judged.verdict == "wrong"
    assert hint in judged.text
