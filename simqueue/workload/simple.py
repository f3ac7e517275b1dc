"""The plain distributions: a few numbers say all of each.

Sources: Johnson, Kotz and Balakrishnan, *Continuous Univariate Distributions*, vol. 1, 2nd ed.
1994: chapters 14 (lognormal), 17 (gamma) and 19 (exponential), vol. 2, 1995: chapter 26 (uniform).
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from pydantic import model_validator
from typing_extensions import override

from simqueue.workload.duration import Duration, Floats, Mean, OfMean, OfMeanAndCv, PositiveMean


class Constant(OfMean):
    """Always the same."""

    distribution: Literal["constant"]
    mean_s: Mean

    @property
    @override
    def scv(self) -> float:
        return 0.0

    @property
    @override
    def third(self) -> float:
        return self.mean_s**3

    @override
    def cdf(self, t: Floats) -> Floats:
        return np.where(t >= self.mean_s, 1.0, 0.0)

    @override
    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        return np.full(n, self.mean_s)


class Exponential(OfMean):
    """Without memory: however long it has taken, the rest takes ``mean_s`` on average."""

    distribution: Literal["exponential"]

    @property
    @override
    def scv(self) -> float:
        return 1.0

    @property
    @override
    def third(self) -> float:
        return 6 * self.mean_s**3

    @override
    def cdf(self, t: Floats) -> Floats:
        return -np.expm1(-np.maximum(t, 0.0) / self.mean_s)

    @override
    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        return rng.exponential(self.mean_s, n)


class Uniform(Duration):
    """Anything between ``low_s`` and ``high_s`` alike."""

    distribution: Literal["uniform"]
    low_s: Mean
    high_s: PositiveMean

    @model_validator(mode="after")
    def _ordered(self) -> Uniform:
        if self.low_s > self.high_s:
            raise ValueError(f"low_s ({self.low_s}) should not exceed high_s ({self.high_s})")
        return self

    @property
    @override
    def mean(self) -> float:
        return (self.low_s + self.high_s) / 2

    @property
    @override
    def scv(self) -> float:
        return (self.high_s - self.low_s) ** 2 / 12 / self.mean**2

    @property
    @override
    def third(self) -> float:
        """The mean of x^3 from low to high: (high^4 - low^4) / (4 (high - low))."""
        return (self.low_s + self.high_s) * (self.low_s**2 + self.high_s**2) / 4

    @override
    def cdf(self, t: Floats) -> Floats:
        if self.low_s == self.high_s:
            return np.where(t >= self.low_s, 1.0, 0.0)
        return np.clip((t - self.low_s) / (self.high_s - self.low_s), 0.0, 1.0)

    @override
    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        return rng.uniform(self.low_s, self.high_s, n)


class Gamma(OfMeanAndCv):
    """Gamma with mean ``mean_s`` and coefficient of variation ``cv``."""

    distribution: Literal["gamma"]

    @property
    @override
    def third(self) -> float:
        """Shape k, scale s: k (k + 1) (k + 2) s^3."""
        return self.mean_s**3 * (1 + self.scv) * (1 + 2 * self.scv)

    @override
    def cdf(self, t: Floats) -> Floats:
        from scipy.special import gammainc

        shares: Floats = gammainc(1 / self.scv, np.maximum(t, 0.0) / (self.mean_s * self.scv))
        return shares

    @override
    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        return rng.gamma(1 / self.scv, self.mean_s * self.scv, n)


class Lognormal(OfMeanAndCv):
    """Lognormal with mean ``mean_s`` and coefficient of variation ``cv``: a long right tail."""

    distribution: Literal["lognormal"]

    @property
    @override
    def third(self) -> float:
        """exp(3 mu + 9 sigma^2 / 2)."""
        return self.mean_s**3 * (1 + self.scv) ** 3

    @override
    def cdf(self, t: Floats) -> Floats:
        from scipy.special import ndtr

        mu, sigma = self._of_logarithm
        with np.errstate(divide="ignore"):  # the logarithm of 0: no job takes no time
            shares: Floats = ndtr((np.log(np.maximum(t, 0.0)) - mu) / sigma)
        return shares

    @override
    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        return rng.lognormal(*self._of_logarithm, n)

    @property
    def _of_logarithm(self) -> tuple[float, float]:
        """Mean and standard deviation of the logarithm, which is normal."""
        sigma = math.sqrt(math.log1p(self.scv))
        return math.log(self.mean_s) - sigma**2 / 2, sigma
