"""The windows through which a run is looked at."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from simqueue.record.attempt_log import Floats
from simqueue.results.history import History

QUARTER_HOUR_S = 900.0
_ROUND = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, QUARTER_HOUR_S)
#: A window is at least so many mean service times long: in a shorter one a job looks like a crowd.
JOBS_PER_WINDOW = 10


def window_edges(low: float, high: float, least: float = 0.0) -> Floats:
    """Edges of the windows that a run is looked at through, seconds.

    Quarter-hours for runs of half a day or more; a round length near a 48th part of shorter ones.
    A rest of less than half a window is added to the last.

    Parameters
    ----------
    low, high
        The run.
    least
        A window should be this long: in one much shorter than a job, a single job looks like a
        crowd.
    """
    ideal = (high - low) / 48
    if ideal >= QUARTER_HOUR_S:
        width = QUARTER_HOUR_S
    else:
        scale = 10.0 ** min(math.floor(math.log10(ideal)), 0)
        widths = [width * scale for width in _ROUND[:4]] + list(_ROUND)
        width = min(widths, key=lambda width: abs(math.log(width / ideal)))
    if width < least:
        width = next((width for width in _ROUND if width >= least), least)
    whole = max(math.floor((high - low) / width + 0.5), 1)
    return np.append(low + width * np.arange(whole), high)


def least_window(found: Sequence[History]) -> float:
    """How long a window should at least be to show crowds, not single jobs: seconds."""
    work = np.concatenate([np.empty(0), *(one.work_s for one in found)])
    return JOBS_PER_WINDOW * float(work.mean()) if len(work) else 0.0
