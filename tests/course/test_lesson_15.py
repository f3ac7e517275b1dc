"""The answers of lesson 15, found by other roads than the one they were written on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from making import assert_hints

from simqueue import Run, Scenario, build_scenario, simulate
from simqueue.course.judging import mark
from simqueue.course.lessons.lesson_15 import corrected
from simqueue.results.theory import closed_response_mean, mmc_wait_mean

#: Ten, of which one is tried each time.
SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 10))]
FREEZE = {"queues.orders.paused": [[800, 830]], "duration_s": 1_800, "warmup_s": 0}


def thinking(customers: int, mean_s: float) -> dict[str, Any]:
    return {
        "customers": customers,
        "think": {"distribution": "exponential", "mean_s": mean_s},
    }


def orders(arrivals: dict[str, Any], slots: int = 7, mean_s: float = 2, **changes: Any) -> Scenario:
    """The lesson's shop."""
    service = {"distribution": "exponential", "mean_s": mean_s}
    return build_scenario(
        {
            "duration_s": 4_500,
            "warmup_s": 500,
            "workers": {"concurrency": slots},
            "arrivals": {"orders": arrivals},
            "queues": {"orders": {"service": service}},
        }
    ).replace(changes)


def waits(run: Run) -> np.ndarray:
    return run.log.waits(since_s=run.scenario.warmup_s)


def test_response_of_forty_users_by_the_formula() -> None:
    """Some service time makes 40 users who think for 8 s ask 3.2 times a second."""
    tried = np.arange(0.1, 3, 0.001)
    responses = np.array([closed_response_mean(40, 8, service, 5) for service in tried])
    found = responses[np.abs(40 / (8 + responses) - 3.2).argmin()]
    assert mark("15.b", found).verdict == "right"
    assert mark("15.b", "4500 ms").verdict == "right"


def test_enough_users_by_counting() -> None:
    def per_s(customers: int) -> float:
        """Requests in a long time, each user's a round after the last."""
        return customers * len(np.arange(0, 1e6, 20 + 2.5)) / 1e6

    enough = next(n for n in range(1, 200) if per_s(n) >= 3)
    assert mark("15.c", enough).verdict == "right"


def test_the_mean_of_a_hang_by_simulation() -> None:
    """The system hangs from 100 to 200 s, with room for all who come, and no work to do."""
    shop = orders({"rate_per_s": 20}, slots=10_000, mean_s=1e-6, duration_s=200, warmup_s=0)
    run = simulate(shop.replace({"queues.orders.paused": [[100, 200]]}), 8, engine="auto")
    assert waits(run).mean() == pytest.approx(25, rel=0.02)
    assert mark("15.f", waits(run).mean()).verdict == "right"


def test_who_asks_less_often_by_simulation() -> None:
    """Requests in an hour, where an answer takes 2 s, and where it takes 6 s."""
    callers = {
        "a": {"rate_per_s": 0.5},
        "b": thinking(1, 0.1),
        "c": {"interval_s": 2},
        "d": thinking(50, 5),
        "e": thinking(5, 1),
    }

    def asked(arrivals: dict[str, Any], mean_s: float) -> int:
        return len(simulate(orders(arrivals, mean_s=mean_s, duration_s=3_600)).log)

    less = [letter for letter, each in callers.items() if asked(each, 6) < 0.7 * asked(each, 2)]
    assert mark("15.e", less).verdict == "right"
    assert mark("15.e", "b, d and e").verdict == "right"


