"""What a plan shows: a table, lines, a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simqueue.planning.answer import too_few
from simqueue.planning.words import answer_sentence, days_words, held_of_a_hundred, hours_words
from simqueue.results.drawing import wrapped
from simqueue.results.style import OKABE_ITO
from simqueue.results.wording import count

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.table import Table

    from simqueue.planning.answer import Answer

#: Behind the answer.
_MARK = " ←"


def tried_table(plan: Answer) -> Table:
    """A row for each value that was tried."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    least = max((len(str(one.value)) + len(_MARK) for one in plan.tried), default=0)
    table.add_column(Text(plan.vary), justify="right", overflow="fold", min_width=least)
    table.add_column("targets\nheld on", no_wrap=True)
    table.add_column("of 100\nsuch days", justify="right", no_wrap=True)
    for target in plan.targets:
        name = target.measure.name.replace(".", "\n", 1)
        table.add_column(Text(f"{name}\nmean (worst)"), justify="right", overflow="fold")
    for one in plan.tried:
        cells = [
            f"{target.measure.words(_mean(days))} ({target.measure.words(_worst(days))})"
            for target, days in zip(plan.targets, one.days.T, strict=True)
        ]
        mark = _MARK if one.value == plan.answer else ""
        table.add_row(
            Text(f"{one.value}{mark}"), days_words(one), held_of_a_hundred(one.share), *cells
        )
    return table


def limit_lines(plan: Answer) -> list[str]:
    """What limits the day with too few, what if there is more or less to do, and what it takes."""
    found = []
    fewer = too_few(plan.tried, plan.answer)
    if plan.binds and fewer:
        found.append(f"With {fewer.value}: {plan.binds}")
    found += [
        f"{margin.what}, {plan.vary} = {margin.value}: held on {margin.held:,} of "
        f"{count(margin.number, 'day')} ({held_of_a_hundred(margin.share)} of a hundred)."
        for margin in plan.margins
    ]
    if plan.worker_hours is not None:
        found.append(f"It takes {hours_words(plan.worker_hours)} a day.")
    return found + [f"{one}." for one in plan.warnings]


def _mean(days: np.ndarray) -> float | None:
    known = days[~np.isnan(days)]
    return float(known.mean()) if len(known) else None


def _worst(days: np.ndarray) -> float | None:
    known = days[~np.isnan(days)]
    return float(known.max()) if len(known) else None


def plan_figure(plan: Answer) -> tuple[Figure, str]:
    """Each day's first target over what varies, and its limit; the figure and its text."""
    from matplotlib.figure import Figure

    target = plan.targets[0]
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    panel = figure.subplots()
    values = [one.value for one in plan.tried]
    for holds, colour, marker in ((True, "blue", "o"), (False, "vermilion", "x")):
        points = [
            (one.value, day)
            for one in plan.tried
            for day in one.days[:, 0].tolist()
            if day == day and target.holds(day) is holds
        ]
        if points:
            at, days = zip(*points, strict=True)
            label = "a day on which it holds" if holds else "a day on which it does not"
            panel.plot(at, days, marker, color=OKABE_ITO[colour], label=label, alpha=0.7)
    panel.axhline(target.limit, color=OKABE_ITO["black"], linestyle="--", linewidth=1)
    panel.annotate(
        target.words, (1, target.limit), xycoords=("axes fraction", "data"),
        xytext=(-4, 4), textcoords="offset points", ha="right", fontsize=9,
    )  # fmt: skip
    largest = max((float(np.nanmax(one.days[:, 0])) for one in plan.tried), default=1.0)
    if largest > 20 * target.limit > 0:
        panel.set_yscale("log")
        # Matplotlib's own labels of powers are formulas, which are not read as such here.
        panel.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    else:
        panel.set_ylim(bottom=0)
    panel.set_xticks(values)
    panel.set_xlabel(plan.vary)
    unit = target.measure.unit
    panel.set_ylabel(f"{target.measure.name}{unit and f' ({unit})'}")
    panel.legend()
    panel.set_title(wrapped(answer_sentence(plan)))
    return (
        figure,
        f"{answer_sentence(plan)} A mark for each simulated day; the dashed line is the limit.",
    )
