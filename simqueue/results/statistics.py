"""Numbers in short: means, quantiles, the largest, and how sure each is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simqueue.results.intervals import Interval, Samples, mean_interval


class Estimate(float):
    """A number that a run gave, and how sure it is.

    Attributes
    ----------
    interval
        Low and high end of its 95 % interval over replications. ``None`` with fewer than two; an
        end that is ``None`` is not known.

    Examples
    --------
    >>> p95 = Estimate(2.5, (2.0, 3.5))
    >>> p95 < 3, p95.interval
    (True, (2.0, 3.5))
    """

    interval: Interval | None

    def __new__(cls, value: float, interval: Interval | None = None) -> Estimate:
        """A float with an interval."""
        made = super().__new__(cls, value)
        made.interval = interval
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return Estimate, (float(self), self.interval)

    def __deepcopy__(self, memo: object) -> Estimate:
        return self

    def __str__(self) -> str:
        return float.__repr__(self)


@dataclass(frozen=True)
class Statistics:
    """Times in seconds; ``None`` where there is nothing to take a mean of.

    ``ci95`` is the 95 % interval of the mean; ``None`` with fewer than two replications.
    """

    mean: Estimate | None
    p50: Estimate | None
    p95: Estimate | None
    p99: Estimate | None
    max: float | None

    @property
    def ci95(self) -> Interval | None:
        """The 95 % interval of the mean."""
        return self.mean.interval if self.mean is not None else None

    def as_dict(self) -> dict[str, Any]:
        """What JSON can hold: the numbers, and the interval of each beside it."""
        return {
            "mean": self.mean, "p50": self.p50, "p95": self.p95, "p99": self.p99, "max": self.max,
            "ci95": self.ci95,
            **{f"{key}_ci95": _interval(getattr(self, key)) for key in ("p50", "p95", "p99")},
        }  # fmt: skip


def describe(samples: Sequence[NDArray[np.float64]]) -> Statistics:
    """Describe the times of several replications, one array each.

    The mean is that of the replications' means; quantiles (linear between neighbours) and the
    largest value are of all times pooled.
    """
    samples = [sample for sample in samples if len(sample)]
    if not samples:
        return Statistics(None, None, None, None, None)
    return described(np.array([sample.mean() for sample in samples]), Samples(samples))


def described(means: NDArray[np.float64], together: Samples) -> Statistics:
    """Describe times by the means of the replications, and by all of them together."""

    def quantile(q: float) -> Estimate:
        return Estimate(together.quantile(q), together.quantile_interval(q))

    return Statistics(
        mean=Estimate(float(means.mean()), mean_interval(means)),
        p50=quantile(0.5),
        p95=quantile(0.95),
        p99=quantile(0.99),
        max=together.quantile(1.0),
    )


def _interval(value: Estimate | None) -> Interval | None:
    return value.interval if value is not None else None
