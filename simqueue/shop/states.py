"""The states of an order, and what the customer sees of them.

Two jobs work on an order, one on its goods and one on its money, and either may finish first.
Each moves a column of its own::

    status            pending -> processing | rejected
    payment_status    pending -> paid | declined | failed | cancelled,  paid -> refunded

Who comes second sees what the other left, so an order that is rejected ends up unpaid either
way: not charged (``cancelled``) or charged and given back (``refunded``).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from simqueue.jobs import ORDER, PAYMENT

OrderStatus = Literal["pending", "processing", "rejected"]
PaymentStatus = Literal["pending", "paid", "declined", "failed", "cancelled", "refunded"]
CustomerStatus = Literal[
    "received", "awaiting payment", "paid", "confirmed", "payment declined", "payment failed",
    "rejected",
]  # fmt: skip


class OrderState(NamedTuple):
    """Both states of an order at one moment.

    Attributes
    ----------
    status
        What became of the goods. ``rejected``: something was out of stock.
    payment_status
        What became of the money. ``declined`` is the bank's no; ``failed`` means that the
        gateway could not be reached in time; ``cancelled`` that nobody was charged, because the
        order had been rejected.
    """

    status: OrderStatus
    payment_status: PaymentStatus

    @property
    def open_queues(self) -> list[str]:
        """Whose job is still to be done: ``order``, ``payment``, both or neither.

        >>> OrderState("processing", "pending").open_queues
        ['payment']
        """
        states = ((ORDER, self.status), (PAYMENT, self.payment_status))
        return [queue for queue, state in states if state == "pending"]

    @property
    def refund_due(self) -> bool:
        """Whether the customer has paid for an order that was rejected."""
        return self == ("rejected", "paid")

    @property
    def customer_status(self) -> CustomerStatus:
        """What the customer sees; it does not tell which of the two jobs ran first.

        An order that is processing keeps its goods while the customer may still pay some other
        way, so a declined payment does not put them back on the shelf.

        >>> OrderState("rejected", "cancelled").customer_status
        'rejected'
        >>> OrderState("rejected", "refunded").customer_status
        'rejected'
        >>> OrderState("processing", "paid").customer_status
        'confirmed'
        """
        if self.status == "rejected":
            return "rejected"
        if self.payment_status == "pending":
            return "received" if self.status == "pending" else "awaiting payment"
        if self.payment_status == "paid":
            return "paid" if self.status == "pending" else "confirmed"
        return "payment declined" if self.payment_status == "declined" else "payment failed"
