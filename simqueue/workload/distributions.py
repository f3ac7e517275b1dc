"""Service times and other durations: what a scenario may say, and how it is drawn.

Every distribution knows its mean, its squared coefficient of variation (scv, variance over squared
mean), its third moment and its distribution function, because the formulas that judge a simulation
need them. Source: Johnson, Kotz and Balakrishnan, *Continuous Univariate Distributions*, vol. 1,
2nd ed. 1994: chapters 14 (lognormal), 17 (gamma) and 19 (exponential), vol. 2, 1995: chapter 26
(uniform).
"""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, ValidationInfo, model_validator
from typing_extensions import override

from simqueue.checked import Checked
from simqueue.errors import InputError
from simqueue.files import open_text, read_once, reason
from simqueue.policies import Finite

#: Some thirty years: whoever writes more means milliseconds.
LONGEST_S = 1e9
#: A nanosecond: whoever writes less means nothing, and its square would be nothing.
SHORTEST_S = 1e-9


def measurable(seconds: float) -> float:
    """A duration that is long enough to be told from none.

    Raises
    ------
    ValueError
        If it is not.
    """
    if seconds < SHORTEST_S:
        raise ValueError(f"should be at least {SHORTEST_S:g} s, not {seconds!r}")
    return seconds


Mean = Annotated[Finite, Field(ge=0, le=LONGEST_S)]
PositiveMean = Annotated[Finite, Field(gt=0, le=LONGEST_S), AfterValidator(measurable)]
#: What varies less is constant: say so.
Cv = Annotated[Finite, Field(ge=1e-6, le=100)]
Floats = NDArray[np.float64]

#: Seconds in the unit that ends a column's name.
_UNITS = {"_ms": 1e-3, "_s": 1.0}


class _Distribution(Checked):
    @property
    def mean(self) -> float:
        """Mean, seconds."""
        raise NotImplementedError

    @property
    def scv(self) -> float:
        """Squared coefficient of variation: 0 for a constant, 1 for an exponential."""
        raise NotImplementedError

    @property
    def third(self) -> float:
        """Third moment about zero, E[X^3], cubic seconds."""
        raise NotImplementedError

    def cdf(self, t: Floats) -> Floats:
        """Distribution function: the probability that a duration is at most ``t``.

        Parameters
        ----------
        t
            Seconds.
        """
        raise NotImplementedError

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        """``n`` independent durations, seconds."""
        raise NotImplementedError


class _OfMean(_Distribution):
    mean_s: PositiveMean

    @property
    @override
    def mean(self) -> float:
        return self.mean_s


class _OfMeanAndCv(_OfMean):
    cv: Cv

    @property
    @override
    def scv(self) -> float:
        return self.cv**2


class Constant(_OfMean):
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


class Exponential(_OfMean):
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


class Uniform(_Distribution):
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


class Gamma(_OfMeanAndCv):
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


class Lognormal(_OfMeanAndCv):
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


class Empirical(_Distribution):
    """Values measured elsewhere, each as likely as the others.

    Attributes
    ----------
    file, column
        A CSV file and the column to draw from; its name ends in the unit, ``_s`` or ``_ms``.
        Empty cells are passed over.
    mean_s
        If given, the measured values are all multiplied so that their mean is this: the shape is
        measured, the size is yours.
    """

    distribution: Literal["empirical"]
    file: Path
    column: str
    mean_s: PositiveMean | None = None

    @model_validator(mode="before")
    @classmethod
    def _found(cls, value: object, info: ValidationInfo) -> object:
        # The scenario's folder is known only while a scenario is being read.
        find = (info.context or {}).get("find")
        if find and isinstance(value, dict) and isinstance(value.get("file"), str):
            return {**value, "file": find(value["file"])}
        return value

    @model_validator(mode="after")
    def _readable(self) -> Empirical:
        try:
            _measured(self.file, self.column)
        except InputError as error:
            raise ValueError(str(error)) from error
        return self

    @property
    def values(self) -> Floats:
        """The durations that are drawn from, seconds."""
        measured = _measured(self.file, self.column)
        return measured if self.mean_s is None else measured * (self.mean_s / measured.mean())

    @property
    @override
    def mean(self) -> float:
        return float(self.values.mean())

    @property
    @override
    def scv(self) -> float:
        return float(self.values.var() / self.values.mean() ** 2)

    @property
    @override
    def third(self) -> float:
        return float((self.values**3).mean())

    @override
    def cdf(self, t: Floats) -> Floats:
        values = np.sort(self.values)
        return np.searchsorted(values, t, side="right") / len(values)

    @override
    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        return self.values[rng.integers(len(self.values), size=n)]


Distribution = Annotated[
    Constant | Exponential | Uniform | Gamma | Lognormal | Empirical,
    Field(discriminator="distribution"),
]


@read_once(files=32)
def _measured(file: Path, column: str) -> Floats:
    unit = next((unit for end, unit in _UNITS.items() if column.endswith(end)), None)
    if unit is None:
        raise InputError(f"column {column}: its name should end in _s or _ms, the unit")
    try:
        with open_text(file) as lines:
            rows = csv.DictReader(lines)
            if column not in (rows.fieldnames or ()):
                raise InputError(f"{file.name} has no column {column}; it has {rows.fieldnames}")
            cells = [(rows.line_num, row[column]) for row in rows]
    except (OSError, UnicodeError, csv.Error) as error:
        raise InputError(f"{file}: cannot be read: {reason(error)}") from error
    values = [_seconds(file, line, column, cell, unit) for line, cell in cells if cell]
    if not values or np.mean(values) < SHORTEST_S:
        raise InputError(f"{file.name}: column {column} holds no positive value")
    return np.array(values)


def _seconds(file: Path, line: int, column: str, cell: str, unit: float) -> float:
    try:
        value = float(cell) * unit
    except ValueError:
        value = math.nan
    if not 0 <= value <= LONGEST_S:
        raise InputError(
            f"{file.name}:{line}: {column} {cell!r}: expected a time from 0 to {LONGEST_S:g} s"
        )
    return value
