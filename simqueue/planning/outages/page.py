"""An outage as people read it: in a terminal, and as a page to show others."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from simqueue.planning.outages.shown import others_table, outage_figure, policies_table
from simqueue.planning.outages.words import assumptions, outage_sentence, question
from simqueue.results.page import Page, Section, about

if TYPE_CHECKING:
    from simqueue.planning.outages.finding import OutageFinding


def _columns(found: OutageFinding) -> list[str]:
    """What the columns are, for whoever has not read `docs/planning.md`."""
    others = (
        "; for another policy, how far it is from the queue as it is, day by day, and the 95 % "
        "interval of that"
    )
    return [
        "lost: jobs of the queue that failed for good.",
        "as before after: how long after the end of the outage until no more jobs of the queue are "
        "unfinished (waiting, running or in backoff) than at that moment of the same day without "
        "it.",
        "Below these two: for the queue as it is, the 95 % interval of the mean"
        f"{others if len(found.policies) > 1 else ''}.",
        "p95, p99: of the response times of the jobs that came in the outage or as long after, the "
        "mean of the days.",
    ]


def outage_page(found: OutageFinding) -> Page:
    """The question, the answer, what happens with each policy, and what is taken for granted."""
    others = [queue for queue in found.scenario.queues if queue != found.queue]
    tables = [policies_table(found), *([others_table(found, others)] if others else ())]
    return Page(
        question=question(found),
        answer=outage_sentence(found),
        sections=[
            Section("What happens", [partial(outage_figure, found), *tables]),
            Section("What the columns are", _columns(found), quiet=True),
            Section("What is taken for granted", assumptions(found), quiet=True),
        ],
        scenario=about(found.scenario),
        seed=found.scenario.seed,
    )
