"""How well the model replays what was seen, as a table and as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from simqueue.calibration.doubts import FITS, misfit
from simqueue.calibration.fit import FIGURES, Fit
from simqueue.results.drawing import wrapped
from simqueue.results.style import OKABE_ITO, look
from simqueue.results.wording import duration

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_MEASURES = ("wait", "response")


def fit_frame(fits: Sequence[Fit]) -> pd.DataFrame:
    """A row for each figure: what was seen, what the model says, seconds; the error, a share."""
    import pandas as pd

    rows = []
    for fit in fits:
        who = fit.queue if fit.priority is None else f"{fit.queue}, priority {fit.priority}"
        for measure in _MEASURES:
            for name in FIGURES:
                seen_s, model_s = getattr(fit, f"{measure}_s")[name]
                error = fit.error(f"{measure}_s", name)
                rows.append((who, f"{measure} {name}", seen_s, model_s, error))
    frame = pd.DataFrame(rows, columns=["queue", "measure", "seen_s", "model_s", "error"])
    return frame.set_index(["queue", "measure"])


def fit_figure(fits: Sequence[Fit]) -> tuple[Figure, str]:
    """The model's figures over those that were seen; the figure and its text."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    wholes = [fit for fit in fits if fit.priority is None]
    points = [
        (fit.queue, measure, name, *getattr(fit, f"{measure}_s")[name])
        for fit in wholes
        for measure in _MEASURES
        for name in FIGURES
    ]
    wrong = sum(
        bool(misfit(fit, f"{m}_s", f)) for fit in wholes for m in _MEASURES for f in FIGURES
    )
    drawn = [point for point in points if min(point[3:]) > 0]
    ends = [1e-3, 1.0]
    if drawn:
        ends = [min(min(p[3:]) for p in drawn) / 1.5, max(max(p[3:]) for p in drawn) * 1.5]
    figure = Figure(figsize=(6, 5), layout="constrained")
    panel = figure.subplots()
    low, high = ([(1 + off) * end for end in ends] for off in (-FITS, FITS))
    panel.fill_between(
        ends, low, high, color=OKABE_ITO["sky"], alpha=0.25, label=f"within {100 * FITS:g} %"
    )
    for number, fit in enumerate(wholes):
        for measure in _MEASURES:
            here = [p[3:] for p in drawn if p[:2] == (fit.queue, measure)]
            if here:
                style = {**look(number), "linestyle": "none"}
                full = style["color"] if measure == "response" else "none"
                panel.plot(*zip(*here, strict=True), **style, markerfacecolor=full,
                           label=f"{fit.queue}, {measure}")  # fmt: skip
    panel.set(xscale="log", yscale="log", xlabel="as seen", ylabel="in the model, the same jobs")
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_locator(LogLocator())
        axis.set_major_formatter(FuncFormatter(lambda time, _: duration(time)))
        axis.set_minor_formatter(NullFormatter())
    panel.legend()
    said = f"{len(points) - wrong} of {len(points)} figures of the model are as seen"
    panel.set_title(wrapped(said, 50))
    return figure, f"{said}: mean, p95 and p99 of waits and response times of each queue."
