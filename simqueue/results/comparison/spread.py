"""The model against the real queue's own spread: several real runs of one workload.

A real queue does not do the same twice. An error that is no larger than the difference between two
of its runs is no error that anybody could have avoided.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from simqueue.results.comparison.compare import Comparison
from simqueue.results.comparison.measure_words import measure_name, value

#: Runs that tell a spread.
LEAST = 2


@dataclass(frozen=True)
class Spread:
    """One measure of one queue, in several real runs and in the model.

    Attributes
    ----------
    queue, measure
        Which.
    real
        The measure in each real run.
    model
        The model's.
    low, high
        Between which one more real run would lie with 95 % probability.
    """

    queue: str
    measure: str
    real: tuple[float, ...]
    model: float
    low: float
    high: float

    @property
    def inside(self) -> bool:
        """Whether the model could be one more of the real runs."""
        return self.low <= self.model <= self.high

    def as_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {**vars(self), "real": list(self.real), "inside": self.inside}

    @property
    def sentence(self) -> str:
        """The finding in words."""
        name = self.measure
        ends = f"{value(name, max(self.low, 0.0))} to {value(name, self.high)}"
        words = f"{self.queue}: {measure_name(name)} is {value(name, self.model)} in the model"
        where = "inside" if self.inside else "outside"
        return f"{words}, {where} of what one more real run would give ({ends})."


def spreads(comparisons: Sequence[Comparison]) -> list[Spread]:
    """The spread of each measure that all real runs and the model have.

    Parameters
    ----------
    comparisons
        Of each real run with the same run of the model.

    Notes
    -----
    The interval of one more observation: mean ± t s sqrt(1 + 1/n), Student's t with n - 1 degrees
    of freedom. Source: Hahn and Meeker, *Statistical Intervals*, 1991, section 4.7.

    Raises
    ------
    ValueError
        If there are fewer than two.
    """
    if len(comparisons) < LEAST:
        raise ValueError(f"spreads takes {LEAST} comparisons or more, not {len(comparisons)}")
    from scipy.special import stdtrit

    n = len(comparisons)
    factor = float(stdtrit(n - 1, 0.975)) * math.sqrt(1 + 1 / n)
    found = []
    for queue, first in comparisons[0].queues.items():
        for name, measure in first.measures.items():
            real = [one.queues[queue].measures[name].real for one in comparisons]
            known = [one for one in real if one is not None]
            if len(known) < n or measure.model is None:
                continue
            half = factor * float(np.std(known, ddof=1))
            mean = float(np.mean(known))
            found.append(Spread(queue, name, tuple(known), measure.model, mean - half, mean + half))
    return found


def beyond(comparisons: Sequence[Comparison], tolerances: Mapping[str, float]) -> list[str]:
    """One sentence for each measure that is out of tolerance, and out of the real queue's spread.

    Parameters
    ----------
    comparisons
        Of each real run with the same run of the model.
    tolerances
        As of `Comparison.exceeded`, for the mean of the real runs.
    """
    found = []
    for one in spreads(comparisons):
        allowed = tolerances.get(one.measure)
        if allowed is None or one.inside or not comparisons[0].judges(one.queue, one.measure):
            continue
        least = comparisons[0].queues[one.queue].measures[one.measure].least
        mean = float(np.mean(one.real))
        if abs(one.model - mean) > allowed * max(abs(mean), least):
            found.append(one.sentence)
    return found
