"""Model and real queue in one figure: quantiles against quantiles, and queue lengths over time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from simqueue.record.attempt_log import AttemptLog, Floats
from simqueue.results.comparison.compare import Comparison, compare
from simqueue.results.comparison.measure_words import share
from simqueue.results.comparison.words import finding
from simqueue.results.drawing import clock_axis, in_style, log_times, mean_lengths, wrapped
from simqueue.results.history import History, by_queue
from simqueue.results.style import OKABE_ITO, look
from simqueue.results.wording import digits, duration
from simqueue.workload.scenario import Scenario

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: One point for each half percent.
_QUANTILES = np.arange(1, 200) / 200
_MARKED = {0.5: ("o", "median"), 0.95: ("s", "p95"), 0.99: ("D", "p99")}
#: The band beside the line on which both sides are equal.
_BAND = 0.05
_BINS = 120
_REAL, _MODEL = ({**look(number), "marker": ""} for number in (0, 1))


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
    return in_style(lambda: comparison_figure(real, model, scenario), path)[1]


def comparison_figure(
    real: AttemptLog, model: AttemptLog, scenario: Scenario
) -> tuple[Figure, str]:
    """Draw the figure of a comparison; returns it with its alternative text."""
    from matplotlib.figure import Figure

    comparison = compare(real, model, scenario)
    sides = [by_queue(log, scenario.slots) for log in (real, model)]
    queues = list(dict.fromkeys((*sides[0], *sides[1])))
    window = scenario.fixed_warmup_s, scenario.duration_s
    rows = max(len(queues), 1)
    figure = Figure(figsize=(12, 3.6 * rows + 1.0), layout="constrained")
    panels = figure.subplots(rows, 2, squeeze=False, width_ratios=(1, 2))
    titles = []
    for (left, right), queue in zip(panels, queues, strict=False):
        found = [side.get(queue, []) for side in sides]
        times = [_responses(side, window) for side in found]
        titles.append(_quantiles(left, queue, comparison, times))
        titles.append(_lengths(right, queue, comparison, found, window))
        clock_axis(right, window, scenario.moment)
    title = finding(comparison)
    figure.suptitle(wrapped(title, 105), x=0.01, ha="left", fontweight="bold", fontsize=13)
    if queues:
        handles, labels = panels[0, 0].get_legend_handles_labels()
        more = panels[0, 1].get_legend_handles_labels()
        figure.legend(handles + more[0], labels + more[1], loc="outside lower center", ncols=8)
    text = (
        f"{title} For each queue the quantiles of the response times, the model's against the real "
        f"queue's, and both queue lengths over time. {' '.join(f'{title}.' for title in titles)}"
    )
    return figure, text.rstrip()


def _responses(found: Sequence[History], window: tuple[float, float]) -> Floats:
    """Response times of the jobs enqueued in the window that have a final outcome."""
    parts = [np.zeros(0)]
    for one in found:
        jobs = one.jobs
        mine = (jobs.enqueued_s >= window[0]) & (jobs.enqueued_s < window[1])
        parts.append((jobs.finished_s - jobs.enqueued_s)[mine])
    times = np.concatenate(parts)
    return times[~np.isnan(times)]


def _quantiles(panel: Axes, queue: str, comparison: Comparison, times: Sequence[Floats]) -> str:
    """Draw the model's quantiles against the real ones: equal where they lie on the diagonal."""
    measures = comparison.queues[queue].measures
    title = f"{queue}: " + ", ".join(
        f"{name} {share(measures[f'response.{name}'].judged)}"
        for name in ("mean", "p99")
        if comparison.judges(queue, f"response.{name}")
    )
    panel.set_title(title)
    panel.set_xlabel("response time, real queue")
    panel.set_ylabel("response time, model")
    panel.grid(visible=True, axis="both")
    if any(len(side) == 0 for side in times):
        _say_nothing(panel, "no response times to compare")
        return title
    x, y = (np.quantile(side, _QUANTILES) for side in times)
    low, high, log = _limits(np.concatenate([x, y]))
    diagonal = np.array([low, high])
    panel.fill_between(
        *(diagonal, diagonal * (1 - _BAND), diagonal * (1 + _BAND)),
        color="#BBBBBB", alpha=0.5, lw=0, label=f"within {_BAND * 100:.0f} %",
    )  # fmt: skip
    panel.plot(diagonal, diagonal, color=OKABE_ITO["black"], lw=0.8, label="equal")
    panel.plot(x, y, color=OKABE_ITO["green"], lw=1.7, label="quantiles")
    for quantile, (marker, name) in _MARKED.items():
        panel.plot(
            *([np.quantile(side, quantile)] for side in times),
            color=OKABE_ITO["green"], marker=marker, ls="", ms=7, mec="white", label=name,
        )  # fmt: skip
    _scale(panel, low, high, log)
    return title


def _limits(values: Floats) -> tuple[float, float, bool]:
    """Limits for both axes, and whether they should be logarithmic."""
    low, high = float(values.min()), float(values.max()) or 1.0
    if low > 0 and high > 20 * low:
        return low / 1.15, high * 1.15, True
    # Times that hardly vary should not look as if they did.
    pad = max(0.05 * (high - low), 0.05 * high)
    return max(low - pad, 0.0), high + pad, False


def _scale(panel: Axes, low: float, high: float, log: bool) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    for axis, limits in ((panel.xaxis, panel.set_xlim), (panel.yaxis, panel.set_ylim)):
        if log:
            log_times(axis, low, high)
        else:
            axis.set_major_locator(MaxNLocator(5))
            axis.set_major_formatter(FuncFormatter(lambda time, _: duration(time)))
        limits(low, high)
    panel.set_box_aspect(1)


def _lengths(
    panel: Axes,
    queue: str,
    comparison: Comparison,
    found: Sequence[Sequence[History]],
    window: tuple[float, float],
) -> str:
    edges = np.linspace(*window, _BINS + 1)
    real, model = (mean_lengths(side, edges) for side in found)
    real, model = np.append(real, real[-1]), np.append(model, model[-1])
    panel.fill_between(edges, real, step="post", color=_REAL["color"], alpha=0.2, lw=0)
    panel.plot(edges, real, drawstyle="steps-post", label="real queue", **_REAL)
    panel.plot(edges, model, drawstyle="steps-post", label="model", **{**_MODEL, "lw": 1.3})
    # A queue of hardly anyone should not look like one.
    panel.set_ylim(0, max(float(real.max()), float(model.max()), 1.0) * 1.08)
    panel.set_ylabel(f"jobs waiting (means of {duration(float(edges[1] - edges[0]))})")
    compared = comparison.queues[queue]
    mean = [digits(side.queue_length.mean) for side in (compared.real, compared.model)]
    title = f"{queue}: queue length, mean {mean[0]} real, {mean[1]} in the model"
    panel.set_title(title)
    return title


def _say_nothing(panel: Axes, words: str) -> None:
    panel.text(0.5, 0.5, words, transform=panel.transAxes, ha="center", va="center")
    panel.set(xticks=[], yticks=[])
