"""What a reader of events finds after a kill -9: a worker keeps none back to write it later.

A start is in the file before its handler runs, and an end before Redis is told of it.
"""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from simqueue.adapters.bull_queue import BullQueueAdapter, connect
from simqueue.adapters.bull_queue.chaining import ChainingWorker
from simqueue.jobs import Job, order_job
from simqueue.policies import Outcome
from simqueue.record.worker_events import EventFile
from simqueue.workers.process import WorkerProcess

JOBS = 20


class Reader:
    """Work that looks into the file of its own worker."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.handled = 0
        self.missing: list[str] = []
        self.done = asyncio.Event()

    def has(self, kind: str, job_id: str) -> bool:
        lines = [json.loads(line) for line in self.file.read_bytes().splitlines()]
        return any((line["kind"], line["job_id"]) == (kind, job_id) for line in lines)

    async def handle(self, job: Job, attempt: int) -> str:
        if not self.has("start", job.id):
            self.missing.append(job.id)
        self.handled += 1
        if self.handled == JOBS:
            self.done.set()
        return "processing"

    async def give_up(self, job: Job) -> str:
        return "failed"

    def follow_ups(self, job: Job, outcome: Outcome, result: str) -> Sequence[Job]:
        return ()


def test_each_start_before_its_handler_and_each_end_before_redis_knows(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = EventFile(tmp_path / "day.csv", "w")
    work = Reader(events.path)
    ended: list[tuple[str, bool]] = []
    finish = ChainingWorker._complete_and_fetch

    async def watched(self: ChainingWorker, job: Any, *rest: Any, **options: Any) -> Any:
        ended.append((job.id, work.has("end", job.id)))
        return await finish(self, job, *rest, **options)

    monkeypatch.setattr(ChainingWorker, "_complete_and_fetch", watched)

    async def day() -> None:
        connection = await connect(redis_url)
        adapter = BullQueueAdapter(connection)
        worker = WorkerProcess(
            connection, adapter, work, queues=["order"], watchers=[events.write], name="w"
        )
        await adapter.add_bulk(order_job(str(number)) for number in range(JOBS))
        await worker.start()
        try:
            async with asyncio.timeout(20):
                await work.done.wait()
        finally:
            await worker.stop(5)
            await connection.close()

    asyncio.run(day())
    events.close()
    assert work.missing == []
    assert sorted(ended) == sorted((order_job(str(n)).id, True) for n in range(JOBS))
