"""Service times and other durations: all that a scenario may say."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from simqueue.workload.duration import LONGEST_S, SHORTEST_S, Duration, Floats, measurable
from simqueue.workload.measured import Empirical
from simqueue.workload.mixture import Mixture, Part
from simqueue.workload.simple import Constant, Exponential, Gamma, Lognormal, Uniform
from simqueue.workload.skewed import Hyperexponential, Pareto, Weibull

__all__ = [
    "LONGEST_S",
    "SHORTEST_S",
    "Constant",
    "Distribution",
    "Duration",
    "Empirical",
    "Exponential",
    "Floats",
    "Gamma",
    "Hyperexponential",
    "Lognormal",
    "Mixture",
    "Pareto",
    "Part",
    "Uniform",
    "Weibull",
    "measurable",
]

Distribution = Annotated[
    Constant
    | Exponential
    | Uniform
    | Gamma
    | Lognormal
    | Weibull
    | Pareto
    | Hyperexponential
    | Empirical
    | Mixture,
    Field(discriminator="distribution"),
]
