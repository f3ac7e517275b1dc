"""A paused queue keeps every job, whichever version of BullMQ paused it and resumes it.

Up to version 5 a pause renames ``wait`` to ``paused``, and a resume renames it back, over whatever
is there. Version 6 and Python only set a mark. Both are played here by the commands that they send;
tests/node has the real ones.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import redis
from test_consumer import Script, bench

from simqueue.adapters.bull_queue import BullQueueAdapter, connect
from simqueue.adapters.bull_queue.connection import connected
from simqueue.errors import JobError
from simqueue.jobs import Job, order_job
from simqueue.operations.failed import Failures
from simqueue.policies import Backoff, QueuePolicy

Q = "bull:order:"


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


class Old:
    """BullMQ 4 or 5: ``pause-5.lua`` and ``pause-7.lua`` of 4.18 and 5.81."""

    version = "bullmq:5.81.2"

    def say_hello(self, client: redis.Redis) -> None:
        client.hset(f"{Q}meta", "version", self.version)

    def pause(self, client: redis.Redis) -> None:
        self.say_hello(client)
        if client.exists(f"{Q}wait"):
            client.rename(f"{Q}wait", f"{Q}paused")
        client.hset(f"{Q}meta", "paused", "1")
        client.delete(f"{Q}marker")

    def resume(self, client: redis.Redis) -> None:
        if client.exists(f"{Q}paused"):
            client.rename(f"{Q}paused", f"{Q}wait")
        client.hdel(f"{Q}meta", "paused")
        client.zadd(f"{Q}marker", {"0": 0})


class Four(Old):
    version = "bullmq:4.18.3"


class Silent(Old):
    """One that was told not to write its version."""

    def say_hello(self, client: redis.Redis) -> None:
        client.hdel(f"{Q}meta", "version")


class New:
    """BullMQ 6: ``pause-7.lua`` of 6.7."""

    def pause(self, client: redis.Redis) -> None:
        client.hset(f"{Q}meta", mapping={"version": "bullmq:6.7.0", "paused": "1"})
        client.delete(f"{Q}marker")

    def resume(self, client: redis.Redis) -> None:
        client.hdel(f"{Q}meta", "paused")
        if client.exists(f"{Q}paused"):
            for job_id in client.lrange(f"{Q}paused", 0, -1):
                client.rpush(f"{Q}wait", job_id)
            client.delete(f"{Q}paused")
        client.zadd(f"{Q}marker", {"0": 0})


VERSIONS = [Old(), Four(), Silent(), New()]
version = pytest.mark.parametrize("version", VERSIONS, ids=lambda one: type(one).__name__)


def stored(client: redis.Redis, *ids: str, **fields: Any) -> None:
    """The hashes of jobs."""
    for job_id in ids:
        data = {"payload": {"order_id": "1"}, "flow": "order-1", "parent_id": None}
        client.hset(
            f"{Q}{job_id}",
            mapping={"name": "process-order", "data": json.dumps(data), "opts": "{}",
                     "timestamp": "1", **fields},
        )  # fmt: skip


def waiting(client: redis.Redis) -> list[str]:
    """The jobs that would run once the queue is resumed, next one first; lists, not hopes."""
    return list(reversed(client.lrange(f"{Q}wait", 0, -1)))


async def add(url: str, *jobs: Job) -> None:
    async with connected(url) as connection:
        await BullQueueAdapter(connection).add_bulk(jobs)


async def retry(url: str, job_id: str) -> None:
    async with connected(url) as connection:
        await Failures(connection, "order").retry(job_id)


@version
def test_added_while_it_is_paused(version: Any, redis_url: str, client: redis.Redis) -> None:
    asyncio.run(add(redis_url, order_job("before")))
    version.pause(client)
    asyncio.run(add(redis_url, *(order_job(str(number)) for number in range(3))))
    version.resume(client)

    assert waiting(client) == ["order-before", "order-0", "order-1", "order-2"]


@pytest.mark.parametrize("version", [Old(), Four(), New()], ids=lambda one: type(one).__name__)
def test_added_while_it_is_paused_and_empty(
    version: Any, redis_url: str, client: redis.Redis
) -> None:
    """The list of the pause is not there, so that only the version tells."""
    version.pause(client)
    asyncio.run(add(redis_url, order_job("ours")))
    if isinstance(version, Old):
        stored(client, "theirs")
        client.lpush(f"{Q}paused", "theirs")  # as BullMQ 5 adds to a paused queue
    asyncio.run(add(redis_url, order_job("later")))
    version.resume(client)

    assert [job for job in waiting(client) if job != "theirs"] == ["order-ours", "order-later"]


@version
def test_a_failed_job_retried_while_it_is_paused(
    version: Any, redis_url: str, client: redis.Redis
) -> None:
    """The case that lost jobs: a failed one retried by the command of the operators."""
    stored(client, "n0", "f0")
    client.lpush(f"{Q}wait", "n0")
    client.zadd(f"{Q}failed", {"f0": 1})
    version.pause(client)
    asyncio.run(retry(redis_url, "f0"))
    version.resume(client)

    assert waiting(client) == ["n0", "f0"]


@version
def test_a_job_that_goes_next_goes_next(version: Any, redis_url: str, client: redis.Redis) -> None:
    stored(client, "n0", "f0", opts=json.dumps({"lifo": True}))
    client.lpush(f"{Q}wait", "n0")
    client.zadd(f"{Q}failed", {"f0": 1})
    version.pause(client)
    asyncio.run(retry(redis_url, "f0"))
    version.resume(client)

    assert waiting(client) == ["f0", "n0"]


async def during_a_pause(
    url: str, client: redis.Redis, version: Any, policy: QueuePolicy, until: Callable[[], object]
) -> None:
    """A running job's queue is paused, the job fails; the worker goes on until something is so."""
    started, go_on = asyncio.Event(), asyncio.Event()

    async def fail_later() -> str:
        started.set()
        await go_on.wait()
        raise JobError("no")

    def play(job: Job, attempt: int) -> Awaitable[str]:
        return fail_later()

    async with bench(url, Script(play), policy, drainDelay=1) as running:
        await running.adapter.add(order_job("1"))
        await started.wait()
        stored(client, "n0")
        client.lpush(f"{Q}wait", "n0")
        version.pause(client)
        go_on.set()
        async with asyncio.timeout(100):
            while not until():
                await asyncio.sleep(0.02)


