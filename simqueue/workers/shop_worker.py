"""A worker of the shop: it does jobs, publishes what the outbox holds, and settles failures."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from simqueue.adapters.bull_queue.adapter import BullQueueAdapter
from simqueue.adapters.bull_queue.connection import Connection
from simqueue.adapters.bull_queue.consumer import Watcher
from simqueue.jobs import QUEUES, Job
from simqueue.policies import DEFAULT_CONCURRENCY
from simqueue.record.worker_events import Event
from simqueue.shop import Shop
from simqueue.workers.loop import ended
from simqueue.workers.payment import return_money_owed
from simqueue.workers.process import WorkerProcess, worker_name
from simqueue.workers.reconciler import Reconciler
from simqueue.workers.relay import Relay
from simqueue.workers.rounds import rounds
from simqueue.workers.shop_work import ShopWork

_REFUNDS_EVERY_S = 10.0


class ShopWorker:
    """Everything that one worker process of the shop runs.

    Parameters
    ----------
    shop
        The shop, opened with an outbox.
    connection
        The Redis that holds the queues.
    queues
        The queues to work on.
    concurrency
        Slots for each.
    watchers
        Who is told of every event.
    name
        The worker's name.
    """

    def __init__(
        self,
        shop: Shop,
        connection: Connection,
        *,
        queues: Sequence[str] = QUEUES,
        concurrency: int = DEFAULT_CONCURRENCY,
        watchers: Sequence[Watcher] = (),
        name: str | None = None,
    ) -> None:
        work = ShopWork(shop)
        self._shop = shop
        self.adapter = BullQueueAdapter(connection)
        self.relay = Relay(shop.store, self.adapter, shop.clock)
        self._reconciler = Reconciler(work, self.adapter, shop.clock, queues)
        self.process = WorkerProcess(
            connection,
            self.adapter,
            work,
            queues=queues,
            concurrency=concurrency,
            watchers=[*watchers, self._wake],
            name=name or worker_name(),
        )
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[Any]] = []

    async def start(self) -> None:
        """Begin."""
        await self.process.start()
        self._tasks = [
            asyncio.ensure_future(self.relay.run(self._stop)),
            asyncio.ensure_future(self._reconciler.run(self._stop)),
            asyncio.ensure_future(self._return_money()),
        ]

    async def stop(self, grace_s: float) -> list[Job]:
        """Finish what is running, publish what that wrote; the jobs that ``grace_s`` cut off."""
        left = await self.process.stop(grace_s)
        self._stop.set()
        await asyncio.gather(*self._tasks)
        return left

    async def failed(self) -> None:
        """Return when something that should run for ever has ended; what it raised is raised."""
        await ended([*self._tasks, *self.process.tasks])

    async def _return_money(self) -> None:
        """Ask the gateway again, until it has given back all that is owed."""

        async def once() -> None:
            await return_money_owed(self._shop)

        await rounds("refunds", once, self._shop.clock, self._stop, _REFUNDS_EVERY_S)

    def _wake(self, event: Event) -> None:
        """What an attempt wrote to the outbox should not wait for the next look."""
        if event.kind == "end":
            self.relay.wake()
