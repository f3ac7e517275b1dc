"""The answers of lesson 03, found by other roads than the one they were written on."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import date, datetime, timedelta
from fractions import Fraction
from heapq import heappop, heappush
from statistics import mean, variance
from typing import Any

import numpy as np
import pytest
from making import assert_hints

from simqueue import build_scenario, simulate
from simqueue.course.judging import mark
from simqueue.course.lessons import exercises
from simqueue.course.lessons.lesson_03 import pooled_waits
from simqueue.data import data_path
from simqueue.results.theory import mg1_wait_mean, mmc_wait_mean


def test_double_wait_by_trying() -> None:
    tried = np.arange(0.5, 1, 0.001)
    waits = np.array([mmc_wait_mean(rho, 1.0, 1) for rho in tried])
    found = tried[np.abs(waits - 2 * mmc_wait_mean(0.8, 1.0, 1)).argmin()]
    assert mark("03.b", 100 * found).verdict == "right"
    assert mark("03.b", "89 %").verdict == "right"
    assert mark("03.b", Fraction(800, 9)).verdict == "right"


def test_packer_by_formula_and_by_simulation() -> None:
    assert mark("03.c", mg1_wait_mean(30 / 3600, 100, 1.0)).verdict == "right"
    assert mark("03.c", timedelta(seconds=500)).verdict == "right"
    assert mark("03.c", "8.3 min").verdict == "right"
    scenario = build_scenario(
        {
            "duration_s": 2_000_000,
            "workers": {"concurrency": 1},
            "arrivals": {"packing": {"rate_per_s": 30 / 3600}},
            "queues": {
                "packing": {
                    "attempts": 1,
                    "service": {"distribution": "exponential", "mean_s": 100},
                }
            },
        }
    )
    rows = simulate(scenario, replications=4).log.rows
    assert abs((rows["started_s"] - rows["ready_s"]).mean() - 500) < 75


def test_thursdays_at_noon_by_counting() -> None:
    with data_path("arrivals.csv").open(encoding="utf-8", newline="") as file:
        placed = [datetime.fromisoformat(row["placed_at"]) for row in csv.DictReader(file)]
    noon = Counter(at.date() for at in placed if at.hour == 12)
    days: set[date] = {at.date() for at in placed}
    thursdays = [noon[day] for day in days if day.isoweekday() == 4]
    answer = exercises()["03.d"].answer
    assert f"is {variance(thursdays) / mean(thursdays):.2f} for Thursdays" in answer


def by_loops(counts: Any, weekdays: Any, weekday: int, hour: int) -> float:
    chosen = [
        int(day[hour - 8].sum()) for day, of in zip(counts, weekdays, strict=True) if of == weekday
    ]
    return variance(chosen) / mean(chosen)


def by_population(counts: Any, weekdays: Any, weekday: int, hour: int) -> float:
    chosen = counts[weekdays == weekday, hour - 8].sum(axis=1)
    return float(chosen.var() / chosen.mean())


def test_an_index_by_plain_loops() -> None:
    assert mark("03.d", by_loops).verdict == "right"


def all_weekdays(counts: Any, weekdays: Any, weekday: int, hour: int) -> float:
    hours = counts[:, hour - 8].sum(axis=1)
    return hours.var(ddof=1) / hours.mean()


def all_hours(counts: Any, weekdays: Any, weekday: int, hour: int) -> float:
    hours = counts[weekdays == weekday].sum(axis=2)
    return hours.var(ddof=1) / hours.mean()


def noon_is_12(counts: Any, weekdays: Any, weekday: int, hour: int) -> float:
    hours = counts[weekdays == weekday, hour].sum(axis=1)
    return hours.var(ddof=1) / hours.mean()


def minutes(counts: Any, weekdays: Any, weekday: int, hour: int) -> float:
    hours = counts[weekdays == weekday, hour - 8]
    return hours.var(ddof=1) / hours.mean()


def only_the_mean(counts: Any, weekdays: Any, weekday: int, hour: int) -> float:
    return counts[weekdays == weekday, hour - 8].sum(axis=1).mean()


def only_the_variance(counts: Any, weekdays: Any, weekday: int, hour: int) -> float:
    return counts[weekdays == weekday, hour - 8].sum(axis=1).var(ddof=1)


def upside_down(counts: Any, weekdays: Any, weekday: int, hour: int) -> float:
    hours = counts[weekdays == weekday, hour - 8].sum(axis=1)
    return hours.mean() / hours.var(ddof=1)


def test_wrong_functions_get_a_hint() -> None:
    assert_hints(
        "03.d",
        (all_weekdays, "one weekday first"),
        (all_hours, "Pick one of them"),
        (noon_is_12, "raised IndexError"),
        (minutes, "60 minutes"),
        (only_the_mean, "That is the mean"),
        (only_the_variance, "That is the variance"),
        (upside_down, "three axes"),
        (1.8, "no function"),
    )


@pytest.mark.parametrize("slots", [1, 2, 3, 5])
def test_pooled_waits_are_those_of_the_simulator(slots: int) -> None:
    scenario = build_scenario(
        {
            "seed": slots,
            "duration_s": 400,
            "workers": {"concurrency": slots},
            "arrivals": {"jobs": {"rate_per_s": 0.9 * slots}},
            "queues": {"jobs": {"service": {"distribution": "exponential", "mean_s": 1}}},
        }
    )
    rows = np.sort(simulate(scenario).log.rows, order="ready_s")
    gaps_s = np.diff(rows["ready_s"], prepend=0)
    found = pooled_waits(gaps_s.tolist(), (rows["finished_s"] - rows["started_s"]).tolist(), slots)
    assert len(found) > 300
    assert found == pytest.approx((rows["started_s"] - rows["ready_s"]).tolist(), abs=1e-6)


def by_heap(gaps_s: Any, services_s: Any, slots: int) -> list[float]:
    free_at, waits = [0.0] * slots, []
    for came, service_s in zip(np.cumsum(gaps_s), services_s, strict=True):
        start = max(came, heappop(free_at))
        waits.append(start - came)
        heappush(free_at, start + service_s)
    return waits


def wrongly(
    gaps_s: Any, services_s: Any, slots: int, slot: Any = None, start: Any = max, end: float = 0.0
) -> list[float]:
    free_at, waits = [0.0] * slots, []
    for number, (came, service_s) in enumerate(zip(np.cumsum(gaps_s), services_s, strict=True)):
        chosen = int(np.argmin(free_at)) if slot is None else slot(number, free_at)
        began = start(free_at[chosen], came)
        waits.append(max(0.0, began - came) + end * service_s)
        free_at[chosen] = began + service_s
    return waits


def test_wrong_pools_get_a_hint() -> None:
    assert mark("03.f", by_heap).verdict == "right"
    assert mark("03.f", lambda *asked: np.array(by_heap(*asked))).verdict == "right"
    assert_hints(
        "03.f",
        (lambda *asked: wrongly(*asked, slot=lambda n, free: n % len(free)), "several lines"),
        (lambda *asked: wrongly(*asked, slot=lambda _, free: int(np.argmax(free))), "one slot"),
        (lambda *asked: wrongly(*asked, slot=lambda *_: 0), "one slot"),
        (lambda *asked: wrongly(*asked, start=lambda free, _: free), "work ahead"),
        (lambda gaps, services, n: by_heap(np.diff(gaps, prepend=0), services, n), "no moments"),
        (lambda *asked: wrongly(*asked, end=1.0), "response times"),
        (lambda gaps, *_: [0.0] * len(gaps), "Keep a list"),
        (4.0, "no function"),
    )


def test_busy_hours_by_simulation() -> None:
    rate = 0.2 * 24 / 6
    scenario = build_scenario(
        {
            "duration_s": 6 * 3600,
            "workers": {"concurrency": 1},
            "arrivals": {"jobs": {"rate_per_s": rate}},
            "queues": {
                "jobs": {"attempts": 1, "service": {"distribution": "exponential", "mean_s": 1}}
            },
        }
    )
    rows = simulate(scenario, replications=8).log.rows
    assert abs((rows["started_s"] - rows["ready_s"]).mean() - 4) < 0.8
    assert mark("03.e", mmc_wait_mean(rate, 1.0, 1)).verdict == "right"


@pytest.mark.parametrize(
    ("key", "wrong", "hint"),
    [
        ("03.b", 160, "Double the wait"),
        ("03.b", 90, "half the idle share"),
        ("03.b", 80, "where you start"),
        ("03.b", 85, "does it give 8"),
        ("03.b", 95, "Set that to 8"),
        ("03.c", 600, "response time"),
        ("03.c", 5, "number of service times"),
        ("03.c", 250, "exactly"),
        ("03.c", 83.3, "idle share"),
        ("03.c", 400, "for 80 %"),
        ("03.c", "1 h", "Then use the"),
        ("03.e", 0.25, "at its word"),
        ("03.e", "5 s", "response time"),
        ("03.e", 0.8, "What does the formula"),
        ("03.e", 1, "Average over jobs"),
        ("03.e", 60, "hours of work"),
    ],
)
def test_wrong_answers_get_a_hint(key: str, wrong: object, hint: str) -> None:
    judged = mark(key, wrong)
    assert judged.verdict == "wrong"
    assert hint in judged.text
