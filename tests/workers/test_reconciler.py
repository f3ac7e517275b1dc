"""The reconciler with queues whose failed jobs the test writes down itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from small_shop import an_order, small_shop

from simqueue.clock import VirtualClock
from simqueue.errors import JobError
from simqueue.jobs import Job, follow_ups, order_job, payment_job
from simqueue.policies import Outcome
from simqueue.shop import Conditions, Shop
from simqueue.workers.payment import return_money_owed
from simqueue.workers.reconciler import FailedJob, Reconciler
from simqueue.workers.shop_work import ShopWork

PRICE = Decimal("2.50")
PAYMENT = payment_job("1", PRICE)


@dataclass
class Failures:
    """Queues with these failed jobs; they are down for the first ``outage`` calls."""

    jobs: list[FailedJob] = field(default_factory=list)
    added: list[Job] = field(default_factory=list)
    outage: int = 0
    calls: int = 0

    async def failed(self, queue: str) -> Sequence[FailedJob]:
        self.calls += 1
        if self.calls <= self.outage:
            raise JobError("Redis at redis://nowhere: refused")
        return [failed for failed in self.jobs if failed.job.queue == queue]

    async def add(self, job: Job) -> None:
        self.added.append(job)


@dataclass
class Diary:
    """Work that writes down what is given up; the ids in ``stuck`` cannot be, for now."""

    stuck: set[str] = field(default_factory=set)
    given_up: list[str] = field(default_factory=list)

    async def handle(self, job: Job, attempt: int) -> str:
        raise AssertionError("the reconciler does not run jobs")

    async def give_up(self, job: Job) -> str:
        if job.id in self.stuck:
            raise JobError("gateway: no answer")
        self.given_up.append(job.id)
        return "failed"

    def follow_ups(self, job: Job, outcome: Outcome, result: str) -> Sequence[Job]:
        return follow_ups(job, result)


@pytest.fixture
def shop(database_url: str) -> Iterator[Shop]:
    with small_shop(database_url, outbox=True) as shop:
        shop.store.place(an_order("1"))
        yield shop


def reconcile(shop: Shop, queues: Failures) -> int:
    return asyncio.run(Reconciler(ShopWork(shop), queues, shop.clock).reconcile())


def waiting(shop: Shop) -> list[str]:
    assert shop.store.outbox is not None
    return [entry.job_id for entry in shop.store.outbox.waiting(100)]


def test_a_payment_that_stalled_fails_and_the_customer_hears_of_it(shop: Shop) -> None:
    queues = Failures([FailedJob(PAYMENT, 1)])
    for _ in range(2):  # another process does it all again
        assert reconcile(shop, queues) == 1
    assert shop.store.state("1").payment_status == "failed"
    assert waiting(shop) == ["email-1-payment-failed"]
    assert queues.added == []  # the outbox has it


def test_a_late_charge_is_given_back(shop: Shop) -> None:
    asyncio.run(shop.gateway.charge("payment-1", PRICE))
    assert shop.gateway.balance() == PRICE
    reconcile(shop, Failures([FailedJob(PAYMENT, 1)]))
    assert shop.gateway.balance() == 0


def test_an_order_done_before_its_worker_died_keeps_its_confirmation(shop: Shop) -> None:
    job = order_job("1")
    shop.store.process("1", job)
    assert reconcile(shop, Failures([FailedJob(job, 1)])) == 1
    assert shop.store.state("1").status == "processing"
    assert waiting(shop) == ["email-1-order-confirmation"]


def test_it_tries_again_when_the_gateway_is_back(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    down = Conditions(error_rate=0, outages=[(0.0, 60.0)])
    with small_shop(database_url, conditions=down, outbox=True) as shop:
        for number in ("1", "2"):
            shop.store.place(an_order(number))
        jobs = [payment_job("1", PRICE), order_job("2"), payment_job("2", PRICE)]
        queues = Failures([FailedJob(job, 1) for job in jobs])
        reconciler = Reconciler(ShopWork(shop), queues, shop.clock)
        assert asyncio.run(reconciler.reconcile()) == 1
        assert "2 failed jobs cannot be given up yet (payment-1: gateway" in caplog.text
        assert len(caplog.records) == 1
        assert isinstance(shop.clock, VirtualClock)
        shop.clock.burn(60)
        assert asyncio.run(reconciler.reconcile()) == 2
        assert asyncio.run(reconciler.reconcile()) == 0
        assert waiting(shop) == ["email-1-payment-failed", "email-2-payment-failed"]


def test_each_failure_is_given_up_once() -> None:
    work, queues = Diary(), Failures([FailedJob(PAYMENT, 1)])
    reconciler = Reconciler(work, queues, VirtualClock())
    for finished_ms in (1, 1, 2, 2):  # retried by hand after the second, and failed once more
        queues.jobs = [FailedJob(PAYMENT, finished_ms)]
        asyncio.run(reconciler.reconcile())
    assert work.given_up == ["payment-1", "payment-1"]


def test_it_looks_after_the_queues_it_is_given() -> None:
    work, queues = Diary(), Failures([FailedJob(PAYMENT, 1), FailedJob(order_job("1"), 1)])
    asyncio.run(Reconciler(work, queues, VirtualClock(), ["order"]).reconcile())
    assert work.given_up == ["order-1"]


def test_without_an_outbox_it_adds_what_follows() -> None:
    queues = Failures([FailedJob(PAYMENT, 1)])
    asyncio.run(Reconciler(Diary(), queues, VirtualClock()).reconcile())
    assert [job.id for job in queues.added] == ["email-1-payment-failed"]


def test_a_job_that_nobody_can_do_is_named_once(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    queues = Failures([FailedJob(payment_job("404", PRICE), 1), FailedJob(PAYMENT, 1)])
    reconciler = Reconciler(ShopWork(shop), queues, shop.clock)
    assert asyncio.run(reconciler.reconcile()) == 2
    assert asyncio.run(reconciler.reconcile()) == 0
    assert [record.message for record in caplog.records] == [
        "reconciler: order 404: not in the database; expected one that was placed"
    ]
    assert shop.store.state("1").payment_status == "failed"


def test_it_keeps_running_through_an_outage(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "simqueue")
    work, queues = Diary(), Failures([FailedJob(PAYMENT, 1)], outage=5)

    async def story() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(Reconciler(work, queues, VirtualClock()).run(stop))
        async with asyncio.timeout(100):
            while not work.given_up:
                await asyncio.sleep(0.001)
        stop.set()
        await running

    asyncio.run(story())
    assert work.given_up == ["payment-1"]
    assert [record.message for record in caplog.records] == [
        "reconciler: Redis at redis://nowhere: refused; trying again until it works",
        "reconciler: works again",
    ]


def test_money_is_given_back_however_many_jobs_the_queue_has_forgotten(database_url: str) -> None:
    """More payments fail in an outage than BullMQ keeps: the records know what is owed."""
    down = Conditions(decline_rate=0, error_rate=0, outages=[(10.0, 60.0)])
    orders = [str(number) for number in range(1, 61)]
    with small_shop(database_url, outbox=True, conditions=down, stock={"A": 100}) as shop:
        for order in orders:
            shop.store.place(an_order(order))
            # The charge went through, but nobody heard the answer.
            asyncio.run(shop.gateway.charge(f"payment-{order}", PRICE))
        asyncio.run(shop.clock.sleep(20))
        for order in orders:
            with pytest.raises(JobError):
                asyncio.run(ShopWork(shop).give_up(payment_job(order, PRICE)))
        assert shop.gateway.balance() == len(orders) * PRICE

        with pytest.raises(JobError):
            asyncio.run(return_money_owed(shop))
        asyncio.run(shop.clock.sleep(60))
        assert asyncio.run(return_money_owed(shop)) == len(orders)

        assert shop.gateway.balance() == 0
        assert asyncio.run(return_money_owed(shop)) == 0
        assert {shop.store.state(order).payment_status for order in orders} == {"failed"}


def test_a_rejected_orders_money_is_found_in_the_records(shop: Shop) -> None:
    asyncio.run(shop.gateway.charge("payment-1", PRICE))
    shop.store.settle("1", "paid")
    shop.store.place(an_order("2", A=10))
    shop.store.process("2")
    assert shop.store.process("1").status == "rejected"  # its worker dies right here

    assert asyncio.run(return_money_owed(shop)) == 1
    assert shop.store.state("1") == ("rejected", "refunded")
    assert shop.gateway.balance() == 0
