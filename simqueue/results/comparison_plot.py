"""Model and real queue in one figure: quantiles against quantiles, and queue lengths over time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simqueue.results.attempt_log import AttemptLog
from simqueue.results.comparison import compare
from simqueue.results.comparison_words import finding
from simqueue.results.drawing import by_queue, clock_axis, mean_lengths, wrapped, write_figure
from simqueue.results.history import History
from simqueue.results.style import look
from simqueue.workload.scenario import Scenario

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

_QUANTILES = np.linspace(0.005, 0.995, 199)
_MARKED = {0.5: "o", 0.95: "s", 0.99: "D"}
_BINS = 240


def plot_comparison(real: AttemptLog, model: AttemptLog, scenario: Scenario, path: Path) -> str:
    """Write the figure of a comparison as PNG (150 dpi) and return its alternative text.

    Parameters
    ----------
    real, model, scenario
        As in `simqueue.results.comparison.compare`.
    path
        Where to; a name that ends in ``.png``.

    Raises
    ------
    InputError
        If the file cannot be written or its name ends in something else.
    """
    return write_figure(path, lambda: comparison_figure(real, model, scenario))


def comparison_figure(
    real: AttemptLog, model: AttemptLog, scenario: Scenario
) -> tuple[Figure, str]:
    """Draw the figure of a comparison; returns it with its alternative text."""
    from matplotlib.figure import Figure

    sides = [by_queue(log, scenario.slots) for log in (real, model)]
    queues = list(dict.fromkeys((*sides[0], *sides[1])))
    figure = Figure(figsize=(12, 3.4 * max(len(queues), 1) + 0.8), layout="constrained")
    panels = figure.subplots(max(len(queues), 1), 2, squeeze=False)
    window = scenario.warmup_s, scenario.duration_s
    for (left, right), queue in zip(panels, queues, strict=False):
        found = [side.get(queue, []) for side in sides]
        _quantiles(left, queue, *(_responses(one, window) for one in found))
        _lengths(right, queue, found[0], found[1], window)
        clock_axis(right, window, scenario.moment)
    title = finding(compare(real, model, scenario))
    figure.suptitle(wrapped(title), x=0.01, ha="left", fontweight="bold", fontsize=13)
    return figure, title


def _responses(found: list[History], window: tuple[float, float]) -> Floats:
    parts = [np.zeros(0)]
    for one in found:
        jobs = one.jobs
        mine = (jobs.enqueued_s >= window[0]) & (jobs.enqueued_s < window[1])
        parts.append((jobs.finished_s - jobs.enqueued_s)[mine])
    times = np.concatenate(parts)
    return times[~np.isnan(times)]


def _quantiles(panel: Axes, queue: str, real: Floats, model: Floats) -> None:
    panel.set_title(f"{queue}: response times")
    panel.set_xlabel("real queue")
    panel.set_ylabel("model")
    if len(real) == 0 or len(model) == 0:
        return
    style = {**look(0), "marker": ""}
    panel.plot(np.quantile(real, _QUANTILES), np.quantile(model, _QUANTILES), **style)


def _lengths(
    panel: Axes,
    queue: str,
    real: list[History],
    model: list[History],
    window: tuple[float, float],
) -> None:
    panel.set_title(f"{queue}: queue length")
    edges = np.linspace(*window, _BINS + 1)
    for number, (label, found) in enumerate((("real", real), ("model", model))):
        length = mean_lengths(found, edges)
        style = {**look(number), "marker": ""}
        panel.plot(
            edges, np.append(length, length[-1]), drawstyle="steps-post", label=label, **style
        )
    panel.set_ylabel("jobs waiting")
    panel.legend()
