"""An autoscaler judged, for people: in a terminal, and as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simqueue.planning.autoscaling.pool_day import NUMBERS
from simqueue.planning.autoscaling.words import verdict
from simqueue.planning.words import held_of_a_hundred
from simqueue.results.wording import digits, duration

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Group

    from simqueue.planning.autoscaling.judged import Judged
    from simqueue.planning.autoscaling.judgement import Judgement

#: What the columns are, for whoever has not read the page.
_LEGEND = (
    "worst minute: the largest mean wait of the attempts that became ready within one minute; "
    "the mean of the days, and the worst day. late: the longest time in one go in which there were "
    "fewer slots than the work that came in needs. turns: how often a day the number of workers "
    "went up after it had gone down, or down after up."
)


def judged_report(found: Judgement) -> Group:
    """The answer, and a table of what is compared."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    costs = found.as_it_is.mean("cost") is not None
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 0))
    table.add_column(Text(f"workers\nof {found.pool}"), overflow="fold")
    table.add_column("targets\nheld on", no_wrap=True)
    for target in found.targets:
        name = target.measure.name.replace(".", "\n", 1)
        table.add_column(Text(f"{name}\nmean\n(worst)"), justify="right", no_wrap=True)
    for name in ("worst\nminute", "late", "worker-\nhours", *(["cost"] * costs), "most", "turns"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in found.judged:
        what = one.what.replace(" = ", "=").replace(", ", "\n")
        table.add_row(Text(what), *map(Text, _cells(one, costs=costs)))
    parts: list[Any] = [Text(verdict(found), style="bold"), table, Text(_LEGEND, style="dim")]
    parts += [Text(line, style="dim") for line in _assumptions(found)]
    return Group(*parts)


def _cells(one: Judged, *, costs: bool) -> list[str]:
    of_100 = held_of_a_hundred(one.share)
    cells = [f"{one.held} of {one.number}\n{of_100.replace(' to ', '–')}"]
    for target, days in zip(one.tried.targets, one.tried.days.T, strict=True):
        known = days[days == days]
        mean, worst = (float(known.mean()), float(known.max())) if len(known) else (None, None)
        cells.append(f"{target.measure.words(mean)}\n({target.measure.words(worst)})")
    cells += [
        f"{duration(one.mean(name))}\n({duration(one.worst(name))})"
        for name in ("worst_minute_s", "late_s")
    ]
    cells.append(digits(one.worker_hours))
    if costs:
        cells.append(digits(one.mean("cost") or 0.0))
    return [*cells, digits(one.worst("most") or 0.0), digits(one.mean("turns") or 0.0)]


def _assumptions(found: Judgement) -> list[str]:
    """What the judgement takes for granted, a sentence each."""
    return [
        "All of them met the same days. Below the days on which the targets held: on how many of a "
        "hundred such days they hold, at 95 %. "
        f"A day is {duration(found.scenario.duration_s)} of arrivals; worker-hours count from when "
        "a worker is asked for until it is gone.",
        "The metric is never late or missing, and a node for a new worker is always there: where "
        "it is not, add that to the start-up time.",
    ]


def judged_frame(found: Judgement) -> pd.DataFrame:
    """A row for each that is compared, and each of its days."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for one in found.judged:
        for day, held in enumerate(one.holds.tolist()):
            row: dict[str, Any] = {"what": one.what, "day": day, "held": held}
            for place, target in enumerate(one.tried.targets):
                row[target.measure.name] = one.tried.days[day, place]
            rows.append(row | {name: one.of(name)[day] for name in NUMBERS})
    return pd.DataFrame(rows)
