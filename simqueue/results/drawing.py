"""What figures share: their files, their time axis, and queue lengths over time."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from simqueue.errors import InputError
from simqueue.files import reason, replacing
from simqueue.record.attempt_log import Floats
from simqueue.results.history import History
from simqueue.results.style import STYLE
from simqueue.results.timeline import seconds_since
from simqueue.results.wording import TimeLabel, duration

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import XAxis, YAxis
    from matplotlib.figure import Figure

_TICKS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200)
_DAY_S = 86_400


def in_style(
    draw: Callable[[], tuple[Figure, str]], path: Path | None = None
) -> tuple[Figure, str]:
    """What ``draw`` gives, a figure and its alternative text, drawn in the project's style.

    Parameters
    ----------
    draw
        Draws the figure.
    path
        A PNG to write, with the alternative text in it; without one nothing is written.

    Raises
    ------
    InputError
        If the file cannot be written or its name ends in something else.
    """
    if path is not None and path.suffix.lower() != ".png":
        raise InputError(f"{path}: cannot write the plot: expected a name that ends in .png")
    import matplotlib as mpl

    # A queue may be called "$x^$": names are no formulas.
    with mpl.rc_context({**STYLE, "text.parse_math": False}):
        figure, text = draw()
        if path is None:
            return figure, text
        try:
            with replacing(path) as draft:
                # Without matplotlib's version, equal runs are equal files.
                about = {"Description": text, "Software": None}
                figure.savefig(draft, format="png", metadata=about)
        except OSError as error:
            raise InputError(f"{path}: cannot write the plot: {reason(error)}") from error
    return figure, text


def mean_lengths(found: Sequence[History], edges: Floats) -> Floats:
    """Mean number of waiting jobs between each two edges, added up over ``found``."""
    waited = np.zeros(len(edges))
    for one in found:
        waited += seconds_since(one.ready_s, edges) - seconds_since(one.left_s, edges)
    # Rounding of large sums may leave a queue a hair below or above none.
    return np.maximum(np.round(np.diff(waited) / np.diff(edges), 9), 0.0)


def clock_axis(panel: Axes, window: tuple[float, float], moment: TimeLabel) -> None:
    """Let the x axis show the time of a run, with ticks at round moments."""
    low, high = window
    step = next((step for step in _TICKS_S if (high - low) / step <= 9), None)
    step = step or _DAY_S * max(round((high - low) / _DAY_S / 8), 1)
    ticks = np.arange(np.ceil(low / step) * step, high + step * 1e-6, step)
    panel.set_xticks(ticks, [moment(float(tick)) for tick in ticks])
    panel.set_xlim(low, high)
    panel.set_xlabel("time")


def log_times(axis: XAxis | YAxis, low: float, high: float) -> None:
    """Let an axis show times from ``low`` to ``high`` seconds, logarithmically."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    wide = high / low > 200
    axis.set_major_locator(LogLocator(subs=(1.0,) if wide else (1.0, 3.0)))
    axis.set_major_formatter(FuncFormatter(lambda time, _: duration(time)))
    axis.set_minor_formatter(NullFormatter())


def wrapped(text: str, width: int = 78) -> str:
    """Break a figure's title into lines; 78 letters are 9 inches."""
    return "\n".join(textwrap.wrap(text, width))
