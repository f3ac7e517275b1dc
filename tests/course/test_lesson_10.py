"""The answers of lesson 10, found by other roads than the one they were written on."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from making import assert_hints

from simqueue import POLICIES, build_scenario, simulate
from simqueue.course.judging import mark
from simqueue.course.lessons import predictions
from simqueue.course.lessons.lesson_10 import p95


def test_the_guess_is_a_time() -> None:
    assert predictions()["10.a"].unit == "s"


def test_how_far_back_by_counting_kept_jobs() -> None:
    scenario = build_scenario(
        {
            "seed": 10,
            "duration_s": 3600,
            "workers": {"concurrency": 10},
            "arrivals": {"order": {"rate_per_s": 3.1}},
            "queues": {"order": {"service": {"distribution": "exponential", "mean_s": 2.0}}},
        }
    )
    finished = np.sort(simulate(scenario).log.rows["finished_s"])
    kept = POLICIES["order"].keep_completed
    oldest = (finished[kept:] - finished[:-kept]).mean()
    assert mark("10.b", oldest).verdict == "right"
    assert mark("10.b", timedelta(seconds=kept / 3.1)).verdict == "right"
    assert mark("10.b", "half a minute, about 32 s").verdict == "right"


def test_fast_failures_by_drawing_them() -> None:
    refused = np.random.default_rng(10).random(1_000_000) < 0.3
    assert mark("10.c", np.where(refused, 0.02, 1.0).mean()).verdict == "right"
    assert mark("10.c", "706 ms").verdict == mark("10.c", 0.71).verdict == "right"


def test_what_can_be_put_together_by_two_shops_that_look_alike() -> None:
    """A number can be put together if equal parts always give equal wholes."""
    few, many = np.array([100.0]), np.ones(99)
    alike = [(few, many), (np.array([100.0] * 99), np.ones(1))]  # same parts, other wholes

    def whole(parts, of):  # type: ignore[no-untyped-def]
        return of(np.concatenate(parts))

    def p95(values):  # type: ignore[no-untyped-def]
        return np.quantile(values, 0.95)

    for number in (p95, np.mean):
        (one, other) = ([number(part) for part in parts] for parts in alike)
        assert one == other
        assert whole(alike[0], number) != whole(alike[1], number)
    for parts in alike:
        assert whole(parts, np.max) == max(map(np.max, parts))
        assert whole(parts, np.size) == sum(map(np.size, parts))
        assert whole(parts, lambda v: (v <= 60).sum()) == sum((v <= 60).sum() for v in parts)
    assert mark("10.d", ["a", "c", "e"]).verdict == "right"
    assert mark("10.d", "e, c and a").verdict == "right"


def test_the_freeze_by_playing_it() -> None:
    comes = np.random.default_rng(10).uniform(0, 200, 200_000)
    waits = np.maximum(0, 100 - comes)  # frozen from 0 to 100
    assert mark("10.e", waits.mean()).verdict == "right"
    assert mark("10.e", "25 s").verdict == "right"
    probe = 100 / (100 * 100 + 1)
    assert "waiting probe" in mark("10.e", probe).text


@pytest.mark.parametrize(
    ("key", "wrong", "hint"),
    [
        ("10.b", 16, "failed jobs"),
        ("10.b", 310, "Jobs times jobs"),
        ("10.b", 0.031, "upside down"),
        ("10.b", "100 s", "number of jobs"),
        ("10.b", "10 min", "100 newer ones"),
        ("10.c", 1.0, "every attempt"),
        ("10.c", 0.51, "same weight"),
        ("10.c", 0.7, "20 ms"),
        ("10.c", "700 ms", "20 ms"),
        ("10.c", 0.314, "wrong way round"),
        ("10.c", 1.006, "70 %"),
        ("10.c", 1.3, "No attempt takes longer"),
        ("10.c", 0.02, "Weigh"),
        ("10.d", "acde", "means one thing is missing"),
        ("10.d", "acd", "weights"),
        ("10.d", "ac", "oldest"),
        ("10.d", "ae", "two counts"),
        ("10.d", "a", "There is more"),
        ("10.d", "abcde", "99 jobs"),
        ("10.d", "abce", "what do the two p95s say"),
        ("10.d", "b", "Make up"),
        ("10.e", 50, "Half of the customers"),
        ("10.e", "100 s", "freeze begins"),
        ("10.e", "10 ms", "waiting probe"),
        ("10.e", 3, "Which share"),
    ],
)
def test_wrong_answers_get_a_hint(key: str, wrong: object, hint: str) -> None:
    judged = mark(key, wrong)
    assert judged.verdict == "wrong"
    assert hint in judged.text


@pytest.mark.parametrize("seed", range(10))
def test_percentiles_of_buckets_are_those_of_the_jobs(seed: int) -> None:
    """As near as the buckets are narrow."""
    draw = np.random.default_rng(seed)
    workers = [draw.exponential(mean, jobs) for mean, jobs in ((1.0, 2_000), (5.0, 300))]
    bounds = np.arange(0.1, 100, 0.1)
    counts = [[int((waits <= bound).sum()) for bound in bounds] for waits in workers]
    found = p95(list(bounds), counts)
    assert found == pytest.approx(np.quantile(np.concatenate(workers), 0.95), abs=0.2)


def test_wrong_functions_get_a_hint() -> None:
    def of_one(bounds, counts):  # type: ignore[no-untyped-def]
        rank, low, below = 0.95 * counts[-1], 0.0, 0
        for high, count in zip(bounds, counts, strict=True):
            if count >= rank:
                return low + (high - low) * (rank - below) / (count - below)
            low, below = high, count
        return None

    def mean(bounds, workers):  # type: ignore[no-untyped-def]
        return np.mean([of_one(bounds, one) for one in workers])

    def worst(bounds, workers):  # type: ignore[no-untyped-def]
        return max(of_one(bounds, one) for one in workers)

    def weighed(bounds, workers):  # type: ignore[no-untyped-def]
        jobs = [one[-1] for one in workers]
        return np.average([of_one(bounds, one) for one in workers], weights=jobs)

    def upper_end(bounds, workers):  # type: ignore[no-untyped-def]
        counts = np.sum(workers, axis=0)
        return bounds[int(np.argmax(counts >= 0.95 * counts[-1]))]

    def added_up_twice(bounds, workers):  # type: ignore[no-untyped-def]
        return of_one(bounds, list(np.cumsum(np.sum(workers, axis=0))))

    assert_hints(
        "10.f",
        (mean, "may be added"),
        (worst, "worst worker"),
        (weighed, "Weights"),
        (upper_end, "upper end"),
        (added_up_twice, "cumulative already"),
        (lambda bounds, _: bounds[0], "first bucket"),
    )
