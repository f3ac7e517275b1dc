"""The shape of a trace: how its rate goes up and down, as far as its stamps can say."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simqueue.workload.trace_file import MINUTE, Moments, different

#: A scaled trace keeps at least the recorded count of each quarter-hour.
_QUARTER_HOUR = 15 * MINUTE
#: So many orders tell a rate: half of them, in each half of a bin, still do to a fifth.
_MANY = 50
#: A chi-squared of three degrees of freedom that chance exceeds once in 700,000 times.
_SURELY = 30.0


class Bins(NamedTuple):
    """Counts of a trace's orders: where each bin starts and ends, microseconds, and its orders."""

    starts: Moments
    ends: Moments
    counts: Moments


def bins_of(offsets: Moments, lasts: int, resolution: int) -> Bins:
    """Count the orders of a trace in bins that are as wide as they have to be.

    Each quarter-hour is a bin; where stamps are coarser, one unit of theirs. A bin is halved, and
    its halves again, as long as it holds 50 orders (25 a half on average), or as its quarters
    differ by more than chance explains (chi-squared above 30, once in 700,000 times); but none is
    finer than the stamps. So a quiet day is told by its quarter-hours, and a burst of seconds by
    its seconds, whatever the length of the trace.

    Parameters
    ----------
    offsets
        When the orders came, ascending, microseconds after the start.
    lasts, resolution
        The trace's length and its stamps' unit, microseconds.

    Notes
    -----
    Bins without orders may be left out.
    """
    width = resolution * max(1, _QUARTER_HOUR // resolution)
    starts = different(offsets // width) * width
    ends = np.minimum(starts + width, lasts)
    found: list[Moments] = []
    while len(starts):
        units = (ends - starts) // resolution
        inner = [starts + units * part // 4 * resolution for part in (1, 2, 3)]
        edges = np.stack([starts, *inner, ends])
        quarters, middle = np.diff(np.searchsorted(offsets, edges), axis=0), edges[2]
        counts = quarters.sum(axis=0)
        halved = (counts >= _MANY) | _uneven(quarters, np.diff(edges, axis=0))
        halved &= middle > starts
        found.append(np.stack([starts, ends, counts])[:, ~halved])
        starts, ends = (
            np.concatenate([starts[halved], middle[halved]]),
            np.concatenate([middle[halved], ends[halved]]),
        )
    bins = np.concatenate(found, axis=1)
    return Bins(*bins[:, np.argsort(bins[0])])


def _uneven(counts: Moments, widths: Moments) -> NDArray[np.bool_]:
    """Whether the counts of a bin's quarters differ by more than chance explains at one rate."""
    expected = counts.sum(axis=0) * widths / widths.sum(axis=0)
    there = expected > 0  # a bin of a few units has quarters of none
    apart = (counts - expected) ** 2 / np.where(there, expected, 1.0)
    found: NDArray[np.bool_] = np.where(there, apart, 0.0).sum(axis=0) > _SURELY
    return found
