"""Failures: how many come by chance, and when they came together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: A burst has so many failures, and so many more of its attempts fail than of the others.
_FEWEST, _MORE = 8, 0.25
#: The share of failures in a burst that the search begins with, one after the other.
_GUESSES = (0.4, 0.9)
_ROUNDS, _MOST = 10, 100
#: Kinds of jobs whose rates of failure differ that much by chance so rarely do differ.
_BY_CHANCE = 1e-4


@dataclass(frozen=True)
class Burst:
    """A while in which attempts failed together: from, to (excluded), seconds; and their share."""

    from_s: float
    to_s: float
    rate: float


def bursts_of(started_s: Floats, failed: Bools) -> list[Burst]:
    """Windows of starts in which far more attempts fail than else.

    Parameters
    ----------
    started_s
        When attempts started, seconds, ascending.
    failed
        Whether each failed.

    Notes
    -----
    A burst is the run of attempts that a higher share of failures explains best, by its
    log-likelihood ratio to the base rate (a scan statistic: Kulldorff 1997, "A spatial scan
    statistic"), if the ratio is above 14 + 2 log n for n attempts: any of n²/2 runs may be the best
    by chance. What was found is set aside, and the search goes on.
    """
    n = len(failed)
    inside = np.zeros(n, dtype=bool)
    found: list[tuple[int, int]] = []
    while len(found) < _MOST and (run := _best(failed, inside)) is not None:
        inside[slice(*run)] = True
        found.append(run)
    return [_burst(started_s, failed, first, end) for first, end in sorted(found)]


def rates_differ(counts: Sequence[tuple[float, int]]) -> bool:
    """Whether kinds of jobs fail more or less often than chance explains.

    ``counts``: of each kind, attempts that failed, and all. A chi-squared test; where it finds
    nothing, the rate of all together is the better estimate of each.
    """
    from scipy.stats import chi2

    failed, all_of = np.array([one for one in counts if one[1]], dtype=float).reshape(-1, 2).T
    rate = failed.sum() / max(1.0, all_of.sum())
    if len(all_of) < 2 or not 0 < rate < 1:
        return False
    apart = ((failed - rate * all_of) ** 2 / (rate * (1 - rate) * all_of)).sum()
    return bool(chi2.sf(apart, len(all_of) - 1) < _BY_CHANCE)


def _burst(started_s: Floats, failed: Bools, first: int, end: int) -> Burst:
    from_s = float(started_s[first])
    to_s = float(started_s[end]) if end < len(failed) else float(started_s[end - 1])
    return Burst(from_s, max(to_s, from_s + 1e-3), float(failed[first:end].mean()))


def _best(failed: Bools, inside: Bools) -> tuple[int, int] | None:
    """The best run among those that nobody has found, from and to (excluded); or ``None``."""
    n = int((~inside).sum())
    base = (float(failed[~inside].sum()) + 1) / (n + 2)
    best, most = None, 14 + 2 * math.log(max(2, n))
    for guess in _GUESSES:
        share, run = max(guess, base + (1 - base) / 2), (0, 0)
        for _ in range(_ROUNDS):
            new, ratio = _run(failed, inside, base, share)
            if new == run:
                break
            run = new
            share = float(failed[slice(*run)].mean())
            share = min(max(share, base + 1e-6), 1 - 1 / (2 * (run[1] - run[0]) + 2))
        failures = int(failed[slice(*run)].sum())
        if ratio > most and failures >= _FEWEST and share >= base + _MORE:
            best, most = run, ratio
    return best


def _run(failed: Bools, inside: Bools, base: float, share: float) -> tuple[tuple[int, int], float]:
    """The run with the largest log-likelihood ratio of ``share`` to ``base``, and the ratio."""
    gain = np.where(failed, math.log(share / base), math.log((1 - share) / (1 - base)))
    gain[inside] = -1e9
    total = np.append(0.0, np.cumsum(gain))
    lowest = np.minimum.accumulate(total[:-1])
    end = int(np.argmax(total[1:] - lowest)) + 1
    first = int(np.argmin(total[:end]))
    return (first, end), float(total[end] - total[first])
