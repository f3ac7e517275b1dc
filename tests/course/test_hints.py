"""What holds for the hints of every exercise of the course."""

from __future__ import annotations

import pytest

from simqueue.course.lessons import exercises
from simqueue.course.questions import Between, Letters, Number, Whole
from simqueue.course.reading import Span


@pytest.mark.parametrize("key", list(exercises()))
def test_no_hint_gives_the_answer_away(key: str) -> None:
    exercise = exercises()[key]
    assert exercise.otherwise
    assert not any(hint.when == exercise.right for hint in exercise.hints)
    first = exercise.answer.split()[0].lower()
    for said in [*(hint.say for hint in exercise.hints), exercise.otherwise]:
        assert not said.lower().startswith(first + " ")


@pytest.mark.parametrize("key", list(exercises()))
def test_no_hint_is_for_the_right_answer(key: str) -> None:
    """Nor is one for nothing else: a right answer never comes to its hints."""
    exercise = exercises()[key]
    right = exercise.right
    if isinstance(right, Letters):
        assert not any(hint.when.fits(right.read(right.right)) for hint in exercise.hints)
    if isinstance(right, Number | Whole):
        assert not any(hint.when.fits(Span(right.value, right.value)) for hint in exercise.hints)
        for hint in exercise.hints:
            sign = hint.when
            assert isinstance(sign, Between)
            assert not all(right.fits(Span(end, end)) for end in (sign.low, sign.high))
