"""The questions of the lessons and their answers: the one place where they are written down.

A lesson's module, ``lesson_00`` and so on, has the tables ``PREDICTIONS`` and ``EXERCISES``, keyed
``00.a``, ``00.b``..., and, from lesson 01 on, ``RECALL``, keyed ``01.1`` to ``01.3``: questions
from earlier lessons. Every module of this package is taken for one. The students' edition has none
of them, but what `simqueue.course.sealing` made of them.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from types import ModuleType

from simqueue.course.choices import Item
from simqueue.course.questions import Exercise, Prediction
from simqueue.course.sealing import sealed_course


@cache
def _lessons() -> tuple[ModuleType, ...]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(import_module(f"{__name__}.{name}") for name in names)


@cache
def predictions() -> dict[str, Prediction]:
    """All predictions, by key."""
    if (sealed := sealed_course()) is not None:
        return sealed.predictions
    return {key: one for lesson in _lessons() for key, one in lesson.PREDICTIONS.items()}


@cache
def exercises() -> dict[str, Exercise]:
    """All exercises, by key."""
    if (sealed := sealed_course()) is not None:
        return sealed.exercises
    return {key: one for lesson in _lessons() for key, one in lesson.EXERCISES.items()}


@cache
def recalls() -> dict[str, Item]:
    """All questions about earlier lessons, by key."""
    if (sealed := sealed_course()) is not None:
        return sealed.recalls
    found: dict[str, Item] = {}
    for lesson in _lessons():
        found |= {key: one.item for key, one in getattr(lesson, "RECALL", {}).items()}
    return found
