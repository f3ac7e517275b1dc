"""What workers say and store of others' payloads and ids: no card, no password, no flood."""

import asyncio
import logging
from typing import Any

import pytest
import redis as redis_py
from redis_servers import RedisServer
from small_shop import small_shop

from simqueue.adapters.bull_queue import BullQueueAdapter, connect
from simqueue.adapters.bull_queue.consumer import Consumer
from simqueue.adapters.bull_queue.trouble import Trouble
from simqueue.errors import InputError, JobError
from simqueue.jobs import Job, parse_payload
from simqueue.operations.failed import Failures
from simqueue.policies import POLICIES
from simqueue.shop.outbox import Entry
from simqueue.workers.process import WorkerProcess, check_server
from simqueue.workers.reconciler import Reconciler
from simqueue.workers.shop_work import ShopWork

CARD = "4111 1111 1111 1111"

#: Payloads of a program that sends more than it should.
PAYLOADS: list[Any] = [
    {"order_id": "1", "amount": CARD},
    {"order_id": CARD, "amount": "1"},
    {"order_id": "1", "amount": "1", "card": CARD},
    {"order_id": {"number": CARD}, "amount": "1"},
    {"order_id": "1", "amount": [CARD, "Jane Doe, 12 Acacia Avenue"]},
    {"order_id": "1", "amount": "Jane Doe, 12 Acacia Avenue"},
]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_an_error_about_a_payload_names_the_place_and_not_the_value(payload: Any) -> None:
    job = Job(queue="payment", name="process-payment", id="p", flow="p", payload=payload)
    with pytest.raises(InputError, match=r"^job p: payload [a-z_.]+: ") as caught:
        parse_payload(job)
    assert CARD not in str(caught.value)
    assert "Jane" not in str(caught.value)
    # A traceback would show what pydantic says, which quotes the value.
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "text", [f'{{"card": "{CARD}"}}', f'"{CARD}"', CARD, f'{{"queue": ["{CARD}"]}}']
)
def test_a_row_of_the_outbox_that_is_no_job_is_not_quoted(text: str) -> None:
    with pytest.raises(InputError, match="job x of the outbox: not a job") as caught:
        Entry(1, "x", text).job()
    assert CARD not in str(caught.value)
    assert caught.value.__suppress_context__


