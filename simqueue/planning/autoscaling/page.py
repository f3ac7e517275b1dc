"""An autoscaler judged, as people read it: in a terminal, and as a page to show others."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from simqueue.planning.autoscaling.figure import judged_figure
from simqueue.planning.autoscaling.shown import judged_table
from simqueue.planning.autoscaling.words import assumptions, question, verdict
from simqueue.results.page import Page, Section, about

if TYPE_CHECKING:
    from simqueue.planning.autoscaling.judgement import Judgement

#: What the columns are, for whoever has not read `docs/planning.md`.
_COLUMNS = (
    "targets held on: below the days, on how many of a hundred such days they hold, at 95 %.",
    "worst minute: the largest mean wait of the attempts that became ready within one minute; the "
    "mean of the days, and the worst day.",
    "late: the longest time in one go in which there were fewer slots than the work that came in "
    "needs.",
    "worker-hours: from when a worker is asked for until it is gone.",
    "turns: how often a day the number of workers went up after it had gone down, or down after "
    "up.",
)


def judged_page(found: Judgement) -> Page:
    """The question, the answer, what was compared, and what is taken for granted."""
    return Page(
        question=question(found),
        answer=verdict(found),
        sections=[
            Section("What was compared", [partial(judged_figure, found), judged_table(found)]),
            Section("What the columns are", _COLUMNS, quiet=True),
            Section("What is taken for granted", assumptions(found), quiet=True),
        ],
        scenario=about(found.scenario),
        seed=found.scenario.seed,
    )
