"""Durations with long tails: Weibull, Pareto, hyperexponential.

Sources: Johnson, Kotz and Balakrishnan, *Continuous Univariate Distributions*, vol. 1, 2nd ed.
1994: chapters 20 (Pareto) and 21 (Weibull); Whitt, *Approximating a Point Process by a Renewal
Process, I: Two Basic Methods*, Operations Research 30 (1982), section 3 (hyperexponential with
balanced means).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Annotated, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from simqueue.policies import Finite
from simqueue.workload.duration import Floats, OfMean, OfMeanAndCv

#: More than the exponential's.
LongTailCv = Annotated[Finite, Field(gt=1, le=100)]


class Weibull(OfMeanAndCv):
    """Weibull with mean ``mean_s`` and coefficient of variation ``cv``; 1 is the exponential.

    Its tail is exp(-(t / scale)^shape): longer than the exponential's where ``cv`` is above 1.
    """

    distribution: Literal["weibull"]

    @property
    def shape(self) -> float:
        """The power of time in the tail."""
        return _weibull_shape(self.cv)

    @property
    def scale_s(self) -> float:
        """The time that a share of 1/e exceeds, seconds."""
        return self.mean_s * math.exp(-math.lgamma(1 + 1 / self.shape))

    @property
    @override
    def third(self) -> float:
        """scale^3 Gamma(1 + 3 / shape)."""
        power = 1 / self.shape
        return self.mean_s**3 * math.exp(math.lgamma(1 + 3 * power) - 3 * math.lgamma(1 + power))

    @override
    def cdf(self, t: Floats) -> Floats:
        with np.errstate(over="ignore", under="ignore"):  # far from the scale: 0 or 1
            return -np.expm1(-((np.maximum(t, 0.0) / self.scale_s) ** self.shape))

    @override
    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        return self.scale_s * rng.weibull(self.shape, n)


class Pareto(OfMean):
    """Pareto of the second kind, the Lomax distribution: a tail that falls as a power of time.

    The share that takes longer than t is (1 + t / scale)^-index, from t = 0 on: most jobs are
    short. The variance exists where the index is above 2, and ``cv`` is above 1 then.
    """

    distribution: Literal["pareto"]
    cv: LongTailCv

    @property
    def index(self) -> float:
        """The power with which the tail falls, above 2."""
        return 2 * self.scv / (self.scv - 1)

    @property
    def scale_s(self) -> float:
        """Where the tail begins to fall as a power, seconds."""
        return self.mean_s * (self.index - 1)

    @property
    @override
    def scv(self) -> float:
        return self.cv**2

    @property
    @override
    def third(self) -> float:
        """6 scale^3 / ((index - 1) (index - 2) (index - 3)); infinite up to index 3, cv 1.73."""
        if self.index <= 3:
            return math.inf
        # In units of the mean: powers of a scale that is nearly infinite would be lost.
        index = self.index
        return 6 * self.mean_s**3 * (index - 1) / (index - 2) * (index - 1) / (index - 3)

    @override
    def cdf(self, t: Floats) -> Floats:
        return -np.expm1(-self.index * np.log1p(np.maximum(t, 0.0) / self.scale_s))

    @override
    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        return self.scale_s * rng.pareto(self.index, n)


class Hyperexponential(OfMean):
    """Two exponentials, of which one is drawn for each job; both bring as much work in all.

    The short ones come with probability (1 + sqrt((scv - 1) / (scv + 1))) / 2: balanced means.
    Other branches are a mixture of exponentials.
    """

    distribution: Literal["hyperexponential"]
    cv: LongTailCv

    @property
    def short_share(self) -> float:
        """Probability of the exponential with the smaller mean."""
        return (1 + math.sqrt((self.scv - 1) / (self.scv + 1))) / 2

    @property
    def branches(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Share and mean, seconds, of the short ones and of the long ones."""
        short = self.short_share
        # One less the share of the short ones, without losing its digits near 1.
        long = 1 / (self.scv + 1) / (2 * short)
        return (short, self.mean_s / (2 * short)), (long, self.mean_s / (2 * long))

    @property
    @override
    def scv(self) -> float:
        return self.cv**2

    @property
    @override
    def third(self) -> float:
        return sum(6 * share * mean**3 for share, mean in self.branches)

    @override
    def cdf(self, t: Floats) -> Floats:
        past = np.maximum(t, 0.0)
        (short, short_s), (long, long_s) = self.branches
        return -short * np.expm1(-past / short_s) - long * np.expm1(-past / long_s)

    @override
    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        (short, short_s), (_, long_s) = self.branches
        # Two numbers for each job, side by side: more jobs leave those of the first as they are.
        which, how_long = rng.random((n, 2)).T
        times: Floats = -np.log1p(-how_long) * np.where(which < short, short_s, long_s)
        return times


@lru_cache(maxsize=256)
def _weibull_shape(cv: float) -> float:
    """The shape of the Weibull with this coefficient of variation."""
    from scipy.optimize import brentq

    wanted = math.log1p(cv**2)

    def off(power: float) -> float:
        return math.lgamma(1 + 2 * power) - 2 * math.lgamma(1 + power) - wanted

    # It falls as the shape rises: from 0.1 (cv 430) to what is as good as constant.
    power: float = brentq(off, 1e-8, 10.0, xtol=1e-300, rtol=1e-14)
    return 1 / power
