"""Which processes a real run starts and ends: those that the scenario's pools say."""

from __future__ import annotations

import math
from typing import Any

from simqueue.validation.lives import Life, lives
from simqueue.workload.pools import Pool


def of(**keys: Any) -> list[list[Life]]:
    return lives(Pool.model_validate({"queues": {"q": 1}, **keys}))


def test_workers_without_changes_live_as_long_as_the_run() -> None:
    assert of(count=2) == [[Life(0.0)], [Life(0.0)]]


def test_the_newest_end_first_and_starting_takes_its_time() -> None:
    assert of(schedule=[[0, 1], [10, 3], [30, 2]], start_s=2) == [
        [Life(0.0)],
        [Life(12.0)],
        [Life(12.0, 30.0)],
    ]


def test_a_place_is_taken_again() -> None:
    assert of(schedule=[[0, 2], [10, 1], [20, 2]]) == [[Life(0.0)], [Life(0.0, 10.0), Life(20.0)]]


def test_who_is_told_to_end_while_it_starts_is_never_needed() -> None:
    assert of(schedule=[[0, 1], [10, 2], [11, 1]], start_s=5) == [[Life(0.0)], []]


def test_a_crash_parts_a_life() -> None:
    crashes = [
        {"at_s": 5, "down_s": 3},
        {"at_s": 40, "down_s": 1, "worker": 1, "drain": True},
        {"at_s": 48, "down_s": 9, "worker": 1},
        {"at_s": 90, "down_s": 1, "worker": 1},
    ]

    assert of(schedule=[[0, 1], [20, 2], [50, 1]], crashes=crashes) == [
        [Life(0.0, 5.0, drain=False), Life(8.0)],
        [Life(20.0, 40.0, drain=True), Life(41.0, 48.0, drain=False)],
    ]
    assert math.isinf(of()[0][0].end_s)
