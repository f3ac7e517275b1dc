"""A run in one figure: what came in, how long the queues got, how long jobs waited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simqueue.record.attempt_log import AttemptLog
from simqueue.results.drawing import clock_axis, wrapped
from simqueue.results.history import by_queue
from simqueue.results.panels import draw_arrivals, draw_lengths, draw_waits, draw_workers
from simqueue.results.presence import Presence
from simqueue.results.style import OKABE_ITO
from simqueue.results.windows import least_window, window_edges
from simqueue.results.wording import TimeLabel

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def run_figure(
    log: AttemptLog,
    window: tuple[float, float],
    slots: Mapping[str, int],
    moment: TimeLabel,
    finding: str = "",
    short_s: Sequence[tuple[float, float]] = (),
    warmup_s: float = 0.0,
    presence: Presence | None = None,
) -> tuple[Figure, str]:
    """Draw the figure of a run; returns it with its alternative text.

    Parameters
    ----------
    log, window, slots
        What came out; from and to, seconds; the queues, in the order in which to show them.
    moment
        Words for a moment of the run.
    finding
        What the figure shows, its title.
    short_s
        From and to of the windows in which more comes in than can be done, seconds.
    warmup_s
        How much of the start is left out of all numbers, seconds.
    presence
        The workers, to be drawn too: where their number changes.
    """
    from matplotlib.figure import Figure

    queues = by_queue(log, slots)
    runs = len(np.unique(log.rows["replication"])) or 1
    edges = window_edges(
        *window, least=least_window([h for found in queues.values() for h in found])
    )
    number = 3 if presence is None else 4
    figure = Figure(figsize=(9, 9.5 * number / 3), layout="constrained")
    panels = figure.subplots(number, 1, sharex=True)
    titles = [
        draw_arrivals(panels[0], queues, edges, runs, moment),
        draw_lengths(panels[1], queues, window, runs, moment),
        draw_waits(panels[2], queues, edges, moment),
    ]
    finding = finding or f"{titles[-1]}."
    if presence is not None:
        titles.append(draw_workers(panels[3], presence, window, moment))
    for panel, title in zip(panels, titles, strict=True):
        panel.set_title(title)
    figure.suptitle(wrapped(finding), x=0.01, ha="left", fontweight="bold", fontsize=13)
    _shade(panels, short_s, OKABE_ITO["yellow"], "more work comes in than can be done")
    if warmup_s:
        _shade(panels, [(0.0, warmup_s)], "0.6", "warm-up, left out of all numbers")
    clock_axis(panels[-1], window, moment)
    if len(queues) > 1 or short_s or warmup_s:
        figure.legend(
            *panels[0].get_legend_handles_labels(),
            loc="outside lower center",
            ncols=4,
        )
    text = (
        f"{finding} {'Three' if presence is None else 'Four'} charts over the same time, "
        f"{moment(window[0])} to {moment(window[1])}, for {_listed(list(queues)) or 'no queue'}. "
        + " ".join(f"{title}." for title in titles)
    )
    return figure, text


def _shade(
    panels: NDArray[np.object_],
    windows: Sequence[tuple[float, float]],
    color: str,
    label: str,
) -> None:
    """Shade some of the time in every panel."""
    for start, end in windows:
        for panel in panels:
            panel.axvspan(start, end, color=color, alpha=0.25, lw=0, zorder=0, label=label)
        label = "_"


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
