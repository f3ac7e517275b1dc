"""Times that are counted, not kept: their quantiles to within a twentieth of a percent.

A bin holds the times that agree in the leading bits of their binary form, as an HDR histogram has
it (Gil Tene, http://hdrhistogram.org): its bounds are less than one part in 1,024 apart, and it is
found without a logarithm.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from simqueue.record.attempt_log import Floats
from simqueue.results.intervals import Samples
from simqueue.results.statistics import Statistics, described

#: The leading bits of a bin's times, behind those of the power of two.
_BITS = 10
_DROPPED = 52 - _BITS
#: What is shorter, a nanosecond about, counts as nothing.
_SHORTEST_S = 2.0**-30
_BELOW = int(np.float64(_SHORTEST_S).view(np.int64)) >> _DROPPED
#: A quantile is off by no more than this share of itself, and a nanosecond. An end of its interval
#: is not so bound: which time is the end depends on shares above it of each replication, of which a
#: sketch knows those above a whole bin.
ERROR = 2.0 ** -(_BITS + 1)


class Sketch:
    """Times in seconds, none below 0: how many there are, their sum, and how many in which bin.

    Attributes
    ----------
    number, total_s, largest_s
        How many, their sum, and the largest; exact but for rounding.
    bins
        How many are in each; in the first those that are as good as nothing.
    """

    def __init__(self) -> None:
        self.number, self.total_s, self.largest_s = 0, 0.0, 0.0
        self.bins = np.zeros(1, np.int64)

    def add(self, times_s: Floats) -> None:
        """Count some times more."""
        if not len(times_s):
            return
        self.number += len(times_s)
        self.total_s += float(times_s.sum())
        self.largest_s = max(self.largest_s, float(times_s.max()))
        places = (np.maximum(times_s, 0.0).view(np.int64) >> _DROPPED) - (_BELOW - 1)
        more = np.bincount(np.maximum(places, 0), minlength=len(self.bins))
        more[: len(self.bins)] += self.bins
        self.bins = more


class Sketches(Samples):
    """Sketches of several replications, for what `Samples` says of the times themselves.

    Parameters
    ----------
    sketches
        One of each replication, none of them empty.
    """

    def __init__(self, sketches: Sequence[Sketch]) -> None:
        bins = np.zeros((len(sketches), max(len(one.bins) for one in sketches)), np.int64)
        for its, one in zip(bins, sketches, strict=True):
            its[: len(one.bins)] = one.bins
        self._up_to = np.cumsum(bins, axis=1)
        self._pooled_up_to: NDArray[np.int64] = self._up_to.sum(axis=0)
        self._largest_s = max(one.largest_s for one in sketches)

    def __len__(self) -> int:
        return int(self._pooled_up_to[-1])

    @property
    def runs(self) -> int:
        """Replications that had some."""
        return len(self._up_to)

    def at(self, place: int) -> float:
        """The middle of the bin of the time that has so many below it; the largest is exact."""
        if place == len(self) - 1:
            return self._largest_s
        number = self._bin(place)
        if number == 0:
            return 0.0
        low, high = (np.int64((number + _BELOW - 1 + end) << _DROPPED) for end in (0, 1))
        middle = (float(low.view(np.float64)) + float(high.view(np.float64))) / 2
        return min(middle, self._largest_s)

    def above(self, place: int) -> Floats:
        """Share of each replication's times that are in a bin above that of one of them all."""
        up_to = self._up_to[:, self._bin(place)]
        return np.asarray(1 - up_to / self._up_to[:, -1])

    def _bin(self, place: int) -> int:
        return int(np.searchsorted(self._pooled_up_to, place, side="right"))


def describe_sketches(sketches: Sequence[Sketch]) -> Statistics:
    """What `simqueue.results.statistics.describe` says, of times that were counted."""
    some = [one for one in sketches if one.number]
    if not some:
        return Statistics(None, None, None, None, None)
    return described(np.array([one.total_s / one.number for one in some]), Sketches(some))
