"""The answers of lesson 06, found by other roads than the one they were written on."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from making import assert_hints

from simqueue import build_scenario, simulate
from simqueue.course.judging import mark
from simqueue.course.lessons import exercises
from simqueue.results.intervals import mean_ci95


def attempts(
    rate: float,
    failure_rate: float,
    most: int,
    slots: int = 5,
    times: str = "exponential",
    **more: Any,
) -> Any:
    """Attempts of one queue, by simulation."""
    queue = {
        "attempts": most,
        "failure_rate": failure_rate,
        "service": {"distribution": times, "mean_s": 0.4},
        **more.pop("queue", {}),
    }
    table = {"duration_s": 600, "arrivals": {"q": {"rate_per_s": rate}}, "queues": {"q": queue}}
    table |= {"workers": {"concurrency": slots}, **more}
    return simulate(build_scenario(table), replications=8).log.rows


def test_attempts_of_a_job_by_three_roads() -> None:
    rows = attempts(5, 0.4, 3)
    assert len(rows) / (rows["attempt"] == 1).sum() == pytest.approx(1.56, abs=0.02)
    assert mark("06.b", 1 * 0.6 + 2 * 0.4 * 0.6 + 3 * 0.4**2).verdict == "right"
    assert mark("06.b", (1 - 0.4**3) / (1 - 0.4)).verdict == "right"
    assert mark("06.b", "1.56 attempts").verdict == "right"


def test_the_queue_grows_with_four_slots_and_not_with_five() -> None:
    ends = {}
    for slots in (4, 5):
        rows = attempts(6, 0.5, 3, slots=slots)
        wait = rows["started_s"] - rows["ready_s"]
        late = rows["ready_s"] > 400
        ends[slots] = wait[late & (rows["ready_s"] < 600)].mean()
    assert ends[4] > 5 > 2 > ends[5]
    assert mark("06.c", 5).verdict == "right"
    assert mark("06.c", np.ceil(6 * 1.75 * 0.4)).verdict == "right"


def test_attempts_at_the_bottom_by_counting() -> None:
    seen = 0
    for _page in range(1 + 2):
        for _client in range(3):
            for _library in range(1 + 1):
                seen += 1
    assert mark("06.d", seen).verdict == "right"


@pytest.mark.parametrize(
    ("letter", "failure_rate", "times", "outages", "differs"),
    [
        ("a", 1 / 3, "exponential", [], False),
        ("b", 0.0, "exponential", [[100, 160]], True),
        ("d", 0.5, "constant", [], True),
        ("e", 0.0, "exponential", [], False),
    ],
)
def test_where_the_shape_matters(
    letter: str, failure_rate: float, times: str, outages: list[list[int]], differs: bool
) -> None:
    means = []
    for delay_ms in (0, 10_000):
        queue = {
            "backoff": {"type": "exponential", "delay_ms": delay_ms},
            "outages": outages,
        }
        rows = attempts(5, failure_rate, 5, times=times, queue=queue)
        rows = rows[rows["ready_s"] < 600]
        wait = rows["started_s"] - rows["ready_s"]
        means.append([wait[rows["replication"] == run].mean() for run in range(8)])
    change = np.array(means[1]) - means[0]
    _, (low, high) = mean_ci95(list(change))  # type: ignore[misc]
    if differs:
        assert high < 0
    else:
        assert low <= 0 <= high
    assert differs == (letter in "bcd")


def test_letters_by_the_conditions() -> None:
    holds = {"a": (True, True), "b": (True, False), "c": (True, False), "d": (False, True)}
    letters = [letter for letter, conditions in holds.items() if not all(conditions)]
    assert mark("06.e", letters).verdict == "right"
    assert mark("06.e", "d, c and b").verdict == "right"


def by_sums(load: float, slots: int, mean_s: float) -> float:
    """Mean wait as the textbooks write it; without end if the slots cannot keep up."""
    if load >= slots:
        return math.inf
    terms = [load**k / math.factorial(k) for k in range(slots + 1)]
    last = terms[slots] * slots / (slots - load)
    return last / (sum(terms[:slots]) + last) * mean_s / (slots - load)


def most_attempts(
    rate: float,
    p: float,
    seconds: float,
    slots: int,
    target_s: float,
    load: Callable[[float, int], float] = lambda p, most: sum(p**k for k in range(most)),
) -> int:
    """The most attempts whose wait is short enough, by trying all; ``load`` for each job."""
    waits = [by_sums(rate * load(p, n) * seconds, slots, seconds) for n in range(1, 21)]
    return sum(wait <= target_s for wait in waits)


def test_attempts_allowed_by_the_sums_of_the_textbook() -> None:
    assert mark("06.f", most_attempts).verdict == "right"
    assert f"{most_attempts(5, 0.5, 0.4, 5, 0.15)} attempts for the" in exercises()["06.f"].answer


@pytest.mark.parametrize("case", [(4, 0.7, 0.4, 5, 0.3), (10, 0.3, 0.4, 5, 2.0)])
def test_attempts_allowed_by_simulation(case: tuple[float, float, float, int, float]) -> None:
    rate, p, _, slots, target_s = case
    allowed = most_attempts(*case)
    waits = []
    for most in (allowed, allowed + 1):
        rows = attempts(rate, p, most, slots=slots)
        rows = rows[(rows["ready_s"] > 200) & (rows["ready_s"] < 600)]
        waits.append((rows["started_s"] - rows["ready_s"]).mean())
    assert waits[0] < target_s < waits[1]


def test_wrong_functions_get_a_hint() -> None:
    def endless(*case: Any) -> int:
        while True:
            pass

    assert_hints(
        "06.f",
        (lambda *case: most_attempts(*case, load=lambda *_: 1), "each retry takes a slot"),
        (lambda *case: most_attempts(*case, load=lambda _, n: n), "Not every job makes all"),
        (lambda *case: most_attempts(*case, load=lambda p, n: 1 + p * (n - 1)), "rarer"),
        (
            lambda *case: most_attempts(*case, load=lambda p, n: (1 - p ** (n + 1)) / (1 - p)),
            "one attempt too many",
        ),
        (lambda *case: most_attempts(*case, load=lambda p, _: 1 / (1 - p)), "retries without end"),
        (lambda *case: max(0, most_attempts(*case) - 1), "Those are the retries"),
        (lambda *case: most_attempts(*case) + 1, "One too many"),
        (lambda *case: most_attempts(*case[:4], 1e9), "within `target_s`"),
        (lambda *_: 4, "gives 4; right is 20"),
        (endless, "had not come back"),
        (4, "no function"),
    )


@pytest.mark.parametrize(
    ("key", "wrong", "hint"),
    [
        ("06.b", 1.624, "4 attempts"),
        ("06.b", 5 / 3, "without end"),
        ("06.b", 1.6, "rounded too far"),
        ("06.b", 1.4, "third"),
        ("06.b", 0.56, "first attempt counts"),
        ("06.b", 1.8, "only if"),
        ("06.b", 2.2, "no fourth"),
        ("06.b", 1.96, "failures of 60 %"),
        ("06.b", 3, "the most"),
        ("06.b", 7, "Add them up"),
        ("06.c", 4.2, "whole ones"),
        ("06.c", 4, "retries included"),
        ("06.c", 3, "first attempts"),
        ("06.c", 2.4, "first attempts"),
        ("06.c", 8, "Not every job"),
        ("06.c", 6, "more than needed"),
        ("06.c", 10.5, "takes 0.4 s"),
        ("06.c", 1, "more slots than that"),
        ("06.d", 6, "Retries are not attempts"),
        ("06.d", 8, "multiply"),
        ("06.d", 24, "first one included"),
        ("06.d", 12, "not yet turned"),
        ("06.d", 9, "library inside"),
        ("06.d", 27, "not 3"),
        ("06.d", 17, "first attempt"),
        ("06.d", 1, "layer by layer"),
        ("06.e", "bc", "Modify"),
        ("06.e", "b", "three conditions"),
        ("06.e", "bd", "failures of c"),
        ("06.e", "cd", "the outage"),
        ("06.e", "c", "two more"),
        ("06.e", "d", "not independent"),
        ("06.e", "abcd", "One too many"),
        ("06.e", "abcde", "no retry"),
        ("06.e", "bcde", "nothing backs off"),
        ("06.e", "ae", "For each letter"),
    ],
)
def test_wrong_answers_get_a_hint(key: str, wrong: object, hint: str) -> None:
    judged = mark(key, wrong)
    assert judged.verdict == "wrong"
    assert hint in judged.text
