"""The shape of a trace: how its rate goes up and down, as far as its stamps can say."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simqueue.workload.trace_file import MINUTE, Moments, different

#: A scaled trace keeps at least the recorded count of each quarter-hour.
_QUARTER_HOUR = 15 * MINUTE
#: So many orders tell a rate: half of them, in each half of a bin, still do to a fifth.
_MANY = 50
#: A chi-squared of three degrees of freedom that chance exceeds once in 700,000 times.
_SURELY = 30.0
#: The same once in a hundred times, of three degrees of freedom and of one. Four counts instead of
#: one tell a rate better, in expected squared error, from a chi-squared of 6 on (Shimazaki and
#: Shinomoto, "A method for selecting the bin size of a time histogram", 2007: (2 mean - variance) /
#: width² is smaller with a fourth of the width). That gives the smoothest of days some peak by
#: chance; the error is as small at 11.
_QUARTERS, _HALVES = 11.3, 6.6


class Bins(NamedTuple):
    """Counts of a trace's orders: where each bin starts and ends, microseconds, and its orders."""

    starts: Moments
    ends: Moments
    counts: NDArray[Any]


def bins_of(offsets: Moments, lasts: int, resolution: int, *, fewest: bool = False) -> Bins:
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
    fewest
        Have only the bins that tell the rate of other days best: neither one for each quarter-hour
        nor one for so many orders, but one wherever a coarser bin is further off than chance makes
        a finer one.

    Notes
    -----
    Bins without orders may be left out.
    """
    least = lasts if fewest else _QUARTER_HOUR
    width = resolution * max(1, -(-least // resolution) if fewest else least // resolution)
    starts = different(offsets // width) * width
    ends = np.minimum(starts + width, lasts)
    found: list[Moments] = []
    while len(starts):
        units = (ends - starts) // resolution
        inner = [starts + units * part // 4 * resolution for part in (1, 2, 3)]
        edges = np.stack([starts, *inner, ends])
        quarters, middle = np.diff(np.searchsorted(offsets, edges), axis=0), edges[2]
        counts = quarters.sum(axis=0)
        widths = np.diff(edges, axis=0)
        if fewest:
            two, wide = quarters[::2] + quarters[1::2], widths[::2] + widths[1::2]
            halved = _uneven(quarters, widths, _QUARTERS) | _uneven(two, wide, _HALVES)
        else:
            halved = (counts >= _MANY) | _uneven(quarters, widths, _SURELY)
        halved &= middle > starts
        found.append(np.stack([starts, ends, counts])[:, ~halved])
        starts, ends = (
            np.concatenate([starts[halved], middle[halved]]),
            np.concatenate([middle[halved], ends[halved]]),
        )
    bins = np.concatenate([np.empty((3, 0), np.int64), *found], axis=1)
    return Bins(*bins[:, np.argsort(bins[0])])


def _uneven(counts: Moments, widths: Moments, most: float) -> NDArray[np.bool_]:
    """Whether the chi-squared of a bin's quarters, against one rate, is above ``most``."""
    expected = counts.sum(axis=0) * widths / widths.sum(axis=0)
    there = expected > 0  # a bin of a few units has quarters of none
    apart = (counts - expected) ** 2 / np.where(there, expected, 1.0)
    found: NDArray[np.bool_] = np.where(there, apart, 0.0).sum(axis=0) > most
    return found
