"""What a judged autoscaler shows: a table for people, and one for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simqueue.planning.autoscaling.pool_day import NUMBERS
from simqueue.planning.words import held_of_a_hundred
from simqueue.results.wording import digits, duration

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from simqueue.planning.autoscaling.judged import Judged
    from simqueue.planning.autoscaling.judgement import Judgement


def judged_table(found: Judgement) -> Table:
    """A row for each that is compared."""
    from rich import box
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
    return table


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
