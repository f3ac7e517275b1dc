"""How long a warm-up is enough: MSER-5."""

from __future__ import annotations

import numpy as np

from simqueue.record.attempt_log import AttemptLog, Floats

_BATCH = 5
#: A run that would have to be cut here or later is too short for any warm-up.
MOST = 0.5


def mser5(values: Floats) -> int:
    """How many of the first values to leave out, so that the mean of the rest is surest.

    Parameters
    ----------
    values
        In the order in which they were observed.

    Returns
    -------
    int
        A multiple of five, at most half of the values; 0 with fewer than four batches.

    Notes
    -----
    Of the means of batches of five, the first d are left out that make (sum of squared deviations
    of the rest) / (number of the rest)^2 least. Source: White, *An Effective Truncation Heuristic
    for Bias Reduction in Simulation Output*, Simulation 69 (1997); White, Cobb and Spratt, *A
    Comparison of Five Steady-State Truncation Heuristics for Simulation*, Winter Simulation
    Conference 2000.

    Examples
    --------
    >>> mser5(np.array([9.0] * 10 + [1.0, 2.0] * 45))
    10
    """
    batches = len(values) // _BATCH
    if batches < 4:
        return 0
    means = values[: batches * _BATCH].reshape(batches, _BATCH).mean(axis=1)
    # Sums from the end: what is left when the first d are gone.
    left = np.arange(batches, 0, -1)
    sums, squares = np.cumsum(means[::-1])[::-1], np.cumsum(means[::-1] ** 2)[::-1]
    error = (squares - sums**2 / left) / left**2
    return int(np.argmin(error[: batches // 2 + 1])) * _BATCH


def warmup_s(log: AttemptLog, end_s: float) -> float:
    """The warm-up that a run needs, seconds: the longest of its queues'.

    Parameters
    ----------
    log
        The run from its empty start; over replications the jobs' waits are averaged, first with
        first, second with second, before it is looked at.
    end_s
        When arrivals end, seconds.
    """
    found = 0.0
    for queue in log.queues:
        runs = [_first_waits(one, queue, end_s) for one in log.by_replication()]
        shortest = min((len(waits) for waits, _ in runs), default=0)
        if shortest == 0:
            continue
        mean = np.mean([waits[:shortest] for waits, _ in runs], axis=0)
        cut = mser5(mean)
        if cut:
            found = max(found, max(float(moments[cut]) for _, moments in runs))
    return found


def _first_waits(log: AttemptLog, queue: str, end_s: float) -> tuple[Floats, Floats]:
    """The wait of each job's first attempt and when it was enqueued, in that order."""
    rows = log.select(queue, until_s=end_s).rows
    rows = rows[(rows["attempt"] == 1) & (rows["run"] == 1) & np.isfinite(rows["started_s"])]
    rows = rows[np.argsort(rows["enqueued_s"], kind="stable")]
    return rows["started_s"] - rows["ready_s"], rows["enqueued_s"]
