"""The answers of lesson 13, found by other roads than the one they were written on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from making import assert_hints

from simqueue import Scenario, build_scenario, simulate
from simqueue.course.judging import mark
from simqueue.course.lessons.lesson_13 import priority_waits
from simqueue.data import data_path
from simqueue.results.theory import md1_wait_mean, priority_wait_means

#: Ten, of which one is tried each time.
SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 10))]


def printer(
    vips: float, ranks: tuple[int, int] = (1, 2), load: float = 0.9, **changes: Any
) -> Scenario:
    """The lesson's printer: labels of 2 s, and a share of VIPs."""
    classes = {
        "VIP": {"share": vips, "priority": ranks[0]},
        "others": {"share": 1 - vips, "priority": ranks[1]},
    }
    return build_scenario(
        {
            "duration_s": 20_000,
            "warmup_s": 2_500,
            "workers": {"concurrency": 1},
            "arrivals": {"label": {"rate_per_s": load / 2}},
            "queues": {
                "label": {
                    "service": {"distribution": "constant", "mean_s": 2},
                    "classes": classes,
                }
            },
        }
    ).replace(changes)


def waits(scenario: Scenario, replications: int = 3, of: str = "mean") -> dict[str, float]:
    label = simulate(scenario, replications, engine="auto").summary().queues["label"]
    found = {name: getattr(one.wait_s, of) for name, one in label.classes.items()}
    return found | {"all": getattr(label.wait_s, of)}


def test_what_the_others_pay_by_trying() -> None:
    """Cobham's formula at the load and the share that give 9 s before and 1.2 s for VIPs."""

    def off(load: float) -> float:
        # With exponential times a mean of 9 s fixes the service time, and 1.2 s the load.
        service_s = 9 * (1 - load) / load
        rates = [0.3 * load / service_s, 0.7 * load / service_s]
        return priority_wait_means(rates, [service_s] * 2, [1, 1])[0] - 1.2

    tried = np.linspace(0.85, 0.99, 14_001)
    load = float(tried[np.abs([off(each) for each in tried]).argmin()])
    service_s = 9 * (1 - load) / load
    rates = [0.3 * load / service_s, 0.7 * load / service_s]
    vip, others = priority_wait_means(rates, [service_s] * 2, [1, 1])
    assert vip == pytest.approx(1.2, abs=0.01)
    assert mark("13.b", others).verdict == "right"


def test_settings_that_put_vips_first_by_simulation() -> None:
    ranks = {"a": (1, 0), "b": (0, 10), "c": (10, 1), "d": (1, 10), "e": (5, 5)}
    found = {letter: waits(printer(0.3, each, duration_s=6_000)) for letter, each in ranks.items()}
    first = [letter for letter, wait in found.items() if wait["VIP"] < wait["others"] / 3]
    assert mark("13.c", first).verdict == "right"
    assert mark("13.c", "b and d").verdict == "right"


def test_most_vips_by_simulation() -> None:
    """A little below the answer the others wait less than twice as long, a little above more."""
    one_line = md1_wait_mean(0.45, 2)
    tried = np.arange(0.4, 0.7, 0.002)
    others = [priority_wait_means([v * 0.45, (1 - v) * 0.45], [2, 2], [0, 0])[1] for v in tried]
    share = float(tried[np.abs(np.array(others) - 2 * one_line).argmin()])
    assert mark("13.e", 100 * share).verdict == "right"
    paid = [
        waits(printer(v))["others"] / waits(printer(v, (0, 0)))["all"]
        for v in (share - 0.1, share + 0.1)
    ]
    assert paid[0] < 2 < paid[1]


@pytest.mark.parametrize("seed", range(5))
def test_the_waits_of_one_slot_are_those_of_the_simulator(seed: int) -> None:
    scenario = printer(0.4, (1, 2), load=0.95, duration_s=1_500, warmup_s=0, seed=seed)
    classes = {"none": 0.3, "VIP": 0.3, "others": 0.4}
    ranks = dict(zip(classes, (0, 1, 2), strict=True))
    table = {name: {"share": share, "priority": ranks[name]} for name, share in classes.items()}
    log = simulate(scenario.replace({"queues.label.classes": table})).log.frame()
    log = log.sort_values("enqueued_s")
    found = priority_waits(log.enqueued_s.tolist(), log.priority.tolist(), 2.0)
    assert len(found) > 600
    assert found == pytest.approx((log.started_s - log.ready_s).tolist(), abs=1e-6)


