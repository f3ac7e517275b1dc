"""The tables of the shop's database."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    and_,
    func,
    or_,
    select,
    type_coerce,
)

SHOP = MetaData()


class Money(TypeDecorator[Decimal]):
    """Pounds in Python, whole pennies in the database: SQLite has no decimal numbers."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Any) -> int | None:  # noqa: ARG002
        """Pounds to pennies; half a penny is an error."""
        if value is None:
            return None
        pennies = value.scaleb(2)
        if pennies != int(pennies):
            raise ValueError(f"money(={value}) must be pounds with at most 2 decimals")
        return int(pennies)

    def process_result_value(self, value: int | None, dialect: Any) -> Decimal | None:  # noqa: ARG002
        """Pennies to pounds."""
        return None if value is None else Decimal(value).scaleb(-2)


products = Table(
    "products",
    SHOP,
    Column("sku", Text, primary_key=True),
    Column("description", Text, nullable=False),
    Column("unit_price", Money, nullable=False),
    Column("kind", Text, nullable=False),
)

#: Products only: what has no row here, such as postage, never runs out.
stock = Table(
    "stock",
    SHOP,
    Column("sku", Text, ForeignKey("products.sku"), primary_key=True),
    Column("on_hand", Integer, CheckConstraint("on_hand >= 0"), nullable=False),
)

orders = Table(
    "orders",
    SHOP,
    Column("order_id", Text, primary_key=True),
    Column("placed_at", DateTime, nullable=False),
    Column("customer_id", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("status", Text, nullable=False, default="pending"),
    Column("payment_status", Text, nullable=False, default="pending"),
    # Whether the gateway has confirmed that no money is kept for a payment without one.
    Column("money_returned", Boolean, nullable=False, default=False),
)

#: Orders for which the gateway may still keep money that is not the shop's.
MONEY_OWED = and_(
    orders.c.money_returned.is_(False),
    or_(
        orders.c.payment_status.in_(("failed", "cancelled")),
        and_(orders.c.status == "rejected", orders.c.payment_status == "paid"),
    ),
)

order_lines = Table(
    "order_lines",
    SHOP,
    Column("order_id", Text, ForeignKey("orders.order_id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("sku", Text, ForeignKey("products.sku"), nullable=False),
    Column("quantity", Integer, CheckConstraint("quantity > 0"), nullable=False),
    Column("unit_price", Money, nullable=False),
)

#: What the customer of an order owes; for a SELECT from `orders`.
TOTAL = type_coerce(
    select(func.sum(order_lines.c.quantity * order_lines.c.unit_price))
    .where(order_lines.c.order_id == orders.c.order_id)
    .correlate(orders)
    .scalar_subquery(),
    Money,
)

sent_emails = Table(
    "sent_emails",
    SHOP,
    Column("order_id", Text, ForeignKey("orders.order_id"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("message_id", Text, nullable=False),
    Column("sent_at", Float, nullable=False),  # Unix seconds
)

#: Emails that were begun and are not on record: whether they went out is not known.
sending_emails = Table(
    "sending_emails",
    SHOP,
    Column("order_id", Text, ForeignKey("orders.order_id"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("since", Float, nullable=False),  # Unix seconds
)

#: Jobs on their way to the queue, each written in the transaction that asks for it.
outbox = Table(
    "outbox",
    SHOP,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("job_id", Text, nullable=False, unique=True),
    Column("job", Text, nullable=False),  # JSON
    Column("added_at", Float, nullable=False),  # Unix seconds
    Column("published_at", Float),  # Unix seconds; empty until the queue has the job
    Column("refused", Text),  # why the queue will never take it
)

OUTBOX_WAITING = and_(outbox.c.published_at.is_(None), outbox.c.refused.is_(None))

#: Whoever polls reads the few rows that wait, however many were published.
Index(
    "outbox_waiting",
    outbox.c.number,
    sqlite_where=OUTBOX_WAITING,
    postgresql_where=OUTBOX_WAITING,
)
