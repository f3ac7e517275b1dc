"""A run in one figure: what came in, how long the queues got, how long jobs waited."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simqueue.record.attempt_log import AttemptLog
from simqueue.results.drawing import by_queue, clock_axis, in_style, mean_lengths, wrapped
from simqueue.results.history import History
from simqueue.results.style import OKABE_ITO, look
from simqueue.results.windows import JOBS_PER_WINDOW, Moment, window_edges
from simqueue.results.wording import digits, duration

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

_LENGTH_BINS = 240


def plot_run(
    log: AttemptLog,
    path: Path,
    window: tuple[float, float],
    slots: Mapping[str, int],
    moment: Moment,
    finding: str = "",
    short_s: Sequence[tuple[float, float]] = (),
) -> str:
    """Write the figure of a run as PNG (150 dpi) and return its alternative text.

    The text is in the file, too, as its ``Description``.

    Parameters
    ----------
    log, window, slots
        What came out; from and to, seconds; the queues, in the order in which to show them.
    moment
        Words for a moment of the run.
    finding
        What the figure shows, its title.
    short_s
        From and to of the windows in which more came in than could be done, seconds.
    path
        Where to; a name that ends in ``.png``.

    Raises
    ------
    InputError
        If the file cannot be written or its name ends in something else.
    """
    return in_style(lambda: run_figure(log, window, slots, moment, finding, short_s), path)[1]


def run_figure(
    log: AttemptLog,
    window: tuple[float, float],
    slots: Mapping[str, int],
    moment: Moment,
    finding: str = "",
    short_s: Sequence[tuple[float, float]] = (),
    warmup_s: float = 0.0,
) -> tuple[Figure, str]:
    """Draw the figure of a run; returns it with its alternative text. See `plot_run`."""
    from matplotlib.figure import Figure

    queues = by_queue(log, slots)
    runs = len(np.unique(log.rows["replication"])) or 1
    edges = window_edges(
        *window, least=_least_window([h for found in queues.values() for h in found])
    )
    figure = Figure(figsize=(9, 9.5), layout="constrained")
    panels = figure.subplots(3, 1, sharex=True)
    titles = [
        _arrivals(panels[0], queues, edges, runs, moment),
        _lengths(panels[1], queues, window, runs, moment),
        _waits(panels[2], queues, edges, moment),
    ]
    for panel, title in zip(panels, titles, strict=True):
        panel.set_title(title)
    finding = finding or titles[-1] + "."
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
        f"{finding} Three charts over the same time, {moment(window[0])} to {moment(window[1])}, "
        f"for {_listed(list(queues)) or 'no queue'}. " + " ".join(f"{title}." for title in titles)
    )
    return figure, text


def _least_window(found: Sequence[History]) -> float:
    """How long a window should at least be to show crowds, not single jobs: seconds."""
    work = np.concatenate([np.empty(0), *(one.work_s for one in found)])
    return JOBS_PER_WINDOW * float(work.mean()) if len(work) else 0.0


def _arrivals(
    panel: Axes, queues: Mapping[str, list[History]], edges: Floats, runs: int, moment: Moment
) -> str:
    unit, seconds = ("minute", 60) if edges[-1] - edges[0] >= 600 else ("second", 1)
    rates = {
        queue: sum(np.histogram(h.jobs.enqueued_s, edges)[0] for h in found)
        / np.diff(edges) / runs * seconds
        for queue, found in queues.items()
    }  # fmt: skip
    _steps(panel, rates, edges)
    panel.set_ylabel(f"jobs a {unit}")
    return _most(rates, edges, moment, "Most arrivals", lambda value: f"{digits(value)} a {unit}")


def _lengths(
    panel: Axes,
    queues: Mapping[str, list[History]],
    window: tuple[float, float],
    runs: int,
    moment: Moment,
) -> str:
    edges = np.linspace(*window, _LENGTH_BINS + 1)
    lengths = {queue: mean_lengths(found, edges) / runs for queue, found in queues.items()}
    _steps(panel, lengths, edges, every=_LENGTH_BINS // 12)
    panel.set_ylabel("jobs waiting")
    title = _most(lengths, edges, moment, "Longest queue", lambda value: f"{digits(value)} jobs")
    return f"{title} (means of {duration(float(edges[1] - edges[0]))})"


def _waits(panel: Axes, queues: Mapping[str, list[History]], edges: Floats, moment: Moment) -> str:
    from matplotlib.ticker import FuncFormatter, NullLocator

    p95 = {queue: _per_window(found, edges, 0.95) for queue, found in queues.items()}
    longest = {queue: _per_window(found, edges, 1.0) for queue, found in queues.items()}
    seen = np.concatenate([np.zeros(0), *p95.values(), *longest.values()])
    seen = seen[~np.isnan(seen)]
    top = float(seen.max(initial=0.0))
    # Waits that span decades need a log scale, and there zero needs a place: a thousandth of the
    # longest, below which nothing matters.
    spread = top > 0 and float(seen.min()) < top / 20
    floor = 10.0 ** (np.floor(np.log10(top)) - 3) if spread else 0.0
    middle = (edges[:-1] + edges[1:]) / 2
    every = max(len(middle) // 12, 1)
    for number, queue in enumerate(queues):
        style = look(number)
        panel.plot(middle, np.maximum(p95[queue], floor), **style, markevery=every)
        panel.plot(
            *(middle, np.maximum(longest[queue], floor), "."),
            color=style["color"], markersize=3.5, alpha=0.6,
        )  # fmt: skip
    if spread:
        panel.set_yscale("log")
        panel.yaxis.set_minor_locator(NullLocator())
    panel.set_ylim(floor * 0.8, top * (1.5 if spread else 1.08) or 1)
    panel.yaxis.set_major_formatter(
        FuncFormatter(lambda y, _: f"≤ {duration(y)}" if y <= floor * 1.01 and y else duration(y))
    )
    panel.set_ylabel("wait (line: p95, dots: longest)")
    return _most(longest, edges, moment, "Longest wait", duration)


def _per_window(found: list[History], edges: Floats, quantile: float) -> Floats:
    """Quantile of the waits of attempts that became ready in each window; NaN where none did."""
    ready = np.concatenate([one.ready_s for one in found])
    waits = np.concatenate([one.wait_s for one in found])
    known = ~np.isnan(waits)
    ready, waits = ready[known], waits[known]
    order = np.argsort(ready)
    cuts = np.searchsorted(ready[order], edges)
    return np.array(
        [
            np.quantile(part, quantile) if len(part) else np.nan
            for part in np.split(waits[order], cuts)[1:-1]
        ]
    )


def _steps(
    panel: Axes, values: Mapping[str, Floats], edges: Floats, every: int | None = None
) -> None:
    every = every or max(len(edges) // 12, 1)
    for number, (queue, value) in enumerate(values.items()):
        # Markers of different queues stand beside each other.
        panel.plot(
            edges,
            np.append(value, value[-1]),
            drawstyle="steps-post",
            label=queue,
            markevery=(number * every // 3 % every, every),
            **look(number),
        )
    panel.set_ylim(0, max((value.max() for value in values.values()), default=0) * 1.08 or 1)


def _most(
    values: Mapping[str, Floats],
    edges: Floats,
    moment: Moment,
    what: str,
    words: Callable[[float], str],
) -> str:
    """Say which queue had the most of it, and when."""
    tops = {queue: float(np.nanmax(value, initial=0.0)) for queue, value in values.items()}
    queue = max(tops, key=lambda queue: tops[queue], default=None)
    if queue is None or tops[queue] == 0:
        return f"{what}: none"
    at = float(edges[int(np.nanargmax(values[queue]))])
    return f"{what}: {queue}, {words(tops[queue])} at {moment(at)}"


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