def wrongly(
    came_s: Any, priorities: Any, service_s: float, rank: Any = None, end: float = 0.0
) -> list[float]:
    free_at, left, found = 0.0, set(range(len(came_s))), {}
    while left:
        now = max(free_at, min(came_s[job] for job in left))
        there = [job for job in left if came_s[job] <= now]
        job = min(there, key=lambda one: rank(one, priorities[one]))
        found[job] = now - came_s[job] + end * service_s
        free_at = now + service_s
        left.remove(job)
    return [found[job] for job in sorted(found)]


def test_wrong_printers_get_a_hint() -> None:
    def clairvoyant(came_s: Any, priorities: Any, service_s: float) -> list[float]:
        found, free_at = {}, 0.0
        for job in sorted(range(len(came_s)), key=lambda one: (priorities[one], one)):
            start = max(free_at, came_s[job])
            found[job], free_at = start - came_s[job], start + service_s
        return [found[job] for job in range(len(came_s))]

    def never_idle(came_s: Any, priorities: Any, service_s: float) -> list[float]:
        found, free_at, left = {}, 0.0, list(range(len(came_s)))
        while left:
            there = [one for one in left if came_s[one] <= free_at] or left[:1]
            job = min(there, key=lambda one: (priorities[one], one))
            found[job] = max(0, free_at - came_s[job])
            free_at += service_s
            left.remove(job)
        return [found[job] for job in range(len(came_s))]

    def right(*asked: Any) -> list[float]:
        return wrongly(*asked, rank=lambda n, p: (p, n))

    assert mark("13.d", right).verdict == "right"
    assert mark("13.d", lambda *asked: np.array(right(*asked))).verdict == "right"
    assert_hints(
        "13.d",
        (lambda *asked: wrongly(*asked, rank=lambda n, _: n), "change nothing yet"),
        (lambda *asked: wrongly(*asked, rank=lambda n, p: (-p, n)), "smallest number"),
        (lambda *asked: wrongly(*asked, rank=lambda n, p: (p or 99, n)), "0 means no priority"),
        (lambda *asked: wrongly(*asked, rank=lambda n, p: (p, -n)), "who came first"),
        (clairvoyant, "had not come yet"),
        (never_idle, "before it has come"),
        (lambda *asked: wrongly(*asked, rank=lambda n, p: (p, n), end=1.0), "response times"),
        (lambda came_s, *_: [0.0] * len(came_s), "Keep a list"),
        (12.3, "no function"),
    )


def test_who_is_a_vip_by_the_recorded_totals() -> None:
    totals = pd.read_csv(data_path("arrivals.csv")).total
    assert (totals > 500).mean() == pytest.approx(0.246, abs=0.001)
    assert (totals > 150).mean() == pytest.approx(0.756, abs=0.001)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_the_lesson_says_of_shares_holds_for_other_seeds(seed: int) -> None:
    one_line = simulate(printer(0.756, (0, 0), seed=seed), 2, engine="auto")
    for vips in (0.246, 0.756):
        first = simulate(printer(vips, seed=seed), 2, engine="auto")
        starts = [np.sort(run.log.rows["started_s"]) for run in (one_line, first)]
        assert np.allclose(*starts)
        label, before = (run.summary().queues["label"] for run in (first, one_line))
        assert label.wait_s.mean == pytest.approx(before.wait_s.mean, rel=0.03)
        assert label.classes["VIP"].wait_s.mean < before.wait_s.mean / 2
        formula = priority_wait_means([vips * 0.45, (1 - vips) * 0.45], [2, 2], [0, 0])
        assert label.classes["VIP"].wait_s.mean == pytest.approx(formula[0], rel=0.15)
    assert label.classes["others"].wait_s.p99 > 2.5 * before.wait_s.p99


