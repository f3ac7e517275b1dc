"""The bull-queue adapter and its consumer keep the contract, embedded and on a real Redis."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from contract import AdapterContract, Bench, Diary

from simqueue.adapters.bull_queue import BullQueueAdapter, connect
from simqueue.jobs import Job, order_job
from simqueue.policies import POLICIES, Backoff
from simqueue.record.attempt_log import AttemptLog
from simqueue.record.worker_events import Event, merge_events
from simqueue.work import Work
from simqueue.workers.process import WorkerProcess

#: The shop's policies with waits that a test can wait for.
QUICK = {
    name: policy.model_copy(update={"backoff": Backoff(type="fixed", delay_ms=10)})
    for name, policy in POLICIES.items()
}


class BullBench:
    """An adapter, a worker process, and a list of what happens."""

    def __init__(self, adapter: BullQueueAdapter, events: list[Event]) -> None:
        self.adapter = adapter
        self.events = events

    async def add(self, job: Job) -> Exception | None:
        await self.adapter.add(job)
        return None

    async def settle(self) -> None:
        async with asyncio.timeout(100):
            while await self.adapter.unfinished():
                await asyncio.sleep(0.01)

    async def forget(self, job: Job) -> None:
        """Remove a job that is done, as retention does."""
        queue = self.adapter.queue(job.queue)
        await queue.remove(job.id)

    def log(self) -> AttemptLog:
        return merge_events(self.events)


@asynccontextmanager
async def bull_bench(url: str, work: Work) -> AsyncIterator[BullBench]:
    events: list[Event] = []
    connection = await connect(url)
    adapter = BullQueueAdapter(connection, QUICK)
    worker = WorkerProcess(
        connection, adapter, work, policies=QUICK, watchers=[events.append], name="w"
    )
    await worker.start()
    try:
        yield BullBench(adapter, events)
    finally:
        await worker.stop(grace_s=5)
        await adapter.close()


class BullContract(AdapterContract):
    attempts = 3
    url: str

    def open(self, work: Work) -> AbstractAsyncContextManager[Bench]:
        return bull_bench(self.url, work)

    def test_adding_twice_adds_once(self) -> None:
        diary = Diary()
        self.play(diary, order_job("1"), order_job("1"), order_job("1"))

        assert diary.handled.count("order-1") == 1

    def test_an_id_counts_as_one_job_while_it_is_kept(self) -> None:
        """Done and kept, it is ignored; removed, it is a new job (``addStandardJob-9.lua``)."""
        diary, job = Diary(), order_job("1")

        async def play() -> list[int]:
            counts = []
            async with self.open(diary) as bench:
                for _ in range(2):
                    await bench.add(job)
                    await bench.settle()
                    counts.append(diary.handled.count(job.id))
                assert isinstance(bench, BullBench)
                await bench.forget(job)
                await bench.add(job)
                await bench.settle()
                counts.append(diary.handled.count(job.id))
            return counts

        assert asyncio.run(play()) == [1, 1, 2]


class TestEmbedded(BullContract):
    url = "embedded://"


class TestRedis(BullContract):
    @pytest.fixture(autouse=True)
    def _server(self, redis_url: str) -> None:
        self.url = redis_url
