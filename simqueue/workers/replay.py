"""Replaying recorded orders through an adapter, as customers would place them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from simqueue.adapters.base import Adapter
from simqueue.clock import Clock
from simqueue.jobs import ORDER, PAYMENT, QUEUES
from simqueue.shop import Order, Shop
from simqueue.workers.checkout import Checkout
from simqueue.workers.relay import Relay

T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass
class Replayed:
    """What the customers met.

    Attributes
    ----------
    placed, already_placed
        Orders that are new to the shop's records, and orders that were in them already.
    not_placed
        Orders that could not be written down.
    errors
        How often a request ended with an error, by the kind of error.
    """

    placed: int = 0
    already_placed: int = 0
    not_placed: int = 0
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

    Of an order that the shop knows already only what is still open is asked for: whoever placed it
    may have been cut off before it was paid, or before a job was done.

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
        new = await _request(checkout.record(order), done, logged=False)
        if new is None:
            done.not_placed += 1  # the customer saw an error page: no order
        elif new:
            done.placed += 1
        else:
            done.already_placed += 1
        still_open = QUEUES if new else await _request(checkout.open_queues(order), done) or ()
        # Two requests: the customer sees the order's page before paying.
        if ORDER in still_open:
            await _request(checkout.process(order, asked_at=moment), done)
        if PAYMENT in still_open:
            await _request(checkout.pay(order, asked_at=clock.now()), done)
        if progress:
            progress(number)
    return done


async def _request(request: Awaitable[T], done: Replayed, logged: bool = True) -> T | None:
    """What a request returns; nothing, if it fails: ``logged``, if the adapter says why."""
    try:
        return await request
    except Exception as error:
        # The request fails and the customer sees an error page; the next customer is served.
        kind = type(error).__name__
        if not logged and kind not in done.errors:
            _log.warning("an order could not be placed, and maybe others: %s: %s", kind, error)
        done.errors[kind] += 1
        return None


def _seconds_between(first: datetime, second: datetime) -> float:
    return (second - first).total_seconds()
