"""The questions of the lessons and their answers: the one place where they are written down.

A lesson's module, ``lesson_00`` and so on, has two tables, ``PREDICTIONS`` and ``EXERCISES``, keyed
``00.a``, ``00.b``... Every module of this package is taken for one.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from types import ModuleType

from simqueue.course.questions import Exercise, Prediction


@cache
def _lessons() -> tuple[ModuleType, ...]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(import_module(f"{__name__}.{name}") for name in names)


@cache
def predictions() -> dict[str, Prediction]:
    """All predictions, by key."""
    return {key: one for lesson in _lessons() for key, one in lesson.PREDICTIONS.items()}


@cache
def exercises() -> dict[str, Exercise]:
    """All exercises, by key."""
    return {key: one for lesson in _lessons() for key, one in lesson.EXERCISES.items()}
