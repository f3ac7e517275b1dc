"""Durations of several sorts of jobs, mixed."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator
from typing_extensions import override

from simqueue.checked import Checked
from simqueue.policies import Finite
from simqueue.workload.duration import Duration, Floats
from simqueue.workload.measured import Empirical
from simqueue.workload.simple import Constant, Exponential, Gamma, Lognormal, Uniform
from simqueue.workload.skewed import Hyperexponential, Pareto, Weibull

#: Any but a mixture: a mixture of mixtures is a mixture of their parts.
Simple = Annotated[
    Constant
    | Exponential
    | Uniform
    | Gamma
    | Lognormal
    | Weibull
    | Pareto
    | Hyperexponential
    | Empirical,
    Field(discriminator="distribution"),
]


class Part(Checked):
    """One sort of jobs in a mixture.

    Attributes
    ----------
    share
        Probability that a job is of this sort.
    time
        How long it takes then.
    """

    share: Annotated[Finite, Field(gt=0, le=1)]
    time: Simple


class Mixture(Duration):
    """Each job is of one of several sorts, and takes the time of its sort."""

    distribution: Literal["mixture"]
    parts: Annotated[list[Part], Field(min_length=1, max_length=20)]

    @model_validator(mode="after")
    def _whole(self) -> Mixture:
        total = math.fsum(part.share for part in self.parts)
        if abs(total - 1) > 1e-9:
            raise ValueError(f"parts: the shares should add up to 1, not {total:.10g}")
        return self

    @property
    @override
    def mean(self) -> float:
        return sum(part.share * part.time.mean for part in self.parts)

    @property
    @override
    def scv(self) -> float:
        mean = self.mean
        if mean == 0:
            return 0.0
        return (
            sum(
                part.share * (part.time.scv * part.time.mean**2 + (part.time.mean - mean) ** 2)
                for part in self.parts
            )
            / mean**2
        )

    @property
    @override
    def third(self) -> float:
        return sum(part.share * part.time.third for part in self.parts)

    @override
    def cdf(self, t: Floats) -> Floats:
        found: Floats = np.sum([part.share * part.time.cdf(t) for part in self.parts], axis=0)
        return found

    @override
    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        # Each sort has a generator of its own: more jobs leave those of the first as they are.
        until = np.cumsum([part.share for part in self.parts[:-1]])
        sorts = np.searchsorted(until, rng.random(n), side="right")
        found: Floats = np.empty(n)
        for sort, own in enumerate(rng.spawn(len(self.parts))):
            mine = sorts == sort
            found[mine] = self.parts[sort].time.draw(own, n)[mine]
        return found
