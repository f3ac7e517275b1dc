"""A queue may be called whatever can be printed; what BullMQ cannot have is one line."""

import asyncio

import pytest

from simqueue.adapters.bull_queue import BullQueueAdapter, connect
from simqueue.adapters.bull_queue.connection import Connection, connected
from simqueue.errors import InputError
from simqueue.jobs import Job
from simqueue.operations.stats import QueueStats, read_stats
from simqueue.policies import Outcome, QueuePolicy
from simqueue.workers.process import WorkerProcess

NAMES = ["my queue", "a.b", "größe/漢字 1", '"it\'s"', "100%25", "{a}[/b]*?"]


class Nothing:
    """Work that is done at once."""

    async def handle(self, job: Job, attempt: int) -> str:
        return "done"

    async def give_up(self, job: Job) -> str:
        return "failed"

    def follow_ups(self, job: Job, outcome: Outcome, result: str) -> list[Job]:
        return []


async def work_off(connection: Connection, name: str) -> QueueStats:
    """Have a job of a queue done; what an operator sees, with the worker still there."""
    policies = {name: QueuePolicy()}
    adapter = BullQueueAdapter(connection, policies, check=lambda _job: None)
    worker = WorkerProcess(
        connection, adapter, Nothing(), queues=[name], policies=policies, name="host-7"
    )
    await worker.start()
    try:
        await adapter.add(Job(queue=name, name="x", id="x-1", flow="x-1"))
        async with asyncio.timeout(100):
            while await adapter.unfinished():
                await asyncio.sleep(0.01)
        (found,) = await read_stats(connection, [name])
        return found
    finally:
        await worker.stop(grace_s=5)


@pytest.mark.parametrize("name", NAMES)
def test_its_jobs_are_done_and_its_workers_seen(redis_url: str, name: str) -> None:
    async def scenario() -> QueueStats:
        async with connected(redis_url) as connection:
            return await work_off(connection, name)

    found = asyncio.run(scenario())

    assert (found.queue, found.completed, found.workers) == (name, 1, 1)


def test_so_they_are_in_one_process() -> None:
    async def scenario() -> QueueStats:
        async with connected("embedded://") as connection:
            return await work_off(connection, NAMES[0])

    assert asyncio.run(scenario()).completed == 1


@pytest.mark.parametrize("name", ["a:b", ""])
def test_what_bullmq_cannot_have_is_refused(name: str) -> None:
    async def scenario() -> None:
        BullQueueAdapter(await connect("embedded://"), {name: QueuePolicy()})

    with pytest.raises(InputError, match=r"^queue (a:b|''): BullMQ has no such queue"):
        asyncio.run(scenario())
