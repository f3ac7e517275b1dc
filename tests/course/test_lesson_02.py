"""The answers of lesson 02, found by other roads than the one they were written on."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from heapq import heappop, heappush

import numpy as np
import pytest
from making import assert_hints

from simqueue import build_scenario, simulate
from simqueue.course.judging import mark
from simqueue.course.lessons.lesson_02 import longest_deadline
from simqueue.results.theory import attempts_mean, erlang_b


def test_response_time_is_wait_plus_service() -> None:
    wait, service = Fraction(90, 3), Fraction(12, 3)
    assert mark("02.b", wait + service).verdict == "right"
    assert mark("02.b", "34 s").verdict == "right"


def test_fourteen_slots_are_enough_and_thirteen_are_not() -> None:
    """Attempts that hang are those that fail: how often a slot is held, and for how long."""
    mean_s = 0.9 * 1 + 0.1 * 30
    late = {}
    for slots in (13, 14):
        scenario = build_scenario(
            {
                "duration_s": 20_000,
                "workers": {"concurrency": slots},
                "arrivals": {"calls": {"rate_per_s": 3.1}},
                "queues": {
                    "calls": {
                        "attempts": 3,
                        "backoff": {"type": "fixed", "delay_ms": 5_000},
                        "failure_rate": 0.1,
                        "service": {"distribution": "exponential", "mean_s": mean_s},
                    }
                },
            }
        )
        rows = np.sort(simulate(scenario).log.rows, order="ready_s")
        late[slots] = (rows["started_s"] - rows["ready_s"])[-5_000:].mean()
    assert late[14] < 150 < 300 < late[13]  # 13 fall behind by 3 % of the time
    busy = 3.1 * attempts_mean(0.1, 3) * mean_s
    assert "only whole slots" in mark("02.c", busy).text
    assert mark("02.c", np.ceil(busy)).verdict == "right"


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


@pytest.mark.parametrize("seed", range(10))
def test_longest_deadline_by_training_mode(seed: int) -> None:
    """Callers, and nobody may wait: one second more turns away too many."""
    slots, rate, healthy_s, hung, most = 15, 3.1, 1.0, 0.1, 0.02
    longest_s = longest_deadline(slots, rate, healthy_s, hung, most)

    def turned_away(deadline_s: int) -> float:
        mean_s = (1 - hung) * healthy_s + hung * deadline_s  # of any shape: Erlang does not mind
        scenario = build_scenario(
            {
                "seed": seed,
                "mode": "in-process",
                "duration_s": 20_000,
                "caller": {"concurrency": slots, "max_waiting": 0},
                "arrivals": {"calls": {"rate_per_s": rate}},
                "queues": {
                    "calls": {
                        "service": {"distribution": "uniform", "low_s": 0, "high_s": 2 * mean_s}
                    }
                },
            }
        )
        rows = simulate(scenario, replications=4).log.frame()
        return float((rows["outcome"] == "refused").mean())

    assert turned_away(longest_s - 3) < most < turned_away(longest_s + 4)


def by_steps(slots: int, rate: float, healthy_s: float, hung: float, most: float) -> int:
    def loss(deadline_s: int) -> float:
        wanted = rate * (healthy_s + hung * (deadline_s - healthy_s))
        logs = [k * math.log(wanted) - math.lgamma(k + 1) for k in range(slots + 1)]
        terms = [math.exp(one - max(logs)) for one in logs]
        return terms[-1] / sum(terms)

    return next(n for n in range(1_000) if loss(n + 1) > most)


def test_wrong_functions_get_a_hint() -> None:
    def longest(by: Callable[..., float], loss: Callable[..., float] = erlang_b) -> object:
        def found(slots: int, rate: float, healthy_s: float, hung: float, most: float) -> int:
            tried = (n for n in range(1_000) if loss(slots, rate * by(healthy_s, hung, n)) > most)
            return max(next(tried) - 1, 0)

        return found

    def mean_s(healthy_s: float, hung: float, deadline_s: float) -> float:
        return (1 - hung) * healthy_s + hung * deadline_s

    assert mark("02.f", by_steps).verdict == "right"
    assert_hints(
        "02.f",
        (lambda *asked: by_steps(*asked) + 1, "One second too long"),
        (longest(mean_s, lambda slots, wanted: wanted > slots), "ask Erlang's formula"),
        (longest(mean_s, lambda slots, wanted: 1 - slots / wanted if wanted else 0), "on average"),
        (longest(mean_s, lambda *asked: 100 * erlang_b(*asked)), "in per cent"),
        (longest(lambda _, hung, deadline_s: hung * deadline_s), "healthy requests need slots"),
        (longest(lambda healthy_s, hung, deadline_s: healthy_s + hung * deadline_s), "1 - hung"),
        (longest(lambda healthy_s, _, deadline_s: (healthy_s + deadline_s) / 2), "plain mean"),
        (longest(lambda *asked: asked[2]), "every request hung"),
        (lambda *_: 14, "one second after the other"),
        (18.1, "no function"),
    )


@pytest.mark.parametrize(
    ("key", "wrong", "hint"),
    [
        ("02.b", 30, "wait"),
        ("02.b", "4 s", "service time"),
        ("02.b", 26, "among"),
        ("02.b", 306, "multiplied"),
        ("02.b", 100, "in the box"),
        ("02.c", 3.1, "nothing hangs"),
        ("02.c", 3.9, "mean time of one attempt"),
        ("02.c", 9.3, "hung payments hold"),
        ("02.c", 10, "hung payments hold"),
        ("02.c", 12.09, "tried again"),
        ("02.c", 13, "tried again"),
        ("02.c", 93, "all payments hung"),
        ("02.c", 3 * 12.09, "tried three times"),
        ("02.c", 3.1 * 15.5, "plain mean"),
        ("02.c", 15, "fewer would do"),
        ("02.c", 6, "healthy and hung"),
        ("02.d", 20, "how many?"),
        ("02.d", 1, "mean time that"),
        ("02.d", 10, "longer one"),
        ("02.d", 17.9, "longer one"),
        ("02.d", 18.3, "A little too long"),
        ("02.d", 100, "unknown deadline"),
        ("02.e", 80.4, "turned away"),
        ("02.e", 85.4, "only those"),
        ("02.e", 18.6, "ends well"),
        ("02.e", 5, "nobody"),
        ("02.e", 50, "admitted and does not hang"),
    ],
)
def test_wrong_answers_get_a_hint(key: str, wrong: object, hint: str) -> None:
    judged = mark(key, wrong)
    assert judged.verdict == "wrong"
    assert hint in judged.text
