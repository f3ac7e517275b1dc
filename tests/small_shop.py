"""A shop with three products that is quick to open, and a runner of its jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from email.message import EmailMessage
from typing import Any, TypeVar

from simqueue.clock import VirtualClock
from simqueue.errors import JobError
from simqueue.jobs import Job
from simqueue.shop import Conditions, Order, OrderLine, Product, Shop
from simqueue.shop.database import Database, open_database
from simqueue.shop.gateway import SimulatedGateway
from simqueue.shop.outbox import Outbox
from simqueue.shop.store import Store
from simqueue.workers.shop_work import ShopWork

T = TypeVar("T")

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


#: Databases in memory that were closed, and so are empty; what SQL they have compiled they keep.
_idle: list[Database] = []


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
    in_memory, clock = url == "sqlite://", VirtualClock(now)
    database = _idle.pop() if in_memory and _idle else open_database(url)
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
    if in_memory:
        _idle.append(database)


def an_order(order_id: str = "1", **units: int) -> Order:
    """An order of so many units of each product, at 2.50 pounds; one of A by default."""
    lines = tuple(OrderLine(sku, n, Decimal("2.50")) for sku, n in (units or {"A": 1}).items())
    return Order(order_id, datetime(2011, 11, 17, 9, 15), "17850", "United Kingdom", lines)


class _Here(ThreadPoolExecutor):
    """Does what it is given at once."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **more: Any) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **more))
        except BaseException as error:
            future.set_exception(error)
        return future


def run_here(story: Coroutine[Any, Any, T]) -> T:
    """Run a story in which one thing happens after another: threads would only cost time."""
    with asyncio.Runner() as runner:
        runner.get_loop().set_default_executor(_Here())
        return runner.run(story)


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
