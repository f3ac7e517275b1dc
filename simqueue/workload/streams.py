"""What every kind of arrivals can say of itself, and what it gives."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from simqueue.checked import Checked
from simqueue.policies import Finite
from simqueue.workload.duration import Floats
from simqueue.workload.production import Client, Seconds

#: Keys that tell the kinds of arrivals apart: pydantic puts them into its paths, as tags.
ARRIVAL_KINDS = (
    *("trace", "rate_per_s", "interval_s", "profile", "per_hour", "burst", "customers"),
    *("every_s", "follows"),
)

Rate = Annotated[Finite, Field(ge=0, le=1e9)]
PositiveRate = Annotated[Finite, Field(gt=0, le=1e9)]
#: How many times as fast, or as many.
Factor = Annotated[Finite, Field(gt=0, le=1e9)]


def _rising(steps: list[tuple[float, float]]) -> list[tuple[float, float]]:
    if any(later <= earlier for (earlier, _), (later, _) in pairwise(steps)):
        raise ValueError("the times should rise")
    return steps


#: Moments, and how many jobs are sent then; moments, and how many times as many come from then on.
Sent = Annotated[
    list[tuple[Seconds, Annotated[int, Field(strict=True, ge=1, le=1_000_000)]]],
    Field(max_length=100_000),
    AfterValidator(_rising),
]
Factors = Annotated[
    list[tuple[Seconds, Annotated[Finite, Field(ge=0, le=100)]]],
    Field(max_length=100_000),
    AfterValidator(_rising),
]
#: Gives the generator of one purpose; see `simqueue.workload.draws`.
Source = Callable[[str], np.random.Generator]


class Turns(NamedTuple):
    """Requests of customers who wait for each answer before they think of the next.

    Attributes
    ----------
    think_s
        How long the customer thinks before each request, seconds.
    following
        The number of the same customer's next request; -1: there is none.
    """

    think_s: Floats
    following: NDArray[np.int64]


class Arrivals(NamedTuple):
    """Moments in seconds from the start, ascending, and the key of each (an order's number).

    With ``turns`` a moment is the earliest possible: the one if every answer came at once.
    ``classes`` are the names of the jobs' classes; empty, or all of it ``None``: chance says.
    """

    times_s: Floats
    keys: list[str] | None  # None: numbered from 1
    turns: Turns | None = None
    classes: list[str] | None = None


class Stream(Checked):
    """One queue's arrivals."""

    @property
    def steady(self) -> bool:
        """Whether as much is expected at any moment as at any other."""
        return False

    @property
    def random(self) -> bool:
        """Whether chance says when they come."""
        return True

    def steps_s(self, duration_s: float) -> Floats:  # noqa: ARG002
        """Moments at which the expected rate changes."""
        return np.empty(0)

    def expected(self, times_s: Floats, duration_s: float) -> Floats:
        """Jobs that are expected by each moment."""
        raise NotImplementedError

    def coming(self, times_s: Floats, duration_s: float) -> Floats:
        """Jobs that are expected by each moment, with those beside its own."""
        return self.expected(times_s, duration_s)

    def changes_s(self, duration_s: float) -> Floats:
        """Moments at which it is another rate that is expected of all that come."""
        return self.steps_s(duration_s)

    def draw(self, source: Source, duration_s: float) -> Arrivals:
        """Arrivals in [0, duration_s), without those beside its own."""
        raise NotImplementedError

    def drawn_beside(self, duration_s: float) -> float:  # noqa: ARG002
        """How many numbers are drawn beside those of the jobs, expected."""
        return 0.0


class Asked(Stream):
    """Arrivals that somebody asks for.

    Attributes
    ----------
    max_waiting
        A job is turned away where so many wait in its queue; by default none is.
    """

    max_waiting: Annotated[int, Field(strict=True, ge=1)] | None = None


class Open(Asked):
    """Arrivals that come whatever has become of those before them.

    Attributes
    ----------
    client
        Who waits for the jobs and asks again, if anybody does.
    sent
        Moments, seconds, and how many jobs are sent then, beside those that come by themselves.
    """

    client: Client | None = None
    sent: Sent = []

    def sent_by(self, times_s: Floats) -> Floats:
        """How many jobs were sent before each moment: those of the moment belong to what follows.

        So do arrivals, which stop before the end.
        """
        if not self.sent:
            return np.zeros(len(times_s))
        moments, jobs = np.array(self.sent, dtype=float).T
        return np.append(0.0, np.cumsum(jobs))[np.searchsorted(moments, times_s, side="left")]

    def sent_late(self, duration_s: float) -> int:
        """How many jobs are sent when arrivals have stopped."""
        return sum(jobs for at_s, jobs in self.sent if at_s >= duration_s)


class Varied(Open):
    """Arrivals whose rate may be another for a while.

    Attributes
    ----------
    factor
        Moments, seconds, and how many times as many jobs come from then on.
    """

    factor: Factors = []

    @property
    def alone(self) -> bool:
        """Whether all that come are its own, and all of them come."""
        return not (self.sent or self.factor)

    def factor_at(self, times_s: Floats) -> Floats:
        """How many times as many come at each moment."""
        starts = [start_s for start_s, _ in self.factor]
        factors = np.array([*(factor for _, factor in self.factor), 1.0])  # -1: before the first
        return factors[np.searchsorted(starts, times_s, side="right") - 1]

    def coming(self, times_s: Floats, duration_s: float) -> Floats:
        """Jobs that are expected by each moment, with those beside its own."""
        found = self.expected(times_s, duration_s)
        before = 1.0
        for start_s, factor in self.factor:
            since = self.expected(np.maximum(times_s, start_s), duration_s)
            since = since - self.expected(np.array([start_s]), duration_s)
            found, before = found + (factor - before) * since, factor
        return found + self.sent_by(times_s)

    def changes_s(self, duration_s: float) -> Floats:
        """Moments at which it is another rate that is expected of all that come."""
        moments = [at_s for at_s, _ in (*self.factor, *self.sent)]
        return np.append(self.steps_s(duration_s), moments)
