"""From the shop's database into BullMQ's queues, and back from its failed jobs."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from small_shop import an_order, small_shop

from simqueue.adapters.bull_queue import BullQueueAdapter, connect
from simqueue.clock import SystemClock
from simqueue.jobs import QUEUES, order_job, payment_job
from simqueue.shop import Conditions, Shop
from simqueue.shop.tables import orders
from simqueue.workers.reconciler import Reconciler
from simqueue.workers.relay import Relay
from simqueue.workers.replay import replay
from simqueue.workers.shop_work import ShopWork


@asynccontextmanager
async def embedded() -> AsyncIterator[BullQueueAdapter]:
    adapter = BullQueueAdapter(await connect("embedded://"))
    try:
        yield adapter
    finally:
        await adapter.close()


async def ids(adapter: BullQueueAdapter, queue: str) -> list[str]:
    """Ids of the waiting jobs, in the order in which a worker would take them."""
    return [job.id for job in await adapter.queue(queue).getWaiting()]


def test_the_queue_has_what_the_outbox_had_once() -> None:
    async def story() -> None:
        with small_shop(outbox=True) as shop:
            for number in "312":
                order = an_order(number)
                shop.store.place(order, [order_job(number)])
                shop.store.request_payment(payment_job(number, order.total))
            async with embedded() as adapter:
                assert await Relay(shop.store, adapter, shop.clock).publish() == 6
                await adapter.add(order_job("1"))
                assert await ids(adapter, "order") == ["order-3", "order-1", "order-2"]
                assert await ids(adapter, "payment") == ["payment-3", "payment-1", "payment-2"]
                assert await adapter.unfinished() == 6

    asyncio.run(story())


def test_what_is_published_twice_is_in_the_queue_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        with small_shop(outbox=True) as shop:
            shop.store.place(an_order("1"), [order_job("1")])
            async with embedded() as adapter:
                relay = Relay(shop.store, adapter, shop.clock)
                with monkeypatch.context() as dying:
                    dying.setattr(shop.store.outbox, "published", lambda _: 1 / 0)
                    with pytest.raises(ZeroDivisionError):
                        await relay.publish()
                assert await relay.publish() == 1
                assert await ids(adapter, "order") == ["order-1"]

    asyncio.run(story())


def test_replayed_orders_reach_the_queue_through_the_outbox() -> None:
    placed = [an_order(number) for number in "123"]

    async def story() -> None:
        with small_shop(outbox=True) as shop:
            async with embedded() as adapter:
                stop = asyncio.Event()
                relay = Relay(shop.store, adapter, SystemClock())
                running = asyncio.create_task(relay.run(stop))
                done = await replay(placed, shop, relay, shop.clock)
                stop.set()
                await running
                assert (done.placed, done.already_placed, done.errors) == (3, 0, {})
                assert await ids(adapter, "order") == [f"order-{n}" for n in "123"]
                assert await ids(adapter, "payment") == [f"payment-{n}" for n in "123"]
                again = await replay(placed, shop, relay, shop.clock)
                assert (again.placed, again.already_placed) == (0, 3)
                assert await relay.publish() == 0

    asyncio.run(story())


def test_a_payment_that_stalled_to_death_is_given_up() -> None:
    """Its worker is dead: nobody renews the lock, and no handler is called any more."""
    from bullmq import Worker

    async def never(*_: object) -> None:
        raise AssertionError("a job that has stalled too often is not handled")

    async def story() -> None:
        with small_shop(outbox=True, conditions=Conditions(error_rate=0)) as shop:
            order = an_order("1")
            shop.store.place(order)
            job = payment_job("1", order.total)
            async with embedded() as adapter:
                await adapter.add(job)
                quick = {"autorun": False, "lockDuration": 50, "stalledInterval": 50}
                options = {**adapter.queue("payment").opts, **quick, "maxStalledCount": 0}
                dead, alive = (Worker("payment", never, options) for _ in range(2))
                assert (await dead.getNextJob("its token")).id == job.id
                running = asyncio.create_task(alive.run())
                async with asyncio.timeout(100):
                    while not await adapter.failed("payment"):
                        await asyncio.sleep(0.02)
                await alive.close(force=True)
                await running
                reconciler = Reconciler(ShopWork(shop), adapter, shop.clock)
                assert await reconciler.reconcile() == 1
                assert await reconciler.reconcile() == 0
                assert shop.store.state("1").payment_status == "failed"
                assert await Relay(shop.store, adapter, shop.clock).publish() == 1
                assert await ids(adapter, "email") == ["email-1-payment-failed"]

    asyncio.run(story())


#: Places orders, pays and processes them until it is killed.
CHILD = """
import sys
from small_shop import an_order, small_shop
from simqueue.jobs import order_job, payment_job

with small_shop(sys.argv[1], stock={"A": 10**6}, outbox=True) as shop:
    print("ready", flush=True)
    for name in map(str, range(1000000)):
        order, job = an_order(name), order_job(name)
        shop.store.place(order, [job])
        shop.store.request_payment(payment_job(name, order.total))
        shop.store.process(name, job)
        print(name, flush=True)
"""


@pytest.mark.parametrize("seed", range(4))
def test_after_a_kill_no_order_lacks_its_job_and_no_job_its_order(
    database_url: str, seed: int
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, database_url],
        cwd=Path(__file__).parent.parent,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None
        draw = random.Random(seed)
        for _ in range(draw.randint(3, 30)):
            child.stdout.readline()
        time.sleep(draw.uniform(0, 0.005))  # anywhere in an order
        child.send_signal(signal.SIGKILL)

    async def relay(shop: Shop) -> dict[str, set[str]]:
        async with embedded() as adapter:
            await Relay(shop.store, adapter, shop.clock).publish()
            return {queue: set(await ids(adapter, queue)) for queue in QUEUES}

    with small_shop(database_url, outbox=True) as shop:
        with shop.database.reading() as connection:
            rows = connection.execute(sa.select(orders.c.order_id, orders.c.status)).all()
        assert len(rows) > 1
        stored = {row.order_id for row in rows}
        processed = {row.order_id for row in rows if row.status == "processing"}
        queues = asyncio.run(relay(shop))
    assert queues["order"] == {f"order-{key}" for key in stored}
    assert queues["email"] == {f"email-{key}-order-confirmation" for key in processed}
    paid = {job_id.removeprefix("payment-") for job_id in queues["payment"]}
    assert processed <= paid <= stored
