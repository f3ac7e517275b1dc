"""BullMQ's own queues and workers, as a stranger's program would use them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from bullmq import Job, Queue, Worker

from simqueue.adapters.bull_queue import Connection, connect
from simqueue.adapters.bull_queue.connection import client_name
from simqueue.tasks import call_off

Process = Callable[[Job, str], Awaitable[Any]]


@asynccontextmanager
async def connected(url: str, prefix: str = "bull") -> AsyncIterator[Connection]:
    """A connection that is closed at the end."""
    connection = await connect(url, prefix)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def worker(
    connection: Connection, queue: str, process: Process, **options: Any
) -> AsyncIterator[Worker]:
    """A worker that runs as long as the block."""
    checks = {} if not connection.embedded else {"skipVersionCheck": True}
    made = Worker(queue, process, {**connection.options(), **checks, "autorun": False, **options})
    # A queue's name with blanks is none that Python's own worker could start with; Node's can.
    made.clientName = client_name(made.clientName)
    if not connection.embedded:
        # Or else an idle worker rounds a wait of 5 ms up to a second.
        await made.blockingRedisConnection.getRedisVersion()
    running = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        await made.close(force=True)
        await call_off([running])


async def until(worker: Worker, event: str, number: int) -> None:
    """Wait until a worker has said something so many times."""
    said = asyncio.Event()
    left = number

    def count(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            said.set()

    worker.on(event, count)
    async with asyncio.timeout(100):
        await said.wait()


async def failed_jobs(
    connection: Connection, queue: str, ids: list[str], *, attempts: int = 2, data: Any = None
) -> None:
    """Jobs that failed for good, after all their attempts."""

    async def fail(job: Job, token: str) -> None:
        raise RuntimeError(f"<b>no</b> route for {job.id}\n\x1b[2Jat send")

    bull = Queue(queue, connection.options())
    async with worker(connection, queue, fail) as made:
        done = asyncio.create_task(until(made, "failed", attempts * len(ids)))
        await asyncio.sleep(0)
        await bull.addBulk(
            [
                {"name": "send", "data": {"to": id_} if data is None else data,
                 "opts": {"jobId": id_, "attempts": attempts}}
                for id_ in ids
            ]
        )  # fmt: skip
        await done
