"""The payment worker's job: charge an order, once, unless it has been rejected."""

from __future__ import annotations

import asyncio
import logging
from decimal import Decimal

from simqueue.errors import JobError
from simqueue.jobs import Job
from simqueue.shop.gateway import payment_key
from simqueue.shop.shop import Shop
from simqueue.shop.states import OrderState

_log = logging.getLogger(__name__)


async def process_payment(shop: Shop, order_id: str, amount: Decimal, job: Job) -> str:
    """Pay an order; ``job`` is what asks for it.

    What is charged is what the order comes to. ``amount``, which the job says, may have been
    written by anybody: one that differs is logged.

    Returns
    -------
    str
        ``paid`` or ``declined``; for a rejected order ``cancelled`` (not charged) or ``refunded``;
        ``failed`` if it was given up before.

    Raises
    ------
    JobError
        If the gateway or the database is in trouble.
    """
    state = await asyncio.to_thread(shop.store.state, order_id)
    if state.payment_status == "pending":
        if state.status == "rejected":
            state = await asyncio.to_thread(shop.store.settle, order_id, "cancelled", job)
        else:
            about = {"queue": job.queue, "job_id": job.id}
            total = await asyncio.to_thread(shop.store.total, order_id)
            if amount != total:
                _log.warning("the job's amount is not the order's, which is charged", extra=about)
            answer = await shop.gateway.charge(payment_key(order_id), total)
            _log.info("job progress", extra={**about, "step": f"gateway: {answer}"})
            state = await asyncio.to_thread(shop.store.settle, order_id, answer, job)
    return await _close(shop, order_id, state, job)


async def give_up_payment(shop: Shop, order_id: str, job: Job) -> str:
    """Call a payment failed, and make sure that the customer keeps the money.

    Returns
    -------
    str
        ``failed``; or what the payment had come to before it was given up.

    Raises
    ------
    JobError
        If the gateway or the database is in trouble: give up again later.
    """
    state = await asyncio.to_thread(shop.store.settle, order_id, "failed", job)
    return await _close(shop, order_id, state, job)


async def refund_if_rejected(shop: Shop, order_id: str, state: OrderState, job: Job) -> OrderState:
    """Give the money for a rejected order back; whoever sees first that it is owed does it."""
    if not state.refund_due:
        return state
    await shop.gateway.refund(payment_key(order_id))
    return await asyncio.to_thread(shop.store.refunded, order_id, job)


async def _close(shop: Shop, order_id: str, state: OrderState, job: Job) -> str:
    # An earlier attempt may have charged without hearing the answer, and one that hangs may yet
    # charge. So "no money" is made true at the gateway, after it has been written down here: the
    # other way round, a charge between the two would be recorded as paid and had been given back.
    if state.payment_status in ("failed", "cancelled"):
        await _return_money(shop, order_id)
    return (await refund_if_rejected(shop, order_id, state, job)).payment_status


async def _return_money(shop: Shop, order_id: str) -> None:
    await shop.gateway.refund(payment_key(order_id))
    await asyncio.to_thread(shop.store.money_returned, order_id)


async def return_money_owed(shop: Shop, most: int = 100) -> int:
    """Give back what is still owed, because the gateway was down when it should have been.

    The records say what is owed, so it is found however long ago the queue forgot the job.

    Returns
    -------
    int
        How many orders were settled.

    Raises
    ------
    JobError
        If the gateway or the database is in trouble: what is left is for the next time. An order
        whose money cannot be returned does not keep the others from theirs.
    """
    owed = await asyncio.to_thread(shop.store.money_owed, most)
    # All at once: a gateway that is away lets each of them wait for its answer.
    ends = await asyncio.gather(
        *(_settle(shop, order_id) for order_id in owed), return_exceptions=True
    )
    troubles = [
        (order_id, end)
        for order_id, end in zip(owed, ends, strict=True)
        if isinstance(end, Exception)
    ]
    if troubles:
        first, why = troubles[0]
        raise JobError(
            f"{len(troubles)} of {len(owed)} orders are owed money (the first: {first}): {why}"
        ) from why
    return len(owed)


async def _settle(shop: Shop, order_id: str) -> None:
    state = await asyncio.to_thread(shop.store.state, order_id)
    if state.refund_due:
        await shop.gateway.refund(payment_key(order_id))
        await asyncio.to_thread(shop.store.refunded, order_id)
    else:
        await _return_money(shop, order_id)
