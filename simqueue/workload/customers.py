"""Customers who wait for an answer before they think of their next request: closed arrivals."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import AfterValidator, Field

from simqueue.workload.distributions import Distribution
from simqueue.workload.duration import Floats
from simqueue.workload.streams import Arrivals, Asked, Source, Turns

#: Think times that are drawn for each customer at a time: a part of what fixes the draws.
_BLOCK = 16


def _takes_time(think: Distribution) -> Distribution:
    if think.mean <= 0:
        raise ValueError("who does not think would ask for ever: expected a mean above 0")
    return think


class Customers(Asked):
    """So many customers: each thinks, asks for a job, waits until it has ended, and thinks again.

    Attributes
    ----------
    customers
        How many there are.
    think
        How long each thinks before each request, the first included.
    """

    #: They wait, with all the patience that there is.
    client: ClassVar[None] = None
    customers: Annotated[int, Field(strict=True, ge=1, le=100_000)]
    think: Annotated[Distribution, AfterValidator(_takes_time)]

    @property
    def steady(self) -> bool:
        """As much is expected at any moment as at any other, once all have begun."""
        return True

    def expected(self, times_s: Floats, duration_s: float) -> Floats:
        """Requests by each moment if every answer came at once: there are never more.

        t / mean + 1 + scv for each customer, which bounds the renewal function. Source: Lorden,
        *On Excess Over the Boundary*, Annals of Mathematical Statistics 41 (1970).
        """
        past = np.minimum(times_s, duration_s)
        each = past / self.think.mean + np.where(past > 0, 1 + self.think.scv, 0.0)
        found: Floats = self.customers * each
        return found

    def draw(self, source: Source, duration_s: float) -> Arrivals:
        """The requests that there can be in [0, duration_s), those with the earliest moments first.

        The n-th think time of a customer is the same however many customers there are, and however
        long the run is. A request comes later by the answers that its customer waits for, so that
        some of the last never come.
        """
        found: list[Floats] = []
        begun = np.zeros(self.customers)
        while begun.min() < duration_s:
            drawn = self.think.draw(source(f"think-{len(found)}"), self.customers * _BLOCK)
            thinks = drawn.reshape(self.customers, _BLOCK)
            times = begun[:, np.newaxis] + np.cumsum(thinks, axis=1)
            begun = times[:, -1]
            there = times < duration_s
            found.append(np.stack([np.nonzero(there)[0], times[there], thinks[there]]))
        customer, moments, thinks = np.hstack(found)
        # By the moment; at one moment, by customer and then as each one asks.
        order = np.lexsort((customer, moments))
        customer = customer[order]
        following = np.full(len(order), -1)
        mine = np.argsort(customer, kind="stable")
        same = np.flatnonzero(customer[mine][1:] == customer[mine][:-1])
        following[mine[same]] = mine[same + 1]
        return Arrivals(moments[order], None, Turns(thinks[order], following))