@version
@pytest.mark.parametrize("delay_ms", [0, 20])
def test_a_running_job_that_fails_during_the_pause(
    delay_ms: int, version: Any, redis_url: str, client: redis.Redis
) -> None:
    """Without a backoff it goes back at once; with one it is promoted, paused or not."""
    policy = QueuePolicy(attempts=3, backoff=Backoff(delay_ms=delay_ms))
    both = [f"{Q}wait", f"{Q}paused"]

    def is_back() -> bool:
        return "order-1" in [job for key in both for job in client.lrange(key, 0, -1)]

    asyncio.run(during_a_pause(redis_url, client, version, policy, is_back))
    version.resume(client)

    assert waiting(client) == ["n0", "order-1"]


@version
def test_a_stalled_job_goes_to_the_head(version: Any, redis_url: str, client: redis.Redis) -> None:
    stored(client, "n0", "s0")
    client.lpush(f"{Q}wait", "n0")
    client.lpush(f"{Q}active", "s0")
    version.pause(client)

    async def story() -> None:
        quick = {"stalledInterval": 100, "drainDelay": 1}
        async with bench(redis_url, Script(lambda *_: "x"), QueuePolicy(), **quick):
            async with asyncio.timeout(100):
                while client.llen(f"{Q}active"):
                    await asyncio.sleep(0.02)

    asyncio.run(story())
    version.resume(client)

    assert waiting(client) == ["s0", "n0"]


def test_what_was_lost_between_two_lists_is_put_together(
    redis_url: str, client: redis.Redis
) -> None:
    """Somebody's program added to ``wait`` while BullMQ 5 had the queue paused."""
    stored(client, "a", "b", "c")
    client.lpush(f"{Q}wait", "a")
    Old().pause(client)
    client.lpush(f"{Q}wait", "b", "c")
    asyncio.run(add(redis_url, order_job("d")))
    Old().resume(client)

    assert waiting(client) == ["a", "b", "c", "order-d"]


def test_a_script_that_fails_leaves_the_names_as_they_were(
    redis_url: str, client: redis.Redis
) -> None:
    stored(client, "n0")
    client.lpush(f"{Q}wait", "n0")
    Old().pause(client)
    client.set(f"{Q}order-1", "no hash")
    with pytest.raises(JobError, match="WRONGTYPE"):
        asyncio.run(add(redis_url, order_job("1")))

    assert client.lrange(f"{Q}paused", 0, -1) == ["n0"]
    assert not client.exists(f"{Q}wait")


@version
def test_what_is_paused_is_unfinished(version: Any, redis_url: str, client: redis.Redis) -> None:
    async def story() -> int:
        adapter = BullQueueAdapter(await connect(redis_url))
        await adapter.add_bulk([order_job("1"), order_job("2")])
        version.pause(client)
        await adapter.add(order_job("3"))
        try:
            return await adapter.unfinished()
        finally:
            await adapter.close()

    assert asyncio.run(story()) == 3


def test_a_queue_that_is_not_paused_is_written_as_ever(redis_url: str, client: redis.Redis) -> None:
    Old().say_hello(client)
    asyncio.run(add(redis_url, order_job("1")))
    assert waiting(client) == ["order-1"]
    assert client.zscore(f"{Q}marker", "0") == 0
