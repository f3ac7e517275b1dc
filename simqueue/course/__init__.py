"""What the lessons share: predictions, exercises that mark themselves, figures, a shop to try.

The names below are what a notebook imports; each module is loaded when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simqueue.lazy import contents

if TYPE_CHECKING:
    from simqueue.course.animation import animate
    from simqueue.course.asking import quiz, recall
    from simqueue.course.classroom import open_classroom, replay_orders, training_adapter
    from simqueue.course.fairness import beside
    from simqueue.course.figures import figure
    from simqueue.course.grading import grade
    from simqueue.course.learners.score import progress
    from simqueue.course.marking import answer, check, predict, reveal
    from simqueue.course.material import busy_day, real_orders
    from simqueue.course.sliders import explore
    from simqueue.notebook import attended
    from simqueue.results.style import OKABE_ITO
    from simqueue.results.wording import (
        digits,
        digits_within,
        duration,
        duration_within,
        percent,
    )

_CONTENTS = {
    "simqueue.course.marking": (
        "predict",
        "reveal",
        "check",
        "answer",
    ),
    "simqueue.course.asking": (
        "recall",
        "quiz",
    ),
    "simqueue.course.learners.score": ("progress",),
    "simqueue.course.figures": ("figure",),
    "simqueue.course.fairness": ("beside",),
    "simqueue.course.grading": ("grade",),
    "simqueue.course.sliders": ("explore",),
    "simqueue.course.animation": ("animate",),
    "simqueue.course.material": (
        "busy_day",
        "real_orders",
    ),
    "simqueue.course.classroom": (
        "open_classroom",
        "replay_orders",
        "training_adapter",
    ),
    "simqueue.notebook": ("attended",),
    "simqueue.results.style": ("OKABE_ITO",),
    "simqueue.results.wording": (
        "duration",
        "duration_within",
        "digits",
        "digits_within",
        "percent",
    ),
}
__getattr__, __dir__ = contents(__name__, _CONTENTS)
__all__ = [name for names in _CONTENTS.values() for name in names]
