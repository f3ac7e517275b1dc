"""Functions as answers: whatever a learner's code does, it meets a mark and a hint."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from simqueue.course.display import kept
from simqueue.course.judging import Mark, judge
from simqueue.course.lessons import exercises
from simqueue.course.making import Like, Make
from simqueue.course.marking import check
from simqueue.course.questions import Exercise, Hint


def waits(delays: list[float], factor: float) -> list[float]:
    """Each delay times a factor."""
    return [delay * factor for delay in delays]


MAKE = Make(solution=waits, tries=(([1.0, 2.0], 2), ([3.0], 0.5)), share=0.01, limit_s=0.3)
EXERCISE = Exercise(
    right=MAKE,
    answer="Multiply.",
    hints=(Hint(Like(lambda delays, factor: [d + factor for d in delays]), "You added."),),
    otherwise="Each of them.",
)


def marked(answer: Any) -> Mark:
    return judge(EXERCISE, answer)


def test_another_road_and_another_kind_of_number_pass() -> None:
    assert marked(waits).verdict == "right"
    assert marked(lambda delays, factor: np.array(delays) * factor).verdict == "right"
    assert (
        marked(lambda delays, factor: tuple(d * factor * 1.005 for d in delays)).verdict == "right"
    )


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda delays, factor: [d + factor for d in delays], "You added."),
        (lambda delays, factor: [d * factor * 1.02 for d in delays], "Each of them."),
        (lambda delays, factor: sum(delays) * factor, "right is [2.0, 4.0]"),
        (lambda delays, factor: [d * factor for d in delays][:1], "gives [2.0]"),
        (lambda *_: None, "returned nothing"),
        (lambda delays: delays, "raised TypeError"),
        (lambda *_: sys.exit(), "raised SystemExit"),
        (lambda delays, factor: [str(d * factor) for d in delays], "gives ['2.0', '4.0']"),
        (lambda delays, factor: waits(delays[5], factor), "raised IndexError"),
    ],
)
def test_wrong_functions_are_told_why(answer: Callable[..., Any], words: str) -> None:
    judged = marked(answer)
    assert judged.verdict == "wrong"
    assert words in judged.text


@pytest.mark.parametrize(("answer", "words"), [(3, "no function"), (list, "no function")])
def test_other_things_are_no_functions(answer: object, words: str) -> None:
    judged = marked(answer)
    assert judged.verdict == "unread"
    assert words in judged.text
    assert "waits(delays, factor)" in judged.text


def test_a_coroutine_is_not_wanted() -> None:
    async def slow(delays: list[float], factor: float) -> list[float]:
        return waits(delays, factor)

    assert "plain `def`" in marked(slow).text


def test_the_line_that_raised_is_named() -> None:
    def failing(delays: list[float], factor: float) -> list[float]:
        first = delays[0]
        return [first / (factor - 2)]

    text = marked(failing).text
    assert "`waits([1.0, 2.0], 2)` raised ZeroDivisionError" in text
    assert f"in line {failing.__code__.co_firstlineno + 2}, `return [first / (factor - 2)]`" in text


def endless(delays: list[float], factor: float) -> list[float]:
    while True:
        with contextlib.suppress(Exception):
            factor += 1


def test_an_endless_loop_is_cut_off_in_any_thread() -> None:
    before = sys.gettrace()
    began, found = time.monotonic(), [marked(endless)]
    thread = threading.Thread(target=lambda: found.append(marked(endless)))
    thread.start()
    thread.join()
    assert time.monotonic() - began < 5
    for judged in found:
        assert judged.verdict == "wrong"
        assert "had not come back after 0.3 s" in judged.text
    assert sys.gettrace() is before


def test_what_a_function_does_to_its_arguments_does_not_last() -> None:
    def emptying(delays: list[float], factor: float) -> list[float]:
        return [delays.pop(0) * factor for _ in range(len(delays))]

    assert marked(emptying).verdict == marked(emptying).verdict == "right"


def test_another_truth_than_the_solution_may_judge() -> None:
    made = Make(solution=waits, tries=MAKE.tries, truth=lambda delays, _: [0.0] * len(delays))
    assert not made.fits(made.read(waits))


MADE = {key: one.right for key, one in exercises().items() if isinstance(one.right, Make)}


@pytest.mark.parametrize("key", MADE)
def test_the_solutions_are_right_and_the_mistakes_meet_their_hints(key: str) -> None:
    exercise, made = exercises()[key], MADE[key]
    assert judge(exercise, made.solution).verdict == "right"
    for hint in exercise.hints:
        if isinstance(hint.when, Like):
            judged = judge(exercise, hint.when.mistake)
            assert judged.verdict == "wrong"
            assert hint.say in judged.text


@pytest.mark.parametrize("key", MADE)
def test_the_folded_answer_shows_the_solution(key: str) -> None:
    with kept() as things:
        check(key)
    assert f"<pre><code>def {MADE[key].name}(" in things[0][0]["text/html"]
