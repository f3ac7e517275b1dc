"""What the lessons share: predictions, exercises that mark themselves, figures, a shop to try.

The names below are what a notebook imports; each module is loaded when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simqueue.course.animation import animate
    from simqueue.course.classroom import open_classroom, replay_orders, training_adapter
    from simqueue.course.figures import figure
    from simqueue.course.grading import grade
    from simqueue.course.marking import answer, check, predict, reveal
    from simqueue.course.material import busy_day, real_orders
    from simqueue.course.sliders import explore

_CONTENTS = {
    "simqueue.course.marking": ("predict", "reveal", "check", "answer"),
    "simqueue.course.figures": ("figure",),
    "simqueue.course.grading": ("grade",),
    "simqueue.course.sliders": ("explore",),
    "simqueue.course.animation": ("animate",),
    "simqueue.course.material": ("busy_day", "real_orders"),
    "simqueue.course.classroom": ("open_classroom", "replay_orders", "training_adapter"),
}
_HOME = {name: module for module, names in _CONTENTS.items() for name in names}

__all__ = [
    "animate",
    "answer",
    "busy_day",
    "check",
    "explore",
    "figure",
    "grade",
    "open_classroom",
    "predict",
    "real_orders",
    "replay_orders",
    "reveal",
    "training_adapter",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'simqueue.course' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
