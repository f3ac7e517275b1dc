"""The email worker's job: send one email about an order."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from simqueue.errors import JobError, SimqueueError
from simqueue.shop.emails import Email
from simqueue.shop.letters import letter
from simqueue.shop.mailer import InDoubtError
from simqueue.shop.shop import Shop

_log = logging.getLogger(__name__)


async def send_email(shop: Shop, order_id: str, kind: str) -> str:
    """Send an email, unless it is on record as sent, or as being sent.

    It is written down before it is handed over and again afterwards. If what happened between the
    two is not known, `Doubts` sends it again later: better twice, with one Message-ID, than never.

    Returns
    -------
    str
        ``sent``, or ``in doubt`` if somebody began to send it and has not said how that ended.

    Raises
    ------
    JobError
        If the mail server or the database is in trouble.
    """
    mail, now = shop.store.mail, shop.clock.now()
    email = await asyncio.to_thread(mail.begin, order_id, kind, now)
    if not isinstance(email, Email):
        return email
    message_id = await _hand_over(shop, email, kind, now)
    _log.info("job progress", extra={"order_id": order_id, "email": kind, "step": "handed over"})
    await asyncio.to_thread(mail.record, order_id, kind, message_id, now)
    return "sent"


async def _hand_over(shop: Shop, email: Email, kind: str, now: float) -> str:
    handed_over = False
    try:
        message = letter(email.order, kind, email.names, now)
        handed_over = True
        await shop.mailer.send(message)
    except Exception as error:
        certain = isinstance(error, SimqueueError) and not isinstance(error, InDoubtError)
        # This time it did not go out. If it may have before, it stays in doubt: its job is over.
        if (certain or not handed_over) and not email.in_doubt:
            order_id = email.order.order_id
            with suppress(JobError):
                await asyncio.to_thread(shop.store.mail.withdraw, order_id, kind, now)
        raise
    return str(message["Message-ID"])


async def give_up_email(shop: Shop, order_id: str, kind: str) -> str:
    """Nothing to undo: ``failed``; ``sent`` or ``in doubt`` if it may have been sent after all."""
    word = await asyncio.to_thread(shop.store.mail.word, order_id, kind)
    return "failed" if word == "unsent" else word


class Doubts:
    """Sends the emails that are in doubt: the records say which, whatever the queue has forgotten.

    An email must be in doubt at two looks in a row. After an outage of the database, whoever knows
    that it was sent can say so first.
    """

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._seen: set[tuple[str, str]] = set()

    async def settle(self) -> int:
        """Look once; how many emails were sent.

        Raises
        ------
        JobError
            If the database is in trouble.
        """
        mail = self._shop.store.mail
        await asyncio.to_thread(mail.record_rest)
        found = await asyncio.to_thread(mail.in_doubt, self._shop.clock.now())
        due = [one for one in found if one in self._seen]
        self._seen = set(found)
        count = 0
        for order_id, kind in due:
            about = {"order_id": order_id, "email": kind}
            try:
                word = await send_email(self._shop, order_id, kind)
            except Exception as error:
                bug = not isinstance(error, SimqueueError)
                _log.warning(
                    "email in doubt, will be tried again: %s", error, extra=about, exc_info=bug
                )
            else:
                count += word == "sent"
                _log.warning("email in doubt: %s, maybe again", word, extra=about)
        return count
