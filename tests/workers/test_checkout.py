"""One checkout, whatever takes its jobs."""

import asyncio

import pytest
from small_shop import an_order, small_shop

from simqueue.errors import JobError
from simqueue.jobs import Job, order_job, payment_job
from simqueue.workers.checkout import Checkout
from simqueue.workers.relay import Relay

ORDER = an_order("1")
JOBS = [order_job("1"), payment_job("1", ORDER.total)]


class Taker:
    """An adapter, and queues for a relay, that keep what they are given."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.asked_at: list[float | None] = []

    async def add(self, job: Job, *, asked_at: float | None = None) -> None:
        self.jobs.append(job)
        self.asked_at.append(asked_at)

    async def add_bulk(self, jobs: list[Job]) -> None:
        self.jobs += jobs


async def check_out(checkout: Checkout) -> bool:
    new = await checkout.record(ORDER)
    await checkout.process(ORDER, asked_at=1.0)
    await checkout.pay(ORDER, asked_at=2.0)
    return new


def test_an_adapter_is_given_both_jobs_and_when_they_were_asked_for() -> None:
    taker = Taker()
    with small_shop() as shop:
        checkout = Checkout(shop, taker)
        assert [asyncio.run(check_out(checkout)), asyncio.run(checkout.record(ORDER))] == [
            True,
            False,
        ]
    assert (taker.jobs, taker.asked_at) == (JOBS, [1.0, 2.0])


def test_with_an_outbox_each_request_writes_its_job_down_and_wakes_the_relay() -> None:
    taker = Taker()
    with small_shop(outbox=True) as shop:
        relay = Relay(shop.store, taker, shop.clock)
        woken: list[int] = []

        async def publish() -> None:
            checkout = Checkout(shop, relay)
            relay.wake = lambda: woken.append(1)  # type: ignore[method-assign]
            assert await check_out(checkout)
            await relay.publish()

        asyncio.run(publish())
    assert (taker.jobs, len(woken)) == (JOBS, 2)


def test_what_a_job_raises_in_the_caller_reaches_the_customer() -> None:
    class Fails(Taker):
        async def add(self, job: Job, *, asked_at: float | None = None) -> None:
            raise JobError("no answer")

    with small_shop() as shop, pytest.raises(JobError, match="no answer"):
        asyncio.run(check_out(Checkout(shop, Fails())))
