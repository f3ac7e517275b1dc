"""The answers of the capstone, found by other roads than the one they were written on.

Those of its last exercise, which are graded, are in ``test_grading.py``: there a repair that two
tests ask about is simulated once.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from making import assert_hints

from simqueue import Backoff, build_scenario, read_scenario, simulate
from simqueue.course import real_orders
from simqueue.course.judging import mark
from simqueue.course.lessons import predictions
from simqueue.course.lessons.capstone import put_back
from simqueue.data import data_path
from simqueue.results.theory import recovery_longest
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
    """The worst of all: the dead worker has just looked, and the survivor comes round late."""
    crashes = [
        {"at_s": 100, "worker": 1, "down_s": 199},  # its looks are due at 599 s, 899 s...
        {"at_s": 301, "worker": 0, "down_s": 5000},
    ]
    table = {
        "duration_s": 1300,
        "workers": {"count": 2, "concurrency": 200, "crashes": crashes},
        "bullmq": {"lock_duration_s": 300, "stalled_interval_s": 300},
        "arrivals": {"order": {"interval_s": 0.7}},
        "queues": {"order": {"service": {"distribution": "constant", "mean_s": 60}}},
    }
    log = simulate(build_scenario(table)).log.select(outcome="stalled").rows
    longest = (log["finished_s"] - 301).max()
    assert longest == pytest.approx(898)
    assert mark("capstone.d", longest).verdict == "right"
    assert mark("capstone.d", recovery_longest(300, 300)).verdict == "right"
    assert mark("capstone.d", "15 min").verdict == "right"


def test_a_function_for_the_second_look_by_simulation() -> None:
    """One worker is killed, the other one looks; its timer counts from the start."""
    table = {
        "duration_s": 200,
        "workers": {"count": 2, "crashes": [{"at_s": 100, "worker": 0, "down_s": 5000}]},
        "bullmq": {"lock_duration_s": 40, "stalled_interval_s": 70},
        "arrivals": {"order": {"interval_s": 30}},
        "queues": {"order": {"service": {"distribution": "constant", "mean_s": 55}}},
    }
    stalled = simulate(build_scenario(table)).log.select(outcome="stalled").rows
    assert len(stalled)
    for run in stalled:
        expected = run["finished_s"] - 100
        assert put_back(100, 140, [70.0 * n for n in range(1, 9)]) == pytest.approx(expected)


def test_a_function_for_the_second_look_may_be_wrong() -> None:
    def first_look(killed_s: float, lock_until_s: float, looks: list[float]) -> float:
        for look in looks:
            if look >= killed_s and look >= lock_until_s:
                return look - killed_s
        return math.inf

    def second_look(killed_s: float, _: float, looks: list[float]) -> float:
        after = [look for look in looks if look >= killed_s]
        return after[1] - killed_s if len(after) > 1 else math.inf

    def second_without_lock(killed_s: float, lock_until_s: float, looks: list[float]) -> float:
        return second_look(killed_s, 0, [look for look in looks if look >= lock_until_s])

    def any_two(killed_s: float, lock_until_s: float, looks: list[float]) -> float:
        marked = False
        for look in looks:
            if marked and look >= max(killed_s, lock_until_s):
                return look - killed_s
            marked = True
        return math.inf

    assert_hints(
        "capstone.f",
        (first_look, "found twice"),
        (second_look, "while its lock lasts"),
        (second_without_lock, "still has its lock"),
        (any_two, "before the kill"),
        (lambda killed_s, *rest: killed_s + put_back(killed_s, *rest), "time of day"),
        (lambda *_: 300.0, "Go through the looks"),
    )


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
        ("capstone.d", "10 min", "just looked itself"),
        ("capstone.d", "1 h", "second"),
    ],
)
def test_wrong_answers_get_a_hint(key: str, wrong: object, hint: str) -> None:
    judged = mark(key, wrong)
    assert judged.verdict == "wrong"
    assert hint in judged.text
