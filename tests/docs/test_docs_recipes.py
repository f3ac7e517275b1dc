"""The statements that operators are given do what the page says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from pages import DOCS, fences
from small_shop import an_order, small_shop

from simqueue.adapters.bull_queue import BullQueueAdapter, connect
from simqueue.jobs import order_job, payment_job
from simqueue.shop import Shop
from simqueue.workers.relay import Relay

AGAIN, STUCK, STUCK_AGAIN = fences(DOCS / "reliability.md", "sql")
#: After the moment that the page's first statement names.
NOW = 1764000100.0


def execute(shop: Shop, statement: str) -> list[tuple[object, ...]]:
    with shop.database.writing() as connection:
        done = connection.execute(sa.text(statement))
        return [tuple(row) for row in done] if done.returns_rows else []


def place(shop: Shop, *numbers: str) -> None:
    for number in numbers:
        order = an_order(number)
        shop.store.place(order, [order_job(number)])
        shop.store.request_payment(payment_job(number, order.total))


def after_losing_all(shop: Shop, mend: Callable[[Shop], object]) -> tuple[int, set[str], set[str]]:
    """Publish, lose Redis, mend: what the relay then publishes, and what the new queues hold."""

    async def story() -> tuple[int, set[str], set[str]]:
        lost = BullQueueAdapter(await connect("embedded://"))
        await Relay(shop.store, lost, shop.clock).publish()
        await lost.close()
        fresh = BullQueueAdapter(await connect("embedded://"))
        relay = Relay(shop.store, fresh, shop.clock)
        assert await relay.publish() == 0, "a lost job does not come back by itself"
        mend(shop)
        number = await relay.publish()
        held = [{job.id for job in await fresh.queue(queue).getWaiting()}
                for queue in ("order", "payment")]  # fmt: skip
        await fresh.close()
        return number, held[0], held[1]

    return asyncio.run(story())


def test_lost_jobs_are_published_again(database_url: str) -> None:
    """After a Redis that lost everything, one statement brings every job back."""
    with small_shop(database_url, outbox=True, now=NOW) as shop:
        place(shop, "1", "2")
        found = after_losing_all(shop, lambda shop: execute(shop, AGAIN))

    assert found == (4, {"order-1", "order-2"}, {"payment-1", "payment-2"})


def test_stuck_orders_are_found_and_published_again(database_url: str) -> None:
    """Only the jobs of orders that are not at their end are published again."""
    with small_shop(database_url, outbox=True, now=NOW) as shop:
        place(shop, "1", "2", "3")
        shop.store.process("1")
        shop.store.settle("1", "paid")
        shop.store.settle("2", "declined")
        assert sorted(execute(shop, STUCK)) == [
            ("2", "pending", "declined"), ("3", "pending", "pending"),
        ]  # fmt: skip
        found = after_losing_all(shop, lambda shop: execute(shop, STUCK_AGAIN))

    assert found == (3, {"order-2", "order-3"}, {"payment-3"})


@pytest.mark.parametrize("number", [0, 1])
def test_statements_about_the_outbox_run(database_url: str, number: int) -> None:
    """What operators are told to watch can be asked of both databases."""
    watching = [code for code in fences(DOCS / "deployment.md", "sql") if "outbox" in code]
    with small_shop(database_url, outbox=True, now=NOW) as shop:
        place(shop, "1")
        assert execute(shop, watching[number]) == ([[(2,)], []][number])
