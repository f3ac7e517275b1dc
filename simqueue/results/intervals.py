"""How sure a number is: 95 % confidence intervals over independent replications.

Replications are independent; waits inside one of them are not. So an interval needs at least two
replications, and counts each of them once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from simqueue.record.attempt_log import Floats

#: Low and high end; ``None``: so few replications tell of that side that there is no saying.
Interval = tuple[float | None, float | None]

#: Jobs above a quantile have to come from so many replications in effect (of up to five from
#: three quarters of them), or its interval is open above.
ENOUGH_ABOVE = 4.0
#: Both sides of an interval are missed by this share, 5 % in all.
_SIDE = 0.025


def mean_ci95(
    values: Sequence[float | None],
) -> tuple[float | None, tuple[float, float] | None]:
    """Mean of the replications' means, and its 95 % interval: the one that a `Run` gives, too.

    Parameters
    ----------
    values
        One mean a replication; ``None`` for one that had nothing to take a mean of. Or one
        difference of two runs a replication, which may be negative.

    Returns
    -------
    tuple
        The mean (``None`` without values) and (low, high), ``None`` with fewer than two values.

    Notes
    -----
    The replication/deletion approach of Law, *Simulation Modeling and Analysis* (section 9.5.2 in
    the 5th edition), with the interval of `mean_interval`: not the textbook's Student's t, which
    lies too low where values are skewed.

    Examples
    --------
    >>> mean_ci95([1.0])
    (1.0, None)
    >>> mean, (low, high) = mean_ci95([1.0, 1.0, 1.0, 6.0])
    >>> f"{mean} {low:.2f} {high:.2f}"
    '2.25 0.00 14.55'
    """
    known = np.array([value for value in values if value is not None], dtype=np.float64)
    if not len(known):
        return None, None
    return float(known.mean()), mean_interval(known)


def mean_interval(values: Floats) -> tuple[float, float] | None:
    """The 95 % interval of a mean over replications whose values may be skewed.

    Waits are: one replication with a long queue among many without. Student's t then lies too low,
    and misses the truth on one side.

    Parameters
    ----------
    values
        One for each replication.

    Returns
    -------
    tuple or None
        Low and high; ``None`` with fewer than two replications. What is never negative has a mean
        that is not, either.

    Notes
    -----
    Willink's correction for skewness, *A Confidence Interval and Test for the Mean of an
    Asymmetric Distribution*, Communications in Statistics: Theory and Methods 34 (2005). Few
    replications tell little of their own shape, so what is never negative is taken to be no less
    uncertain than a gamma distribution of its mean and variance: its degrees of freedom are those
    of a sample's variance (O'Neill, *Some Useful Moment Results in Sampling Problems*, The American
    Statistician 68, 2014) at a gamma's kurtosis, 3 + 6 cv^2, and a skewness to the left is taken
    for chance. Without that an interval from three replications holds the truth 89 times in 100.
    Differences of both signs have n - 1 degrees of freedom, and the skewness that is seen.

    Examples
    --------
    >>> low, high = mean_interval(np.array([1.0, 1.0, 1.0, 6.0]))
    >>> f"{low:.2f} to {high:.2f}"
    '0.00 to 14.55'
    """
    n = len(values)
    if n < 2:
        return None
    if values.min() < 0:
        return _differences(values)
    low, high = _willink(values, _degrees(values), skewed=True)
    return max(low, 0.0), high


def paired_interval(differences: Floats) -> tuple[float, float] | None:
    """The 95 % interval of a mean difference over pairs of replications that met the same jobs.

    Parameters
    ----------
    differences
        One for each pair, of any sign.

    Returns
    -------
    tuple or None
        Low and high; ``None`` with fewer than two pairs.

    Notes
    -----
    Common random numbers: Law, *Simulation Modeling and Analysis*, section 11.2 (5th edition);
    with Willink's correction, see `mean_interval`. Differences that are all of one sign are taken
    as what is never negative is there, but for their interval, which may reach beyond 0.

    Examples
    --------
    >>> low, high = paired_interval(np.array([-1.0, -2.0, -3.0]))
    >>> f"{low:.2f} to {high:.2f}"
    '-6.15 to 2.15'
    """
    if len(differences) < 2:
        return None
    return _differences(differences)


def _differences(values: Floats) -> tuple[float, float]:
    if values.max() <= 0:
        low, high = _willink(-values, _degrees(-values), skewed=True)
        return -high, -low
    if values.min() >= 0:
        return _willink(values, _degrees(values), skewed=True)
    return _willink(values, len(values) - 1)


def _degrees(values: Floats) -> float:
    """Degrees of freedom of the variance of what is never negative: as a gamma distribution has."""
    n, mean = len(values), float(values.mean())
    if not mean:
        return n - 1
    kurtosis = 3 + 6 * float(((values / mean - 1) ** 2).sum()) / (n - 1)
    return 2 * n / (kurtosis - (n - 3) / (n - 1))


def _willink(values: Floats, degrees: float, *, skewed: bool = False) -> tuple[float, float]:
    """Willink's interval with so many degrees of freedom; ``skewed``: surely not to the left."""
    n, mean = len(values), float(values.mean())
    away = values - mean
    spread = math.sqrt(float((away**2).sum()) / (n - 1))
    if spread <= abs(mean) * 1e-12:
        return mean, mean
    error, t = spread / math.sqrt(n), _t(max(degrees, 1.0))
    skewness = 0.0
    if n > 2:
        third = n * float((away**3).sum()) / ((n - 1) * (n - 2))
        skewness = third / (6 * math.sqrt(n) * spread**3)
    if skewed:
        skewness = max(skewness, 0.0)
    ends = [mean - _stretched(side, skewness) * error for side in (t, -t)]
    return min(ends), max(ends)


