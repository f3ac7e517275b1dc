"""Intervals of a share, of the literature and the one that is printed: how often they hold it.

Exact: of each true share the probabilities of all outcomes are added up whose interval holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.coverage.queue import Floats
from simqueue.results.intervals import share_interval

#: Days that are tried; true shares.
DAYS = (5, 10, 30, 100)
SHARES = np.linspace(0.001, 0.999, 999)
#: Normal values are farther away from their mean by so many deviations 5 times in 100.
_Z = 1.959964


def _clopper_pearson(held: Floats, of: int) -> Floats:
    from scipy.special import betaincinv

    low = np.where(held > 0, betaincinv(np.maximum(held, 1), of - held + 1, 0.025), 0.0)
    high = np.where(held < of, betaincinv(held + 1, np.maximum(of - held, 1), 0.975), 1.0)
    return np.stack([low, high])


def _wilson(held: Floats, of: int) -> Floats:
    middle = (held + _Z**2 / 2) / (of + _Z**2)
    half = _Z * np.sqrt(held * (of - held) / of + _Z**2 / 4) / (of + _Z**2)
    return np.stack([middle - half, middle + half])


def _agresti_coull(held: Floats, of: int) -> Floats:
    middle = (held + _Z**2 / 2) / (of + _Z**2)
    half = _Z * np.sqrt(middle * (1 - middle) / (of + _Z**2))
    return np.stack([middle - half, middle + half])


def _jeffreys(held: Floats, of: int) -> Floats:
    from scipy.special import betaincinv

    low = np.where(held > 0, betaincinv(held + 0.5, of - held + 0.5, 0.025), 0.0)
    high = np.where(held < of, betaincinv(held + 0.5, of - held + 0.5, 0.975), 1.0)
    return np.stack([low, high])


def _printed(held: Floats, of: int) -> Floats:
    return np.array([share_interval(int(one), of) for one in held]).T


#: From how many days it was so, an array, of how many: low and high ends.
INTERVALS: dict[str, Callable[[Floats, int], Floats]] = {
    "mid-p, as printed": _printed,
    "Clopper and Pearson": _clopper_pearson,
    "Agresti and Coull": _agresti_coull,
    "Jeffreys": _jeffreys,
    "Wilson": _wilson,
}


def coverage(interval: Callable[[Floats, int], Floats], of: int) -> Floats:
    """Of each of `SHARES`, how often the interval from so many days holds it."""
    from scipy.stats import binom

    held = np.arange(of + 1.0)
    low, high = interval(held, of)[:, :, np.newaxis]
    found: Floats = (
        binom.pmf(held[:, np.newaxis], of, SHARES) * ((low <= SHARES) & (high >= SHARES))
    ).sum(axis=0)
    return found


def lines() -> Iterator[str]:
    """The table, a line at a time."""
    yield f"| interval | {' | '.join(f'{days} days' for days in DAYS)} | 5 to 100 days |"
    yield f"|{'---|' * (2 + len(DAYS))}"
    for name, interval in INTERVALS.items():
        found = {of: coverage(interval, of) for of in range(5, 101)}
        cells = [_words([found[days]]) for days in DAYS]
        yield f"| {name} | {' | '.join(cells)} | {_words([*found.values()])} |"
    yield ""
    yield (
        f"On average, and at least, over true shares from {SHARES[0]:.1%} to {SHARES[-1]:.1%}; "
        "worked out exactly."
    )


def _words(found: list[Floats]) -> str:
    every = np.concatenate(found)
    return f"{every.mean():.1%}, {every.min():.1%}"
