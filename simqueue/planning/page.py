"""A plan as a report to show others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simqueue.planning.shown import limit_lines, plan_figure, tried_table
from simqueue.planning.words import answer_sentence, assumptions, question
from simqueue.results.drawing import in_style
from simqueue.results.page import Page, Section, about, unseen

if TYPE_CHECKING:
    from simqueue.planning.answer import Answer


def plan_page(plan: Answer) -> Page:
    """The question, the answer, what it rests on, and what is taken for granted."""
    from rich.text import Text

    found = [
        Section("What was tried", [in_style(lambda: plan_figure(plan)), tried_table(plan)]),
        Section(
            "What limits it, and what margin there is", [Text(words) for words in limit_lines(plan)]
        ),
        Section("What is taken for granted", [Text(words) for words in assumptions(plan)]),
    ]
    return Page(
        question=question(plan),
        answer=answer_sentence(plan),
        sections=[*(one for one in found if one.parts), unseen()],
        scenario=about(plan.scenario),
        seed=plan.scenario.seed,
    )
