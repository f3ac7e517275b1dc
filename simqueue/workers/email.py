"""The email worker's job: send one email about an order."""

from __future__ import annotations

import asyncio
import logging

from simqueue.shop.letters import letter
from simqueue.shop.shop import Shop

_log = logging.getLogger(__name__)


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
    due = await asyncio.to_thread(shop.store.unsent, order_id, kind)
    if due is not None:
        order, names = due
        now = shop.clock.now()
        message = letter(order, kind, names, now)
        await shop.mailer.send(message)
        step = {"order_id": order_id, "email": kind, "step": "handed over"}
        _log.info("job progress", extra=step)
        message_id = str(message["Message-ID"])
        await asyncio.to_thread(shop.store.record_email, order_id, kind, message_id, now)
    return "sent"


async def give_up_email(shop: Shop, order_id: str, kind: str) -> str:
    """Nothing to undo: ``failed``, or ``sent`` if it had been sent after all."""
    due = await asyncio.to_thread(shop.store.unsent, order_id, kind)
    return "sent" if due is None else "failed"
