"""A worker of the shop: it does jobs, publishes what the outbox holds, and settles failures."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from simqueue.adapters.bull_queue.adapter import BullQueueAdapter
from simqueue.adapters.bull_queue.connection import Connection
from simqueue.adapters.bull_queue.consumer import Watcher
from simqueue.jobs import EMAIL, QUEUES, Job
from simqueue.policies import DEFAULT_CONCURRENCY
from simqueue.record.worker_events import Event
from simqueue.shop import Shop
from simqueue.tasks import ended
from simqueue.workers.email import Doubts
from simqueue.workers.loop import TIDY_S, end_tasks
from simqueue.workers.payment import return_money_owed
from simqueue.workers.process import WorkerProcess, worker_name
from simqueue.workers.reconciler import Reconciler
from simqueue.workers.relay import Relay
from simqueue.workers.rounds import rounds
from simqueue.workers.shop_work import ShopWork

_log = logging.getLogger("simqueue.worker")

_REFUNDS_EVERY_S = 10.0
_DOUBTS_EVERY_S = 10.0


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
        if EMAIL in self.process.queues:  # others may not know the mail server
            self._tasks.append(asyncio.ensure_future(self._settle_emails()))

    async def stop(self, grace_s: float) -> list[Job]:
        """Finish what is running, publish what that wrote; the jobs that ``grace_s`` cut off."""
        left = await self.process.stop(grace_s)
        self._stop.set()
        if not await end_tasks(self._tasks, TIDY_S):
            _log.warning("stopped in an outage: what is in the outbox waits for another worker")
        return left

    async def failed(self) -> None:
        """Return when something that should run for ever has ended; what it raised is raised."""
        await ended([*self._tasks, *self.process.tasks])

    async def _return_money(self) -> None:
        """Ask the gateway again, until it has given back all that is owed."""

        async def once() -> None:
            await return_money_owed(self._shop)

        await rounds("refunds", once, self._shop.clock, self._stop, _REFUNDS_EVERY_S)

    async def _settle_emails(self) -> None:
        """Send emails of which nobody knows whether they went out."""
        settle = Doubts(self._shop).settle
        await rounds("emails", settle, self._shop.clock, self._stop, _DOUBTS_EVERY_S)
        # What only this process knows to be sent would be in doubt for ever after.
        await asyncio.to_thread(self._shop.store.mail.record_rest)

    def _wake(self, event: Event) -> None:
        """What an attempt wrote to the outbox should not wait for the next look."""
        if event.kind == "end":
            self.relay.wake()
