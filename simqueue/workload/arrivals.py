"""When jobs arrive: what a scenario may say of one queue's arrivals, and how it is drawn."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from simqueue.policies import Finite
from simqueue.workload.batches import Batched, Geometric
from simqueue.workload.bursts import Bursts, State
from simqueue.workload.customers import Customers
from simqueue.workload.distributions import Distribution
from simqueue.workload.duration import Floats, measurable
from simqueue.workload.production import PositiveSeconds, Seconds
from simqueue.workload.rates import Rates
from simqueue.workload.schedulers import Scheduler
from simqueue.workload.streams import (
    ARRIVAL_KINDS,
    Arrivals,
    Factor,
    Open,
    PositiveRate,
    Rate,
    Source,
    Stream,
    Turns,
)
from simqueue.workload.traces import Trace

__all__ = [
    "ArrivalStream",
    "Arrivals",
    "Batched",
    "Bursts",
    "Customers",
    "Follows",
    "Geometric",
    "Hourly",
    "Poisson",
    "Profile",
    "Regular",
    "Scheduler",
    "Source",
    "State",
    "Stream",
    "Trace",
    "Turns",
]

Interval = Annotated[Finite, Field(gt=0), AfterValidator(measurable)]
_HOUR_S = 3600.0
_DAY, _WEEK = 24, 168


class Poisson(Batched):
    """At random, at one rate for the whole run."""

    rate_per_s: PositiveRate

    @property
    def steady(self) -> bool:
        """As much is expected at any moment as at any other."""
        return self.alone

    def moments_expected(self, times_s: Floats, duration_s: float) -> Floats:
        """Moments that are expected by each moment."""
        return self.rate_per_s * np.minimum(times_s, duration_s)

    def moments(self, source: Source, duration_s: float) -> Floats:
        """Moments in [0, duration_s)."""
        return self.rates().poisson(duration_s, source)

    def rates(self) -> Rates:
        """The one rate."""
        return Rates(np.zeros(1), np.array([self.rate_per_s]))


class Regular(Batched):
    """One every ``interval_s`` seconds, the first after one interval."""

    interval_s: Interval

    @property
    def steady(self) -> bool:
        """As much is expected at any moment as at any other."""
        return self.alone

    @property
    def random(self) -> bool:
        """Nothing but the sizes of batches may be."""
        return not (isinstance(self.batch, int) and self.alone)

    def moments_expected(self, times_s: Floats, duration_s: float) -> Floats:
        """Moments that are expected by each moment."""
        return np.minimum(times_s, duration_s) / self.interval_s

    def moments(self, source: Source, duration_s: float) -> Floats:  # noqa: ARG002
        """Moments in [0, duration_s)."""
        n = math.ceil(duration_s / self.interval_s)
        times: Floats = self.interval_s * np.arange(1.0, n + 1)
        return times[times < duration_s]


class _Stepping(Batched):
    """At random, at a rate that steps."""

    def rates(self) -> Rates:
        """The rates, and when they step."""
        raise NotImplementedError

    def steps_s(self, duration_s: float) -> Floats:
        """Moments at which the expected rate changes."""
        return self.rates().steps_s(duration_s)

    def moments_expected(self, times_s: Floats, duration_s: float) -> Floats:
        """Moments that are expected by each moment."""
        return self.rates().expected(times_s, duration_s)

    def moments(self, source: Source, duration_s: float) -> Floats:
        """Moments in [0, duration_s)."""
        return self.rates().poisson(duration_s, source)


class Profile(_Stepping):
    """At random, at a rate that steps: ``[[0, 2.0], [600, 8.0]]`` is 2 a second, then 8.

    Attributes
    ----------
    profile
        Moments, seconds, and rates from then on.
    repeat_s
        After so many seconds the profile begins anew; by default its last rate stays.
    """

    profile: Annotated[list[tuple[Seconds, Rate]], Field(min_length=1, max_length=100_000)]
    repeat_s: PositiveSeconds | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Profile:
        starts = [start for start, _ in self.profile]
        if starts[0] != 0 or any(b <= a for a, b in pairwise(starts)):
            raise ValueError("the times should start at 0 and rise")
        if self.repeat_s is not None and self.repeat_s <= starts[-1]:
            raise ValueError(
                f"repeat_s: {self.repeat_s:g} should come after the last step, at {starts[-1]:g} s"
            )
        return self

    def rates(self) -> Rates:
        """The rates, and when they step."""
        starts, rates = np.array(self.profile, dtype=float).T
        return Rates(starts, rates, self.repeat_s)


class Hourly(_Stepping):
    """At random, so many in each hour of a day or of a week, which then begins anew.

    Attributes
    ----------
    per_hour
        24 numbers, from midnight on, or 168, from Monday's midnight on.
    speed
        60 runs an hour in a minute.
    """

    per_hour: Annotated[list[Rate], Field(min_length=1, max_length=_WEEK)]
    speed: Factor = 1.0

    @model_validator(mode="after")
    def _day_or_week(self) -> Hourly:
        if len(self.per_hour) not in (_DAY, _WEEK):
            raise ValueError(
                f"per_hour: should be {_DAY} numbers, a day's, or {_WEEK}, a week's, not "
                f"{len(self.per_hour)}"
            )
        return self

    def rates(self) -> Rates:
        """The rates, and when they step."""
        hour_s = _HOUR_S / self.speed
        hours = np.arange(float(len(self.per_hour)))
        return Rates(hour_s * hours, np.array(self.per_hour) / hour_s, hour_s * len(hours))


class Follows(Open):
    """One job for each arrival of another queue, some time later: the customer pays."""

    follows: str
    think: Distribution


def _tag(value: Any) -> str | None:
    """The one key that says which kind of arrivals this is."""
    keys = value.keys() if isinstance(value, dict) else getattr(type(value), "model_fields", ())
    kinds = [key for key in ARRIVAL_KINDS if key in keys]
    return kinds[0] if len(kinds) == 1 else None


ArrivalStream = Annotated[
    Annotated[Trace, Tag("trace")]
    | Annotated[Poisson, Tag("rate_per_s")]
    | Annotated[Regular, Tag("interval_s")]
    | Annotated[Profile, Tag("profile")]
    | Annotated[Hourly, Tag("per_hour")]
    | Annotated[Bursts, Tag("burst")]
    | Annotated[Customers, Tag("customers")]
    | Annotated[Scheduler, Tag("every_s")]
    | Annotated[Follows, Tag("follows")],
    Discriminator(
        _tag,
        custom_error_type="kind_of_arrivals",
        custom_error_message=f"should have exactly one of the keys {', '.join(ARRIVAL_KINDS)}",
    ),
]
