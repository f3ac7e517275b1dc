"""One bad thing is set aside and named once, and everybody else goes on.

Whatever is wrong with one job, one event, one queue or one order: a key of the wrong type, bytes
that are no UTF-8, a number that is none, a right that is missing.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

import httpx
import pytest
import redis
from bullmq import Queue
from queues import connected
from redis_servers import RedisServer
from small_shop import an_order, small_shop
from test_metrics import samples
from test_serve import ask_until, talk

from simqueue.adapters.bull_queue import BullQueueAdapter, Connection
from simqueue.cli import run
from simqueue.errors import JobError
from simqueue.jobs import Job, order_job, payment_job
from simqueue.operations import monitor, supervising
from simqueue.operations.failed import Failures
from simqueue.operations.stats import read_stats
from simqueue.policies import POLICIES, Outcome
from simqueue.shop import Shop
from simqueue.shop.outbox import Outbox
from simqueue.workers.payment import return_money_owed
from simqueue.workers.reconciler import Reconciler
from simqueue.workers.relay import Relay

Spoil = Callable[[redis.Redis], object]
#: Not UTF-8: the first half of an emoji, as Node writes it.
HALF_EMOJI = b"caf\xed\xa0\xbd"


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """An impolite program on the same Redis."""
    with redis.Redis.from_url(redis_url) as client:
        yield client


# ---- the relay


@pytest.fixture
def shop() -> Iterator[Shop]:
    with small_shop(outbox=True) as shop:
        yield shop


def the_outbox(shop: Shop) -> Outbox:
    assert shop.store.outbox is not None
    return shop.store.outbox


def place(shop: Shop, number: int) -> None:
    """So many orders; each has its payment to be made."""
    with shop.database.writing() as connection:
        for i in range(number):
            jobs = [order_job(str(i)), payment_job(str(i), Decimal(5))]
            the_outbox(shop).add(connection, jobs)


async def relayed(shop: Shop, url: str, then: Callable[[Relay], Awaitable[None]]) -> None:
    async with connected(url) as connection:
        await then(Relay(shop.store, BullQueueAdapter(connection), shop.clock))


def publish(shop: Shop, url: str) -> int:
    async def once(relay: Relay) -> None:
        nonlocal done
        done = await relay.publish()

    done = 0
    asyncio.run(relayed(shop, url, once))
    return done


def string_at_a_job(client: redis.Redis) -> None:
    client.set("bull:order:order-7", "not a hash")


def list_at_jobs_of_two_queues(client: redis.Redis) -> None:
    client.rpush("bull:order:order-0", "x")
    client.zadd("bull:payment:payment-650", {"x": 1})


def queue_of_another_type(client: redis.Redis) -> None:
    client.set("bull:order:wait", "not a list")


def events_of_another_type(client: redis.Redis) -> None:
    client.set("bull:payment:events", "not a stream")


def counter_of_another_type(client: redis.Redis) -> None:
    client.rpush("bull:order:meta", "not a hash")


@pytest.mark.parametrize(
    ("spoil", "left"),
    [
        (string_at_a_job, 1),
        (list_at_jobs_of_two_queues, 2),
        (queue_of_another_type, 700),
        (events_of_another_type, 700),
        (counter_of_another_type, 700),
    ],
)
def test_the_relay_publishes_the_others(
    spoil: Spoil, left: int, shop: Shop, redis_url: str, client: redis.Redis,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    place(shop, 700)
    spoil(client)

    async def rounds(relay: Relay) -> None:
        for _ in range(3):
            with suppress(JobError):
                await relay.publish()

    asyncio.run(relayed(shop, redis_url, rounds))

    assert the_outbox(shop).counts() == (left, 0)
    said = [record.message for record in caplog.records if "in the way" in record.message]
    assert 1 <= len(said) <= 3  # one for each look of 500 that met it first
    assert "Redis at" in said[0]


def test_a_queue_that_may_not_be_written_is_one_queue(
    shop: Shop, redis_url: str, client: redis.Redis
) -> None:
    place(shop, 20)
    client.execute_command("ACL", "SETUSER", "half", "on", ">secret", "+@all", "~bull:payment:*")
    try:
        with suppress(JobError):
            publish(shop, redis_url.replace("//", "//half:secret@"))
    finally:
        client.execute_command("ACL", "DELUSER", "half")

    assert the_outbox(shop).counts() == (20, 0)
    assert client.llen("bull:payment:wait") == 20


def test_what_was_in_the_way_is_tried_again(
    shop: Shop, redis_url: str, client: redis.Redis
) -> None:
    place(shop, 3)
    string_at_a_job(client)
    client.rename("bull:order:order-7", "bull:order:order-1")

    async def story(relay: Relay) -> None:
        assert await relay.publish() == 5
        client.delete("bull:order:order-1")
        assert await relay.publish() == 0, "tried too soon"
        await shop.clock.sleep(61)
        assert await relay.publish() == 1
        assert relay.held_back == {}

    asyncio.run(relayed(shop, redis_url, story))
    assert the_outbox(shop).counts() == (0, 0)


def test_a_server_that_refuses_everybody_holds_nobody_back(shop: Shop) -> None:
    """That is an outage, for all and for as long as it lasts."""
    place(shop, 3)
    server = RedisServer("--maxmemory", "1mb", "--maxmemory-policy", "noeviction")

    async def story(relay: Relay) -> None:
        with pytest.raises(JobError, match="memory"):
            await relay.publish()
        assert relay.held_back == {}

    try:
        asyncio.run(relayed(shop, server.url, story))
    finally:
        server.stop()


# ---- the reconciler and the refunds


class Diary:
    """Work that writes down what is given up."""

    def __init__(self) -> None:
        self.given_up: list[str] = []

    async def handle(self, job: Job, attempt: int) -> str:
        raise AssertionError("the reconciler does not run jobs")

    async def give_up(self, job: Job) -> str:
        self.given_up.append(job.id)
        return "failed"

    def follow_ups(self, job: Job, outcome: Outcome, result: str) -> Sequence[Job]:
        return []


def a_failed_payment(client: redis.Redis, job: Job) -> None:
    data = {"payload": job.payload, "flow": job.flow, "parent_id": job.parent_id}
    client.hset(
        f"bull:payment:{job.id}", mapping={"name": job.name, "data": json.dumps(data), "opts": "{}"}
    )
    client.zadd("bull:payment:failed", {job.id: 1_764_000_000_000})


def failed(queue: str, **fields: Any) -> Spoil:
    def put(client: redis.Redis) -> None:
        client.hset(f"bull:{queue}:bad", mapping={"name": "x", "data": "{}", **fields})
        client.zadd(f"bull:{queue}:failed", {"bad": 1_764_000_000_001})

    return put


def hash_of_another_type(client: redis.Redis) -> None:
    client.set("bull:payment:bad", "not a hash")
    client.zadd("bull:payment:failed", {"bad": 2})


def entry_without_a_hash(client: redis.Redis) -> None:
    client.zadd("bull:payment:failed", {"bad": 2})


def failed_set_of_another_type(client: redis.Redis) -> None:
    client.set("bull:order:failed", "not a set")


BAD_FAILURES: dict[str, Spoil] = {
    "no JSON": failed("order", data="{not json"),
    "nested too deep": failed("payment", data="[" * 3000 + "]" * 3000),
    "a name that is no UTF-8": failed("payment", name=HALF_EMOJI),
    "data that are no UTF-8": failed("email", data=b'{"to": "' + HALF_EMOJI + b'"}'),
    "an id that is no UTF-8": lambda client: client.zadd("bull:order:failed", {HALF_EMOJI: 3}),
    "a hash of another type": hash_of_another_type,
    "an entry without a hash": entry_without_a_hash,
    "a failed set of another type": failed_set_of_another_type,
    "a time that is none": failed("payment", finishedOn="nan"),
}


@pytest.mark.parametrize("bad", BAD_FAILURES)
def test_the_reconciler_gives_up_the_others(
    bad: str, redis_url: str, client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    work = Diary()
    BAD_FAILURES[bad](client)
    a_failed_payment(client, payment_job("1", Decimal(5)))

    async def story() -> None:
        async with connected(redis_url) as connection:
            with small_shop() as shop:
                reconciler = Reconciler(work, BullQueueAdapter(connection), shop.clock)
                for _ in range(3):
                    await reconciler.reconcile()

    asyncio.run(story())

    assert "payment-1" in work.given_up
    assert len([r for r in caplog.records if r.levelno >= logging.WARNING]) == 1, "said once"


def test_one_order_whose_money_cannot_be_returned_is_one_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    returned = []

    async def refund(key: str) -> None:
        if "-2" in key:
            raise JobError("gateway: no such charge")
        returned.append(key)

    with small_shop(outbox=True) as shop:
        for number in ("1", "2", "3"):
            shop.store.place(an_order(number))
            shop.store.settle(number, "failed", payment_job(number, Decimal(5)))
        monkeypatch.setattr(type(shop.gateway), "refund", lambda _, key: refund(key))
        with pytest.raises(JobError, match="1 of 3 orders"):
            asyncio.run(return_money_owed(shop))
        assert len(shop.store.money_owed(100)) == 1
    assert len(returned) == 2


# ---- the server


def job_at(time: str) -> Spoil:
    def put(client: redis.Redis) -> None:
        client.hset("bull:bad:1", mapping={"name": "x", "data": "{}", "timestamp": time})
        client.lpush("bull:bad:wait", "1")

    return put


def event(**fields: Any) -> Spoil:
    return lambda client: client.xadd("bull:bad:events", fields)


def key(name: str) -> Spoil:
    return lambda client: client.set(f"bull:bad:{name}", "of another type")


def name_of_half_an_emoji(client: redis.Redis) -> None:
    failed("bad", name=HALF_EMOJI, failedReason=HALF_EMOJI)(client)
    client.xadd("bull:bad:events", {"event": "waiting", "jobId": "1", "name": HALF_EMOJI})


BAD_QUEUES: dict[str, Spoil] = {
    "timestamp nan": job_at("nan"),
    "timestamp inf": job_at("inf"),
    "timestamp 1e400": job_at("1e400"),
    "timestamp of words": job_at("yesterday"),
    "event with delay inf": event(event="delayed", jobId="1", delay="inf"),
    "event with delay nan": event(event="delayed", jobId="1", delay="nan"),
    "event with delay 1e999": event(event="delayed", jobId="1", delay="1e999"),
    "event without a word": event(x="y"),
    "a name that is no UTF-8": name_of_half_an_emoji,
    "wait of another type": key("wait"),
    "active of another type": key("active"),
    "events of another type": key("events"),
    "failed of another type": key("failed"),
    "prioritized of another type": key("prioritized"),
}


@pytest.mark.parametrize("bad", BAD_QUEUES)
@pytest.mark.parametrize("when", ["before it started", "while it runs"])
def test_the_server_goes_on_with_the_other_queues(
    bad: str, when: str, redis_url: str, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor, "SAMPLE_S", 0.05)
    monkeypatch.setattr(monitor, "_FRESH_S", 0.0)
    if when == "before it started":
        BAD_QUEUES[bad](client)

    async def what(connection: Connection, http: httpx.AsyncClient) -> None:
        if when == "while it runs":
            await ask_until(http, "/api/queues/history", lambda said: said.json()["samples"])
            await asyncio.to_thread(BAD_QUEUES[bad], client)
        seen = len((await http.get("/api/queues/history")).json()["samples"])
        await Queue("good", connection.options()).add("x", {}, {"jobId": "1"})
        events = {"event": "active", "jobId": "1", "prev": "waiting"}
        await connection.client.xadd("bull:good:events", events)
        await connection.client.xadd("bull:good:events", {**events, "event": "completed"})
        counted = ("simqueue_jobs_processed_total", ("completed", "good"))
        answer = await ask_until(http, "/metrics", lambda said: samples(said.text)[counted] == 1)
        found = samples(answer.text)
        assert found["simqueue_queue_depth", ("good", "waiting")] == 1
        stats = (await http.get("/api/queues/stats")).json()["queues"]
        assert stats["good"]["waiting"] == 1
        assert (await http.get("/api/failed?queue=good")).json() == {"failed": []}
        await ask_until(
            http, "/api/queues/history", lambda said: len(said.json()["samples"]) > seen + 2
        )
        assert (await http.get("/readyz")).status_code == 200

    talk(redis_url, what, "bad", "good")


@pytest.mark.parametrize("task", ["events", "samples"])
def test_a_background_task_that_dies_is_started_again_and_told(
    task: str, redis_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Of a fault that nobody has thought of."""
    broken = True

    async def fail(*_: object) -> Any:
        if broken:
            raise ZeroDivisionError("nobody thought of it")
        await asyncio.Event().wait()

    monkeypatch.setattr(supervising, "FIRST_WAIT_S", 0.02)
    monkeypatch.setattr(supervising, "LONGEST_WAIT_S", 0.02)
    monkeypatch.setattr(supervising, "WELL_AFTER_S", 0.2)
    if task == "events":
        monkeypatch.setattr("simqueue.operations.event_streams.EventReader.catch_up", fail)
    else:
        monkeypatch.setattr(monitor.Monitor, "_sample", fail)

    async def what(_: Connection, http: httpx.AsyncClient) -> None:
        nonlocal broken
        answer = await ask_until(http, "/readyz", lambda said: said.status_code == 503)
        assert f"{task}: ZeroDivisionError" in answer.json()["reason"]
        restarts = ("simqueue_background_restarts_total", (task,))
        await ask_until(http, "/metrics", lambda said: samples(said.text)[restarts] >= 3)
        broken = False
        await ask_until(http, "/readyz", lambda said: said.status_code == 200)

    talk(redis_url, what, "order")
    said = [record for record in caplog.records if "nobody thought of it" in record.message]
    assert len(said) == 1, "said once"
    assert said[0].exc_info


