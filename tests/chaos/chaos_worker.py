"""A worker of the shop that expects trouble: a bad gateway, and short waits all over.

Run as a program. Everything is as in ``simqueue worker`` but for the times: locks, stall checks,
backoffs and the patience with a locked database are shortened, so that a test can wait for them.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from simqueue.adapters.bull_queue import connect
from simqueue.cli.logs import configure_logging
from simqueue.clock import SystemClock
from simqueue.policies import POLICIES
from simqueue.record.worker_events import EventFile
from simqueue.settings import read_settings, revealed
from simqueue.shop import Conditions, database, open_shop
from simqueue.workers.loop import work_until
from simqueue.workers.process import stop_on_signals, worker_name
from simqueue.workers.shop_worker import ShopWorker

#: One call in five ends without an answer, half of those after the money was taken.
CONDITIONS = Conditions(error_rate=0.2, late_share=0.5, decline_rate=0.03)
#: Milliseconds; BullMQ's own 30 s are too long for a test.
BULLMQ = {"lockDuration": 3000, "stalledInterval": 1000}
#: Backoffs are this much shorter than those of the shop.
HASTE = 5
#: How long a writer waits for SQLite's lock; the shop's own patience is 30 s.
PATIENCE_S = 1.0

POLICIES_IN_HASTE = {
    name: policy.model_copy(
        update={
            "backoff": policy.backoff.model_copy(
                update={"delay_ms": policy.backoff.delay_ms / HASTE}
            )
        }
    )
    for name, policy in POLICIES.items()
}


async def work(log: Path) -> None:
    """Work until SIGTERM."""
    settings = read_settings()
    stop = stop_on_signals(on_second=lambda: os._exit(130))
    connection = await connect(revealed(settings.queue_redis_url))
    events = EventFile(log, worker_name())
    with open_shop(settings, SystemClock(), conditions=CONDITIONS, outbox=True) as shop:
        worker = ShopWorker(
            shop, connection, concurrency=settings.worker_concurrency, watchers=[events.write]
        )
        for consumer in worker.process.consumers:
            consumer.bullmq = {**consumer.bullmq, **BULLMQ}
            consumer.policy = POLICIES_IN_HASTE[consumer.queue]
        # What ends it before it is told to stop is shown, and the test fails.
        await work_until(stop, worker, grace_s=20)
        await worker.adapter.close()
    events.close()


if __name__ == "__main__":
    configure_logging(as_json=True)
    database._PATIENCE_S = PATIENCE_S  # type: ignore[assignment]
    asyncio.run(work(Path(sys.argv[1])))
