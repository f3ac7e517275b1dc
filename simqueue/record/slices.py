"""A run's attempts, one stretch of time after the other, for whoever does not need them all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: A flow that is over: positions of the queues that it began and ended in, and when, seconds.
FLOW = np.dtype([("root", "i2"), ("last", "i2"), ("enqueued_s", "f8"), ("finished_s", "f8")])


@dataclass(frozen=True)
class Slice:
    """What happened in [from_s, to_s), seconds; the last slice of a run has no end.

    Attributes
    ----------
    rows
        The attempts that ended, as an attempt log has them.
    live
        The jobs that have come to no end: a row each, of the attempt that runs, or waits, or is in
        backoff (its number is then that of the attempt before). Nothing in it is finished.
    flows
        Structured array of `FLOW`: those of which the last job ended. In the last slice also those
        of which none will; they are finished at NaN.
    """

    from_s: float
    to_s: float
    rows: NDArray[np.void]
    live: NDArray[np.void]
    flows: NDArray[Any]