def _stretched(r: float, a: float) -> float:
    """Willink's G: Student's r, moved by the skewness a."""
    if abs(a) < 1e-8:
        return r
    return float(np.cbrt(1 + 6 * a * (r - a)) - 1) / (2 * a)


def _effective(values: Floats) -> float:
    """How many replications there are in effect, if the large ones count for more."""
    largest = float(values.max(initial=0.0))
    if not largest:
        return 0.0
    weights = values / largest  # squares of tiny numbers would vanish
    return float(weights.sum()) ** 2 / float((weights**2).sum())


def _t(degrees: float) -> float:
    # scipy.stats takes seconds to import; this is the function behind its t.ppf.
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 1 - _SIDE))


class Samples:
    """Times of several replications, one array each; what they say of quantiles, and how surely.

    Parameters
    ----------
    samples
        Times in seconds; replications without any are left out.
    """

    def __init__(self, samples: Sequence[Floats]) -> None:
        self._each = [np.sort(sample) for sample in samples if len(sample)]
        if len(self._each) == 1:
            self._pooled = self._each[0]
        else:
            self._pooled = np.sort(np.concatenate(self._each)) if self._each else np.empty(0)

    def __len__(self) -> int:
        return len(self._pooled)

    @property
    def runs(self) -> int:
        """Replications that had some."""
        return len(self._each)

    def at(self, place: int) -> float:
        """The time that has so many below it."""
        return float(self._pooled[place])

    def quantile(self, q: float) -> float:
        """The pooled quantile ``q``, linear between neighbours: to the bit what NumPy's is.

        Of times there are some.
        """
        place = q * (len(self) - 1)
        below = math.floor(place)
        low, high = self.at(below), self.at(min(below + 1, len(self) - 1))
        part, apart = place - below, high - low
        # Counted from the nearer neighbour, as `numpy.quantile` does it.
        return low + apart * part if part < 0.5 else high - apart * (1 - part)

    def quantile_interval(self, q: float) -> Interval | None:
        """The 95 % interval of the pooled quantile ``q``.

        Returns
        -------
        tuple or None
            Low and high. ``high`` is ``None`` if what lies above the quantile comes from fewer
            than `ENOUGH_ABOVE` replications in effect: it is at least ``low``, and no more can be
            said. ``None`` with fewer than two replications.

        Notes
        -----
        A time t is in the interval if the share of times above t, over replications, has 1 - q in
        its own interval (`mean_interval`). Source: Woodruff, *Confidence Intervals for Medians and
        Other Position Measures*, Journal of the American Statistical Association 47 (1952).
        """
        if self.runs < 2:
            return None
        place = min(math.ceil(q * len(self)), len(self)) - 1
        effective = _effective(self.above(place))
        low = self._first(0, place, lambda at: self._ends(at, effective)[0] <= 1 - q)
        if effective < min(ENOUGH_ABOVE, 0.75 * self.runs):
            return self.at(low), None
        high = self._first(place, len(self) - 1, lambda at: self._ends(at, effective)[1] < 1 - q)
        return self.at(low), self.at(high)

    def above(self, place: int) -> Floats:
        """Share of each replication's times that are above one of them all."""
        at = self._pooled[place]
        return np.array([1 - e.searchsorted(at, side="right") / len(e) for e in self._each])

    def _ends(self, place: int, effective: float) -> tuple[float, float]:
        return _willink(self.above(place), effective - 1)

    @staticmethod
    def _first(low: int, high: int, holds: Callable[[int], bool]) -> int:
        """The first place from ``low`` to ``high`` from which on it holds; ``high`` if none."""
        while low < high:
            middle = (low + high) // 2
            if holds(middle):
                high = middle
            else:
                low = middle + 1
        return low


