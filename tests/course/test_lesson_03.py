"""The answers of lesson 03, found by other roads than the one they were written on."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import date, datetime, timedelta
from fractions import Fraction
from statistics import mean, pvariance, variance

import numpy as np
import pytest

from simqueue import build_scenario, simulate
from simqueue.course.marking import mark
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
    counts = [noon[day] for day in days if day.isoweekday() == 4]
    assert mark("03.d", variance(counts) / mean(counts)).verdict == "right"
    assert mark("03.d", pvariance(counts) / mean(counts)).verdict == "right"
    assert mark("03.d", 1.8).verdict == "wrong"
    assert "Thursdays" in mark("03.d", variance(list(noon.values())) / 10.52).text


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
        ("03.b", 0.889, "per cent"),
        ("03.b", 80, "where you start"),
        ("03.b", 85, "does it give 8"),
        ("03.b", 95, "Set that to 8"),
        ("03.c", 600, "response time"),
        ("03.c", 5, "number of service times"),
        ("03.c", 250, "exactly"),
        ("03.c", 83.3, "idle share"),
        ("03.c", 400, "for 80 %"),
        ("03.c", "1 h", "Then use the"),
        ("03.d", 2.06, "all weekdays"),
        ("03.d", 3.37, "all hours of all days"),
        ("03.d", 2.62, "all hours of the Thursdays"),
        ("03.d", 9.25, "whole days"),
        ("03.d", 8.26, "whole days"),
        ("03.d", 11.2, "That is the mean"),
        ("03.d", 19.7, "That is the variance"),
        ("03.d", 1.02, "single minutes"),
        ("03.d", 5, "three axes"),
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
