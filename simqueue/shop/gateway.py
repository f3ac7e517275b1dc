"""The simulated payment gateway: another company's system, reached over an unreliable network.

It keeps its own table, in its own transactions, so that every process of ours meets the same
gateway; nothing of it ever shares a transaction with the shop.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, cast

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, Integer, MetaData, Table, Text, func

from simqueue.clock import Clock
from simqueue.errors import JobError
from simqueue.shop.database import Database
from simqueue.shop.tables import Money

Answer = Literal["paid", "declined"]

GATEWAY = MetaData()

gateway_charges = Table(
    "gateway_charges",
    GATEWAY,
    Column("key", Text, primary_key=True),
    Column("amount", Money, nullable=False),
    Column("answer", Text),  # empty until a charge was decided, or refunded before it was
    Column("refunded", Boolean, nullable=False, default=False),
    Column("charge_calls", Integer, nullable=False, default=0),
    Column("refund_calls", Integer, nullable=False, default=0),
)


#: The first answer stands.
_DECIDE = (
    sa.update(gateway_charges)
    .where(gateway_charges.c.key == sa.bindparam("this_key"))
    .values(answer=func.coalesce(gateway_charges.c.answer, sa.bindparam("new_answer")))
    .returning(gateway_charges.c.answer)
)


class GatewayError(JobError):
    """The gateway gave no answer: a timeout or an HTTP 5xx. Whether it acted is not known."""


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """How well the gateway works.

    Attributes
    ----------
    decline_rate
        Share of charges that the bank declines.
    error_rate
        Share of calls that end without an answer.
    late_share
        Share of those that did their work before the answer was lost. A customer would be
        charged twice by the retry, were it not for the idempotency key.
    latency_median_s, latency_sigma
        The time of a call is lognormal: median in seconds, and standard deviation of its
        logarithm.
    outages
        ``(from, to)`` in seconds of the clock: every call made inside ends with an error.

    Notes
    -----
    Source of the latency: the ``payment_ms`` of ``checkout_times.csv`` while its payment service
    was undisturbed (lognormal mu 2.225, sigma 0.588 of milliseconds). The rates are our choice.
    """

    decline_rate: float = 0.03
    error_rate: float = 0.02
    late_share: float = 0.5
    latency_median_s: float = 0.00925
    latency_sigma: float = 0.588
    outages: Sequence[tuple[float, float]] = ()


def payment_key(order_id: str) -> str:
    """Idempotency key of an order's payment: it belongs to the payment, not to an attempt.

    >>> payment_key("576892")
    'payment-576892'
    """
    return f"payment-{order_id}"


class SimulatedGateway:
    """Charges cards that nobody owns.

    Every draw belongs to (seed, idempotency key, number of the call with this key), never to a
    stream that others draw from too: what happens to an order does not depend on which order
    was paid before it. Whether a card is declined belongs to (seed, key) alone, since a card does
    not change from one call to the next.

    Parameters
    ----------
    database
        Where the gateway keeps its charges.
    clock
        What its latency and its outages are measured on.
    seed
        Chooses who is declined, and which calls fail or are slow.
    conditions
        How often that happens.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        seed: int = 1,
        conditions: Conditions | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._seed = seed
        self._conditions = conditions or Conditions()
        self._count = {what: self._counting(what) for what in ("charge", "refund")}

    def prepare(self) -> None:
        """Make the gateway's table; raises `InputError` if the database cannot be used."""
        self._database.make_tables(GATEWAY)

    async def charge(self, key: str, amount: Decimal) -> Answer:
        """Charge a card once.

        Parameters
        ----------
        key
            Idempotency key: names the payment, whatever the attempt. A repeated call takes no
            more money and has the answer of the first one.
        amount
            Pounds.

        Raises
        ------
        GatewayError
            If no answer came. The money may or may not have been taken: call again.
        """
        lost = await self._call("charge", key, amount)
        if lost == "early":
            raise GatewayError(f"gateway: no answer to charge {key}")
        answer = await asyncio.to_thread(self._decide, key)
        if lost == "late":
            raise GatewayError(f"gateway: no answer to charge {key}")
        return answer

    async def refund(self, key: str) -> None:
        """Give back what was charged, and close the key: a charge that comes later is declined.

        Refunding twice, or something that was never charged, gives nothing back.

        Raises
        ------
        GatewayError
            If no answer came: call again.
        """
        lost = await self._call("refund", key, Decimal(0))
        if lost != "early":
            await asyncio.to_thread(self._give_back, key)
        if lost is not None:
            raise GatewayError(f"gateway: no answer to refund {key}")

    def balance(self, key: str | None = None) -> Decimal:
        """Pounds taken and not given back: for one key, or in all. Blocks."""
        kept = sa.select(func.sum(gateway_charges.c.amount)).where(
            gateway_charges.c.answer == "paid", gateway_charges.c.refunded.is_(False)
        )
        if key is not None:
            kept = kept.where(gateway_charges.c.key == key)
        with self._database.reading() as connection:
            # PostgreSQL sums big integers to a decimal number.
            total = connection.execute(kept).scalar()
        return Decimal("0.00") if total is None else total

    async def _call(
        self, what: Literal["charge", "refund"], key: str, amount: Decimal
    ) -> Literal["early", "late"] | None:
        """Let the call take its time; tell whether its answer is lost, before or after the work."""
        began = self._clock.now()
        number = await asyncio.to_thread(self._number, what, key, amount)
        draw = random.Random(f"{self._seed}/{key}/{what}/{number}")
        is_ = self._conditions
        latency_s = is_.latency_median_s * draw.lognormvariate(0.0, is_.latency_sigma)
        failed, late = draw.random() < is_.error_rate, draw.random() < is_.late_share
        await self._clock.sleep(latency_s)
        if any(start <= began < end for start, end in is_.outages):
            return "early"
        return ("late" if late else "early") if failed else None

    def _counting(self, what: str) -> sa.Executable:
        calls = gateway_charges.c[f"{what}_calls"]
        first = self._database.insert(gateway_charges).values({calls.name: 1})
        again = {calls.name: calls + 1}
        return first.on_conflict_do_update(index_elements=["key"], set_=again).returning(calls)

    def _number(self, what: str, key: str, amount: Decimal) -> int:
        row = {"key": key, "amount": amount}
        with self._database.writing() as connection:
            return cast(int, connection.execute(self._count[what], row).scalar_one())

    def _decide(self, key: str) -> Answer:
        card = random.Random(f"{self._seed}/{key}/card")
        answer = "declined" if card.random() < self._conditions.decline_rate else "paid"
        with self._database.writing() as connection:
            decided = connection.execute(_DECIDE, {"this_key": key, "new_answer": answer})
            return cast(Answer, decided.scalar_one())

    def _give_back(self, key: str) -> None:
        close = _DECIDE.values(refunded=True)
        with self._database.writing() as connection:
            connection.execute(close, {"this_key": key, "new_answer": "declined"})
