"""Counting over time: how many intervals [start, end) are open at a moment, on average, at most.

A count is taken just after everything at that moment has happened: what ends at t is gone, what
starts at t is there. So at equal times departures come before arrivals, and an interval without
length is never counted: a job that starts the moment it arrives was not in the queue.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from simqueue.record.attempt_log import Floats

T = TypeVar("T", bound=np.generic)


def clip(starts: Floats, ends: Floats, low: float, high: float) -> tuple[Floats, Floats]:
    """Cut the intervals off at [low, high), those without length left out."""
    starts, ends = np.maximum(starts, low), np.minimum(ends, high)
    keep = ends > starts
    return those(keep, starts), those(keep, ends)


def those(which: NDArray[np.bool_], values: NDArray[T]) -> NDArray[T]:
    """Some of the values; all of them, as they mostly are, without a copy."""
    return values if which.all() else values[which]


def mean_open(starts: Floats, ends: Floats, low: float, high: float) -> float:
    """Time-average number of open intervals over [low, high)."""
    starts, ends = clip(starts, ends, low, high)
    return float((ends - starts).sum()) / (high - low)


@dataclass(frozen=True)
class Steps:
    """The number of open intervals over time.

    Attributes
    ----------
    moments, counts
        When it changes, ascending, and the number from then on.
    """

    moments: Floats
    counts: NDArray[np.int64]

    def most(self, low: float, high: float) -> int:
        """Largest number at one moment of [low, high)."""
        first, last = self.moments.searchsorted((low, high)).tolist()
        # What changed last before ``low`` holds there, if nothing changes just then.
        if first and not (first < last and self.moments[first] == low):
            first -= 1
        return int(self.counts[first:last].max(initial=0))

    def area(self, high: float) -> float:
        """Area under the number up to ``high``, before which all changes are.

        The same as the sum of the lengths, computed another way: the one checks the other.
        """
        # No dot product: its last place would depend on how many cores the machine lends.
        return float((self.counts * np.diff(np.append(self.moments, high))).sum())


def most_open(starts: Floats, ends: Floats, low: float, high: float) -> int:
    """Largest number of intervals open at one moment of [low, high)."""
    return steps(*clip(starts, ends, low, high)).most(low, high)


def seconds_since(times: Floats, edges: Floats) -> Floats:
    """For each edge, how long ago all ``times`` before it were, added up."""
    times = np.sort(times[np.isfinite(times)])
    sums = np.concatenate([[0.0], np.cumsum(times)])
    before = np.searchsorted(times, edges)
    return np.asarray(before * edges - sums[before])


def steps(starts: Floats, ends: Floats) -> Steps:
    """How many intervals are open, and when that changes."""
    lasting = ends > starts
    starts, ends = those(lasting, starts), those(lasting & np.isfinite(ends), ends)
    moments, changes = _in_order(starts, ends)
    last = np.empty(len(moments), bool)
    np.not_equal(moments[1:], moments[:-1], out=last[:-1])
    last[-1:] = True
    return Steps(moments[last], np.cumsum(changes)[last])


def _in_order(starts: Floats, ends: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Moments, ascending, and how the number changes at each; in any order at the same one."""
    moments = np.concatenate([starts, ends])
    if moments.min(initial=0.0) < 0:
        order = np.argsort(moments)
        return moments[order], np.where(order < len(starts), 1, -1)
    # Bits of floats that are not negative ascend as they do, and the sign's has room for what it
    # is: numbers are sorted several times as fast as places.
    keys = moments.view(np.uint64) << np.uint64(1)
    keys[: len(starts)] |= np.uint64(1)
    keys.sort()
    changes = 2 * (keys & np.uint64(1)).view(np.int64) - 1
    return (keys >> np.uint64(1)).view(np.float64), changes
