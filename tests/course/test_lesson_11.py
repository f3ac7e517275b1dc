"""The answers of lesson 11, found by other roads than the one they were written on."""

from __future__ import annotations

import math

import numpy as np
import pytest
from making import assert_hints
from scipy.signal import lfilter
from scipy.stats import binomtest, sem, t

from simqueue import Scenario, build_scenario, plan, simulate
from simqueue.course import busy_day
from simqueue.course.judging import mark
from simqueue.course.lessons.lesson_11 import Runs, honest
from simqueue.results.intervals import mean_ci95, share_interval


def test_days_by_students_t_and_by_the_square_root() -> None:
    deviation = 0.6 * math.sqrt(10) / t.ppf(0.975, 9)
    days = next(n for n in range(10, 500) if t.ppf(0.975, n - 1) * deviation / math.sqrt(n) <= 0.2)
    assert mark("11.b", days).verdict == "right"
    assert mark("11.b", 10 * (0.6 / 0.2) ** 2).verdict == "right"
    assert mark("11.b", "about 80 days").verdict == "right"
    assert mark("11.b", "70 to 90").verdict == "right"


def test_good_days_by_an_exact_interval() -> None:
    def worst(days: int) -> float:
        """The largest share of bad days that so many good ones in a row allow for."""
        found = binomtest(0, days, alternative="less").proportion_ci(0.95, method="exact")
        return float(found.high)

    days = next(n for n in range(1, 500) if worst(n) <= 0.1)
    assert mark("11.c", days).verdict == "right"
    assert mark("11.c", 3 / 0.1).verdict == "right"
    assert "a little above 5 %" in mark("11.c", math.log(0.05) / math.log(0.9)).text


def test_workers_by_the_scenario() -> None:
    order = busy_day().queues["order"]
    once = 8 * 400 / 900 * order.service.mean_s
    again = (once + 8 * 400 / 900 * order.cpu.mean_s) / (1 - order.failure_rate)
    for busy in (once, again):
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


#: Days of 20 on which eight workers hold the target, by seed: the lesson counts them.
HELD_BY_EIGHT = {1: 19, 2: 19, 3: 18, 4: 17, 5: 17, 6: 20, 7: 18, 8: 20, 9: 17, 10: 20}


def friday(seed: int, workers: int) -> Scenario:
    order = busy_day().queues["order"].model_dump(exclude_unset=True, exclude={"follow_up", "cpu"})
    trace = {"trace": "data/arrivals.csv", "window": ["2011-11-17T11:30", "2011-11-17T15:00"]}
    return build_scenario(
        {
            "seed": seed,
            "warmup_s": 1_800,
            "workers": {"count": workers, "concurrency": 1},
            "arrivals": {"order": {**trace, "scale": 400}},
            "queues": {"order": order},
        }
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", HELD_BY_EIGHT)
def test_on_how_many_days_eight_and_nine_workers_hold_the_target(seed: int) -> None:
    """By simulating each day, without `plan`."""
    for workers, held in ((8, HELD_BY_EIGHT[seed]), (9, 20)):
        days = simulate(friday(seed, workers), 20, engine="auto").log.by_replication()
        p95 = [np.quantile(day.responses(since_s=1_800), 0.95) for day in days]
        assert sum(one <= 9.5 for one in p95) == held


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "answer"), [(1, 8), (3, 9)])
def test_the_plan_says_what_the_days_say(seed: int, answer: int) -> None:
    target = "order.response.p95 <= 9.5s"
    found = plan(friday(seed, 1), target, days=20, least=8, most=9, margins=False, cores=1)
    assert found.answer == answer
    assert found.at(8).held == HELD_BY_EIGHT[seed]
    assert found.at(9).held == 20


def test_what_the_lesson_says_of_ten_other_seeds() -> None:
    enough = [held >= 0.95 * 20 for held in HELD_BY_EIGHT.values()]
    assert (len(enough), sum(enough), sum(HELD_BY_EIGHT.values())) == (10, 5, 185)


def test_nineteen_days_of_twenty_leave_one_in_five_open() -> None:
    """Wilson's interval, and the one that `plan` prints."""
    low = float(binomtest(19, 20).proportion_ci(0.95, method="wilson").low)
    assert low == pytest.approx(0.78, abs=0.03)
    assert share_interval(19, 20)[0] == pytest.approx(0.78, abs=0.005)
    assert share_interval(19, 20)[0] < 185 / 200 < share_interval(19, 20)[1]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 4))
