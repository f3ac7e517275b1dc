"""The answers of lesson 04, found by other roads than the one they were written on."""

from __future__ import annotations

import math

import pytest
import simpy
from making import assert_hints

from simqueue import build_scenario, simulate
from simqueue.course.judging import mark
from simqueue.course.lessons import exercises


def by_sums(slots: int, load: float, mean_s: float) -> float:
    """Mean wait as the textbooks write it, with logarithms in the place of factorials."""
    terms = [math.exp(k * math.log(load) - math.lgamma(k + 1)) for k in range(slots + 1)]
    last = terms[slots] * slots / (slots - load)
    return last / (sum(terms[:slots]) + last) * mean_s / (slots - load)


def by_the_sums(rate: float, mean_s: float, target_s: float) -> int:
    load = rate * mean_s
    return next(c for c in range(int(load) + 1, 500) if by_sums(c, load, mean_s) <= target_s)


def test_slots_by_the_sums_of_the_textbook() -> None:
    assert mark("04.b", by_the_sums).verdict == "right"
    assert f"{by_the_sums(40, 2, by_sums(10, 8, 2))} slots for 40" in exercises()["04.b"].answer


def test_wrong_functions_get_a_hint() -> None:
    def endless(rate: float, mean_s: float, target_s: float) -> int:
        slots = int(rate * mean_s) + 1
        while by_sums(slots, rate * mean_s, mean_s) > target_s:
            pass
        return slots

    assert_hints(
        "04.b",
        (lambda rate, *_: round(10 * rate / 4), "two hundred times"),
        (lambda rate, mean_s, *_: math.ceil(rate * mean_s), "without end"),
        (lambda rate, mean_s, *_: int(rate * mean_s + 1), "short enough"),
        (lambda rate, mean_s, target_s: by_the_sums(rate, mean_s, target_s) - 1, "One too few"),
        (lambda rate, mean_s, target_s: by_the_sums(rate, mean_s, target_s) + 1, "One too many"),
        (lambda *_: 84, "gives 84; right is 10"),
        (lambda rate, *_: rate / 0, "ZeroDivisionError"),
        (lambda *_: None, "returned nothing"),
        (endless, "had not come back"),
        (84, "no function"),
    )


def test_slots_by_simpy() -> None:
    """Jobs of 20 ms on one loop and 380 ms elsewhere, always more waiting: how many get done."""

    def done_per_s(slots: int) -> float:
        env = simpy.Environment()
        loop, done = simpy.Resource(env), []

        def slot():  # type: ignore[no-untyped-def]
            while True:
                with loop.request() as turn:
                    yield turn
                    yield env.timeout(0.02)
                yield env.timeout(0.38)
                done.append(env.now)

        for _ in range(slots):
            env.process(slot())
        env.run(until=200)
        return len(done) / 200

    best = done_per_s(60)
    assert best == pytest.approx(50, rel=0.01)
    enough = next(n for n in range(1, 61) if done_per_s(n) > 0.995 * best)
    assert mark("04.c", enough).verdict == "right"
    assert done_per_s(10) == pytest.approx(25, rel=0.01)
    assert mark("04.c", 400 / 20).verdict == "right"
    assert "How many is that" in mark("04.c", "19 slots").text


def test_jobs_by_the_simulator() -> None:
    """Jobs that are all io, or all cpu: how long ten slots need for a hundred of them."""

    def longest_s(part: str) -> float:
        takes = {"distribution": "constant", "mean_s": 0.1}
        burst = {"interval_s": 0.001}
        scenario = build_scenario(
            {
                "duration_s": 0.1,
                "arrivals": {"q": burst},
                "workers": {"concurrency": 10},
                "queues": {"q": {part: takes}},
            }
        )
        return float(simulate(scenario).log.rows["finished_s"].max())

    parts = {"a": "service", "b": "cpu", "c": "service", "d": "cpu", "e": "service"}
    gains = [letter for letter, part in parts.items() if longest_s(part) < 2]
    assert mark("04.d", gains).verdict == "right"
    assert mark("04.d", "e, c and a").verdict == "right"


@pytest.mark.parametrize(
    ("key", "wrong", "hint"),
    [
        ("04.c", 50, "jobs a second the event loop"),
        ("04.c", 2.5, "one slot does"),
        ("04.c", 1, "Until when"),
        ("04.c", 10, "all of the 400 ms"),
        ("04.c", 0.05, "share"),
        ("04.c", 100, "others"),
        ("04.d", "bd", "other way round"),
        ("04.d", "ac", "one more"),
        ("04.d", "ae", "one more"),
        ("04.d", "ce", "one more"),
        ("04.d", "abce", "pixels"),
        ("04.d", "acde", "million"),
        ("04.d", "abcde", "Not for all"),
        ("04.d", "a", "somebody else"),
    ],
)
def test_wrong_answers_get_a_hint(key: str, wrong: object, hint: str) -> None:
    judged = mark(key, wrong)
    assert judged.verdict == "wrong"
    assert hint in judged.text
