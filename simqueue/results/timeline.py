"""Counting over time: how many intervals [start, end) are open at a moment, on average, at most.

A count is taken just after everything at that moment has happened: what ends at t is gone, what
starts at t is there. So at equal times departures come before arrivals, and an interval without
length is never counted: a job that starts the moment it arrives was not in the queue.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simqueue.record.attempt_log import Floats


def clip(starts: Floats, ends: Floats, low: float, high: float) -> tuple[Floats, Floats]:
    """Cut the intervals off at [low, high), those without length left out."""
    starts, ends = np.maximum(starts, low), np.minimum(ends, high)
    keep = ends > starts
    return starts[keep], ends[keep]


def mean_open(starts: Floats, ends: Floats, low: float, high: float) -> float:
    """Time-average number of open intervals over [low, high)."""
    starts, ends = clip(starts, ends, low, high)
    return float((ends - starts).sum()) / (high - low)


def most_open(starts: Floats, ends: Floats, low: float, high: float) -> int:
    """Largest number of intervals open at one moment of [low, high)."""
    starts, ends = clip(starts, ends, low, high)
    if len(starts) == 0:
        return 0
    starts, ends = np.sort(starts), np.sort(ends)
    # Of equal starts the last one sees them all.
    started = np.arange(1, len(starts) + 1)
    return int((started - np.searchsorted(ends, starts, side="right")).max())


def seconds_since(times: Floats, edges: Floats) -> Floats:
    """For each edge, how long ago all ``times`` before it were, added up."""
    times = np.sort(times[np.isfinite(times)])
    sums = np.concatenate([[0.0], np.cumsum(times)])
    before = np.searchsorted(times, edges)
    return np.asarray(before * edges - sums[before])


def steps(starts: Floats, ends: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Moments at which the number of open intervals changes, and the number from then on."""
    lasting = ends > starts
    starts, ends = starts[lasting], ends[lasting & np.isfinite(ends)]
    moments, where = np.unique(np.concatenate([starts, ends]), return_inverse=True)
    change = np.bincount(where[: len(starts)], minlength=len(moments)) - np.bincount(
        where[len(starts) :], minlength=len(moments)
    )
    return moments, np.cumsum(change)


def sweep_area(starts: Floats, ends: Floats, low: float, high: float) -> float:
    """Area under the number of open intervals over [low, high).

    The same as the sum of the lengths, computed another way: the one checks the other.
    """
    moments, counts = steps(*clip(starts, ends, low, high))
    return float(counts @ np.diff(np.append(moments, high)))
