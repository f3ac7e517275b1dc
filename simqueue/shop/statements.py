"""The SQL of the shop's records, built once: building a statement costs more than running it."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import bindparam, func, select

from simqueue.shop.tables import (
    MONEY_OWED,
    TOTAL,
    order_lines,
    orders,
    products,
    sent_emails,
    stock,
)

_THIS_ORDER: sa.BindParameter[str] = bindparam("this_order")
_OLD: sa.BindParameter[str] = bindparam("old")
_NEW: sa.BindParameter[str] = bindparam("new")
_LINES = order_lines.c.order_id == _THIS_ORDER

STATE = select(orders.c.status, orders.c.payment_status).where(orders.c.order_id == _THIS_ORDER)

#: Moves one of the two states from `old` to `new`; no row comes back if it was not `old`.
MOVE = {
    column.name: sa.update(orders)
    .where(orders.c.order_id == _THIS_ORDER, column == _OLD)
    .values({column.name: _NEW})
    .returning(orders.c.status, orders.c.payment_status)
    for column in (orders.c.status, orders.c.payment_status)
}

MONEY_RETURNED = (
    sa.update(orders).where(orders.c.order_id == _THIS_ORDER).values(money_returned=True)
)

OWED = select(orders.c.order_id).where(MONEY_OWED).limit(bindparam("most"))

#: Units that an order takes from each shelf: a product may be on several of its lines.
_NEEDED = (
    select(order_lines.c.sku, func.sum(order_lines.c.quantity).label("units"))
    .join(stock, stock.c.sku == order_lines.c.sku)
    .where(_LINES)
    .group_by(order_lines.c.sku)
    .subquery("needed")
)

#: Two orders that lock the same shelves in opposite order would wait for each other for ever.
#: (SQLite has one writer at a time and leaves FOR UPDATE out.)
LOCK_SHELVES = (
    select(stock.c.sku)
    .where(stock.c.sku.in_(select(_NEEDED.c.sku)))
    .order_by(stock.c.sku)
    .with_for_update()
)

TAKE_STOCK = (
    sa.update(stock)
    .where(stock.c.sku == _NEEDED.c.sku, stock.c.on_hand >= _NEEDED.c.units)
    .values(on_hand=stock.c.on_hand - _NEEDED.c.units)
)

ORDER = select(orders.c.order_id, orders.c.placed_at, orders.c.customer_id, orders.c.country).where(
    orders.c.order_id == _THIS_ORDER
)

ORDER_TOTAL = select(TOTAL).where(orders.c.order_id == _THIS_ORDER)

LINES = (
    select(
        order_lines.c.sku,
        order_lines.c.quantity,
        order_lines.c.unit_price,
        products.c.description,
    )
    .join(products, products.c.sku == order_lines.c.sku)
    .where(_LINES)
    .order_by(order_lines.c.number)
)

EMAILS = select(sent_emails.c.order_id, sent_emails.c.kind).order_by(
    sent_emails.c.sent_at, sent_emails.c.order_id, sent_emails.c.kind
)

ON_HAND = select(stock.c.sku, stock.c.on_hand).order_by(stock.c.sku)
