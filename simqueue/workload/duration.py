"""What every distribution of durations can say of itself.

Its mean, its squared coefficient of variation (scv, variance over squared mean), its third moment
and its distribution function, because the formulas that judge a simulation need them.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field
from typing_extensions import override

from simqueue.checked import Checked
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


class Duration(Checked):
    """A distribution of durations."""

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
        """Third moment about zero, E[X^3], cubic seconds; infinite where there is none."""
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


class OfMean(Duration):
    """One that is told by its mean."""

    mean_s: PositiveMean

    @property
    @override
    def mean(self) -> float:
        return self.mean_s


class OfMeanAndCv(OfMean):
    """One that is told by its mean and its coefficient of variation."""

    cv: Cv

    @property
    @override
    def scv(self) -> float:
        return self.cv**2
