"""In-process mode: the contract, and that everything happens in the caller."""

import asyncio
from contextlib import AbstractAsyncContextManager
from decimal import Decimal

import pytest
from contract import AdapterContract, Bench, Diary, running

from simqueue.adapters import InProcessAdapter, Recorder
from simqueue.clock import SystemClock, VirtualClock
from simqueue.errors import JobError
from simqueue.jobs import Job, order_job, payment_job
from simqueue.record.attempt_log import AttemptLog
from simqueue.work import Work


class InProcessBench:
    def __init__(self, work: Work) -> None:
        self.recorder = Recorder("in-process")
        self.adapter = InProcessAdapter(work, SystemClock(), self.recorder)

    async def add(self, job: Job) -> Exception | None:
        try:
            await self.adapter.add(job)
        except JobError as error:
            return error
        return None

    async def settle(self) -> None:
        """Adding a job returns when all is over."""

    def log(self) -> AttemptLog:
        return self.recorder.log()


class TestInProcess(AdapterContract):
    attempts = 1

    def open(self, work: Work) -> AbstractAsyncContextManager[Bench]:
        return running(InProcessBench(work))

    def test_the_caller_waits_for_the_job_and_what_follows(self) -> None:
        diary = Diary()
        asyncio.run(InProcessAdapter(diary, VirtualClock()).add(order_job("1")))

        assert diary.handled == ["order-1", "email-1-order-confirmation"]

    def test_a_failure_reaches_the_caller_and_is_logged(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        adapter = InProcessAdapter(Diary(fails=frozenset({"payment-1"})), VirtualClock())

        with pytest.raises(JobError, match="payment-1 fails by order of the test") as caught:
            asyncio.run(adapter.add(payment_job("1", Decimal(5))))

        assert "job payment-1" in caught.value.__notes__[0]
        assert "payment-1" in caplog.text

    @pytest.mark.parametrize(
        ("error", "bug"), [(JobError("no answer"), False), (KeyError("no answer"), True)]
    )
    def test_a_job_that_cannot_be_given_up_is_logged(
        self, error: Exception, bug: bool, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A gateway that is away is one line of the log; what is a bug brings its traceback."""

        class Stuck(Diary):
            async def give_up(self, job: Job) -> str:
                raise error

        adapter = InProcessAdapter(Stuck(fails=frozenset({"payment-1"})), VirtualClock())
        with pytest.raises(JobError):
            asyncio.run(adapter.add(payment_job("1", Decimal(5))))

        (said,) = [record for record in caplog.records if "given up" in record.message]
        assert "no answer" in said.message
        assert bool(said.exc_info) == bug

    def test_a_childs_failure_reaches_the_caller_too(self) -> None:
        child = "email-1-order-confirmation"
        _, errors = self.play(Diary(fails=frozenset({child})), order_job("1"))

        assert child in str(errors[0])

    def test_giving_up_may_fail_too(self, caplog: pytest.LogCaptureFixture) -> None:
        """The caller hears of the first failure, the log has the attempt, what follows is done."""

        class Hopeless(Diary):
            async def give_up(self, job: Job) -> str:
                raise JobError("the gateway is still down")

        diary = Hopeless(fails=frozenset({"payment-1"}))
        frame, errors = self.play(diary, payment_job("1", Decimal(5)))

        assert "payment-1 fails by order of the test" in str(errors[0])
        assert frame["outcome"].tolist() == ["failed", "completed"]
        assert "the gateway is still down" in caplog.text

    def test_concurrent_callers_have_slots_of_their_own(self) -> None:
        async def two_at_once() -> list[int]:
            bench = InProcessBench(Diary())
            await asyncio.gather(*(bench.adapter.add(order_job(n)) for n in ("1", "2")))
            await bench.adapter.add(order_job("3"))
            frame = bench.log().frame().set_index("job_id")
            return [int(frame.loc[f"order-{n}", "slot"]) for n in ("1", "2", "3")]

        assert asyncio.run(two_at_once()) == [0, 1, 0]