def test_what_is_said_of_seven_and_nine_workers_on_other_days(seed: int) -> None:
    order = busy_day().queues["order"].model_dump(exclude_unset=True, exclude={"follow_up", "cpu"})
    for mode in ("bull-queue", "in-process"):
        p95 = {}
        for places in (7, 9):
            changes = {
                "mode": mode,
                "workers": {"count": places, "concurrency": 1},
                "caller": {"processes": places},
                "arrivals": {
                    "order": {
                        "trace": "data/arrivals.csv",
                        "window": ["2011-11-17T11:30", "2011-11-17T15:00"],
                        "scale": 400,
                    }
                },
                "queues": {"order": order},
                "seed": seed,
            }
            days = simulate(build_scenario(changes), 10, engine="auto").log.by_replication()
            p95[places] = [np.quantile(day.responses(since_s=1_800), 0.95) for day in days]
        assert np.mean(p95[7]) > 9.5
        assert max(p95[9]) < 9.5


def test_the_honest_interval_is_students() -> None:
    rng = np.random.default_rng(11)
    runs = [[(float(n), float(wait)) for n, wait in enumerate(rng.random(40))] for _ in range(10)]
    mean, half = honest(runs, 20, float(t.ppf(0.975, 9)))
    means = [float(np.mean([w for _, w in run[20:]])) for run in runs]
    ends = t.interval(0.95, 9, loc=np.mean(means), scale=sem(means))
    assert (mean - half, mean + half) == pytest.approx(ends)


def test_the_honest_interval_holds_the_truth() -> None:
    """As often as it promises, on noise with a warm-up and whose neighbours are alike."""
    draws = np.random.default_rng(12).standard_normal((200, 10, 1_000))
    noise = lfilter([1], [1, -0.9], draws, axis=2) + 5 * (np.arange(1_000) < 100)
    factor = float(t.ppf(0.975, 9))
    held = 0
    for runs in noise:
        mean, half = honest([list(enumerate(run)) for run in runs.tolist()], 200, factor)
        held += abs(mean) <= half
    assert binomtest(held, len(noise), 0.95).pvalue > 0.01


def test_a_function_for_the_honest_interval_may_be_wrong() -> None:
    def by_run(runs: Runs, warmup_s: float) -> list[float]:
        return [float(np.mean([w for at, w in run if at >= warmup_s])) for run in runs]

    def single(runs: Runs, warmup_s: float, factor: float) -> tuple[float, float]:
        waits = np.array([w for run in runs for at, w in run if at >= warmup_s])
        return waits.mean(), factor * waits.std(ddof=1) / math.sqrt(len(waits))

    def all_there_are(runs: Runs, warmup_s: float, factor: float) -> tuple[float, float]:
        means = by_run(runs, warmup_s)
        return float(np.mean(means)), factor * float(np.std(means)) / math.sqrt(len(means))

    def no_root(runs: Runs, warmup_s: float, factor: float) -> tuple[float, float]:
        means = by_run(runs, warmup_s)
        return float(np.mean(means)), factor * float(np.std(means, ddof=1))

    def interval(runs: Runs, warmup_s: float, factor: float) -> tuple[float, float]:
        mean, half = honest(runs, warmup_s, factor)
        return mean - half, mean + half

    assert_hints(
        "11.f",
        (single, "classic mistake"),
        (lambda runs, _, factor: honest(runs, 0, factor), "warm-up is still in it"),
        (
            lambda runs, warmup_s, factor: honest(
                [[pair for pair in run if pair[0] <= warmup_s] for run in runs], 0, factor
            ),
            "left out the rest",
        ),
        (no_root, "the root of n"),
        (lambda runs, warmup_s, _: honest(runs, warmup_s, 1.96), "very many runs"),
        (all_there_are, "n - 1"),
        (interval, "the two ends"),
        (lambda runs, *_: (len(runs), 0.0), "First one mean for each run"),
    )


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
        ("11.c", 28, "a little above 5 %"),
        ("11.c", 20, "one over 5 %"),
        ("11.c", 95, "confidence"),
        ("11.c", 44, "99 %"),
        ("11.c", 1, "chance of n good days"),
        ("11.d", 7.11, "nothing to spare"),
        ("11.d", 8, "nothing to spare"),
        ("11.d", 9.8, "whole workers"),
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
