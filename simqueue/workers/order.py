"""The order worker's job: take an order's stock, or reject it."""

from __future__ import annotations

import asyncio
import logging

from simqueue.jobs import Job
from simqueue.shop.shop import Shop
from simqueue.workers.payment import refund_if_rejected

_log = logging.getLogger(__name__)


async def process_order(shop: Shop, order_id: str, job: Job) -> str:
    """Process an order; ``job`` is what asks for it.

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
    state = await asyncio.to_thread(shop.store.process, order_id, job)
    _log.info(
        "job progress",
        extra={"queue": job.queue, "job_id": job.id, "step": f"goods: {state.status}"},
    )
    await refund_if_rejected(shop, order_id, state, job)
    return state.status


async def give_up_order(shop: Shop, order_id: str, job: Job) -> str:
    """Leave an order that failed for good as it is, save for a refund that is still owed.

    Returns
    -------
    str
        ``failed`` if it is still pending, which is for a person to look at; else its status.
    """
    state = await asyncio.to_thread(shop.store.state, order_id)
    await refund_if_rejected(shop, order_id, state, job)
    return "failed" if state.status == "pending" else state.status
