"""Batches: several jobs at one moment."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Discriminator, Field, Tag

from simqueue.checked import Checked
from simqueue.policies import Finite
from simqueue.workload.duration import Floats
from simqueue.workload.streams import Arrivals, Source, Varied
from simqueue.workload.values import Count


class Geometric(Checked):
    """Sizes without memory: however many jobs there are already, one more is as likely."""

    distribution: Literal["geometric"]
    mean: Annotated[Finite, Field(ge=1, le=10_000)]


#: A number; a list of numbers, each as likely as the others; or a distribution.
Batch = Annotated[
    Annotated[Count, Tag("number")]
    | Annotated[list[Count], Field(min_length=1, max_length=10_000), Tag("list")]
    | Annotated[Geometric, Tag("table")],
    Discriminator(
        lambda value: (
            "list"
            if isinstance(value, list)
            else "table"
            if isinstance(value, dict | Geometric)
            else "number"
        )
    ),
]


class Batched(Varied):
    """Arrivals that may bring several jobs at one moment.

    Attributes
    ----------
    batch
        How many: a number, numbers of which each is as likely as the others, or a distribution.
    """

    batch: Batch = 1

    @property
    def batch_mean(self) -> float:
        """Jobs at one moment, expected."""
        if isinstance(self.batch, Geometric):
            return self.batch.mean
        return float(np.mean(self.batch))

    def moments(self, source: Source, duration_s: float) -> Floats:
        """Moments in [0, duration_s) at which jobs come, ascending, seconds."""
        raise NotImplementedError

    def moments_expected(self, times_s: Floats, duration_s: float) -> Floats:
        """Moments that are expected by each moment."""
        raise NotImplementedError

    def expected(self, times_s: Floats, duration_s: float) -> Floats:
        """Jobs that are expected by each moment."""
        return self.batch_mean * self.moments_expected(times_s, duration_s)

    def draw(self, source: Source, duration_s: float) -> Arrivals:
        """Arrivals in [0, duration_s)."""
        moments = self.moments(source, duration_s)
        if self.batch == 1:
            return Arrivals(moments, None)
        return Arrivals(np.repeat(moments, self._sizes(source, len(moments))), None)

    def _sizes(self, source: Source, n: int) -> NDArray[np.int64]:
        if isinstance(self.batch, int):
            return np.full(n, self.batch)
        rng = source("batch")
        if isinstance(self.batch, Geometric):
            return rng.geometric(1 / self.batch.mean, n)
        return np.array(self.batch)[rng.integers(len(self.batch), size=n)]
