"""What was found about an outage: each retry policy, on each day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from simqueue.planning.outages.days import NUMBERS
from simqueue.record.attempt_log import Floats
from simqueue.results.intervals import count_interval, mean_interval, paired_interval
from simqueue.results.statistics import Estimate
from simqueue.workload.outages import Outage
from simqueue.workload.scenario import Scenario

#: A queue suffers if its p95 is longer by more than this share.
_SUFFERS = 0.05


@dataclass(frozen=True)
class Policy:
    """One way to try again, and what the days with it were like.

    Attributes
    ----------
    changes
        What it changes of the queue as it is; nothing if it is that.
    scenario
        With the outage.
    found
        An array (days, 2, queues, numbers): see `simqueue.planning.outages.days.Pair`.
    recovery_s
        Of each day, seconds; NaN if it was never as before.
    """

    changes: Mapping[str, Any]
    scenario: Scenario
    found: Floats
    recovery_s: Floats

    @property
    def days(self) -> int:
        """How many were simulated."""
        return len(self.found)

    def each(self, queue: str, number: str, *, outage: bool = True) -> Floats:
        """A number of a queue on each day, with the outage or without it."""
        place = list(self.scenario.queues).index(queue)
        values: Floats = self.found[:, 0 if outage else 1, place, NUMBERS.index(number)]
        return values

    def mean(self, queue: str, number: str, *, outage: bool = True) -> Estimate | None:
        """Its mean over the days, with its 95 % interval."""
        values = self.each(queue, number, outage=outage)
        return _estimate(values, counts=number == "failed")

    @property
    def recovery(self) -> Estimate | None:
        """How long after the outage it is as before: the mean of the days on which it ever is."""
        return _estimate(self.recovery_s, counts=False)


def _estimate(values: Floats, *, counts: bool) -> Estimate | None:
    known = values[~np.isnan(values)]
    if not len(known):
        return None
    return Estimate(float(known.mean()), (count_interval if counts else mean_interval)(known))


@dataclass(frozen=True)
class Difference:
    """How far one thing is from another on the days that both had, on average.

    Attributes
    ----------
    mean
        One minus the other.
    interval
        Its 95 % interval; ``None`` with one day.
    """

    mean: float
    interval: tuple[float, float] | None

    @property
    def surely_less(self) -> bool:
        """Whether all of the interval is below 0."""
        return self.interval is not None and self.interval[1] < 0

    @property
    def surely_more(self) -> bool:
        """Whether all of the interval is above 0."""
        return self.interval is not None and self.interval[0] > 0


def difference(one: Floats, other: Floats) -> Difference | None:
    """Day by day; ``None`` if there is no day that both had."""
    apart = one - other
    apart = apart[~np.isnan(apart)]
    return Difference(float(apart.mean()), paired_interval(apart)) if len(apart) else None


@dataclass(frozen=True)
class OutageFinding:
    """What there is to say of an outage.

    Attributes
    ----------
    scenario
        The day without it.
    queue
        Whose downstream fails.
    outage
        When, and how.
    policies
        The queue as it is first, then other ways to try again.
    wall_s
        Real seconds that it took.
    interrupted
        Whether Ctrl-C ended it before all was done.
    engine
        Who ran it: ``compiled``, or ``simpy`` and why.
    """

    scenario: Scenario
    queue: str
    outage: Outage
    policies: tuple[Policy, ...]
    wall_s: float
    interrupted: bool = False
    engine: str = "simpy"

    @property
    def as_it_is(self) -> Policy:
        """The queue as it is."""
        return self.policies[0]

    @property
    def suffering(self) -> dict[str, Difference]:
        """The other queues whose p95 is longer for it, surely and by more than 5 %.

        It is of those who come in the outage or as long after.
        """
        found = {}
        for queue in self.scenario.queues:
            if queue == self.queue:
                continue
            before = self.as_it_is.each(queue, "p95_s", outage=False)
            apart = difference(self.as_it_is.each(queue, "p95_s"), before)
            if apart and apart.surely_more and apart.mean > _SUFFERS * np.nanmean(before):
                found[queue] = apart
        return found

    def against_as_it_is(self, policy: Policy, what: str) -> Difference | None:
        """A policy minus the queue as it is, day by day: of ``failed``, ``p95_s``, ``recovery_s``.

        Both met the same jobs and the same outage, so that the interval is narrow.
        """
        one, other = (
            each.recovery_s if what == "recovery_s" else each.each(self.queue, what)
            for each in (policy, self.as_it_is)
        )
        return difference(one, other)

    @property
    def best(self) -> Policy | None:
        """The other policy that loses fewest, and of those the soonest over; surely fewer than now.

        ``None`` if no other loses fewer.
        """

        def rank(one: Policy) -> tuple[float, float]:
            recovery = one.recovery
            return (
                float(one.each(self.queue, "failed").mean()),
                float("inf") if recovery is None else float(recovery),
            )

        better = [
            one
            for one in self.policies[1:]
            if (apart := self.against_as_it_is(one, "failed")) and apart.surely_less
        ]
        return min(better, key=rank, default=None)
