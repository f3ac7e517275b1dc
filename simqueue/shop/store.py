"""The shop's own records: products, stock, orders and the emails that were sent.

Everything here is safe to do twice and safe to do from several processes at once. Methods block;
a coroutine calls them through `asyncio.to_thread`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Literal, cast

import sqlalchemy as sa
from sqlalchemy import Connection, exc, select

from simqueue.errors import InputError
from simqueue.jobs import Job, follow_ups
from simqueue.shop import statements as sql
from simqueue.shop.catalogue import Product
from simqueue.shop.database import Database, reason
from simqueue.shop.emails import EmailRecords, unknown
from simqueue.shop.orders import Order, check_order
from simqueue.shop.outbox import Outbox
from simqueue.shop.states import OrderState
from simqueue.shop.tables import SHOP, order_lines, orders, products, stock


class Store:
    """The shop's records in a database.

    Parameters
    ----------
    database
        The database.
    outbox
        Where jobs are written down, in the very transaction that asks for them. Without one
        nothing is written: whoever runs the jobs makes them known.

    Attributes
    ----------
    mail
        The records of emails.
    """

    def __init__(self, database: Database, outbox: Outbox | None = None) -> None:
        self.outbox = outbox
        self.mail = EmailRecords(database)
        self._database = database
        place = database.insert(orders).on_conflict_do_nothing()
        self._place = place.returning(orders.c.order_id)

    def prepare(self, catalogue: Mapping[str, Product], levels: Mapping[str, int]) -> None:
        """Make the tables and, if there are no products yet, load them.

        Parameters
        ----------
        catalogue
            The products.
        levels
            Units in stock, by SKU. A SKU without an entry never runs out.

        Raises
        ------
        InputError
            If the database cannot be used.
        """

        def load(connection: Connection) -> None:
            if connection.execute(select(products.c.sku).limit(1)).first() is None:
                rows = [product._asdict() for product in catalogue.values()]
                connection.execute(sa.insert(products), rows)
                shelves = [{"sku": sku, "on_hand": units} for sku, units in levels.items()]
                if shelves:
                    connection.execute(sa.insert(stock), shelves)

        self._database.make_tables(SHOP, load)

    def place(self, order: Order, jobs: Sequence[Job] = ()) -> bool:
        """Write down a new order; of one that is there already, only jobs that it lacks.

        Whoever was cut off before all of an order was asked for places it again.

        Parameters
        ----------
        order
            The order.
        jobs
            What is to be done about it: in the outbox, if there is one.

        Returns
        -------
        bool
            Whether the order is new.

        Raises
        ------
        InputError
            If it is none (see `check_order`), or has a product that is not in the catalogue.
        JobError
            If the database is in trouble.
        """
        check_order(order)
        head = {name: getattr(order, name) for name in _HEAD}
        lines = [
            {"order_id": order.order_id, "number": number, **line._asdict()}
            for number, line in enumerate(order.lines, start=1)
        ]
        with self._database.writing() as connection:
            if connection.execute(self._place, head).first() is None:
                self._ask(connection, order.order_id, jobs)
                return False
            try:
                connection.execute(sa.insert(order_lines), lines)
            except exc.IntegrityError as error:
                raise InputError(
                    f"order {order.order_id}: {reason(error)}; expected products of the "
                    "catalogue, at least one unit of each"
                ) from None
            if self.outbox is not None:
                self.outbox.add(connection, jobs)
        return True

    def request_payment(self, job: Job) -> None:
        """Put the job that pays an order into the outbox, if there is one and the payment open.

        Asking twice asks once.

        Raises
        ------
        InputError, JobError
            See `state`.
        """
        with self._database.writing() as connection:
            self._ask(connection, job.payload["order_id"], [job])

    def _ask(self, connection: Connection, order_id: str, jobs: Sequence[Job]) -> None:
        """Write down those jobs of an order whose part of it is still open."""
        if self.outbox is not None:
            state = _state(connection, order_id)
            self.outbox.add(connection, [job for job in jobs if job.queue in state.open_queues])

    def process(self, order_id: str, job: Job | None = None) -> OrderState:
        """Move a pending order's goods: take the stock of all its lines, or reject the order.

        Parameters
        ----------
        order_id
            The order.
        job
            The job that does it; the jobs that follow it go into the outbox, if there is one.

        Returns
        -------
        OrderState
            The state afterwards; of an order that is no longer pending, its state.

        Raises
        ------
        InputError, JobError
            See `state`.
        """
        with self._database.writing() as connection:
            # This also locks the row: a payment that moves at this moment waits for our commit,
            # or we wait for its, so that the second of us sees what the first one did.
            state = _move(connection, order_id, "status", "pending", "processing")
            if state is None:
                return _state(connection, order_id)
            if not _take_stock(connection, order_id):
                rejected = _move(connection, order_id, "status", "processing", "rejected")
                state = cast(OrderState, rejected)
            self._follow(connection, job, state.status)
            return state

    def settle(
        self,
        order_id: str,
        word: Literal["paid", "declined", "failed", "cancelled"],
        job: Job | None = None,
    ) -> OrderState:
        """Move an order's pending payment to ``word``; see `process`.

        Money that is to be given back at once is followed by no job.
        """
        return self._payment(order_id, "pending", word, job)

    def refunded(self, order_id: str, job: Job | None = None) -> OrderState:
        """Note that the customer of a paid order has the money back; see `settle`."""
        return self._payment(order_id, "paid", "refunded", job)

    def _payment(self, order_id: str, old: str, new: str, job: Job | None) -> OrderState:
        with self._database.writing() as connection:
            moved = _move(connection, order_id, "payment_status", old, new)
            if moved is None:
                return _state(connection, order_id)
            if not moved.refund_due:
                self._follow(connection, job, new)
            return moved

    def _follow(self, connection: Connection, job: Job | None, word: str) -> None:
        if self.outbox is not None and job is not None:
            self.outbox.add(connection, follow_ups(job, word))

    def money_returned(self, order_id: str) -> None:
        """Note that the gateway keeps no money for an order that is not paid."""
        with self._database.writing() as connection:
            connection.execute(sql.MONEY_RETURNED, {"this_order": order_id})

    def money_owed(self, most: int) -> list[str]:
        """Orders for which the gateway may still keep money that is not the shop's."""
        with self._database.reading() as connection:
            return list(connection.execute(sql.OWED, {"most": most}).scalars())

    def state(self, order_id: str) -> OrderState:
        """Both states of an order.

        Raises
        ------
        InputError
            If there is no such order.
        JobError
            If the database is in trouble.
        """
        with self._database.reading() as connection:
            return _state(connection, order_id)

    def total(self, order_id: str) -> Decimal:
        """What the customer of an order owes, pounds; raises what `state` does."""
        with self._database.reading() as connection:
            total = connection.execute(sql.ORDER_TOTAL, {"this_order": order_id}).scalar()
        if total is None:
            raise unknown(order_id)
        return total

    def emails(self) -> list[tuple[str, str]]:
        """(order, kind) of every email on record, in the order in which they were sent."""
        with self._database.reading() as connection:
            return [(row.order_id, row.kind) for row in connection.execute(sql.EMAILS)]

    def on_hand(self) -> dict[str, int]:
        """Units in stock now, by SKU."""
        with self._database.reading() as connection:
            return {row.sku: row.on_hand for row in connection.execute(sql.ON_HAND)}


_HEAD = ("order_id", "placed_at", "customer_id", "country")


def _move(
    connection: Connection, order_id: str, column: str, old: str, new: str
) -> OrderState | None:
    values = {"this_order": order_id, "old": old, "new": new}
    row = connection.execute(sql.MOVE[column], values).one_or_none()
    return None if row is None else OrderState(*row)


def _state(connection: Connection, order_id: str) -> OrderState:
    row = connection.execute(sql.STATE, {"this_order": order_id}).one_or_none()
    if row is None:
        raise unknown(order_id)
    return OrderState(*row)


def _take_stock(connection: Connection, order_id: str) -> bool:
    """Take the whole order from the shelves, or nothing."""
    this = {"this_order": order_id}
    shelves = connection.execute(sql.LOCK_SHELVES, this).all()
    part = connection.begin_nested()
    if connection.execute(sql.TAKE_STOCK, this).rowcount == len(shelves):
        part.commit()
        return True
    part.rollback()
    return False
