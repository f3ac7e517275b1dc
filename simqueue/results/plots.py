"""A run in one figure: what came in, how long the queues got, how long jobs waited."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simqueue.record.attempt_log import AttemptLog, Floats
from simqueue.results.drawing import clock_axis, wrapped
from simqueue.results.history import History, by_queue
from simqueue.results.panels import draw_arrivals, draw_lengths, draw_waits
from simqueue.results.peak import Peak, peaks
from simqueue.results.style import OKABE_ITO
from simqueue.results.verdicts import verdict
from simqueue.results.windows import as_requested, least_window, offered_slots, window_edges
from simqueue.results.wording import TimeLabel

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def run_figure(
    log: AttemptLog,
    window: tuple[float, float],
    slots: Mapping[str, int],
    moment: TimeLabel,
    shared: bool = False,
) -> tuple[Figure, str]:
    """Draw the figure of a run; returns it with its alternative text.

    Parameters
    ----------
    log, window, slots, shared
        As in `simqueue.results.peak.peaks`.
    moment
        Words for a moment of the run.
    """
    from matplotlib.figure import Figure

    queues = by_queue(log, slots)
    runs = len(np.unique(log.rows["replication"])) or 1
    tops = peaks(log, window, slots, shared)
    edges = window_edges(
        *window, least=least_window([h for found in queues.values() for h in found])
    )
    figure = Figure(figsize=(9, 9.5), layout="constrained")
    panels = figure.subplots(3, 1, sharex=True)
    titles = [
        draw_arrivals(panels[0], queues, edges, runs, moment),
        draw_lengths(panels[1], queues, window, runs, moment),
        draw_waits(panels[2], queues, edges, moment),
    ]
    for panel, title in zip(panels, titles, strict=True):
        panel.set_title(title)
    finding = _finding(tops, moment, shared)
    figure.suptitle(wrapped(finding), x=0.01, ha="left", fontweight="bold", fontsize=13)
    brought = by_queue(as_requested(log), slots) if shared else queues
    short = _shade(panels, brought, edges, slots, runs, shared)
    clock_axis(panels[-1], window, moment)
    if len(queues) > 1 or short:
        figure.legend(
            *panels[0].get_legend_handles_labels(),
            loc="outside lower center",
            ncols=4,
        )
    text = (
        f"{finding} Three charts over the same time, {moment(window[0])} to {moment(window[1])}, "
        f"for {_listed(list(queues)) or 'no queue'}. " + " ".join(f"{title}." for title in titles)
    )
    return figure, text


def _finding(tops: Mapping[str, Peak], moment: TimeLabel, shared: bool) -> str:
    """The verdict on the queue that is shortest of slots."""
    if not tops:
        return "Nothing ran."
    name = max(tops, key=lambda name: tops[name].load / (tops[name].slots or 1e-9))
    return verdict(name, tops[name], moment, shared)


def _shade(
    panels: NDArray[np.object_],
    queues: Mapping[str, list[History]],
    edges: Floats,
    slots: Mapping[str, int],
    runs: int,
    shared: bool,
) -> bool:
    """Shade the windows in which more work came in than there were slots for."""
    loads = {queue: offered_slots(found, edges, runs) for queue, found in queues.items()}
    short = np.zeros(len(edges) - 1, dtype=bool)
    if shared:
        short = sum(loads.values(), np.zeros(len(edges) - 1)) >= max(slots.values(), default=0)
    else:
        for queue, load in loads.items():
            short |= load >= slots.get(queue, 0)
    label = "more work came in than the slots can do"
    for number in np.flatnonzero(short & (len(queues) > 0)).tolist():
        for panel in panels:
            panel.axvspan(
                *(edges[number], edges[number + 1]),
                color=OKABE_ITO["yellow"], alpha=0.25, lw=0, zorder=0, label=label,
            )  # fmt: skip
        label = "_"
    return bool(short.any())


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