def share_interval(held: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share, from how often something was so.

    Parameters
    ----------
    held, of
        How often it was so, of how many independent tries.

    Notes
    -----
    The exact interval (Clopper and Pearson, Biometrika 26, 1934) with half of the probability of
    what was seen left out ("mid-p": Lancaster, Journal of the American Statistical Association 56,
    1961). Without that an interval for few tries is far too wide: Agresti and Gottard,
    Computational Statistics and Data Analysis 51 (2007). From 3 to 100 tries it holds any share
    with a probability of at least 91 %, on average of 95 to 96 %. The intervals that Brown, Cai
    and DasGupta recommend (Statistical Science 16, 2001), Wilson's and Jeffreys', come as near to
    95 % on average, but hold some shares near 0 and 1 in 83 and 87 of a hundred cases.

    Examples
    --------
    >>> low, high = share_interval(10, 10)
    >>> f"{low:.2f} to {high:.2f}"
    '0.74 to 1.00'
    """
    if of == 0:
        return 0.0, 1.0
    low = 0.0 if held == 0 else 1 - _most(of - held, of)
    return low, 1.0 if held == of else _most(held, of)


def _most(held: int, of: int) -> float:
    """The largest share with which so few are not too improbable."""
    from scipy.special import bdtr

    low, high = held / of, 1.0
    while high - low > 1e-12:
        p = (low + high) / 2
        fewer = bdtr(held - 1, of, p) if held else 0.0
        if (fewer + bdtr(held, of, p)) / 2 > _SIDE:
            low = p
        else:
            high = p
    return low


def count_interval(counts: Floats) -> tuple[float, float] | None:
    """The 95 % interval of a mean count a replication, which may be 0.

    Notes
    -----
    With not one counted, the rule behind "three over n": a mean of m leaves n replications empty
    with probability exp(-n m).

    Examples
    --------
    >>> low, high = count_interval(np.zeros(10))
    >>> f"{low} to {high:.2f}"
    '0.0 to 0.37'
    """
    if len(counts) < 2:
        return None
    if not counts.any():
        return 0.0, -math.log(_SIDE) / len(counts)
    low, high = _willink(counts, _effective(counts) - 1)
    return max(low, 0.0), high
