"""The statements and commands that operators are given do what the page says."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable

import psycopg
import pytest
import sqlalchemy as sa
from bullmq import Job, Queue, Worker
from pages import DOCS, fences
from servers import PostgresServer
from small_shop import an_order, small_shop

from simqueue.adapters.bull_queue import BullQueueAdapter, connect
from simqueue.cli import run
from simqueue.jobs import order_job, payment_job
from simqueue.policies import POLICIES
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


@pytest.mark.parametrize("number", [0, 1, 2])
def test_statements_about_the_outbox_run(database_url: str, number: int) -> None:
    """What operators are told to watch can be asked of both databases."""
    watching = [code for code in fences(DOCS / "deployment.md", "sql") if "outbox" in code]
    with small_shop(database_url, outbox=True, now=NOW) as shop:
        place(shop, "1")
        shop.store.place(an_order("2"), [order_job("2")])
        assert execute(shop, watching[number]) == ([[(3,)], [], [("2",)]][number])


def test_emails_in_doubt_are_found(database_url: str) -> None:
    (code,) = (code for code in fences(DOCS / "deployment.md", "sql") if "sending_emails" in code)
    with small_shop(database_url, now=NOW) as shop:
        place(shop, "1", "2")
        for number in "12":
            shop.store.mail.begin(number, "payment-success", NOW)
        shop.store.mail.record("2", "payment-success", "<id>", NOW)
        assert execute(shop, code) == [("1", "payment-success", NOW)]


def test_the_statements_make_a_database_that_the_role_owns(postgres: PostgresServer) -> None:
    """Whoever runs the page's statements can log in as the role and make the shop's tables."""
    (code,) = (code for code in fences(DOCS / "deployment.md", "sql") if "CREATE ROLE" in code)
    admin = postgres.new_database()
    with psycopg.connect(admin, autocommit=True) as connection:
        try:
            for statement in filter(str.strip, code.split(";")):
                connection.execute(statement.encode())
            theirs = admin.replace("shop:secret", "simqueue:CHANGE-ME")
            with small_shop(theirs.rpartition("/")[0] + "/simqueue", now=NOW) as shop:
                place(shop, "1")
                assert execute(shop, "SELECT order_id FROM orders") == [("1",)]
        finally:
            connection.execute(b"DROP DATABASE IF EXISTS simqueue")
            connection.execute(b"DROP ROLE IF EXISTS simqueue")


async def refuse(job: Job, token: str) -> None:
    raise RuntimeError("no such order")


def test_commands_about_failed_jobs_run(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the page has them, with a job of each queue that has failed for good."""
    (code,) = (code for code in fences(DOCS / "deployment.md", "sh") if "simqueue failed" in code)

    async def fail() -> None:
        connection = await connect(redis_url)
        for name in POLICIES:
            worker = Worker(name, refuse, {**connection.options(), "autorun": False})
            await Queue(name, connection.options()).add("do", {}, {"jobId": f"{name}-536365"})
            await worker.processJob(await worker.getNextJob("0:t"), "0:t")
        await connection.close()

    asyncio.run(fail())
    monkeypatch.setenv("QUEUE_REDIS_URL", redis_url)
    monkeypatch.setenv("COLUMNS", "120")
    said = []
    for line in code.splitlines():
        program, *arguments = shlex.split(line)
        assert program == "simqueue"
        assert run(arguments) == 0, line
        said.append(capsys.readouterr().out)

    assert "payment-536365" in said[0]
    assert "no such order" in said[1]
    assert run(["failed", "list"]) == 0
    assert "email-536365" not in capsys.readouterr().out
