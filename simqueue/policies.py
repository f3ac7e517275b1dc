"""The settings of the queues, and the one rule of when a failed attempt is tried again.

*attempts* counts every try, the first included; *retries* = attempts - 1. An order job with
3 attempts therefore waits at most twice:

>>> order = POLICIES["order"]
>>> order.waits_s()
[2.0, 4.0]
>>> next_step(order, attempt=1, outcome="failed")
2.0
>>> next_step(order, attempt=3, outcome="failed") is None
True
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Literal, overload

from pydantic import Field

from simqueue.checked import Checked

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: A day: nobody means more, and nothing overflows.
MAX_MS = 86_400_000.0
#: A century. Doubling reaches it at some attempt, and what is longer makes no difference.
LONGEST_MS = 100 * 365.25 * MAX_MS

#: How a job ends for good.
Outcome = Literal["completed", "failed"]

Finite = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Backoff(Checked):
    """How long a failed job waits before its next attempt.

    Attributes
    ----------
    type
        ``fixed``: the same delay each time. ``exponential``: the delay doubles with each attempt.
    delay_ms
        Delay after the first failed attempt, milliseconds.
    jitter
        0 to 1. The wait is uniform between (1 - jitter) and 1 times the delay, so 0.5 is the
        "equal" and 1 the "full" jitter of the literature.
    max_ms
        Cap on the delay, applied before jitter. BullMQ has no such setting: the adapter warns.

    Notes
    -----
    Source: BullMQ ``src/classes/backoffs.ts`` (Node; its Python port ignores jitter). Waits are
    whole milliseconds there, rounded without jitter and cut off with it, and so they are here.
    """

    type: Literal["fixed", "exponential"] = "fixed"
    delay_ms: Annotated[Finite, Field(ge=0, le=MAX_MS)] = 0.0
    jitter: Annotated[Finite, Field(ge=0, le=1)] = 0.0
    max_ms: Annotated[Finite, Field(ge=0)] | None = None

    @overload
    def wait_s(self, attempt: int, draw: float | None = None) -> float: ...

    @overload
    def wait_s(self, attempt: int, draw: NDArray[np.float64]) -> NDArray[np.float64]: ...

    def wait_s(
        self, attempt: int, draw: float | NDArray[np.float64] | None = None
    ) -> float | NDArray[np.float64]:
        """Seconds between the end of a failed attempt and the moment the next one is due.

        Parameters
        ----------
        attempt
            Number of the attempt that failed, from 1.
        draw
            Uniform number in [0, 1) that jitter uses, or an array of them: a wait for each.
            ``None`` gives the longest wait possible.

        Raises
        ------
        ValueError
            If ``attempt`` is below 1.

        Examples
        --------
        >>> Backoff(type="exponential", delay_ms=3000).wait_s(7)
        192.0
        >>> Backoff(type="exponential", delay_ms=3000, jitter=0.5).wait_s(7, draw=0.0)
        96.0
        """
        if attempt < 1:
            raise ValueError(f"attempt(={attempt}) must be at least 1")
        factor = 2.0 ** (attempt - 1) if self.type == "exponential" else 1.0
        delay: float = math.floor(min(factor * self.delay_ms, LONGEST_MS) + 0.5)
        if self.max_ms is not None:
            delay = min(delay, self.max_ms)
        if draw is None:
            return delay / 1000
        if self.jitter == 0:
            return delay / 1000 + 0 * draw
        # Whole milliseconds: dividing by one, rounded down, works on arrays too.
        return (draw * delay * self.jitter + delay * (1 - self.jitter)) // 1 / 1000


class QueuePolicy(Checked):
    """What a queue does with its jobs: how many attempts, how far apart, what is kept.

    Attributes
    ----------
    attempts
        Tries in all, the first included.
    backoff
        The wait between two of them.
    keep_completed, keep_failed
        How many of the newest finished jobs stay in the queue for people to look at. The counts
        in ``stats`` never exceed them, so they are no totals.
    lifo
        Newest first: a new job goes to the head of the queue. A retry that is due goes to the tail
        all the same (BullMQ ``promoteDelayedJobs.lua``), unless it had no backoff.
    """

    attempts: Annotated[int, Field(strict=True, ge=1, le=1000)] = 1
    backoff: Backoff = Backoff()
    keep_completed: Annotated[int, Field(strict=True, ge=0)] = 100
    keep_failed: Annotated[int, Field(strict=True, ge=0)] = 50
    lifo: Annotated[bool, Field(strict=True)] = False

    @property
    def retries(self) -> int:
        """Attempts after the first."""
        return self.attempts - 1

    def waits_s(self) -> list[float]:
        """The longest waits of a job that fails every time, seconds; one fewer than attempts."""
        return [self.backoff.wait_s(attempt) for attempt in range(1, self.attempts)]


@overload
def next_step(
    policy: QueuePolicy, attempt: int, outcome: Outcome, draw: float | None = None
) -> float | None: ...


@overload
def next_step(
    policy: QueuePolicy, attempt: int, outcome: Outcome, draw: NDArray[np.float64]
) -> NDArray[np.float64] | None: ...


def next_step(
    policy: QueuePolicy,
    attempt: int,
    outcome: Outcome,
    draw: float | NDArray[np.float64] | None = None,
) -> float | NDArray[np.float64] | None:
    """What follows an attempt: a wait in seconds before the next one, or ``None`` for no more.

    The workload asks this function, so every simulator does as it says; a replayed log brings its
    own waits. BullMQ has the rule itself: the same policy becomes its job options, and tests hold
    that the two give the same waits.

    Parameters
    ----------
    policy
        The queue's policy.
    attempt
        Number of the attempt that just finished, from 1.
    outcome
        How it ended.
    draw
        Uniform number in [0, 1) for jitter, or an array of them; see `Backoff.wait_s`.
    """
    if outcome == "completed" or attempt >= policy.attempts:
        return None
    return policy.backoff.wait_s(attempt, draw)


#: The shop's three queues. No number about a queue is written anywhere else.
POLICIES: Mapping[str, QueuePolicy] = MappingProxyType(
    {
        "order": QueuePolicy(
            attempts=3,
            backoff=Backoff(type="exponential", delay_ms=2000),
            keep_completed=100,
            keep_failed=50,
        ),
        "payment": QueuePolicy(
            attempts=3,
            backoff=Backoff(type="fixed", delay_ms=5000),
            keep_completed=100,
            keep_failed=50,
        ),
        "email": QueuePolicy(
            attempts=5,
            backoff=Backoff(type="exponential", delay_ms=1000),
            keep_completed=50,
            keep_failed=25,
        ),
    }
)

#: Concurrent jobs of one worker, for each of its queues (``WORKER_CONCURRENCY``).
DEFAULT_CONCURRENCY = 5
