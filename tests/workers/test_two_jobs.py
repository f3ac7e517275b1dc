"""Many orders, little stock, an unreliable gateway: the end is right whatever happened on the way.

Hypothesis chooses which job runs when, how often, which are given up, and what the gateway does;
a few lines of plain Python know what must come out.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from small_shop import LetterBox, an_order, run_here, small_shop

from simqueue.errors import JobError
from simqueue.jobs import Job, order_job, payment_job
from simqueue.shop import Conditions, Shop
from simqueue.workers.shop_work import ShopWork

COUNT = 5
UNITS = [{"A": 1}, {"A": 2, "B": 1}, {"B": 2}, {"A": 1, "C": 1}, {"C": 1, "B": 1, "POST": 1}]
ORDERS = [an_order(str(number), **units) for number, units in enumerate(UNITS)]

#: (order, which job, what is done to it)
steps = st.lists(
    st.tuples(
        st.integers(0, COUNT - 1),
        st.sampled_from(["order", "payment"]),
        st.sampled_from(["run", "run", "run", "give up"]),
    ),
    max_size=25,
)
stocks = st.fixed_dictionaries({sku: st.integers(0, 3) for sku in "ABC"})


class Story:
    """Runs jobs one attempt at a time, adds what follows, and remembers what happened."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._work = ShopWork(shop)
        self.emails: dict[str, Job] = {}
        self.processed: list[str] = []
        self.given_up: set[str] = set()

    async def attempt(self, job: Job, give_up: bool = False) -> bool:
        before = self._shop.store.state(job.payload["order_id"])
        try:
            word = await (self._work.give_up(job) if give_up else self._work.handle(job, 1))
        except JobError:
            word = None
        self._notice(job, before)
        for follower in [] if word is None else self._work.follow_ups(job, "completed", word):
            self.emails[follower.id] = follower
        return word is not None

    async def finish(self, job: Job) -> None:
        while not await self.attempt(job):
            pass

    def _notice(self, job: Job, before: tuple[str, str]) -> None:
        order_id = job.payload["order_id"]
        after = self._shop.store.state(order_id)
        if before[0] == "pending" and after.status != "pending":
            self.processed.append(order_id)
        if before[1] == "pending" and after.payment_status == "failed":
            self.given_up.add(order_id)


def job_of(number: int, queue: str) -> Job:
    order = ORDERS[number]
    if queue == "order":
        return order_job(order.order_id)
    return payment_job(order.order_id, order.total)


async def tell(shop: Shop, plot: Sequence[tuple[int, str, str]]) -> Story:
    story = Story(shop)
    for number, queue, what in plot:
        await story.attempt(job_of(number, queue), give_up=what == "give up")
    for number in range(COUNT):  # in the end every job has run, as a queue promises
        await story.finish(job_of(number, "order"))
        await story.finish(job_of(number, "payment"))
    for email in [*story.emails.values()] * 2:
        assert await story.attempt(email)
    return story


def expected(
    story: Story, stock: dict[str, int], declined: set[str]
) -> tuple[dict[str, str], dict[str, int], Decimal]:
    """What customers see, the stock and the net money, given who came first to the shelves."""
    left, seen, money = dict(stock), {}, Decimal(0)
    for order_id in story.processed:
        order = ORDERS[int(order_id)]
        needed = Counter({line.sku: line.quantity for line in order.lines if line.sku in left})
        if any(left[sku] < units for sku, units in needed.items()):
            seen[order_id] = "rejected"
            continue
        for sku, units in needed.items():
            left[sku] -= units
        if order_id in story.given_up:
            seen[order_id] = "payment failed"
        elif order_id in declined:
            seen[order_id] = "payment declined"
        else:
            seen[order_id] = "confirmed"
            money += order.total
    return seen, left, money