@pytest.mark.parametrize("seed", SEEDS)
def test_what_the_lesson_says_of_starving_and_retries_holds_for_other_seeds(seed: int) -> None:
    rush = {"profile": [[0, 0.45], [600, 0.9], [1800, 0.1]]}
    sale = {"duration_s": 2_000, "warmup_s": 0, "arrivals.label": rush, "seed": seed}
    log = simulate(printer(0.756, **sale), 2, engine="auto").log.frame()
    late = log[log.started_s.between(900, 1800)]
    assert (late["class"] == "others").mean() < 0.03

    jam = {
        "queues.label.classes.VIP.attempts": 5,
        "queues.label.classes.VIP.failure_rate": 0.4,
        "queues.label.backoff": {"type": "fixed", "delay_ms": 60_000},
    }
    calm = waits(printer(0.246, load=0.8, seed=seed), 2)
    jammed = waits(printer(0.246, load=0.8, seed=seed, **jam), 2)
    assert jammed["VIP"] < 1.3 * calm["VIP"]
    assert jammed["others"] > 2.5 * calm["others"]


@pytest.mark.parametrize("seed", SEEDS)
def test_what_the_lesson_says_of_own_printers_holds_for_other_seeds(seed: int) -> None:
    queue = {"service": {"distribution": "constant", "mean_s": 2}}
    usual = {"VIP": 1.7 * 0.246, "others": 1.7 * 0.754}
    found = {}
    for day, rates in {"usual": usual, "campaign": usual | {"VIP": 2 * usual["VIP"]}}.items():
        own = build_scenario(
            {
                "seed": seed,
                "duration_s": 3_600,
                "workers": {"concurrency": {"VIP": 1, "others": 3}},
                "arrivals": {name: {"rate_per_s": rate} for name, rate in rates.items()},
                "queues": dict.fromkeys(rates, queue),
            }
        )
        apart = simulate(own, 8, engine="auto").summary().queues
        all_per_s = sum(rates.values())
        hour = {"duration_s": 3_600, "warmup_s": 0, "workers.concurrency": 4, "seed": seed}
        together = waits(printer(rates["VIP"] / all_per_s, load=2 * all_per_s, **hour), 8)
        found[day] = together, {name: one.wait_s.mean for name, one in apart.items()}
    together, apart_s = found["usual"]
    assert all(together[name] < apart_s[name] for name in usual)
    assert apart_s["VIP"] > 5 * together["VIP"]
    together, apart_s = found["campaign"]
    assert together["others"] > 10 * apart_s["others"]
    assert apart_s["VIP"] > 100 * together["VIP"]


@pytest.mark.parametrize("seed", SEEDS)
def test_training_mode_looks_at_no_priority(seed: int) -> None:
    one_line = simulate(printer(0.246, (0, 0), seed=seed, duration_s=5_000))
    training = simulate(printer(0.246, seed=seed, duration_s=5_000, mode="in-process"))
    for column in ("enqueued_s", "started_s", "finished_s"):
        pair = [np.sort(run.log.rows, order="enqueued_s")[column] for run in (one_line, training)]
        assert np.allclose(*pair)


@pytest.mark.parametrize(
    ("key", "wrong", "hint"),
    [
        ("13.b", 9, "the others are above"),
        ("13.b", 8.64, "They are 70 %"),
        ("13.b", 12.86, "VIPs wait as well"),
        ("13.b", 16.8, "three VIPs"),
        ("13.b", 11.34, "Only 70 %"),
        ("13.b", 27.2, "with 70 % VIPs"),
        ("13.b", 1.2, "0.7 times"),
        ("13.c", "abd", "Look at a"),
        ("13.c", "ad", "Look at a"),
        ("13.c", "ac", "twice"),
        ("13.c", "bc", "better than 1"),
        ("13.c", "d", "one more"),
        ("13.c", "b", "two numbers"),
        ("13.c", "e", "Two rules"),
        ("13.e", 50, "VIPs' load"),
        ("13.e", 45, "a half"),
        ("13.e", 11.1, "a tenth"),
        ("13.e", 90, "five times"),
        ("13.e", 30, "Set that to 2"),
    ],
)
def test_wrong_answers_get_a_hint(key: str, wrong: object, hint: str) -> None:
    judged = mark(key, wrong)
    assert judged.verdict == "wrong"
    assert hint in judged.text
