"""The outbox: jobs written down in the transaction that needs them, for the queue to take later.

Database and queue cannot share a transaction. So what must happen next is stored with what has
happened, both or neither, and a relay carries it over to the queue.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy import Connection, bindparam, func, select

from simqueue.checked import first_problem
from simqueue.clock import Clock
from simqueue.errors import InputError
from simqueue.jobs import (
    LARGEST_AMOUNT,
    ORDER,
    PAYMENT,
    Job,
    job_id,
    order_job,
    parse_payload,
    payment_job,
)
from simqueue.safe_text import one_line
from simqueue.shop.database import Database
from simqueue.shop.tables import OUTBOX_WAITING, TOTAL, orders, outbox

#: How long a published row is kept: long enough to see what was published when.
KEEP_S = 7 * 86_400.0

#: How long a published job may leave its order pending before it is published again; how long an
#: order may be without one of its jobs.
FORGOTTEN_S = 900.0
#: Orders that are looked at together.
_LOOKED_AT = 500


def job_id_of(queue: str) -> sa.ColumnElement[str]:
    """Id of an order's job in ``queue``, as SQL; the form is that of `simqueue.jobs.job_id`."""
    return sa.literal(job_id(queue, "")) + orders.c.order_id


_WAITING = (
    select(outbox.c.number, outbox.c.job_id, outbox.c.job)
    .where(OUTBOX_WAITING, outbox.c.number > bindparam("after"))
    # Numbers are given out before the commit, so a smaller one may turn up after a greater one.
    # That is why each look begins at the first row that is not published.
    .order_by(outbox.c.number)
    .limit(bindparam("most"))
)
_PUBLISHED = (
    sa.update(outbox)
    .where(outbox.c.number.in_(bindparam("numbers", expanding=True)))
    .values(published_at=bindparam("now"))
)
_REFUSED = (
    sa.update(outbox)
    .where(outbox.c.number == bindparam("this_number"))
    .values(refused=bindparam("why"))
)
#: Jobs whose part of an order is still open.
_OPEN = sa.union_all(
    select(job_id_of(ORDER)).where(orders.c.status == "pending"),
    select(job_id_of(PAYMENT)).where(orders.c.payment_status == "pending"),
)
_FORGOTTEN = (
    sa.update(outbox)
    .where(outbox.c.published_at < bindparam("limit"), outbox.c.job_id.in_(_OPEN))
    .values(published_at=None)
)
_PRUNE = sa.delete(outbox).where(
    outbox.c.published_at < bindparam("limit"), outbox.c.job_id.not_in(_OPEN)
)


def _lacking(queue: str, state: sa.Column[str], other: str) -> sa.Select[Any]:
    """Orders open in ``queue`` whose job there nobody wrote down, though that of ``other`` is."""
    asked = select(outbox.c.number).where(
        outbox.c.job_id == job_id_of(other), outbox.c.added_at < bindparam("limit")
    )
    here = select(outbox.c.number).where(outbox.c.job_id == job_id_of(queue))
    return (
        select(orders.c.order_id, TOTAL.label("total"))
        .where(state == "pending", asked.exists(), ~here.exists())
        .order_by(orders.c.order_id)
        .limit(_LOOKED_AT)
    )


_UNPROCESSED = _lacking(ORDER, orders.c.status, PAYMENT)
_UNPAID = _lacking(PAYMENT, orders.c.payment_status, ORDER)
_COUNTS = select(
    func.count().filter(OUTBOX_WAITING).label("waiting"),
    func.count().filter(outbox.c.refused.is_not(None)).label("refused"),
)


class Entry(NamedTuple):
    """A job that waits to be published.

    Attributes
    ----------
    number
        Its place in the outbox.
    job_id
        The job's id.
    text
        The job, as JSON.
    """

    number: int
    job_id: str
    text: str

    def job(self) -> Job:
        """The job.

        Raises
        ------
        InputError
            If the text is none: it was written by another version, or by hand.
        """
        try:
            return Job.model_validate_json(self.text)
        except ValidationError as error:
            # What it holds may be a customer's: only the place is said, and what was expected.
            problem = first_problem(error)
            where = one_line(".".join(problem.path), 100)
            raise InputError(
                f"job {self.job_id} of the outbox: not a job: {where or 'its text'}: "
                f"{problem.expected}"
            ) from None


