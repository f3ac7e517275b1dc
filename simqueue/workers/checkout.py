"""The checkout: what the two requests of a customer do."""

from __future__ import annotations

import asyncio

from simqueue.adapters.base import Adapter
from simqueue.jobs import order_job, payment_job
from simqueue.shop import Order, Shop
from simqueue.workers.relay import Relay


class Checkout:
    """Where customers place an order, and pay it: two requests, a job each.

    Parameters
    ----------
    shop
        Whose records the orders go to.
    jobs
        What takes the jobs; for a shop with an outbox, which takes them itself, the relay that
        is to be told.
    """

    def __init__(self, shop: Shop, jobs: Adapter | Relay) -> None:
        self._store = shop.store
        self._jobs = jobs

    async def record(self, order: Order) -> bool:
        """Write an order down; whether it is new. If it is not, see `open_queues`.

        Raises
        ------
        InputError, JobError
            See `simqueue.shop.store.Store.place`.
        """
        return await asyncio.to_thread(self._store.place, order, [order_job(order.order_id)])

    async def open_queues(self, order: Order) -> list[str]:
        """Whose job is still to be done for an order that is written down; see `OrderState`."""
        return (await asyncio.to_thread(self._store.state, order.order_id)).open_queues

    async def process(self, order: Order, asked_at: float | None = None) -> None:
        """Have an order that was recorded processed.

        Parameters
        ----------
        order
            The order.
        asked_at
            When the customer asked for it, if that was not now; seconds of the adapter's clock.

        Raises
        ------
        Exception
            What the job raised, if the adapter runs it in the caller and it failed.
        """
        if isinstance(self._jobs, Relay):
            self._jobs.wake()
        else:
            await self._jobs.add(order_job(order.order_id), asked_at=asked_at)

    async def pay(self, order: Order, asked_at: float | None = None) -> None:
        """Have an order paid; parameters and errors as of `process`."""
        job = payment_job(order.order_id, order.total)
        if isinstance(self._jobs, Relay):
            await asyncio.to_thread(self._store.request_payment, job)
            self._jobs.wake()
        else:
            await self._jobs.add(job, asked_at=asked_at)