class Broken:
    """Work that fails as a gateway's library would: with what it was given."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def handle(self, job: Job, attempt: int) -> str:
        raise self.error

    async def give_up(self, job: Job) -> str:
        return "failed"

    def follow_ups(self, job: Job, outcome: str, result: str) -> list[Job]:
        return []


@pytest.mark.parametrize(
    "error",
    [
        ValueError(f"cannot charge {CARD}"),
        InputError(f"card={CARD.replace(' ', '')} has expired"),
        JobError("gateway https://shop:geheim@pay/ said no"),
        RuntimeError("request failed: {'Authorization': 'Bearer geheimgeheimgeheim'}"),
        RuntimeError("x" * 3_000_000),
    ],
)
def test_the_reason_of_a_failure_holds_no_secret(redis_url: str, error: Exception) -> None:
    """The open page shows it: `failedReason` as Redis has it, whoever reads it."""

    async def story() -> list[Any]:
        connection = await connect(redis_url)
        adapter = BullQueueAdapter(connection, check=lambda _: None)
        payload = {"order_id": "1", "card": CARD}
        await adapter.add(Job(queue="email", name="n", id="j", flow="j", payload=payload))
        process = WorkerProcess(
            connection, adapter, Broken(error), queues=["email"],  # type: ignore[arg-type]
        )  # fmt: skip
        await connection.client.hset("bull:email:j", "opts", '{"attempts": 1}')
        await process.start()
        failures = Failures(connection, "email")
        async with asyncio.timeout(100):
            while not await failures.count():
                await asyncio.sleep(0.02)
        await process.stop(1)
        found = [await connection.client.hget("bull:email:j", "failedReason"),
                 (await failures.list())[0].error]  # fmt: skip
        await connection.close()
        return found

    for reason in asyncio.run(story()):
        assert reason
        assert len(reason) < 11_000
        assert "4111" not in reason
        assert "geheim" not in reason


def test_what_others_stored_is_not_shown_on_the_page(redis_url: str) -> None:
    async def story() -> str:
        connection = await connect(redis_url)
        await connection.client.hset("bull:video:1", "failedReason", f"card {CARD} declined")
        await connection.client.zadd("bull:video:failed", {"1": 1})
        (found,) = await Failures(connection, "video").list()
        await connection.close()
        return found.error

    assert asyncio.run(story()) == "card *** declined"


# ---- said once


def test_a_failed_job_of_a_stranger_is_spoken_of_once(
    redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        connection = await connect(redis_url)
        adapter = BullQueueAdapter(connection)
        for job_id in ("a", "b", "c"):
            await connection.client.hset(
                f"bull:email:{job_id}", mapping={"data": "{}", "name": "n"}
            )
            await connection.client.zadd("bull:email:failed", {job_id: 1})
        for _ in range(20):
            await adapter.failed("email")
        await connection.client.zrem("bull:email:failed", "a")
        await adapter.failed("email")
        await connection.client.zadd("bull:email:failed", {"a": 1})
        await adapter.failed("email")
        await connection.close()

    with caplog.at_level(logging.WARNING):
        asyncio.run(story())
    assert len([r for r in caplog.records if "not a job of the shop" in r.getMessage()]) == 4


def test_a_consumer_in_trouble_says_each_thing_once(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        connection = await connect("embedded://")
        consumer = Consumer("email", POLICIES["email"], connection, BullQueueAdapter(connection),
                            Broken(ValueError()), 1, "w")  # type: ignore[arg-type]  # fmt: skip
        for number in range(500):
            consumer._on_error(
                RuntimeError("READONLY You can't write against a read only replica.")
            )
            consumer._on_error(ConnectionError(f"Error {number} connecting to 127.0.0.1:6379."))
        await connection.close()

    with caplog.at_level(logging.WARNING):
        asyncio.run(story())
    assert len(caplog.records) == 2


def test_failures_that_cannot_be_given_up_are_spoken_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Queues:
        async def failed(self, queue: str) -> list[Any]:
            from simqueue.work import FailedJob

            job = Job(queue="payment", name="process-payment", id="payment-1", flow="order-1",
                      payload={"order_id": "1", "amount": "1"})  # fmt: skip
            return [FailedJob(job, 1)] if queue == "payment" else []

        async def add(self, job: Job) -> None:
            pass

    class Down(ShopWork):
        async def give_up(self, job: Job) -> str:
            raise JobError("the gateway is down")

    with small_shop() as shop, caplog.at_level(logging.WARNING):
        reconciler = Reconciler(Down(shop), Queues(), shop.clock)
        for _ in range(30):
            asyncio.run(reconciler.reconcile())
    assert len(caplog.records) == 1


def test_trouble_that_comes_again_after_a_minute_is_news() -> None:
    moments = iter((0.0, 30.0, 59.0, 100.0, 161.0, 200.0))
    trouble = Trouble(now=lambda: next(moments))
    said = [trouble.is_new("away") for _ in range(6)]
    assert said == [True, False, False, False, True, False]


# ---- what the documents call optional


@pytest.mark.parametrize("forbidden", [["-info"], ["-client|list"], ["-config"], ["-@dangerous"]])
def test_a_worker_works_without_the_optional_permissions(
    forbidden: list[str], redis_server: RedisServer
) -> None:
    redis_server.clear()

    async def story(url: str) -> list[str]:
        connection = await connect(url)
        said = await check_server(connection)
        adapter = BullQueueAdapter(connection)
        with small_shop() as shop:
            process = WorkerProcess(connection, adapter, ShopWork(shop), queues=["email"])
            await process.start()
            await adapter.add(Job(queue="email", name="payment-success", id="e-1", flow="order-1",
                                  payload={"order_id": "1"}))  # fmt: skip
            async with asyncio.timeout(100):
                while await adapter.unfinished():
                    await asyncio.sleep(0.02)
            await process.stop(1)
        await connection.close()
        return said

    with redis_py.Redis(port=redis_server.port) as admin:
        admin.execute_command(
            "ACL", "SETUSER", "ears", "on", ">pw", "~*", "&*", "+@all", *forbidden
        )
        try:
            said = asyncio.run(story(redis_server.url.replace("//", "//ears:pw@")))
        finally:
            admin.execute_command("ACL", "DELUSER", "ears")
    assert any("INFO" in line for line in said) == (
        forbidden != ["-client|list"] and forbidden != ["-config"]
    )
