"""The questions of the lessons and their answers: the one place where they are written down.

A lesson's module has two tables, ``PREDICTIONS`` and ``EXERCISES``, keyed ``00.a``, ``00.b``... A
new lesson adds its module to the list here.
"""

from __future__ import annotations

from functools import cache

from simqueue.course.lessons import lesson_00
from simqueue.course.questions import Exercise, Prediction

_LESSONS = (lesson_00,)


@cache
def predictions() -> dict[str, Prediction]:
    """All predictions, by key."""
    return {key: one for lesson in _LESSONS for key, one in lesson.PREDICTIONS.items()}


@cache
def exercises() -> dict[str, Exercise]:
    """All exercises, by key."""
    return {key: one for lesson in _LESSONS for key, one in lesson.EXERCISES.items()}
