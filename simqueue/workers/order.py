"""The order worker's job: take an order's stock, or reject it."""

from __future__ import annotations

import asyncio

from simqueue.shop.shop import Shop
from simqueue.workers.payment import refund_if_rejected


async def process_order(shop: Shop, order_id: str) -> str:
    """Process an order.

    Returns
    -------
    str
        ``processing``, or ``rejected`` if something was out of stock; then nothing was taken, and
        a payment that came first is given back.

    Raises
    ------
    JobError
        If the database or, for a refund, the gateway is in trouble.
    """
    state = await asyncio.to_thread(shop.store.process, order_id)
    await refund_if_rejected(shop, order_id, state)
    return state.status


async def give_up_order(shop: Shop, order_id: str) -> str:
    """Leave an order that failed for good as it is, save for a refund that is still owed.

    Returns
    -------
    str
        ``failed`` if it is still pending, which is for a person to look at; else its status.
    """
    state = await asyncio.to_thread(shop.store.state, order_id)
    await refund_if_rejected(shop, order_id, state)
    return "failed" if state.status == "pending" else state.status
