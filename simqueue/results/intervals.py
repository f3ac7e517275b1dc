"""How sure a mean is: confidence intervals over independent replications."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def mean_ci95(
    values: Sequence[float | None],
) -> tuple[float | None, tuple[float, float] | None]:
    """Mean of the replications' means, and its 95 % interval.

    Parameters
    ----------
    values
        One mean a replication; ``None`` for one that had nothing to take a mean of.

    Returns
    -------
    tuple
        The mean (``None`` without values) and (low, high), ``None`` with fewer than two values.

    Notes
    -----
    Student's t with one degree of freedom less than there are values: replications are
    independent, waits inside one of them are not. Source: Law, *Simulation Modeling and
    Analysis*, the replication/deletion approach (section 9.5.2 in the 5th edition).

    Examples
    --------
    >>> mean_ci95([1.0])
    (1.0, None)
    >>> mean, (low, high) = mean_ci95([1.0, 2.0, 3.0])
    >>> f"{mean} {low:.3f} {high:.3f}"
    '2.0 -0.484 4.484'
    """
    known = np.array([value for value in values if value is not None], dtype=np.float64)
    n = len(known)
    if n == 0:
        return None, None
    mean = float(known.mean())
    if n == 1:
        return mean, None
    # scipy.stats takes seconds to import; this is the function behind its t.ppf.
    from scipy.special import stdtrit

    half = float(stdtrit(n - 1, 0.975)) * float(known.std(ddof=1)) / math.sqrt(n)
    return mean, (mean - half, mean + half)
