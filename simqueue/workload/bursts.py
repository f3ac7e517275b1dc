"""Bursts: a Poisson process whose rate jumps between two values at random moments."""

from __future__ import annotations

from typing import Self

import numpy as np
from pydantic import model_validator

from simqueue.checked import Checked
from simqueue.workload.batches import Batched
from simqueue.workload.duration import Floats
from simqueue.workload.production import PositiveSeconds
from simqueue.workload.rates import Rates
from simqueue.workload.streams import Rate, Source


class State(Checked):
    """One of two states.

    Attributes
    ----------
    rate_per_s
        Arrivals a second while it lasts.
    mean_s
        How long it lasts on average; exponentially distributed.
    """

    rate_per_s: Rate
    mean_s: PositiveSeconds


class Bursts(Batched):
    """A two-state Markov-modulated Poisson process, in its stationary state from the start.

    It is calm, then there is a burst, then it is calm again, each for an exponential time. At the
    start it is in a burst with the probability that it is at any moment. Source: Fischer and
    Meier-Hellstern, *The Markov-modulated Poisson process (MMPP) cookbook*, Performance Evaluation
    18 (1993).

    Attributes
    ----------
    calm, burst
        The two states.
    """

    calm: State
    burst: State

    @model_validator(mode="after")
    def _bring_something(self) -> Self:
        if self.calm.rate_per_s == self.burst.rate_per_s == 0:
            raise ValueError("burst.rate_per_s: should be greater than 0, where calm's is not")
        return self

    @property
    def steady(self) -> bool:
        """As much is expected at any moment as at any other."""
        return True

    @property
    def burst_share(self) -> float:
        """Share of time that bursts last."""
        return self.burst.mean_s / (self.calm.mean_s + self.burst.mean_s)

    @property
    def mean_per_s(self) -> float:
        """Arrivals a second, over all."""
        share = self.burst_share
        return (1 - share) * self.calm.rate_per_s + share * self.burst.rate_per_s

    def moments_expected(self, times_s: Floats, duration_s: float) -> Floats:
        """Arrivals that are expected by each moment."""
        return self.mean_per_s * np.minimum(times_s, duration_s)

    def moments(self, source: Source, duration_s: float) -> Floats:
        """Arrivals in [0, duration_s)."""
        return self.rates(source, duration_s).poisson(duration_s, source)

    def rates(self, source: Source, duration_s: float) -> Rates:
        """The rate of each state, from when it begins."""
        rng = source("bursts")
        states = [self.calm, self.burst]
        if rng.random() < self.burst_share:
            states.reverse()
        means, per_s = np.array([[state.mean_s, state.rate_per_s] for state in states]).T
        pairs = int(duration_s / means.sum()) + 64
        lasts, lasted = [np.zeros(1)], 0.0
        while lasted < duration_s:
            lasts.append((rng.exponential(1.0, (pairs, 2)) * means).ravel())
            lasted += float(lasts[-1].sum())
        starts = np.cumsum(np.concatenate(lasts)[:-1])
        return Rates(starts, np.tile(per_s, len(starts) // 2))

    def drawn_beside(self, duration_s: float) -> float:
        """How many states there are, expected."""
        return 2 * duration_s / (self.calm.mean_s + self.burst.mean_s)
