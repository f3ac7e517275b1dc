"""A plan as people read it: in a terminal, and as a page to show others."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from simqueue.planning.shown import limit_lines, plan_figure, tried_table
from simqueue.planning.words import answer_sentence, assumptions, question
from simqueue.results.page import Page, Section, about

if TYPE_CHECKING:
    from simqueue.planning.answer import Answer


def plan_page(plan: Answer) -> Page:
    """The question, the answer, what it rests on, and what is taken for granted."""
    return Page(
        question=question(plan),
        answer=answer_sentence(plan),
        sections=[
            Section("What was tried", [partial(plan_figure, plan), tried_table(plan)]),
            Section("What limits it, and what margin there is", limit_lines(plan)),
            Section("What is taken for granted", assumptions(plan), quiet=True),
        ],
        scenario=about(plan.scenario),
        seed=plan.scenario.seed,
    )