# ---- the commands


@pytest.mark.parametrize(
    "bad", [hash_of_another_type, entry_without_a_hash, failed("payment", name=HALF_EMOJI),
            failed("payment", attemptsMade="many", opts="[]", timestamp="nan")],
)  # fmt: skip
def test_the_list_of_failed_jobs_shows_the_others(
    bad: Spoil, redis_url: str, client: redis.Redis
) -> None:
    bad(client)
    a_failed_payment(client, payment_job("1", Decimal(5)))

    async def story() -> list[str]:
        async with connected(redis_url) as connection:
            return [job.id for job in await Failures(connection, "payment").list()]

    assert sorted(asyncio.run(story())) == ["bad", "payment-1"]


def test_stats_show_the_other_queues(
    redis_url: str, client: redis.Redis, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("QUEUE_REDIS_URL", redis_url)
    monkeypatch.setenv("COLUMNS", "80")
    client.set("bull:order:wait", "text")
    client.lpush("bull:payment:wait", "payment-1")

    assert run(["stats"]) == 1

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines if line.startswith(("order ", "payment "))] == [
        "?", "1"
    ]  # fmt: skip
    assert any("order: cannot be read: WRONGTYPE" in line for line in lines)


def test_every_queue_of_the_shop_is_read_by_itself(redis_url: str, client: redis.Redis) -> None:
    for i, name in enumerate(POLICIES):
        client.flushall()
        client.set(f"bull:{name}:active", "text")

        async def story() -> list[bool]:
            async with connected(redis_url) as connection:
                return [one.error is None for one in await read_stats(connection, list(POLICIES))]

        assert asyncio.run(story()) == [i != other for other in range(3)]
