"""Replaying recorded orders through an adapter, as customers would place them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from simqueue.adapters.base import Adapter
from simqueue.clock import Clock
from simqueue.shop import Order, Shop
from simqueue.workers.checkout import Checkout
from simqueue.workers.relay import Relay

T = TypeVar("T")


@dataclass
class Replayed:
    """What the customers met.

    Attributes
    ----------
    placed, already_placed
        Orders that are new to the shop's records, and orders that were in them already.
    errors
        How often a request ended with an error, by the kind of error.
    """

    placed: int = 0
    already_placed: int = 0
    errors: Counter[str] = field(default_factory=Counter)


async def replay(
    orders: Sequence[Order],
    shop: Shop,
    adapter: Adapter | Relay,
    clock: Clock,
    speed: float = 1.0,
    progress: Callable[[int], None] | None = None,
) -> Replayed:
    """Place orders one after the other and pay each at once: two requests, two jobs.

    An order that the shop knows already is left alone: its jobs were added when it was placed.

    Parameters
    ----------
    orders
        In the order in which they were placed.
    shop, adapter
        See `simqueue.workers.checkout.Checkout`.
    clock
        Makes the orders wait for their time: the first is placed now, the others as much later
        as they were recorded.
    speed
        60 places an hour's orders in a minute.
    progress
        Called with the number of orders done so far.
    """
    done, checkout = Replayed(), Checkout(shop, adapter)
    start = clock.now()
    for number, order in enumerate(orders, start=1):
        moment = start + _seconds_between(orders[0].placed_at, order.placed_at) / speed
        await clock.until(moment)
        new = await _request(checkout.record(order), done)
        if new is None:
            continue  # the customer saw an error page: no order
        if new:
            done.placed += 1
            # Two requests: the customer sees the order's page before paying.
            await _request(checkout.process(order, asked_at=moment), done)
            await _request(checkout.pay(order, asked_at=clock.now()), done)
        else:
            done.already_placed += 1
        if progress:
            progress(number)
    return done


async def _request(request: Awaitable[T], done: Replayed) -> T | None:
    try:
        return await request
    except Exception as error:
        # The request fails and the customer sees an error page; the next customer is served.
        # The adapter has logged it, and it is counted here.
        done.errors[type(error).__name__] += 1
        return None


def _seconds_between(first: datetime, second: datetime) -> float:
    return (second - first).total_seconds()
