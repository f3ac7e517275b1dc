"""The relay: carries jobs from the shop's outbox over to the queue."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from typing import Protocol

from simqueue.clock import Clock
from simqueue.errors import InputError, SimqueueError
from simqueue.jobs import Job
from simqueue.shop.outbox import Entry, Outbox
from simqueue.shop.store import Store
from simqueue.workers.rounds import rounds

#: Jobs that are read, published and marked together.
_BULK = 500
#: How often to look for what other processes have written.
_POLL_S = 1.0
#: How often to look at what was published long ago.
_LOOK_BACK_EVERY_S = 300.0

_log = logging.getLogger(__name__)


class Queues(Protocol):
    """What the relay publishes to."""

    async def add(self, job: Job) -> None:
        """Put a job into its queue, unless its id is there.

        Raises
        ------
        InputError
            If the queue will never take it.
        """

    async def add_bulk(self, jobs: Iterable[Job]) -> None:
        """Put jobs into their queues in this order; none, if it raises `InputError`."""


class Relay:
    """Publishes what the outbox holds: every job at least once, in order.

    A row is marked only after the queue has its job. If the relay dies between the two, or
    another process's relay reads the row meanwhile, the job is published twice: the queue ignores
    an id that it holds, and a job that it has finished and forgotten changes nothing when it runs
    again. So relays side by side need no lock, which would have to be held while Redis answers,
    and on SQLite would keep every writer of the shop waiting.

    A job that the queue refuses for good is set aside, with the reason; the others go on.

    Parameters
    ----------
    store
        The records of a shop that was opened with an outbox.
    queues
        The adapter of the queues.
    clock
        What the waits are measured on.

    Attributes
    ----------
    refused
        How many jobs this relay has set aside.
    """

    def __init__(self, store: Store, queues: Queues, clock: Clock) -> None:
        if store.outbox is None:
            raise ValueError("the shop has no outbox: expected open_shop(..., outbox=True)")
        self.refused = 0
        self._outbox: Outbox = store.outbox
        self._queues = queues
        self._clock = clock
        self._woken = asyncio.Event()
        self._next_look = clock.now()

    async def publish(self) -> int:
        """Publish all that waits now; returns how many jobs.

        Raises
        ------
        JobError
            If Redis or the database is in trouble. What was not marked stays in the outbox.
        """
        total = 0
        while entries := await asyncio.to_thread(self._outbox.waiting, _BULK):
            total += await self._publish(entries)
        return total

    def wake(self) -> None:
        """Have `run` look at the outbox at once; to be called on its event loop."""
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Publish whatever comes until ``stop``, and then once more what is there.

        What this process writes is published when `wake` says so, what others write within a
        second. An outage of Redis or the database is logged once and waited out.
        """
        await rounds("relay", self._round, self._clock, stop, _POLL_S, self._woken)
        try:
            await self.publish()
        except SimqueueError as error:
            _log.error("relay: %s; what is left in the outbox waits for the next relay", error)

    async def _round(self) -> None:
        await self.publish()
        if self._clock.now() >= self._next_look:
            await asyncio.to_thread(self._outbox.prune)
            if again := await asyncio.to_thread(self._outbox.remember):
                _log.info("relay: %d jobs left their orders pending; publishing them again", again)
            self._next_look = self._clock.now() + _LOOK_BACK_EVERY_S

    async def _publish(self, entries: Sequence[Entry]) -> int:
        jobs: dict[int, Job] = {}
        for entry in entries:
            try:
                jobs[entry.number] = entry.job()
            except InputError as error:
                await self._refuse(entry.number, error)
        try:
            await self._queues.add_bulk(jobs.values())
        except InputError:
            # Nothing was added: one by one it shows which of them is bad.
            for number, job in list(jobs.items()):
                try:
                    await self._queues.add(job)
                except InputError as error:
                    await self._refuse(number, error)
                    del jobs[number]
        await asyncio.to_thread(self._outbox.published, list(jobs))
        return len(jobs)

    async def _refuse(self, number: int, error: InputError) -> None:
        _log.error("relay: the queue refuses %s; set aside", error)
        await asyncio.to_thread(self._outbox.refuse, number, str(error))
        self.refused += 1
