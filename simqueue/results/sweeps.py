"""Sweeps for people: a table in a terminal, and a figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from simqueue.checked import in_short
from simqueue.results.drawing import wrapped
from simqueue.results.measures import Measure
from simqueue.results.statistics import Estimate
from simqueue.results.style import look
from simqueue.results.wording import count, digits, duration_range, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Group

#: The settings of the grid in words, how many replications were done, and the measures.
Row = tuple[tuple[str, ...], int, list[Estimate | None]]

#: Characters of a setting that stand in one line however many columns there are.
_LEAST = 12


def sweep_report(
    name: str, keys: Sequence[str], measures: Sequence[Measure], rows: Sequence[Row], asked_for: int
) -> Group:
    """Lay a sweep out for ``rich``.

    Parameters
    ----------
    name
        The scenario's.
    keys
        What varied.
    measures
        The columns.
    rows
        A cell each.
    asked_for
        Replications that there were to be.
    """
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for key, settings in zip(keys, zip(*(row[0] for row in rows), strict=True), strict=True):
        # Without a least width it is the first to go where there is no room for all.
        least = min(max(map(len, settings)), _LEAST)
        table.add_column(Text(key), justify="right", overflow="fold", min_width=least)
    partly = any(done < asked_for for _, done, _ in rows)
    if partly:
        table.add_column("runs", justify="right")
    for one in measures:
        table.add_column(Text(one.name.replace(".", "\n", 1)), justify="right", overflow="fold")
    for setting, done, found in rows:
        cells = [_words(one, value) for one, value in zip(measures, found, strict=True)]
        table.add_row(*map(Text, setting), *([str(done)] if partly else []), *map(Text, cells))
    about = f"{name}: {count(len(rows), 'setting')} of {', '.join(keys)}, "
    about += f"{count(asked_for, 'replication')} each, all of them of the same jobs"
    return Group(Text(about, style="bold"), table)


def _words(measure: Measure, value: Estimate | None) -> str:
    if value is None or value.interval is None:
        return measure.words(value)
    low, high = value.interval
    if measure.is_a_time:
        return f"{measure.words(value)}\n{duration_range(low, high)}"
    if low is None or high is None:
        return measure.words(value)
    words = percent if measure.what == "utilisation" else digits
    return f"{measure.words(value)}\n{words(low).removesuffix(' %')}–{words(high)}"


def sweep_figure(
    name: str,
    keys: Sequence[str],
    measure: Measure,
    points: Sequence[tuple[tuple[Any, ...], Estimate | None]],
) -> tuple[Figure, str]:
    """A measure over the first key's values, a line for each setting of the other keys.

    Parameters
    ----------
    name
        The scenario's.
    keys
        What varied.
    measure
        What is drawn.
    points
        Of each cell: the keys' values, and the measure.

    Returns
    -------
    tuple
        The figure and its alternative text.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    panel = figure.subplots()
    ticks = list(dict.fromkeys(in_short(values[0]) for values, _ in points))
    numbers = all(_is_number(values[0]) for values, _ in points)
    lines: dict[tuple[str, ...], list[tuple[float, Estimate]]] = {}
    for values, value in points:
        if value is None:
            continue
        at = float(values[0]) if numbers else float(ticks.index(in_short(values[0])))
        lines.setdefault(tuple(map(in_short, values[1:])), []).append((at, value))
    for number, (setting, found) in enumerate(lines.items()):
        found.sort(key=lambda one: one[0])
        places = [place for place, _ in found]
        style = look(number)
        words = ", ".join(f"{k} = {v}" for k, v in zip(keys[1:], setting, strict=True))
        panel.plot(places, [float(one) for _, one in found], **style, label=words or None)
        ends = [one[1].interval for one in found]
        if all(end is not None and None not in end for end in ends):
            low, high = zip(*[end for end in ends if end], strict=True)
            panel.fill_between(places, low, high, color=style["color"], alpha=0.2, linewidth=0)
    if not numbers:
        panel.set_xticks(range(len(ticks)), ticks)
    elif len(ticks) <= 12:
        panel.set_xticks(sorted({float(values[0]) for values, _ in points}))
    panel.set_xlabel(keys[0])
    panel.set_ylabel(f"{measure.name}{measure.unit and f' ({measure.unit})'}")
    panel.set_ylim(bottom=0)
    if keys[1:]:
        panel.legend()
    title = f"{name}: {sweep_finding(keys, measure, points)}"
    panel.set_title(wrapped(title))
    return figure, f"{title}. {measure.name} over {keys[0]}; bands are 95 % intervals."


def sweep_finding(
    keys: Sequence[str],
    measure: Measure,
    points: Sequence[tuple[tuple[Any, ...], Estimate | None]],
) -> str:
    """Where a measure is least, and where most."""
    known = [(values, value) for values, value in points if value is not None]
    if not known:
        return f"nothing to measure of {measure.name}"
    least, most = min(known, key=lambda one: one[1]), max(known, key=lambda one: one[1])
    if float(least[1]) == float(most[1]):
        return f"{measure.name} is {measure.words(least[1])} everywhere"
    return (
        f"{measure.name} is least ({measure.words(least[1])}) with {_with(keys, least[0])}, "
        f"most ({measure.words(most[1])}) with {_with(keys, most[0])}"
    )


def _with(keys: Sequence[str], values: tuple[Any, ...]) -> str:
    return ", ".join(f"{key} = {in_short(one)}" for key, one in zip(keys, values, strict=True))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
