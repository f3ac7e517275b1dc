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
>>> next_step(order, attempt=1, outcome="fatal") is None
True
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Literal, Self, overload

from pydantic import Field, model_validator

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
#: How an attempt ends. ``fatal``: it failed, and no further one can succeed.
AttemptOutcome = Literal["completed", "failed", "fatal"]

#: A power of e that a float can just hold.
_OVERFLOWS = 700.0

#: What a parent does when one of its children has failed for good, after BullMQ's options.
ChildFailure = Literal[
    "wait", "fail-parent", "continue-parent", "ignore-dependency", "remove-dependency"
]

Finite = Annotated[float, Field(strict=True, allow_inf_nan=False)]
#: Of a backoff, milliseconds.
Delay = Annotated[Finite, Field(ge=0, le=MAX_MS)]


class Backoff(Checked):
    """How long a failed job waits before its next attempt.

    Attributes
    ----------
    type
        ``fixed``: the same delay each time. ``exponential``: the delay grows with each attempt.
        ``list``: each delay is said.
    delay_ms
        Delay after the first failed attempt, milliseconds; not of a list.
    delays_ms
        Of a list: the delay after each failed attempt, milliseconds; the last one repeats.
    multiplier
        By how much an exponential delay grows each time.
    jitter
        0 to 1. The wait is uniform between (1 - jitter) and 1 times the delay, so 0.5 is the
        "equal" and 1 the "full" jitter of the literature.
    min_ms, max_ms
        No wait is shorter or longer, milliseconds. The cap is applied before jitter, the floor
        after it.

    Notes
    -----
    Source: BullMQ ``src/classes/backoffs.ts`` (Node; its Python port ignores jitter). Waits are
    whole milliseconds there, rounded without jitter and cut off with it, and so they are here.
    BullMQ has no list, no other multiplier than 2, no cap and no floor, unless a worker computes
    its waits itself, as ours does (in Node: ``settings.backoffStrategy``). The adapter says so.

    Examples
    --------
    >>> steps = Backoff(type="list", delays_ms=[1000, 5000, 60000])
    >>> [steps.wait_s(attempt) for attempt in (1, 2, 3, 4)]
    [1.0, 5.0, 60.0, 60.0]
    """

    type: Literal["fixed", "exponential", "list"] = "fixed"
    delay_ms: Delay = 0.0
    delays_ms: Annotated[list[Delay], Field(max_length=1000)] = []
    multiplier: Annotated[Finite, Field(ge=1, le=1000)] = 2.0
    jitter: Annotated[Finite, Field(ge=0, le=1)] = 0.0
    min_ms: Delay = 0.0
    max_ms: Annotated[Finite, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.type == "list":
            if not self.delays_ms:
                raise ValueError(
                    "delays_ms: missing; a backoff of type 'list' has one delay or more"
                )
            if self.delay_ms:
                raise ValueError(
                    "delay_ms: a backoff of type 'list' has delays_ms, and no delay_ms"
                )
        elif self.delays_ms:
            raise ValueError(f"delays_ms: is for type = 'list', not {self.type!r}")
        if self.type != "exponential" and self.multiplier != 2:
            raise ValueError(f"multiplier: is for type = 'exponential', not {self.type!r}")
        if self.max_ms is not None and self.min_ms > self.max_ms:
            raise ValueError(f"min_ms: {self.min_ms:g} should not exceed max_ms, {self.max_ms:g}")
        return self

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
        delay: float = math.floor(min(self._delay_ms(attempt), LONGEST_MS) + 0.5)
        if self.max_ms is not None:
            delay = min(delay, self.max_ms)
        if draw is None:
            return max(delay, self.min_ms) / 1000
        if self.jitter == 0:
            return max(delay, self.min_ms) / 1000 + 0 * draw
        # Whole milliseconds: dividing by one, rounded down, works on arrays too.
        wait = (draw * delay * self.jitter + delay * (1 - self.jitter)) // 1
        short = self.min_ms - wait
        return (wait + short * (short > 0)) / 1000 if self.min_ms else wait / 1000

    def _delay_ms(self, attempt: int) -> float:
        """The delay after a failed attempt, before any bound."""
        if self.type == "list":
            return self.delays_ms[min(attempt, len(self.delays_ms)) - 1]
        if self.type == "fixed" or not self.delay_ms:
            return self.delay_ms
        if (attempt - 1) * math.log(self.multiplier) > _OVERFLOWS:
            return LONGEST_MS
        return self.multiplier ** (attempt - 1) * self.delay_ms


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
    child_failure
        What one of this queue's jobs does when one of its children has failed for good.
        ``wait``: BullMQ's default, it goes on waiting, until that child is removed (see
        ``keep_failed`` of the child's queue). ``fail-parent``: it fails as well, as soon as a slot
        comes to it. ``continue-parent``: it is ready at once; an attempt that ends while other
        children are pending fails. ``ignore-dependency``, ``remove-dependency``: it goes by the
        children that are left.
    """

    attempts: Annotated[int, Field(strict=True, ge=1, le=1000)] = 1
    backoff: Backoff = Backoff()
    keep_completed: Annotated[int, Field(strict=True, ge=0)] = 100
    keep_failed: Annotated[int, Field(strict=True, ge=0)] = 50
    lifo: Annotated[bool, Field(strict=True)] = False
    child_failure: ChildFailure = "wait"

    @property
    def retries(self) -> int:
        """Attempts after the first."""
        return self.attempts - 1

    def waits_s(self) -> list[float]:
        """The longest waits of a job that fails every time, seconds; one fewer than attempts."""
        return [self.backoff.wait_s(attempt) for attempt in range(1, self.attempts)]


@overload
def next_step(
    policy: QueuePolicy, attempt: int, outcome: AttemptOutcome, draw: float | None = None
) -> float | None: ...


@overload
def next_step(
    policy: QueuePolicy, attempt: int, outcome: AttemptOutcome, draw: NDArray[np.float64]
) -> NDArray[np.float64] | None: ...


def next_step(
    policy: QueuePolicy,
    attempt: int,
    outcome: AttemptOutcome,
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
        How it ended; ``fatal`` is BullMQ's ``UnrecoverableError``.
    draw
        Uniform number in [0, 1) for jitter, or an array of them; see `Backoff.wait_s`.
    """
    if outcome != "failed" or attempt >= policy.attempts:
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
