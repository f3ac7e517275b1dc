"""The contract of adapters: one body of tests that every adapter's test class inherits.

An adapter's own test file supplies a *bench*: the adapter at work on a given `Work`, a way to wait
until everything that was added is over, and the attempt log.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

import pandas as pd
from small_shop import an_order, small_shop

from simqueue.adapters.base import Adapter
from simqueue.errors import JobError
from simqueue.jobs import Job, follow_ups, order_job, payment_job
from simqueue.policies import Outcome
from simqueue.record.attempt_log import COLUMNS, AttemptLog
from simqueue.work import Work
from simqueue.workers.shop_work import ShopWork


@dataclass
class Diary:
    """Work that only writes down what it is asked to do; the ids in ``fails`` always fail."""

    fails: frozenset[str] = frozenset()
    handled: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)

    async def handle(self, job: Job, attempt: int) -> str:
        await asyncio.sleep(0)
        self.handled.append(job.id)
        if job.id in self.fails:
            raise JobError(f"{job.id} fails by order of the test")
        return {"order": "processing", "payment": "paid", "email": "sent"}[job.queue]

    async def give_up(self, job: Job) -> str:
        self.given_up.append(job.id)
        return "failed"

    def follow_ups(self, job: Job, outcome: Outcome, result: str) -> Sequence[Job]:
        return follow_ups(job, result)


class Bench(Protocol):
    """An adapter at work."""

    adapter: Adapter

    async def add(self, job: Job) -> Exception | None:
        """Add a job; the error that reaches the caller, if one does."""

    async def settle(self) -> None:
        """Wait until all jobs, and those that followed, are over."""

    def log(self) -> AttemptLog:
        """The attempts so far."""


#: Opens a bench for some work.
OpenBench = Callable[[Work], AbstractAsyncContextManager[Bench]]


@asynccontextmanager
async def running(bench: Bench) -> AsyncIterator[Bench]:
    try:
        yield bench
    finally:
        await bench.adapter.close()


class AdapterContract:
    """What every adapter that does jobs promises."""

    #: Attempts that a job of the payment queue gets before it has failed for good.
    attempts: int

    def open(self, work: Work) -> AbstractAsyncContextManager[Bench]:
        raise NotImplementedError

    def play(self, work: Work, *jobs: Job) -> tuple[pd.DataFrame, list[Exception | None]]:
        """Add jobs, wait until all is over: the log, and what reached the caller."""

        async def all_of_it() -> tuple[pd.DataFrame, list[Exception | None]]:
            async with self.open(work) as bench:
                errors = [await bench.add(job) for job in jobs]
                await bench.settle()
                return bench.log().frame(), errors

        return asyncio.run(all_of_it())

    def test_a_job_is_done_and_so_is_what_follows(self) -> None:
        diary = Diary()
        frame, errors = self.play(diary, order_job("1"), payment_job("1", Decimal("9.50")))

        assert errors == [None, None]
        assert sorted(diary.handled) == [
            "email-1-order-confirmation",
            "email-1-payment-success",
            "order-1",
            "payment-1",
        ]
        ends = frame.set_index("job_id")
        assert (ends["outcome"] == "completed").all()
        assert ends.loc["order-1", "result"] == "processing"
        assert (ends["flow"] == "order-1").all()
        assert ends.loc["email-1-payment-success", "parent_id"] == "payment-1"

    def test_the_log_has_a_row_an_attempt(self) -> None:
        diary = Diary(fails=frozenset({"payment-1"}))
        frame, _ = self.play(diary, order_job("1"), payment_job("1", Decimal(5)))

        assert tuple(frame.columns) == COLUMNS
        assert len(frame) == len(diary.handled)
        assert (frame["enqueued_s"] <= frame["ready_s"]).all()
        assert (frame["ready_s"] <= frame["started_s"]).all()
        assert (frame["started_s"] <= frame["finished_s"]).all()
        assert frame["enqueued_s"].min() == 0

    def test_a_job_that_always_fails_is_given_up_and_its_follow_ups_run(self) -> None:
        diary = Diary(fails=frozenset({"payment-1"}))
        frame, _ = self.play(diary, payment_job("1", Decimal(5)))

        payment = frame[frame["queue"] == "payment"]
        assert payment["attempt"].tolist() == list(range(1, self.attempts + 1))
        assert payment["outcome"].tolist() == ["retried"] * (self.attempts - 1) + ["failed"]
        assert set(diary.given_up) == {"payment-1"}
        assert diary.handled[-1] == "email-1-payment-failed"

    def test_a_childs_failure_leaves_the_parent_completed(self) -> None:
        child = "email-1-order-confirmation"
        frame, _ = self.play(Diary(fails=frozenset({child})), order_job("1"))

        ends = frame.drop_duplicates("job_id", keep="last").set_index("job_id")["outcome"]
        assert ends.to_dict() == {"order-1": "completed", child: "failed"}

    def test_one_failing_job_does_not_stop_the_others(self) -> None:
        diary = Diary(fails=frozenset({"order-2"}))
        frame, _ = self.play(diary, *(order_job(str(number)) for number in (1, 2, 3)))

        ends = frame.drop_duplicates("job_id", keep="last").set_index("job_id")["outcome"]
        assert (ends["order-1"], ends["order-2"], ends["order-3"]) == (
            "completed",
            "failed",
            "completed",
        )

    def test_the_real_shop_comes_out_right(self) -> None:
        """Two orders for what is enough for one: one is confirmed and paid, one is neither."""
        with small_shop(stock={"A": 1}) as shop:
            for number in ("1", "2"):
                shop.store.place(an_order(number, A=1))
            total = Decimal("2.50")
            self.play(
                ShopWork(shop),
                order_job("1"),
                order_job("2"),
                payment_job("1", total),
                payment_job("2", total),
            )
            states = [shop.store.state(number) for number in ("1", "2")]

            assert sorted(state.status for state in states) == ["processing", "rejected"]
            seen = sorted(state.customer_status for state in states)
            assert seen == ["confirmed", "rejected"]
            assert shop.gateway.balance() == total
            assert shop.store.on_hand()["A"] == 0
            winner = "1" if states[0].status == "processing" else "2"
            confirmations = [o for o, kind in shop.store.emails() if kind == "order-confirmation"]
            assert confirmations == [winner]