@settings(max_examples=60, deadline=None)
@given(steps, stocks, st.integers(0, 1000), st.sampled_from([0.0, 0.4]))
def test_the_end_is_right(
    plot: list[tuple[int, str, str]], stock: dict[str, int], seed: int, error_rate: float
) -> None:
    conditions = Conditions(decline_rate=0.3, error_rate=error_rate)
    with small_shop(stock=stock, conditions=conditions, seed=seed) as shop:
        for order in ORDERS:
            shop.store.place(order)
        story = run_here(tell(shop, plot))
        states = {order.order_id: shop.store.state(order.order_id) for order in ORDERS}
        declined = {key for key, state in states.items() if state.payment_status == "declined"}

        seen, left, money = expected(story, stock, declined)
        assert {key: state.customer_status for key, state in states.items()} == seen
        assert shop.store.on_hand() == left
        assert shop.gateway.balance() == money

        emails = shop.store.emails()
        assert len(emails) == len(set(emails)) == len(story.emails)
        assert isinstance(shop.mailer, LetterBox)
        assert len(shop.mailer.messages) == len(emails)
        confirmed = {key for key, kind in emails if kind == "order-confirmation"}
        assert confirmed == {key for key, state in states.items() if state.status == "processing"}


@settings(max_examples=25, deadline=None)
@given(st.permutations([(n, q) for n in range(COUNT) for q in ("order", "payment")]), st.data())
def test_payments_may_come_anywhere(
    order_of_jobs: list[tuple[int, str]], data: st.DataObject
) -> None:
    """With the order jobs in one order, moving the payments about changes nothing."""
    ends = []
    for plot in (order_of_jobs, data.draw(st.permutations(order_of_jobs))):
        payments = iter([step for step in plot if step[1] == "payment"])
        plot = [
            next(payments) if step[1] == "payment" else step
            for step in merge(order_of_jobs, [step[1] for step in plot])
        ]
        with small_shop(stock={"A": 2, "B": 2, "C": 1}, conditions=Conditions()) as shop:
            for order in ORDERS:
                shop.store.place(order)
            run_here(tell(shop, [(number, queue, "run") for number, queue in plot]))
            seen = [shop.store.state(order.order_id).customer_status for order in ORDERS]
            ends.append((seen, shop.store.on_hand(), shop.gateway.balance()))
    assert ends[0] == ends[1]


def test_all_jobs_at_once_and_twice(database_url: str) -> None:
    """Both jobs of every order, two runs of each, as fast as the database lets them."""

    async def rush(shop: Shop) -> None:
        story = Story(shop)
        jobs = [job_of(n, queue) for n in range(COUNT) for queue in ("payment", "order")]
        await asyncio.gather(*(story.finish(job) for job in jobs * 2))

    conditions = Conditions(decline_rate=0.3, error_rate=0.3)
    with small_shop(database_url, {"A": 2, "B": 2, "C": 1}, conditions) as shop:
        for order in ORDERS:
            shop.store.place(order)
        asyncio.run(rush(shop))
        states = [shop.store.state(order.order_id) for order in ORDERS]
        pairs = list(zip(ORDERS, states, strict=True))
        paid = [order for order, state in pairs if state.customer_status == "confirmed"]
        assert shop.gateway.balance() == sum((order.total for order in paid), Decimal(0))
        taken = Counter({"A": 0, "B": 0, "C": 0})
        for order, state in pairs:
            assert state.status != "pending"
            assert state.payment_status != "pending"
            if state.status == "processing":
                taken.update({line.sku: line.quantity for line in order.lines})
        left = {"A": 2 - taken["A"], "B": 2 - taken["B"], "C": 1 - taken["C"]}
        assert shop.store.on_hand() == left


def merge(jobs: list[tuple[int, str]], queues: list[str]) -> list[tuple[int, str]]:
    """The jobs of each queue in their own order, the queues alternating as told."""
    waiting = {q: iter([job for job in jobs if job[1] == q]) for q in ("order", "payment")}
    return [next(waiting[queue]) for queue in queues]