class OutboxCounts(NamedTuple):
    """How many jobs wait to be published, and how many the queue has refused for good."""

    waiting: int
    refused: int


class Outbox:
    """The jobs that the shop wants done and the queue may not know yet.

    A published row is kept for `KEEP_S`, and as long as its order is pending, and then removed. It
    cannot come back: a job is written together with a change that happens once (a state moved), or
    while its part of the order is still open. Refused rows stay until somebody has looked at them.

    Methods block; a coroutine calls them through `asyncio.to_thread`.

    Parameters
    ----------
    database
        The shop's.
    clock
        Dates the rows.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._add = database.insert(outbox).on_conflict_do_nothing()

    def add(self, connection: Connection, jobs: Iterable[Job]) -> None:
        """Write jobs down in a transaction of the caller's; an id that is there stays as it is.

        Raises
        ------
        InputError
            If a job is not of the shop's kinds: it must not be stored, since no queue takes it.
        """
        now = self._clock.now()
        rows = []
        for job in jobs:
            parse_payload(job)
            rows.append({"job_id": job.id, "job": job.model_dump_json(), "added_at": now})
        if rows:
            connection.execute(self._add, rows)

    def waiting(self, most: int, after: int = 0) -> list[Entry]:
        """The first jobs that are neither published nor refused, in order, from a number on."""
        with self._database.reading() as connection:
            found = connection.execute(_WAITING, {"most": most, "after": after})
            return [Entry(*row) for row in found]

    def published(self, numbers: Sequence[int]) -> None:
        """Note that the queue has these jobs."""
        if numbers:
            with self._database.writing() as connection:
                now = self._clock.now()
                connection.execute(_PUBLISHED, {"numbers": list(numbers), "now": now})

    def refuse(self, number: int, why: str) -> None:
        """Note that the queue will never take this job; it no longer waits."""
        with self._database.writing() as connection:
            connection.execute(_REFUSED, {"this_number": number, "why": why})

    def remember(self) -> int:
        """Have jobs published again that the queue may have forgotten; tell how many.

        A Redis without a log on disk loses jobs, and a queue keeps only its newest failed ones:
        one whose effects could not be had then, because the database was away, would leave its
        order pending for ever. Publishing is harmless where the queue still has the job.
        """
        with self._database.writing() as connection:
            limit = self._clock.now() - FORGOTTEN_S
            return connection.execute(_FORGOTTEN, {"limit": limit}).rowcount

    def complete(self) -> list[Job]:
        """Write down the jobs that orders lack; tell which.

        An order and its payment are two requests. Whoever dies between the two leaves an order
        that is placed, and owed a payment, with no job that would ever see to it.
        """
        limit = {"limit": self._clock.now() - FORGOTTEN_S}
        with self._database.writing() as connection:
            unprocessed = connection.execute(_UNPROCESSED, limit).all()
            unpaid = connection.execute(_UNPAID, limit).all()
            jobs = [order_job(row.order_id) for row in unprocessed]
            # An earlier version took orders that no payment can be as large as.
            payable = (row for row in unpaid if row.total <= LARGEST_AMOUNT)
            jobs += [payment_job(row.order_id, row.total) for row in payable]
            self.add(connection, jobs)
        return jobs

    def prune(self) -> int:
        """Remove rows published more than `KEEP_S` ago, save those of pending orders; how many."""
        with self._database.writing() as connection:
            return connection.execute(_PRUNE, {"limit": self._clock.now() - KEEP_S}).rowcount

    def counts(self) -> OutboxCounts:
        """How many jobs wait, and how many were refused."""
        with self._database.reading() as connection:
            return OutboxCounts(*connection.execute(_COUNTS).one())
