"""Times in short: mean, quantiles, the largest, and how sure the mean is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simqueue.results.intervals import mean_ci95


@dataclass(frozen=True)
class Statistics:
    """Times in seconds; ``None`` where there is nothing to take a mean of.

    ``ci95`` is the 95 % interval of the mean; ``None`` with fewer than two replications.
    """

    mean: float | None
    p50: float | None
    p95: float | None
    p99: float | None
    max: float | None
    ci95: tuple[float, float] | None


def describe(samples: Sequence[NDArray[np.float64]]) -> Statistics:
    """Describe the times of several replications, one array each.

    The mean is that of the replications' means; quantiles (linear between neighbours) and the
    largest value are of all times pooled.
    """
    samples = [sample for sample in samples if len(sample)]
    if not samples:
        return Statistics(None, None, None, None, None, None)
    mean, ci95 = mean_ci95([float(sample.mean()) for sample in samples])
    p50, p95, p99, largest = np.quantile(np.concatenate(samples), (0.5, 0.95, 0.99, 1.0)).tolist()
    return Statistics(mean, p50, p95, p99, largest, ci95)
