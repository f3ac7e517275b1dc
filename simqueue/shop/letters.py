"""What the shop's emails say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.headerregistry import HeaderRegistry
from email.message import EmailMessage
from email.policy import default
from email.utils import format_datetime
from typing import Any

from simqueue.shop.orders import Order, check_order

SHOP_NAME = "The simqueue shop"
#: Ends in a name that is reserved for examples, so that no letter ever reaches a stranger.
_DOMAIN = "simqueue.example"


class _Headers(HeaderRegistry):
    """Kinds of headers, each made once: Python's own registry makes a class for each header."""

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = super().__getitem__(name)
        return self._made[name]


_POLICY = default.clone(header_factory=_Headers())
_SENDER = _POLICY.header_factory("From", f"{SHOP_NAME} <shop@{_DOMAIN}>")

_SUBJECTS = {
    "order-confirmation": "We are preparing your order {order_id}",
    "payment-success": "Thank you for paying your order {order_id}",
    "payment-failed": "We could not take the payment for your order {order_id}",
}
_OPENINGS = {
    "order-confirmation": "thank you for your order. Everything is in stock and we are packing it:",
    "payment-success": "we have received your payment of £{total:,.2f} for this order:",
    "payment-failed": (
        "your payment of £{total:,.2f} did not go through and you have not been charged.\n"
        "Please try another card, or write to us. This is the order:"
    ),
}


def letter(order: Order, kind: str, names: Mapping[str, str], sent_at: float) -> EmailMessage:
    """The email of one kind about one order.

    Parameters
    ----------
    order
        The order.
    kind
        ``order-confirmation``, ``payment-success`` or ``payment-failed``.
    names
        The names of its products, by SKU.
    sent_at
        Date of the email, Unix seconds.

    Returns
    -------
    EmailMessage
        Its Message-ID depends on order and kind alone: should it ever be sent twice, mail
        programs can tell that it is one email.

    Raises
    ------
    InputError
        If the order is one that the shop's door would not let in: an earlier version may have.
    """
    check_order(order)
    customer = f"customer-{order.customer_id}" if order.customer_id else f"order-{order.order_id}"
    message = EmailMessage(_POLICY)
    message["From"] = _SENDER
    message["To"] = f"{customer}@customers.{_DOMAIN}"
    message["Subject"] = _SUBJECTS[kind].format(order_id=order.order_id)
    message["Date"] = format_datetime(datetime.fromtimestamp(sent_at, UTC))
    message["Message-ID"] = f"<{order.order_id}-{kind}@{_DOMAIN}>"
    opening = _OPENINGS[kind].format(total=order.total)
    message.set_content(
        f"Dear customer,\n\n{opening}\n\n{_table(order, names)}\n\nKind regards\n{SHOP_NAME}\n"
    )
    return message


def _table(order: Order, names: Mapping[str, str]) -> str:
    head = f"Order {order.order_id} of {order.placed_at:%d %B %Y, %H:%M}"
    rows = [
        f"{line.quantity:>6} x {names.get(line.sku, line.sku):<36} at {line.unit_price:>9,.2f}"
        f"   {line.quantity * line.unit_price:>12,.2f}"
        for line in order.lines
    ]
    total = f"{'Total in pounds':<57}{order.total:>15,.2f}"
    return "\n".join([head, "", *rows, "-" * 72, total])
