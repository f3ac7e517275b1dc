"""The answers of lesson 11, found by other roads than the one they were written on."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import binomtest, t

from simqueue.course import busy_day
from simqueue.course.marking import mark
from simqueue.results.intervals import mean_ci95


def test_days_by_students_t_and_by_the_square_root() -> None:
    deviation = 0.6 * math.sqrt(10) / t.ppf(0.975, 9)
    days = next(n for n in range(10, 500) if t.ppf(0.975, n - 1) * deviation / math.sqrt(n) <= 0.2)
    assert mark("11.b", days).verdict == "right"
    assert mark("11.b", 10 * (0.6 / 0.2) ** 2).verdict == "right"
    assert mark("11.b", "about 80 days").verdict == "right"


def test_good_days_by_an_exact_interval() -> None:
    def worst(days: int) -> float:
        """The largest share of bad days that so many good ones in a row allow for."""
        found = binomtest(0, days, alternative="less").proportion_ci(0.95, method="exact")
        return float(found.high)

    days = next(n for n in range(1, 500) if worst(n) <= 0.1)
    assert mark("11.c", days).verdict == "right"
    assert mark("11.c", 3 / 0.1).verdict == "right"
    assert mark("11.c", math.log(0.05) / math.log(0.9)).verdict == "right"


def test_workers_by_the_scenario() -> None:
    order = busy_day().queues["order"]
    once = 8 * 400 / 900 * order.service.mean_s
    again = (once + 8 * 400 / 900 * order.cpu.mean_s) / (1 - order.failure_rate)
    for busy in (once, again):
        assert mark("11.d", busy + math.sqrt(busy)).verdict == "right"
        assert mark("11.d", math.ceil(busy + math.sqrt(busy))).verdict == "right"


def test_honest_intervals_by_trying_them() -> None:
    """Each kind of interval, on noise whose neighbours are alike and whose mean is 0."""
    draws = np.random.default_rng(11).standard_normal((200, 10, 3_200))
    runs = lfilter([1], [1, -0.9], draws, axis=2)[:, :, 200:]

    def of_values(values: np.ndarray) -> tuple[float, float]:
        half = 1.96 * values.std() / math.sqrt(values.size)
        return values.mean() - half, values.mean() + half

    def of_means(means: np.ndarray) -> tuple[float, float]:
        interval = mean_ci95(means.tolist())[1]
        assert interval is not None
        return interval

    kinds = {
        "a": lambda ten: of_values(ten[0]),
        "b": lambda ten: of_means(ten.mean(axis=1)),
        "c": lambda ten: of_means(ten[0].reshape(10, -1).mean(axis=1)),
        "d": lambda ten: of_means(np.repeat(ten[0].mean(), 10)),
        "e": of_values,
    }
    holds = {
        letter: np.mean([low <= 0 <= high for low, high in map(kind, runs)])
        for letter, kind in kinds.items()
    }
    honest = [letter for letter, share in holds.items() if share > 0.9]
    assert mark("11.e", honest).verdict == "right"
    assert max(share for letter, share in holds.items() if letter not in honest) < 0.6


@pytest.mark.parametrize(
    ("key", "wrong", "hint"),
    [
        ("11.b", 30, "square root"),
        ("11.b", 64, "Nearly"),
        ("11.b", 9, "how many times"),
        ("11.b", 17.3, "other way"),
        ("11.b", 3.3, "wider"),
        ("11.b", 900, "a third"),
        ("11.c", 10, "35 %"),
        ("11.c", 20, "one over 5 %"),
        ("11.c", 95, "confidence"),
        ("11.c", 44, "99 %"),
        ("11.c", 1, "chance of n good days"),
        ("11.d", 7.11, "nothing to spare"),
        ("11.d", 8, "nothing to spare"),
        ("11.d", 9, "this year"),
        ("11.d", 5.44, "seconds of a job first"),
        ("11.d", 3.56, "orders come in a second"),
        ("11.d", 2.7, "root alone"),
        ("11.d", 14.2, "Twice"),
        ("11.d", 40, "First the busy slots"),
        ("11.e", "b", "One more"),
        ("11.e", "be", "single waits"),
        ("11.e", "bce", "single waits"),
        ("11.e", "bcd", "in common"),
        ("11.e", "bd", "in common"),
        ("11.e", "a", "classic mistake"),
        ("11.e", "c", "One more is honest"),
        ("11.e", "ade", "independent of"),
    ],
)
def test_wrong_answers_get_a_hint(key: str, wrong: object, hint: str) -> None:
    judged = mark(key, wrong)
    assert judged.verdict == "wrong"
    assert hint in judged.text
