"""simqueue's own worker, with all that production has.

``bulk URL JOBS`` adds, and prints how long that took by the clock and of the processor, seconds.
``work|bare URL FOLDER [CONCURRENCY MS]`` works: with so many slots, and a handler that sleeps so
long. Log lines of start and completion as JSON on standard error, events of every attempt in a
file, metrics counted, each job's form checked; only the handler does nothing else. ``bare`` goes
without the log lines, events and metrics.
"""

import asyncio
import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import uvloop
from prometheus_client import CollectorRegistry

from simqueue.adapters.bull_queue import BullQueueAdapter, connect
from simqueue.cli.logs import configure_logging
from simqueue.jobs import ORDER, Job, order_job
from simqueue.record.worker_events import EventFile
from simqueue.workers.metrics import MetricsWatcher, WorkerMetrics
from simqueue.workers.process import WorkerProcess, stop_on_signals


class NoOp:
    """Work that does nothing, or sleeps."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def handle(self, job: Job, attempt: int) -> str:  # noqa: ARG002
        """The usual word."""
        if self._seconds:
            await asyncio.sleep(self._seconds)
        return "processing"

    async def give_up(self, job: Job) -> str:  # noqa: ARG002
        """The usual word."""
        return "failed"

    def follow_ups(
        self,
        job: Job,  # noqa: ARG002
        outcome: Literal["completed", "failed"],  # noqa: ARG002
        result: str,  # noqa: ARG002
    ) -> Sequence[Job]:
        """None."""
        return ()


async def work(url: str, folder: Path, concurrency: int, seconds: float, *, bare: bool) -> None:
    stop = stop_on_signals(on_second=sys.exit)
    configure_logging(as_json=True, level=logging.WARNING if bare else logging.INFO)
    connection = await connect(url)
    events = EventFile(folder / "log.csv", "worker")
    metrics = MetricsWatcher(WorkerMetrics(CollectorRegistry(), [ORDER]))
    worker = WorkerProcess(
        connection,
        BullQueueAdapter(connection),
        NoOp(seconds),
        queues=[ORDER],
        concurrency=concurrency,
        watchers=[] if bare else [events.write, metrics],
    )
    await worker.start()
    await stop.wait()
    await worker.stop(grace_s=5)
    await connection.close()


async def bulk(url: str, jobs: int) -> tuple[float, float]:
    adapter = BullQueueAdapter(await connect(url))
    await adapter.add(order_job("warm"))
    began, before = time.perf_counter(), time.process_time()
    await adapter.add_bulk(order_job(str(n)) for n in range(jobs))
    seconds = time.perf_counter() - began, time.process_time() - before
    await adapter.close()
    return seconds


if __name__ == "__main__":
    what, url, last, *numbers = sys.argv[1:]
    if what == "bulk":
        print(*uvloop.run(bulk(url, int(last))))
    else:
        slots, ms = map(int, numbers or ("5", "0"))
        uvloop.run(work(url, Path(last), slots, ms / 1000, bare=what == "bare"))
