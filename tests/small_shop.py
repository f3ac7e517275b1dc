"""A shop with three products that is quick to open, and a runner of its jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from email.message import EmailMessage

from simqueue.clock import VirtualClock
from simqueue.errors import JobError
from simqueue.jobs import Job
from simqueue.shop import Conditions, Order, OrderLine, Product, Shop
from simqueue.shop.database import open_database
from simqueue.shop.gateway import SimulatedGateway
from simqueue.shop.outbox import Outbox
from simqueue.shop.store import Store
from simqueue.workers.shop_work import ShopWork

CATALOGUE = {
    sku: Product(sku, f"PRODUCT {sku}", Decimal("2.50"), "product") for sku in ("A", "B", "C")
} | {"POST": Product("POST", "POSTAGE", Decimal("18.00"), "delivery")}

CALM = Conditions(decline_rate=0, error_rate=0)


@dataclass
class LetterBox:
    """A mailer that keeps what it is given."""

    messages: list[EmailMessage] = field(default_factory=list)

    async def send(self, message: EmailMessage) -> None:
        self.messages.append(message)


@contextmanager
def small_shop(
    url: str = "sqlite://",
    stock: Mapping[str, int] | None = None,
    conditions: Conditions = CALM,
    seed: int = 1,
    now: float = 0.0,
    outbox: bool = False,
) -> Iterator[Shop]:
    """Open a small shop; every product has 10 units unless ``stock`` says otherwise."""
    database, clock = open_database(url), VirtualClock(now)
    shop = Shop(
        database=database,
        store=Store(database, Outbox(database, clock) if outbox else None),
        gateway=SimulatedGateway(database, clock, seed, conditions),
        mailer=LetterBox(),
        clock=clock,
    )
    with shop:
        shop.store.prepare(CATALOGUE, {"A": 10, "B": 10, "C": 10} | dict(stock or {}))
        shop.gateway.prepare()
        yield shop


def an_order(order_id: str = "1", **units: int) -> Order:
    """An order of so many units of each product, at 2.50 pounds; one of A by default."""
    lines = tuple(OrderLine(sku, n, Decimal("2.50")) for sku, n in (units or {"A": 1}).items())
    return Order(order_id, datetime(2011, 11, 17, 9, 15), "17850", "United Kingdom", lines)


def run(shop: Shop, *jobs: Job) -> list[str]:
    """Do one attempt at each job, one after another; "error" where it failed."""

    async def attempts() -> list[str]:
        work, words = ShopWork(shop), []
        for job in jobs:
            try:
                words.append(await work.handle(job, 1))
            except JobError:
                words.append("error")
        return words

    return asyncio.run(attempts())
