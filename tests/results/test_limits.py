"""What a queue's own limits do to its verdict: no number of workers helps there."""

from __future__ import annotations

from typing import Any

import pytest

import simqueue as sq


def verdict(seed: int = 1, *, rate: float = 42.0, slots: int = 100, **queue: Any) -> str:
    service = {"distribution": "exponential", "mean_s": 0.1}
    table = {
        "seed": seed,
        "duration_s": 300,
        "workers": {"concurrency": slots},
        "arrivals": {"a": {"rate_per_s": rate}},
        "queues": {"a": {"service": service} | queue},
    }
    return sq.simulate(sq.build_scenario(table)).verdicts()["a"]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(
    ("queue", "said"),
    [
        (
            {"limiter": {"max": 20, "duration_s": 1}},
            "No number of workers helps the a queue: 42 a jobs a second come, the limiter lets 20 "
            "start; waits reach",
        ),
        (
            {"global_concurrency": 3},
            "No number of workers helps the a queue: a jobs need 4.2 slots' worth of work, the "
            "global concurrency lets 3 jobs be done at once; waits reach",
        ),
        (
            {"limiter": {"max": 41, "duration_s": 1}, "global_concurrency": 2},  # the tighter one
            "No number of workers helps the a queue: a jobs need 4.2 slots' worth of work, the "
            "global concurrency lets 2 jobs be done at once; waits reach",
        ),
        (
            {"paused": [[100, 150]]},
            "The a queue has 100 slots and needs 5, but while it is paused (100 s to 150 s), and "
            "after, waits reach",
        ),
        ({"limiter": {"max": 60, "duration_s": 1}}, "The a queue has 100 slots and needs 5: waits"),
        ({"global_concurrency": 7}, "The a queue has 100 slots and needs 5"),
    ],
)
def test_what_binds(seed: int, queue: dict[str, Any], said: str) -> None:
    assert verdict(seed, **queue).startswith(said)


@pytest.mark.parametrize("seed", range(10))
def test_where_the_slots_are_tighter_they_are_named(seed: int) -> None:
    """Two slots do 20 a second, and the limiter lets 30 start."""
    words = verdict(seed, slots=2, limiter={"max": 30, "duration_s": 1})
    assert words.startswith("The a queue needs 5 slots; it has 2")


def test_retries_count_for_the_limiter() -> None:
    """With half of 15 a second failing, 22.5 attempts a second come."""
    words = verdict(rate=15.0, limiter={"max": 20, "duration_s": 1}, failure_rate=0.5, attempts=2)
    assert "22.5 a jobs a second come" in words


def test_training_mode_has_no_limiter() -> None:
    table = {
        "mode": "in-process",
        "duration_s": 100,
        "caller": {"concurrency": 20},
        "arrivals": {"a": {"rate_per_s": 42}},
        "queues": {
            "a": {
                "service": {"distribution": "constant", "mean_s": 0.1},
                "limiter": {"max": 20, "duration_s": 1},
            }
        },
    }
    assert "limiter" not in " ".join(sq.simulate(sq.build_scenario(table)).verdicts().values())
