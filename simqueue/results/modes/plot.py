"""The fair comparison as a figure: what customers go through in each run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from simqueue.results.drawing import wrapped
from simqueue.results.modes.rows import ALL, ModeRow
from simqueue.results.modes.words import finding, load_words
from simqueue.results.statistics import Statistics
from simqueue.results.style import OKABE_ITO
from simqueue.results.wording import duration

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HELD, _LAST = (
    ("until the answer", OKABE_ITO["vermilion"]),
    ("until the last effect", OKABE_ITO["blue"]),
)
_MARKERS = (("p50", "o"), ("p95", "s"), ("max", "D"))
_LABELS = {
    "T": "T  training mode\n{}",
    "B": "B  queues, by work\n{}, one attempt",
    "S": "S  queues, as configured\n{}, one attempt",
    "P": "P  queues, as configured\n{}, retries",
}


def modes_figure(rows: Sequence[ModeRow], text: str) -> tuple[Figure, str]:
    """Draw the figure of a comparison; returns it with its alternative text.

    Parameters
    ----------
    rows
        Of the comparison; those of all requests are drawn.
    text
        The alternative text.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    loads = list(dict.fromkeys(row.load for row in rows))
    figure = Figure(figsize=(9, 4.6), layout="constrained")
    panels = figure.subplots(1, len(loads), sharey=True, squeeze=False)[0]
    for panel, load in zip(panels, loads, strict=True):
        _draw(panel, [row for row in rows if row.load == load and row.of == ALL])
        panel.set_title(f"at {load_words(load)}")
    figure.suptitle(wrapped(finding(rows), 86), x=0.01, ha="left", fontweight="bold", fontsize=12)
    handles = [Line2D([], [], color=colour, lw=2, label=label) for label, colour in (_HELD, _LAST)]
    handles += [
        Line2D([], [], color="0.3", marker=marker, ls="", label=name)
        for name, marker in (("median", "o"), ("p95", "s"), ("longest", "D"))
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=5)
    return figure, text


def _draw(panel: Axes, rows: Sequence[ModeRow]) -> None:
    for place, row in enumerate(rows):
        _times(panel, place - 0.16, row.measures.held_s, _HELD[1])
        _times(panel, place + 0.16, row.measures.last_effect_s, _LAST[1])
    panel.set_yticks(range(len(rows)), [_LABELS[row.letter].format(row.places) for row in rows])
    panel.set_ylim(len(rows) - 0.5, -0.5)
    panel.set_xscale("log")
    panel.xaxis.set_major_formatter(lambda value, _: f"{value:,g} s")
    panel.set_xlabel("after the request came")
    panel.grid(axis="x")
    panel.grid(visible=False, axis="y")
    low, high = panel.get_xlim()
    panel.set_xlim(low, high * 4)  # room for the longest, in words
    for place, row in enumerate(rows):
        if row.measures.held_s.max == 0:
            words, at = "answered at once", 0.02
            panel.text(
                at, place - 0.16, words, color=_HELD[1], fontsize=8, va="center",
                transform=panel.get_yaxis_transform(),
            )  # fmt: skip


def _times(panel: Axes, place: float, times: Statistics, colour: str) -> None:
    found = [(getattr(times, name), marker) for name, marker in _MARKERS]
    shown = [(float(value), marker) for value, marker in found if value]
    if not shown:
        return
    panel.plot([shown[0][0], shown[-1][0]], [place, place], color=colour, lw=2, zorder=2)
    for value, marker in shown:
        panel.plot(value, place, marker=marker, color=colour, ls="", zorder=3)
    panel.annotate(
        f"  {duration(shown[-1][0])}", (shown[-1][0], place), color=colour, fontsize=8, va="center"
    )