def by_arange(waits_s: Any, interval_s: float) -> list[float]:
    """The waits of those who would have asked later, by the clock."""
    found = list(waits_s)
    for wait_s in waits_s:
        later = interval_s * np.arange(1, int(wait_s // interval_s) + 1)
        found += [left for left in (wait_s - later).tolist() if left >= interval_s]
    return sorted(found)


def test_what_was_omitted_may_be_found_by_the_clock() -> None:
    assert mark("15.d", by_arange).verdict == "right"
    assert mark("15.d", lambda *asked: np.array(by_arange(*asked))).verdict == "right"


def test_wrong_corrections_get_a_hint() -> None:
    def each(of: Callable[[float, float], list[float]]) -> Callable[..., list[float]]:
        return lambda waits_s, interval_s: sorted(
            found for wait_s in waits_s for found in of(wait_s, interval_s)
        )

    def down_to_nothing(wait_s: float, interval_s: float) -> list[float]:
        return [wait_s] + [left for left in np.arange(wait_s, 0, -interval_s)[1:] if left > 0]

    assert_hints(
        "15.d",
        (each(lambda w, _: [w]), "Nothing was added"),
        (each(lambda w, i: [w, w - i] if w >= 2 * i else [w]), "hides many"),
        (each(lambda w, i: [w] * len(by_arange([w], i))), "an interval less each time"),
        (each(lambda w, i: by_arange([w], i)[:-1]), "belong to it"),
        (each(down_to_nothing), "normal round"),
        (lambda waits_s, _: sorted(waits_s)[:1], "Keep each wait"),
        (10, "no function"),
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_what_the_lesson_says_of_the_same_rate_holds_for_other_seeds(seed: int) -> None:
    test = simulate(orders(thinking(10, 1), seed=seed), 4)
    come = simulate(orders({"rate_per_s": 3.15}, seed=seed), 8, engine="auto")
    for run in (test, come):
        assert run.summary().queues["orders"].throughput_per_s == pytest.approx(3.15, rel=0.02)
    formula = closed_response_mean(10, 1, 2, 7) - 2
    assert mmc_wait_mean(3.15, 2, 7) / formula == pytest.approx(12, abs=0.5)
    assert waits(test).mean() == pytest.approx(formula, rel=0.1)
    assert waits(come).mean() > 6 * waits(test).mean()
    assert (waits(test) > 3).mean() < 0.001
    assert 0.15 < (waits(come) > 3).mean() < 0.4
    assert test.summary().queues["orders"].queue_length.max == 3

    shape = {"distribution": "empirical", "file": "data/checkout_times.csv", "column": "order_ms"}
    varied = {"queues.orders.service": shape | {"mean_s": 2}}
    changed = [run.scenario.replace(varied) for run in (test, come)]
    both = [waits(simulate(one, 4, engine="auto")).mean() for one in changed]
    assert both[0] < 1.3 * formula
    assert both[1] > 1.4 * mmc_wait_mean(3.15, 2, 7)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_the_lesson_says_of_friday_holds_for_other_seeds(seed: int) -> None:
    noon = {
        "trace": "data/arrivals.csv",
        "window": ["2011-11-17T11:30", "2011-11-17T15:00"],
        "scale": 400,
    }
    shop = orders(noon, duration_s=12_600, warmup_s=1_800, seed=seed)
    friday = simulate(shop, 4, engine="auto")
    assert friday.summary().queues["orders"].throughput_per_s < 2.2
    assert (waits(friday) > 3).mean() > 0.03


@pytest.mark.parametrize("seed", SEEDS)
def test_what_the_lesson_says_of_the_freeze_holds_for_other_seeds(seed: int) -> None:
    closed, come = (
        waits(simulate(orders(one, seed=seed, **FREEZE), 8, engine="auto"))
        for one in (thinking(10, 4), {"rate_per_s": 1.65})
    )
    assert (closed > 3).sum() / 8 < 12
    assert (come > 3).sum() / 8 > 60
    assert np.quantile(closed, 0.99) < 1
    assert np.quantile(corrected(closed, 6), 0.99) == pytest.approx(10, abs=2.5)
    assert np.quantile(come, 0.99) > 14


@pytest.mark.parametrize("seed", SEEDS)
def test_what_the_lesson_says_of_training_mode_holds_for_other_seeds(seed: int) -> None:
    queue = orders(thinking(10, 1), seed=seed)
    training = queue.replace({"mode": "in-process", "caller.concurrency": 7})
    ended = [np.sort(simulate(one).log.rows["finished_s"]) for one in (queue, training)]
    assert np.allclose(*ended)

    alone = {"mode": "in-process", "caller.concurrency": 7, "warmup_s": 0, "seed": seed}
    loop = {"customers": 1, "think": {"distribution": "constant", "mean_s": 0.1}}
    one_by_one = simulate(orders(loop, duration_s=2_100, **alone))
    assert waits(one_by_one).max() < 1e-9
    flood = {"interval_s": 1, "batch": 1_000}
    at_once = simulate(orders(flood, duration_s=1.5, warmup_s=0, seed=seed), engine="auto")
    assert waits(at_once).mean() > 100
    per_s = [len(run.log) / run.log.rows["finished_s"].max() for run in (one_by_one, at_once)]
    assert per_s[1] > 5 * per_s[0]


@pytest.mark.parametrize(
    ("key", "wrong", "hint"),
    [
        ("15.b", 12.5, "a whole round"),
        ("15.b", 20.5, "take it away"),
        ("15.b", 5, "at once"),
        ("15.b", 0.08, "a share"),
        ("15.b", 0.3125, "of one user"),
        ("15.b", 100, "Little's law"),
        ("15.c", 67, "a little less"),
        ("15.c", 67.5, "a little less"),
        ("15.c", 60, "waits for it"),
        ("15.c", 7.5, "The others think"),
        ("15.c", 52.5, "add up"),
        ("15.c", 22.5, "in each second"),
        ("15.c", 3, "make 3 a second"),
        ("15.e", "bd", "one more"),
        ("15.e", "be", "virtual user"),
        ("15.e", "de", "await"),
        ("15.e", "ac", "other way round"),
        ("15.e", "abde", "Look at a"),
        ("15.e", "bcde", "Look at c"),
        ("15.e", "a", "Ask of each"),
        ("15.f", 50, "while it hangs"),
        ("15.f", 0.99, "the tester says"),
        ("15.f", 100, "the longest"),
        ("15.f", 0.5, "all the time"),
        ("15.f", 75, "What share"),
    ],
)
def test_wrong_answers_get_a_hint(key: str, wrong: object, hint: str) -> None:
    judged = mark(key, wrong)
    assert judged.verdict == "wrong"
    assert hint in judged.text
