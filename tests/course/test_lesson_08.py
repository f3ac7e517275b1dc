"""The answers of lesson 08, found by other roads than the one they were written on."""

from __future__ import annotations

import math

import numpy as np
import pytest
from making import assert_hints

from simqueue.course.judging import mark
from simqueue.course.lessons import exercises
from simqueue.course.lessons.lesson_08 import seconds_down
from simqueue.experiments.run import simulate
from simqueue.record.attempt_log import COMPLETED
from simqueue.workload.reading import build_scenario

OUTAGE_STARTS_S = 10


def recovery(
    load: float,
    *,
    capacity: int = 300,
    retries: int = 1,
    budget: float | None = None,
    end: int = 120,
    seed: int = 7,
    lifo: bool = False,
    dip: float | None = None,
    outages: int = 1,
    outage_s: float = 10,
    patience_s: float = 1,
) -> float:
    """Seconds from the end of an outage to that of the last bad second; or infinity."""
    client: dict[str, float] = {"timeout_s": patience_s, "retries": retries}
    if budget is not None:
        client["budget"] = budget
    profile = [[0, load]] if dip is None else [[0, load], [40, dip], [100, load]]
    crashes = [
        {"at_s": OUTAGE_STARTS_S + 30 * n, "worker": 0, "down_s": outage_s} for n in range(outages)
    ]
    scenario = build_scenario(
        {
            "seed": seed,
            "duration_s": end,
            "workers": {"concurrency": capacity // 10, "crashes": crashes},
            "arrivals": {"ask": {"profile": profile, "client": client}},
            "queues": {
                "ask": {"lifo": lifo, "service": {"distribution": "exponential", "mean_s": 0.1}}
            },
        }
    )
    rows = simulate(scenario).log.rows
    took = rows["finished_s"] - rows["enqueued_s"]
    happy = rows["flow"][(rows["outcome"] == COMPLETED) & (took <= patience_s)]
    first = rows[(rows["parent"] < 0) & (rows["run"] == 1)]
    came = np.histogram(first["enqueued_s"], np.arange(end + 1))[0]
    good = np.histogram(first["enqueued_s"][np.isin(first["flow"], happy)], np.arange(end + 1))[0]
    last = max(np.flatnonzero(good < 0.95 * came) + 1, default=0)
    return np.inf if last == end else max(0.0, float(last) - OUTAGE_STARTS_S - outage_s)


def test_three_asks_by_simulation() -> None:
    """Somewhere between these two: a right answer lies there, and nothing else is taken."""
    assert recovery(140, capacity=500, retries=2) < 60
    assert recovery(185, capacity=500, retries=2) == np.inf
    assert mark("08.b", 500 / 3).verdict == "right"
    assert mark("08.b", "166 customers a second").verdict == "right"
    for load in (140, 185):
        assert mark("08.b", load).verdict == "wrong"


@pytest.mark.parametrize("asked", exercises()["08.c"].right.tries, ids=str)
def test_time_to_recover_by_simulation(asked: tuple[float, ...]) -> None:
    load, capacity, asks, outage_s, patience_s = asked
    right = seconds_down(load, capacity, int(asks), outage_s, patience_s)
    found = [
        recovery(
            load,
            capacity=int(capacity),
            retries=int(asks) - 1,
            outage_s=outage_s,
            patience_s=patience_s,
            seed=seed,
        )
        for seed in range(3)
    ]
    assert np.mean(found) == pytest.approx(right, rel=0.25, abs=3)


@pytest.mark.parametrize("load", [120, 130, 160])
def test_time_to_recover_by_the_loop(load: int) -> None:
    backlog, seconds = 2 * load * 10.0, 0.0
    while backlog > 300 and seconds < 10_000:
        backlog, seconds = backlog + 2 * load - 300, seconds + 1
    right = seconds_down(load, 300, 2, 10, 1)
    assert right == (np.inf if seconds == 10_000 else pytest.approx(seconds, abs=1))


def test_a_budget_by_simulation() -> None:
    assert recovery(245, budget=0.1, end=150) < 120
    assert recovery(290, budget=0.1) == np.inf
    answer = next(n / 10 for n in range(3000, 0, -1) if n / 10 * 11 / 10 < 300)
    assert mark("08.d", answer).verdict == "right"


def test_what_ends_a_storm_by_simulation() -> None:
    """An empty queue (b) is that before the outage, when all is well."""
    assert recovery(200) == np.inf
    ended = {
        "a": recovery(200, outages=2),
        "c": recovery(200, lifo=True),
        "d": recovery(200, dip=160),
        "e": recovery(200, capacity=600),
    }
    letters = [letter for letter, seconds in ended.items() if seconds < 60]
    assert mark("08.e", ["b", *letters]).verdict == "right"


@pytest.mark.parametrize("seed", [1, 2])
def test_what_the_lesson_says_holds_for_other_seeds(seed: int) -> None:
    assert recovery(130, seed=seed) == pytest.approx(57.5, rel=0.3)
    assert recovery(160, seed=seed) == np.inf


@pytest.mark.parametrize(
    ("key", "wrong", "hint"),
    [
        ("08.b", 250, "one retry"),
        ("08.b", 500, "everybody does"),
        ("08.b", 100, "This worker does 500"),
        ("08.b", 125, "Four asks"),
        ("08.b", 150, "the lesson's"),
        ("08.b", 170, "A little too many"),
        ("08.b", 1500, "not more"),
        ("08.b", 7, "while answers are late"),
        ("08.d", 270, "Nearly"),
        ("08.d", 150, "without a budget"),
        ("08.d", 300, "no room"),
        ("08.d", 330, "more than the worker"),
        ("08.d", 30, "how many retries"),
        ("08.d", 100, "ten customers"),
        ("08.e", "abce", "Look at a"),
        ("08.e", "bcde", "Look at d"),
        ("08.e", "bc", "the rule"),
        ("08.e", "ce", "anew"),
        ("08.e", "be", "table of cures"),
        ("08.e", "ad", "Ask of each"),
    ],
)
def test_wrong_answers_get_a_hint(key: str, wrong: object, hint: str) -> None:
    judged = mark(key, wrong)
    assert judged.verdict == "wrong"
    assert hint in judged.text


def test_wrong_functions_get_a_hint() -> None:
    def came_once(load, capacity, asks, outage_s, patience_s):  # type: ignore[no-untyped-def]
        left, bearable = load * outage_s, capacity * patience_s
        if left <= bearable:
            return 0
        shrinks = capacity - asks * load
        return (left - bearable) / shrinks if shrinks > 0 else math.inf

    def come_once(load, capacity, asks, outage_s, patience_s):  # type: ignore[no-untyped-def]
        left, bearable = asks * load * outage_s, capacity * patience_s
        return max(0, (left - bearable) / (capacity - load))

    def one_ask(load, capacity, asks, outage_s, patience_s):  # type: ignore[no-untyped-def]
        return max(0, (load * outage_s - capacity * patience_s) / (capacity - load))

    def to_the_last(load, capacity, asks, outage_s, patience_s):  # type: ignore[no-untyped-def]
        shrinks = capacity - asks * load
        return asks * load * outage_s / shrinks if shrinks > 0 else math.inf

    def one_second(load, capacity, asks, outage_s, patience_s):  # type: ignore[no-untyped-def]
        return seconds_down(load, capacity, asks, outage_s, 1)

    def bare(load, capacity, asks, outage_s, patience_s):  # type: ignore[no-untyped-def]
        return (asks * load * outage_s - capacity * patience_s) / (capacity - asks * load)

    def always(load, capacity, asks, outage_s, patience_s):  # type: ignore[no-untyped-def]
        if asks * load >= capacity:
            return math.inf
        return max(0, (asks * load * outage_s - capacity * patience_s) / (capacity - asks * load))

    assert_hints(
        "08.c",
        (came_once, "how often has each"),
        (come_once, "shrinks more slowly"),
        (one_ask, "both of those"),
        (to_the_last, "last old job"),
        (one_second, "customers' patience"),
        (bare, "below zero"),
        (always, "it need not begin"),
        (lambda *_: 35, "all asks included"),
    )
