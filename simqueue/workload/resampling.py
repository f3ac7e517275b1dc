"""Days like a recorded one: what came at one moment comes together again, at another moment."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simqueue.workload.bins import Bins, bins_of
from simqueue.workload.trace_file import SECOND, Moments

Floats = NDArray[np.float64]

#: Orders this close may have been added together, microseconds.
_TOGETHER = 1000
#: By so many standard deviations, and by so many times, more are as close than chance would bring.
_SIGMAS, _TIMES = 5.0, 2.0


class Pattern(NamedTuple):
    """What a recorded day has to draw from.

    Attributes
    ----------
    offsets
        When its orders came, ascending, microseconds after the start.
    firsts
        Of each moment that brought some: which was the first of them.
    bins
        How many moments are expected in spans of one rate.
    """

    offsets: Moments
    firsts: NDArray[np.int64]
    bins: Bins

    @property
    def sizes(self) -> NDArray[np.int64]:
        """How many orders each moment brought."""
        return np.diff(np.append(self.firsts, len(self.offsets)))


def pattern_of(offsets: Moments, lasts: int, resolution: int) -> Pattern:
    """What came together, and how the rate of such moments goes up and down.

    The rate changes as often as tells other days best: what chance did to the recorded day, another
    day need not repeat.

    Parameters
    ----------
    offsets
        When the orders came, ascending, microseconds after the start.
    lasts, resolution
        The trace's length and its stamps' unit, microseconds.

    Notes
    -----
    Orders that are at most a millisecond apart, or as far as stamps can tell, came together if that
    happens far more often than chance would bring at the trace's rate.
    """
    close = max(_TOGETHER, resolution)
    near = np.diff(offsets) <= close
    by_chance = -np.expm1(-len(offsets) * close / lasts)
    most = by_chance + _SIGMAS * np.sqrt(by_chance / max(1, len(near)))
    if len(near) and near.mean() <= max(most, _TIMES * by_chance):
        near[:] = False
    firsts = np.flatnonzero(np.append(True, ~near)[: len(offsets)])
    return Pattern(offsets, firsts, bins_of(offsets[firsts], lasts, resolution, fewest=True))


def shaped_as(pattern: Pattern, offsets: Moments, lasts: int, resolution: int) -> Pattern:
    """The pattern with as many moments, whose rate goes up and down as that of other orders.

    Parameters
    ----------
    pattern
        What to draw from.
    offsets, lasts, resolution
        The other orders, as those of `pattern_of`.
    """
    bins = pattern_of(offsets, lasts, resolution).bins
    counts = bins.counts * (len(pattern.firsts) / max(1, bins.counts.sum()))
    return pattern._replace(bins=bins._replace(counts=counts))


def resampled(
    pattern: Pattern, moments_s: Floats, what: np.random.Generator
) -> tuple[Floats, NDArray[np.int64]]:
    """What comes at other moments: times in seconds, ascending, and of each a recorded order.

    Parameters
    ----------
    pattern
        What to draw from.
    moments_s
        When some orders come, ascending, seconds after the start.
    what
        Draws which recorded moment each is like, of those in its bin.
    """
    starts, ends, _ = pattern.bins
    mine = np.searchsorted(starts / SECOND, moments_s, side="right") - 1
    known = pattern.offsets[pattern.firsts]
    first, end = np.searchsorted(known, starts)[mine], np.searchsorted(known, ends)[mine]
    like = first + (what.random(len(mine)) * (end - first)).astype(np.int64)
    # Where other orders tell the rate, a span may have none to be like: then the next one's.
    like = np.minimum(like, len(known) - 1)
    sizes = pattern.sizes[like]
    within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    orders = np.repeat(pattern.firsts[like], sizes) + within
    later = pattern.offsets[orders] - np.repeat(pattern.offsets[pattern.firsts[like]], sizes)
    times = np.repeat(moments_s, sizes) + later / SECOND
    order = np.argsort(times, kind="stable")
    return times[order], orders[order]
