"""What every kind of arrivals can say of itself, and what it gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from simqueue.checked import Checked
from simqueue.policies import Finite
from simqueue.workload.duration import Floats
from simqueue.workload.production import Client

#: Keys that tell the kinds of arrivals apart: pydantic puts them into its paths, as tags.
ARRIVAL_KINDS = (
    *("trace", "rate_per_s", "interval_s", "profile", "per_hour", "burst", "customers"),
    *("every_s", "follows"),
)

Rate = Annotated[Finite, Field(ge=0, le=1e9)]
PositiveRate = Annotated[Finite, Field(gt=0, le=1e9)]
#: How many times as fast, or as many.
Factor = Annotated[Finite, Field(gt=0, le=1e9)]
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

    def draw(self, source: Source, duration_s: float) -> Arrivals:
        """Arrivals in [0, duration_s)."""
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
    """

    client: Client | None = None
