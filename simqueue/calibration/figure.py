"""How well the model replays the very same jobs, as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from simqueue.calibration.doubts import misfit
from simqueue.calibration.fit import FIGURES, Fit
from simqueue.calibration.tables import MEASURES, fit_name, fit_sentence
from simqueue.results.drawing import log_times, wrapped
from simqueue.results.style import OKABE_ITO

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: More queues and priorities than these nobody takes in at a glance; all are in the table.
_MOST = 12
#: Shorter times are drawn as this one, seconds.
_SHORTEST_S = 1e-3
_SEEN: dict[str, Any] = {"marker": "o", "color": OKABE_ITO["black"], "mfc": "none", "ls": ""}
_FITS: dict[str, Any] = {"marker": "x", "color": OKABE_ITO["blue"], "mew": 1.8, "ls": ""}
_OFF: dict[str, Any] = {"marker": "D", "color": OKABE_ITO["vermilion"], "ls": ""}


def fit_figure(fits: Sequence[Fit]) -> tuple[Figure, str]:
    """What was seen and what the model says, in rows; the figure and its text."""
    from matplotlib.figure import Figure

    shown = _shown(fits)
    rows = len(shown) * len(FIGURES)
    figure = Figure(figsize=(9, 1.9 + 0.3 * rows), layout="constrained")
    panels = figure.subplots(1, len(MEASURES), sharey=True)
    for panel, (measure, word) in zip(panels, MEASURES.items(), strict=True):
        _draw(panel, shown, measure)
        panel.set_xlabel(f"{word} time")
    labels = [
        f"{fit_name(one)}  {name}" if name == FIGURES[0] else name
        for one in shown
        for name in FIGURES
    ]
    panels[0].set_yticks(range(rows), labels)
    panels[0].set_ylim(rows - 0.5, -0.5)
    for between in range(1, len(shown)):
        for panel in panels:
            panel.axhline(between * len(FIGURES) - 0.5, color="0.8", linewidth=0.8)
    handles = [
        panels[0].plot([], [], label=label, **look)[0]
        for label, look in (("seen", _SEEN), ("model", _FITS), ("model, off", _OFF))
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    figure.suptitle(wrapped(fit_sentence(fits)), x=0.01, ha="left", fontweight="bold", fontsize=11)
    some = "" if len(shown) == len(fits) else f" The {len(shown)} with the most jobs."
    return (
        figure,
        f"{fit_sentence(fits)} Wait and response times of each queue, mean, p95 and p99, on a "
        "logarithmic scale: circles are what was seen, crosses the model with the very same jobs, "
        f"diamonds the model where it is more than 10 % and 5 ms off.{some}",
    )


def _shown(fits: Sequence[Fit]) -> list[Fit]:
    """All, or else queues only, or else those with the most jobs."""
    if len(fits) <= _MOST:
        return list(fits)
    queues = [one for one in fits if one.priority is None]
    most = sorted(queues, key=lambda one: one.jobs, reverse=True)[:_MOST]
    return [one for one in queues if one in most]


def _draw(panel: Axes, shown: Sequence[Fit], measure: str) -> None:
    panel.grid(visible=True, axis="x")
    panel.grid(visible=False, axis="y")
    drawn: list[float] = []
    for place, one in enumerate(shown):
        for at, name in enumerate(FIGURES):
            real, model = (max(time, _SHORTEST_S) for time in getattr(one, measure)[name])
            row = place * len(FIGURES) + at
            drawn += real, model
            panel.plot([real], [row], ms=8, **_SEEN)
            panel.plot([model], [row], **(_OFF if misfit(one, measure, name) else _FITS))
    log_times(panel.xaxis, min(drawn), max(drawn))
