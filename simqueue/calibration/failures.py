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

    ``counts``: of each kind, attempts that failed, and all. Where they do not, the rate of all
    together is the better estimate of each.

    Notes
    -----
    Fisher's exact test of each kind against all others, with Bonferroni's correction: kinds have
    few attempts, and a chi-squared test took two failures of three, beside one of 51, for sure.
    """
    from scipy.stats import hypergeom

    known = [(round(failed), attempts) for failed, attempts in counts if attempts]
    if len(known) < 2:
        return False
    failed, attempts = (sum(column) for column in zip(*known, strict=True))
    least = min(
        min(chance.cdf(mine), chance.sf(mine - 1))
        for mine, of in known
        for chance in [hypergeom(attempts, failed, of)]
    )
    return bool(2 * len(known) * least < _BY_CHANCE)


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
