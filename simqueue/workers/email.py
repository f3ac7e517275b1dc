"""The email worker's job: send one email about an order."""

from __future__ import annotations

import asyncio

from simqueue.shop.letters import letter
from simqueue.shop.shop import Shop


async def send_email(shop: Shop, order_id: str, kind: str) -> str:
    """Send an email, unless it is on record as sent.

    It goes on record after it was handed over. If the worker dies between the two, the rerun
    sends it again: better twice, with one Message-ID, than never.

    Returns
    -------
    str
        ``sent``.

    Raises
    ------
    JobError
        If the mail server or the database is in trouble.
    """
    if not await asyncio.to_thread(shop.store.email_sent, order_id, kind):
        order = await asyncio.to_thread(shop.store.order, order_id)
        names = await asyncio.to_thread(shop.store.product_names, order_id)
        now = shop.clock.now()
        message = letter(order, kind, names, now)
        await shop.mailer.send(message)
        message_id = str(message["Message-ID"])
        await asyncio.to_thread(shop.store.record_email, order_id, kind, message_id, now)
    return "sent"


async def give_up_email(shop: Shop, order_id: str, kind: str) -> str:
    """Nothing to undo: ``failed``, or ``sent`` if it had been sent after all."""
    return "sent" if await asyncio.to_thread(shop.store.email_sent, order_id, kind) else "failed"
