"""The answers of lesson 02, found by other roads than the one they were written on."""

from __future__ import annotations

from fractions import Fraction
from heapq import heappop, heappush
from pathlib import Path

import numpy as np
import pytest

from simqueue import build_scenario, simulate
from simqueue.course.marking import mark
from simqueue.results.theory import erlang_b


def test_response_time_is_wait_plus_service() -> None:
    wait, service = Fraction(90, 3), Fraction(12, 3)
    assert mark("02.b", wait + service).verdict == "right"
    assert mark("02.b", "34 s").verdict == "right"


def test_eight_slots_are_enough_and_seven_are_not(tmp_path: Path) -> None:
    times = tmp_path / "times.csv"
    times.write_text("took_s\n" + "1\n" * 95 + "30\n" * 5, encoding="utf-8")
    late = {}
    for slots in (7, 8):
        scenario = build_scenario(
            {
                "duration_s": 20_000,
                "workers": {"concurrency": slots},
                "arrivals": {"calls": {"rate_per_s": 3.1}},
                "queues": {
                    "calls": {
                        "attempts": 1,
                        "service": {
                            "distribution": "empirical",
                            "file": str(times),
                            "column": "took_s",
                        },
                    }
                },
            }
        )
        rows = np.sort(simulate(scenario).log.rows, order="ready_s")
        late[slots] = (rows["started_s"] - rows["ready_s"])[-5_000:].mean()
    assert late[8] < 200 < 1_000 < late[7]  # 7 fall behind by 8 % of the time
    mean = np.loadtxt(times, skiprows=1).mean()
    assert mark("02.c", 3.1 * mean).verdict == "right"
    assert mark("02.c", np.ceil(3.1 * mean)).verdict == "right"


def test_longest_deadline_by_trying() -> None:
    tried = np.arange(0.1, 100, 0.1)
    wanted = 1_000 * (0.95 * 0.1 + 0.05 * tried)
    longest = tried[wanted <= 1_000].max()
    assert mark("02.d", longest).verdict == "right"
    assert mark("02.d", "18 s").verdict == "right"


def test_all_errors_by_simulation() -> None:
    rng = np.random.default_rng(7)
    times = np.sort(rng.uniform(0, 4_000, 400_000))
    hangs = rng.random(len(times)) < 0.05
    free_at = sorted(rng.uniform(0, 100, 100))
    well = np.zeros(len(times), dtype=bool)
    for number, (now, hung) in enumerate(zip(times.tolist(), hangs.tolist(), strict=True)):
        while free_at and free_at[0] <= now:
            heappop(free_at)
        if len(free_at) < 100:
            heappush(free_at, now + (100 if hung else 0.1))
            well[number] = not hung
    errors = 100 * (1 - well[times > 100].mean())
    assert abs(errors - 81.4) < 1.5
    refused = erlang_b(1_000, 5_095)
    assert mark("02.e", 100 * (1 - (1 - refused) * 0.95)).verdict == "right"


@pytest.mark.parametrize(
    ("key", "wrong", "hint"),
    [
        ("02.b", 30, "wait"),
        ("02.b", "4 s", "service time"),
        ("02.b", 26, "among"),
        ("02.b", 306, "multiplied"),
        ("02.b", 100, "in the box"),
        ("02.c", 3.1, "nothing hangs"),
        ("02.c", 4, "nothing hangs"),
        ("02.c", 2.45, "one payment"),
        ("02.c", 4.65, "hung payments hold"),
        ("02.c", 5, "hung payments hold"),
        ("02.c", 93, "all payments hung"),
        ("02.c", 3.1 * 15.5, "plain mean"),
        ("02.c", 10, "fewer would do"),
        ("02.c", 7, "do not suffice"),
        ("02.c", 6, "healthy and hung"),
        ("02.d", 20, "how many?"),
        ("02.d", 1, "mean time that"),
        ("02.d", 10, "longer one"),
        ("02.d", 100, "unknown deadline"),
        ("02.e", 80.4, "turned away"),
        ("02.e", 85.4, "only those"),
        ("02.e", 18.6, "ends well"),
        ("02.e", 0.814, "per cent"),
        ("02.e", 5, "nobody"),
        ("02.e", 50, "admitted and does not hang"),
    ],
)
def test_wrong_answers_get_a_hint(key: str, wrong: object, hint: str) -> None:
    judged = mark(key, wrong)
    assert judged.verdict == "wrong"
    assert hint in judged.text
