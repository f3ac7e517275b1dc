"""What holds for the hints of every exercise of the course."""

from __future__ import annotations

import pytest

from simqueue.course.lessons import exercises


@pytest.mark.parametrize("key", list(exercises()))
def test_no_hint_gives_the_answer_away(key: str) -> None:
    exercise = exercises()[key]
    assert exercise.otherwise
    assert not any(hint.when == exercise.right for hint in exercise.hints)
    first = exercise.answer.split()[0].lower()
    for said in [*(hint.say for hint in exercise.hints), exercise.otherwise]:
        assert not said.lower().startswith(first + " ")
