"""Whatever happens on the way from the database to the queue, nothing is lost or done twice.

Hypothesis chooses who places and pays when, when the relay runs, fails or dies, and which of the
published jobs is delivered, how often, and which is given up. The queue here forgets its ids at
once, so whatever is published twice is delivered twice: the worst that a real one may do.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from small_shop import LetterBox, an_order, run_here, small_shop

from simqueue.errors import JobError
from simqueue.jobs import Job, order_job, payment_job
from simqueue.shop import Conditions, Shop
from simqueue.shop.tables import outbox
from simqueue.workers.relay import Relay
from simqueue.workers.shop_work import ShopWork

COUNT = 4
UNITS = [{"A": 1}, {"A": 2, "B": 1}, {"B": 2}, {"A": 1, "POST": 1}]
ORDERS = [an_order(str(number), **units) for number, units in enumerate(UNITS)]

steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["place", "pay"]), st.integers(0, COUNT - 1)),
        st.tuples(st.just("relay"), st.sampled_from(["well", "outage", "half", "dies"])),
        st.tuples(st.sampled_from(["run", "run", "give up"]), st.integers(0, 30)),
        st.tuples(st.just("prune"), st.none()),
    ),
    max_size=40,
)


class Dies(BaseException):
    """The relay's process is no more."""


class Story:
    """The shop, its relay and a forgetful queue."""

    def __init__(self, shop: Shop) -> None:
        assert shop.store.outbox is not None
        self.shop = shop
        self.outbox = shop.store.outbox
        self.work = ShopWork(shop)
        self.published: list[Job] = []
        self.trouble = "well"

    async def add(self, job: Job) -> None:
        raise AssertionError("nothing is poison here")

    async def add_bulk(self, jobs: Iterable[Job]) -> None:
        jobs = list(jobs)
        if self.trouble == "outage":
            raise JobError("Redis is down")
        if self.trouble == "half":
            self.published += jobs[: len(jobs) // 2]
            raise JobError("Redis went down")
        self.published += jobs
        if self.trouble == "dies":
            raise Dies

    async def step(self, what: str, which: Any) -> None:
        if what == "place":
            order = ORDERS[which]
            self.shop.store.place(order, [order_job(order.order_id)])
        elif what == "pay":
            self.pay(which)
        elif what == "relay":
            await self.relay(which)
        elif what == "prune":
            self.shop.clock.burn(8 * 86_400)
            self.outbox.prune()
        elif self.published:
            await self.run(self.published[which % len(self.published)], give_up=what == "give up")

    def pay(self, number: int) -> None:
        order = ORDERS[number]
        if self.shop.store.place(order, [order_job(order.order_id)]):
            return  # the page to pay on comes after the order is placed
        self.shop.store.request_payment(payment_job(order.order_id, order.total))

    async def relay(self, trouble: str) -> None:
        self.trouble = trouble
        with suppress(JobError, Dies):
            await Relay(self.shop.store, self, self.shop.clock).publish()
        self.trouble = "well"

    async def run(self, job: Job, give_up: bool = False) -> bool:
        try:
            word = await (self.work.give_up(job) if give_up else self.work.handle(job, 1))
        except JobError:
            return False
        outcome = "failed" if give_up else "completed"
        assert self.work.follow_ups(job, outcome, word) == []  # type: ignore[arg-type]
        return True

    async def finish(self) -> None:
        """In the end everyone has paid, the relay works, and the queue delivers every job."""
        for number in [*range(COUNT), *range(COUNT)]:
            self.pay(number)
        delivered = 0
        while await Relay(self.shop.store, self, self.shop.clock).publish() or delivered < len(
            self.published
        ):
            for job in self.published[delivered:]:
                while not await self.run(job):
                    pass
                delivered += 1


@settings(max_examples=100, deadline=None)
@given(
    steps,
    st.fixed_dictionaries({sku: st.integers(0, 3) for sku in "AB"}),
    st.integers(0, 1000),
    st.sampled_from([0.0, 0.4]),
)
def test_nothing_is_lost_and_nothing_happens_twice(
    plot: list[tuple[str, Any]], stock: dict[str, int], seed: int, error_rate: float
) -> None:
    async def tell(story: Story) -> None:
        for what, which in plot:
            await story.step(what, which)
        await story.finish()

    conditions = Conditions(decline_rate=0.3, error_rate=error_rate)
    with small_shop(stock=stock, conditions=conditions, seed=seed, outbox=True) as shop:
        story = Story(shop)
        run_here(tell(story))

        # Every job that was ever stored reached the queue, and no other did.
        published = {job.id for job in story.published}
        with shop.database.reading() as connection:
            stored = set(connection.execute(sa.select(outbox.c.job_id)).scalars())
        assert story.outbox.counts() == (0, 0)
        assert stored <= published

        # Both jobs of every order, and exactly the emails that its end asks for.
        states = {order.order_id: shop.store.state(order.order_id) for order in ORDERS}
        roots = {f"{queue}-{key}" for queue in ("order", "payment") for key in states}
        emails = shop.store.emails()
        assert published == roots | {f"email-{key}-{kind}" for key, kind in emails}
        for key, state in states.items():
            assert "pending" not in state
            kinds = {kind for order_id, kind in emails if order_id == key}
            assert ("order-confirmation" in kinds) == (state.status == "processing")
            assert ("payment-failed" in kinds) == (state.payment_status in ("declined", "failed"))
            if state.payment_status in ("paid", "cancelled"):
                assert ("payment-success" in kinds) == (state.payment_status == "paid")

        # Once: emails, money and goods.
        assert isinstance(shop.mailer, LetterBox)
        assert len(shop.mailer.messages) == len(emails) == len(set(emails))
        kept = [order for order in ORDERS if states[order.order_id].payment_status == "paid"]
        assert shop.gateway.balance() == sum((order.total for order in kept), Decimal(0))
        left = dict(stock)
        for order in ORDERS:
            for line in order.lines if states[order.order_id].status == "processing" else ():
                if line.sku in left:
                    left[line.sku] -= line.quantity
        assert {sku: shop.store.on_hand()[sku] for sku in left} == left
