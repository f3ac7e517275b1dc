"""Which queues' arrivals go up and down together: many jobs tell the hours of a day better."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from simqueue.workload.resampling import pattern_of

Floats = NDArray[np.float64]

#: Microseconds of a second, and of the stamps.
_SECOND, _STAMP = 1_000_000, 1000
#: A queue has a day of its own if chance would bring its counts so rarely to the common one.
_OWN = 0.01


def alike(times_s: Mapping[str, Floats], lasted_s: float) -> set[str]:
    """The queues whose jobs came at the same hours, as far as their counts can tell; or none.

    Parameters
    ----------
    times_s
        When the jobs of each queue came, seconds.
    lasted_s
        How long was watched.

    Notes
    -----
    The counts of a queue in the spans that tell the rate of all jobs best are held against the
    shares of all in them, by a chi-squared test. Who does not fit is left out, and the rest is
    asked again.
    """
    fit = {queue for queue, times in times_s.items() if len(times)}
    while len(fit) > 1:
        edges, shares = _spans(np.concatenate([times_s[queue] for queue in fit]), lasted_s)
        own = {queue for queue in fit if _differs(times_s[queue], edges, shares)}
        if not own:
            return fit
        fit -= own
    return set()


def together(times_s: Mapping[str, Floats], queues: Collection[str]) -> Floats:
    """When the jobs of some queues came, ascending, seconds."""
    return np.sort(np.concatenate([times_s[queue] for queue in queues]))


def _spans(times_s: Floats, lasted_s: float) -> tuple[Floats, Floats]:
    """Edges of the spans of one rate, seconds, and the share of the jobs in each."""
    offsets = np.sort((times_s * _SECOND).astype(np.int64)) // _STAMP * _STAMP
    bins = pattern_of(offsets, max(1, round(lasted_s * _SECOND)), _STAMP).bins
    edges = np.append(bins.starts, bins.ends[-1:]) / _SECOND
    counts = np.histogram(times_s, edges)[0]
    return edges, counts / max(1, counts.sum())


def _differs(times_s: Floats, edges: Floats, shares: Floats) -> bool:
    from scipy.stats import chi2

    counts = np.histogram(times_s, edges)[0]
    expected = shares * counts.sum()
    there = expected > 0
    apart = ((counts - expected)[there] ** 2 / expected[there]).sum()
    return bool(chi2.sf(apart, max(1, there.sum() - 1)) < _OWN)
