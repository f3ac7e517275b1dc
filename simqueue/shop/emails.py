"""The records of emails: which are being sent, and which were sent.

An email is written down before it is sent, and again after the mail server has taken it::

    (nothing) -> sending -> sent

What is in between cannot be known to be sent, nor not to be: an answer got lost, a worker died, or
the database would not take the news. Such an email is *in doubt*. It is not sent again at once,
but when `DOUBT_S` have passed and nobody could say that it went out.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Literal, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection, and_, bindparam, select

from simqueue.errors import InputError, JobError
from simqueue.shop import statements as sql
from simqueue.shop.database import Database
from simqueue.shop.orders import Order, OrderLine
from simqueue.shop.tables import sending_emails, sent_emails

#: How long an email may be on its way before it is sent again: longer than a mail server, and then
#: a database, may take to answer.
DOUBT_S = 120.0


def _this(table: sa.Table) -> sa.ColumnElement[bool]:
    return and_(table.c.order_id == bindparam("this_order"), table.c.kind == bindparam("this_kind"))


_ON_RECORD = select(sent_emails.c.sent_at).where(_this(sent_emails))
_BEGUN = select(sending_emails.c.since).where(_this(sending_emails))
_END = sa.delete(sending_emails).where(_this(sending_emails))
_WITHDRAW = _END.where(sending_emails.c.since == bindparam("this_since"))
#: Whoever meets an email that is being sent leaves it to the one who sends: that one may then not
#: take it back, if the server says no, but has to leave it in doubt. So its time is no longer the
#: one that a withdrawal names.
_RELY = (
    sa.update(sending_emails)
    .where(_this(sending_emails))
    .values(since=sending_emails.c.since + 0.001)
)
_IN_DOUBT = (
    select(sending_emails.c.order_id, sending_emails.c.kind)
    .where(
        sending_emails.c.since < bindparam("limit"),
        # A worker of an earlier version puts on record what it does not know to be in doubt.
        ~select(sent_emails.c.order_id)
        .where(
            sent_emails.c.order_id == sending_emails.c.order_id,
            sent_emails.c.kind == sending_emails.c.kind,
        )
        .exists(),
    )
    .order_by(sending_emails.c.since)
    .limit(bindparam("most"))
)


class Email(NamedTuple):
    """An email that this caller, and nobody else, is to send now.

    Attributes
    ----------
    order
        What it is about.
    names
        The names of the order's products, by SKU.
    in_doubt
        Whether it may have been sent before.
    """

    order: Order
    names: Mapping[str, str]
    in_doubt: bool


class _Sent(NamedTuple):
    order_id: str
    kind: str
    message_id: str
    sent_at: float


class EmailRecords:
    """The records of emails in a database; times are Unix seconds.

    Methods block, and raise `JobError` if the database is in trouble.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._record = database.insert(sent_emails).on_conflict_do_nothing()
        insert = database.insert(sending_emails)
        self._begin = insert.on_conflict_do_update(
            index_elements=["order_id", "kind"],
            set_={"since": insert.excluded.since},
            where=sending_emails.c.since < insert.excluded.since - DOUBT_S,
        ).returning(sending_emails.c.since)
        #: What this process knows to be sent, and the database does not.
        self._unrecorded: dict[tuple[str, str], _Sent] = {}

    def begin(self, order_id: str, kind: str, now: float) -> Email | Literal["sent", "in doubt"]:
        """Write down that an email is being sent.

        Returns
        -------
        Email or str
            What to send; ``sent`` if it is on record, ``in doubt`` if somebody began to send it
            less than `DOUBT_S` ago and has not put it on record. It will then be sent, or be in
            doubt: it is not withdrawn any more.

        Raises
        ------
        InputError
            If there is no such order.
        """
        if (order_id, kind) in self._unrecorded:
            self._put_on_record((order_id, kind))
            return "sent"
        this = {"this_order": order_id, "this_kind": kind}
        with self._database.writing() as connection:
            if connection.execute(_ON_RECORD, this).first() is not None:
                return "sent"
            order, names = read_order(connection, order_id)
            before = connection.execute(_BEGUN, this).first()
            row = {"order_id": order_id, "kind": kind, "since": now}
            if connection.execute(self._begin, row).first() is None:
                connection.execute(_RELY, this)
                return "in doubt"
            # PostgreSQL: on the way here this may have waited, and somebody put it on record.
            if connection.execute(_ON_RECORD, this).first() is not None:
                connection.execute(_END, this)
                return "sent"
            return Email(order, names, before is not None)

    def withdraw(self, order_id: str, kind: str, since: float) -> None:
        """Note that the email that was begun at ``since`` was certainly not sent.

        If somebody else relies on it being sent, it stays in doubt.
        """
        this = {"this_order": order_id, "this_kind": kind, "this_since": since}
        with self._database.writing() as connection:
            connection.execute(_WITHDRAW, this)

    def record(self, order_id: str, kind: str, message_id: str, sent_at: float) -> None:
        """Put an email on record, once; what fails here is not forgotten."""
        self._unrecorded[order_id, kind] = _Sent(order_id, kind, message_id, sent_at)
        self._put_on_record((order_id, kind))

    def record_rest(self) -> None:
        """Put on record what could not be when it was sent; what cannot be now is for later."""
        for key in list(self._unrecorded):
            with suppress(JobError):
                self._put_on_record(key)

    def _put_on_record(self, key: tuple[str, str]) -> None:
        if (sent := self._unrecorded.get(key)) is not None:
            with self._database.writing() as connection:
                connection.execute(self._record, sent._asdict())
                connection.execute(_END, {"this_order": sent.order_id, "this_kind": sent.kind})
            self._unrecorded.pop(key, None)

    def in_doubt(self, now: float, most: int = 100) -> list[tuple[str, str]]:
        """(order, kind) of emails that were begun more than `DOUBT_S` ago, the oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(_IN_DOUBT, {"limit": now - DOUBT_S, "most": most})
            return [(row.order_id, row.kind) for row in rows]

    def word(self, order_id: str, kind: str) -> Literal["sent", "in doubt", "unsent"]:
        """What is known of an email."""
        this = {"this_order": order_id, "this_kind": kind}
        with self._database.reading() as connection:
            if connection.execute(_ON_RECORD, this).first() is not None:
                return "sent"
            return "unsent" if connection.execute(_BEGUN, this).first() is None else "in doubt"


def read_order(connection: Connection, order_id: str) -> tuple[Order, dict[str, str]]:
    """An order, and the names of its products by SKU.

    Raises
    ------
    InputError
        If there is no such order.
    """
    head = connection.execute(sql.ORDER, {"this_order": order_id}).one_or_none()
    if head is None:
        raise unknown(order_id)
    rows = connection.execute(sql.LINES, {"this_order": order_id}).all()
    lines = tuple(OrderLine(row.sku, row.quantity, row.unit_price) for row in rows)
    order = Order(head.order_id, head.placed_at, head.customer_id, head.country, lines)
    return order, {row.sku: row.description for row in rows}


def unknown(order_id: str) -> InputError:
    """What to say of an order that was never placed."""
    return InputError(f"order {order_id}: not in the database; expected one that was placed")
