"""A calibration as a page to show others."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from simqueue.calibration.days import Day
from simqueue.calibration.doubts import could_not_see, suggestions
from simqueue.calibration.estimates import Estimates
from simqueue.calibration.figure import fit_figure
from simqueue.calibration.fit import FIGURES, Fit
from simqueue.calibration.seen import Seen
from simqueue.calibration.tables import (
    FOUND,
    MEASURES,
    fit_cells,
    fit_name,
    fit_sentence,
    found_lines,
    found_rows,
    queues_words,
    safe,
    watched_words,
)
from simqueue.results.page import UNSEEN, Page, Section, about
from simqueue.workload.scenario import Scenario

if TYPE_CHECKING:
    from rich.table import Table

_GRANTED = (
    "The jobs are the very same: their own arrivals, service times and failures, with the workers "
    "and rules that were found. Nothing is drawn, so there are no intervals. Another day differs "
    "by chance: a plan and a sweep say by how much.",
    "Jobs that were there when the watch began take part and are not counted: how long they had "
    "waited is not known.",
)


def calibration_page(
    scenario: Scenario, seen: Seen, day: Day, found: Estimates, fits: Sequence[Fit]
) -> Page:
    """Whether the model does what the queues did, what was found, and what was not seen."""
    reading = (
        "Of each time above what was seen, below what the model says; bold where they are more "
        "than 10 % and 5 ms apart."
    )
    return Page(
        question=f"Does the model do what {queues_words(found)} did?",
        answer=fit_sentence(fits),
        sections=[
            Section("What was watched", [watched_words(seen, day, found)]),
            Section(
                "How well the model replays the very same jobs",
                [partial(fit_figure, fits), _fit_table(fits), reading],
            ),
            Section("What the misfit suggests", [*map(safe, suggestions(day, found, fits))]),
            Section("What was found", [_found_table(found), *found_lines(found)]),
            Section("What is taken for granted", _GRANTED, quiet=True),
        ],
        scenario=about(scenario),
        seed=None,
        not_seen=[*map(safe, could_not_see(seen, day, found)), *UNSEEN],
    )


def _fit_table(fits: Sequence[Fit]) -> Table:
    from rich.table import Table
    from rich.text import Text

    heads = [f"{word}\n{name}" for word in MEASURES.values() for name in FIGURES]
    table = Table("queue", "jobs", *heads)
    for one in fits:
        cells = [
            Text(f"{real}\n{model}", style="bold" if off else "")
            for real, model, off in fit_cells(one)
        ]
        table.add_row(Text(fit_name(one)), f"{one.jobs:,}", *cells)
    return table


def _found_table(found: Estimates) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(*(head.replace(" ", "\n") for head in FOUND))
    for row in found_rows(found):
        table.add_row(*map(Text, row))
    return table
