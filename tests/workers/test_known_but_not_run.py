"""An id that Redis knows is not a job that will run: what no list holds, or what has no data.

BullMQ ignores a job whose hash is there, whatever its lists hold, and runs an id without a hash as
a job without a name. Each order here is damaged in one way, and ends as the page says: once its
jobs have been published again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
import redis
import sqlalchemy as sa
from pages import DOCS, fences
from small_shop import an_order, small_shop

from simqueue.adapters.bull_queue import BullQueueAdapter, Connection
from simqueue.adapters.bull_queue.connection import connected
from simqueue.errors import InTheWayError
from simqueue.jobs import EMAIL, Job, job_id, order_job, payment_job
from simqueue.shop import Shop
from simqueue.shop.outbox import FORGOTTEN_S
from simqueue.shop.tables import stock
from simqueue.workers.process import WorkerProcess
from simqueue.workers.relay import Relay
from simqueue.workers.shop_work import ShopWork

ORDER = "bull:order:order-1"

Damage = Callable[[redis.Redis], object]


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """Somebody with a Redis client of his own."""
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


def place(shop: Shop) -> None:
    order = an_order("1")
    shop.store.place(order, [order_job("1")])
    shop.store.request_payment(payment_job("1", order.total))


@asynccontextmanager
async def working(connection: Connection, shop: Shop, *queues: str) -> AsyncIterator[list[str]]:
    """A worker; the outcomes of the attempts that have ended."""
    ends: list[str] = []
    process = WorkerProcess(
        connection, BullQueueAdapter(connection), ShopWork(shop), queues=queues or ("order",),
        watchers=[lambda event: ends.append(event.outcome) if event.kind == "end" else None],
        name="w", bullmq={"stalledInterval": 200, "lockDuration": 1000},
    )  # fmt: skip
    await process.start()
    try:
        yield ends
    finally:
        await process.stop(5)


async def until(what: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(100):
        while not await what():
            await asyncio.sleep(0.01)


async def published_again(connection: Connection, shop: Shop) -> None:
    """What a running relay does, a quarter of an hour later."""
    assert shop.store.outbox is not None
    await shop.clock.sleep(FORGOTTEN_S + 1)
    shop.store.outbox.remember()
    await Relay(shop.store, BullQueueAdapter(connection), shop.clock).publish()


# Each leaves the order's id known, or listed, and its job not to be run.


def cut_from_the_list(client: redis.Redis) -> None:
    assert client.lrem("bull:order:wait", 0, "order-1") == 1


def list_deleted(client: redis.Redis) -> None:
    client.delete("bull:order:wait")


def dropped_while_active(client: redis.Redis) -> None:
    """As a worker leaves it that died, before somebody cleaned up with a broad hand."""
    client.lmove("bull:order:wait", "bull:order:active", "RIGHT", "LEFT")
    client.hset(ORDER, mapping={"processedOn": 1, "ats": 1})
    client.delete("bull:order:active")


def dropped_while_delayed(client: redis.Redis) -> None:
    """Its first attempt failed; then the delayed ones were deleted."""
    client.lrem("bull:order:wait", 0, "order-1")
    client.hset(ORDER, mapping={"atm": 1, "delay": 2000})


def left_by_a_resume(client: redis.Redis) -> None:
    """A resume of BullMQ 6 takes 7,000 from the list of a pause; what is left nobody looks at."""
    client.rename("bull:order:wait", "bull:order:paused")


def lost_to_a_rename(client: redis.Redis) -> None:
    """As a resume of BullMQ 5 does it to what was added to the other list."""
    client.lpush("bull:order:paused", "x")
    client.rename("bull:order:paused", "bull:order:wait")
    client.delete("bull:order:wait")


def failed_as_a_blank(client: redis.Redis) -> None:
    """A worker that is not ours ran the id without its data, and its end is kept."""
    client.delete("bull:order:wait", ORDER)
    client.hset(ORDER, mapping={"processedOn": 1, "failedReason": "no name", "finishedOn": 2})
    client.zadd("bull:order:failed", {"order-1": 2})


def completed_as_a_blank(client: redis.Redis) -> None:
    client.delete("bull:order:wait", ORDER)
    client.hset(ORDER, mapping={"processedOn": 1, "returnvalue": "null", "finishedOn": 2})
    client.zadd("bull:order:completed", {"order-1": 2})


def hash_deleted(client: redis.Redis) -> None:
    client.delete(ORDER)


def hash_deleted_while_active(client: redis.Redis) -> None:
    """Its worker is dead, and the job is put back as stalled."""
    client.lmove("bull:order:wait", "bull:order:active", "RIGHT", "LEFT")
    client.delete(ORDER)


def hash_expired_while_delayed(client: redis.Redis) -> None:
    client.delete(ORDER, "bull:order:wait")
    client.zadd("bull:order:delayed", {"order-1": 1})


def everything_deleted(client: redis.Redis) -> None:
    client.flushall()


DAMAGES = [
    cut_from_the_list, list_deleted, dropped_while_active, dropped_while_delayed, left_by_a_resume,
    lost_to_a_rename, failed_as_a_blank, completed_as_a_blank, hash_deleted,
    hash_deleted_while_active, hash_expired_while_delayed, everything_deleted,
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_order_comes_back_as_the_page_says(
    damage: Damage, redis_url: str, client: redis.Redis
) -> None:
    """Either when its jobs are published again, or at once where a worker finds the job."""

    async def story() -> None:
        with small_shop(outbox=True) as shop:
            place(shop)
            async with connected(redis_url) as connection:
                relay = Relay(shop.store, BullQueueAdapter(connection), shop.clock)
                assert await relay.publish() == 2
                damage(client)
                async with working(connection, shop):
                    # Whatever a worker makes of the damage it has made, before the look back.
                    await until(lambda: nothing_to_do(client))
                    await published_again(connection, shop)

                    async def processed() -> bool:
                        return shop.store.state("1").status == "processing"

                    await until(processed)
            with shop.database.reading() as database:
                left = sa.select(stock.c.on_hand).where(stock.c.sku == "A")
                assert database.execute(left).scalar_one() == 9

    asyncio.run(story())


async def nothing_to_do(client: redis.Redis) -> bool:
    return not any(
        (client.llen("bull:order:wait"), client.llen("bull:order:active"),
         client.zcard("bull:order:delayed"))
    )  # fmt: skip


def test_a_payment_comes_back_too(redis_url: str, client: redis.Redis) -> None:
    async def story() -> None:
        with small_shop(outbox=True) as shop:
            place(shop)
            async with connected(redis_url) as connection:
                await Relay(shop.store, BullQueueAdapter(connection), shop.clock).publish()
                client.delete("bull:payment:wait")
                await published_again(connection, shop)
                async with working(connection, shop, "payment"):

                    async def paid() -> bool:
                        return shop.store.state("1").payment_status == "paid"

                    await until(paid)

    asyncio.run(story())


def test_an_email_comes_back_by_hand(redis_url: str, client: redis.Redis) -> None:
    """By the page's first statement; by itself it does not, as the page says."""
    again, *_ = fences(DOCS / "reliability.md", "sql")
    kind = "order-confirmation"
    job = Job(
        queue=EMAIL, name=kind, id=job_id(EMAIL, "1", kind), flow="order-1",
        payload={"order_id": "1"},
    )  # fmt: skip

    async def story() -> int:
        with small_shop(outbox=True, now=1764000100.0) as shop:
            shop.store.place(an_order("1"), [job])
            async with connected(redis_url) as connection:
                relay = Relay(shop.store, BullQueueAdapter(connection), shop.clock)
                await relay.publish()
                client.delete("bull:email:wait")
                await published_again(connection, shop)
                assert client.llen("bull:email:wait") == 0
                with shop.database.writing() as database:
                    database.execute(sa.text(again))
                return await relay.publish()

    assert asyncio.run(story()) == 1
    assert client.lrange("bull:email:wait", 0, -1) == [job.id]


