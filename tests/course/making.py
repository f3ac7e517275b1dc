"""For the tests of exercises whose answer is a function."""

from __future__ import annotations

from simqueue.course.judging import mark
from simqueue.course.lessons import exercises
from simqueue.course.making import Make


def assert_hints(key: str, *wrong: tuple[object, str]) -> None:
    """The solution is right, and each wrong one meets its hint: three or more of them."""
    exercise = exercises()[key]
    assert isinstance(exercise.right, Make)
    assert mark(key, exercise.right.solution).verdict == "right"
    assert 3 <= len(exercise.right.source.splitlines()) <= 20, "a function of a few lines"
    assert len(wrong) >= 3
    for answer, hint in wrong:
        judged = mark(key, answer)
        assert judged.verdict in ("wrong", "unread"), judged
        assert hint in judged.text