# What is a job stays as it is.


def add(url: str, *jobs: Job) -> None:
    async def story() -> None:
        async with connected(url) as connection:
            await BullQueueAdapter(connection).add_bulk(jobs)

    asyncio.run(story())


def move_to(name: str) -> Damage:
    def move(client: redis.Redis) -> None:
        client.lrem("bull:order:wait", 0, "order-1")
        if name in ("active", "paused"):
            client.lpush(f"bull:order:{name}", "order-1")
            client.hset("bull:order:meta", mapping={"paused": 1} if name == "paused" else {"x": 1})
        elif name == "lock":
            client.set(f"{ORDER}:lock", "token")
        else:
            client.zadd(f"bull:order:{name}", {"order-1": 5})

    return move


STATES = ["active", "lock", "paused", "delayed", "prioritized", "waiting-children", "completed",
          "failed"]  # fmt: skip


@pytest.mark.parametrize("state", STATES)
def test_a_job_that_is_somewhere_is_not_added_again(
    state: str, redis_url: str, client: redis.Redis
) -> None:
    add(redis_url, order_job("1"))
    move_to(state)(client)
    client.hset(ORDER, "mine", "still here")

    add(redis_url, order_job("1"))

    assert client.hget(ORDER, "mine") == "still here"
    assert client.lrange("bull:order:wait", 0, -1) == []


def test_a_job_deep_in_a_long_list_is_found(redis_url: str, client: redis.Redis) -> None:
    numbers = [str(number) for number in range(2500)]
    add(redis_url, *map(order_job, numbers))
    some = [order_job(number) for number in ("0", "999", "1000", "1500", "2499")]
    for job in some:
        client.hset(f"bull:order:{job.id}", "mine", "still here")

    add(redis_url, *some)

    assert client.llen("bull:order:wait") == 2500
    assert all(client.hget(f"bull:order:{job.id}", "mine") for job in some)


def test_what_is_no_job_of_bullmq_is_left_alone(redis_url: str, client: redis.Redis) -> None:
    client.set(ORDER, "somebody else's")
    with pytest.raises(InTheWayError, match="WRONGTYPE"):
        add(redis_url, order_job("1"))
    assert client.get(ORDER) == "somebody else's"


def test_more_than_a_resume_moves_is_put_back_in_order(redis_url: str, client: redis.Redis) -> None:
    add(redis_url, *(order_job(str(number)) for number in range(12_000)))
    before = client.lrange("bull:order:wait", 0, -1)
    client.rename("bull:order:wait", "bull:order:paused")

    add(redis_url, order_job("new"))

    assert client.lrange("bull:order:wait", 0, -1) == ["order-new", *before]
    assert not client.exists("bull:order:paused")


def test_a_blank_job_is_named_and_gone(
    redis_url: str, client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    client.lpush("bull:order:wait", "order-1")

    async def story() -> None:
        with small_shop() as shop:
            async with connected(redis_url) as connection, working(connection, shop):
                await until(lambda: nothing_to_do(client))

    asyncio.run(story())
    assert "job order-1: its data are gone from Redis" in caplog.text
    assert client.keys("bull:order:order-1*") == []
    assert client.zcard("bull:order:failed") == 0
