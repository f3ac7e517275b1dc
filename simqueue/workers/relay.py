"""The relay: carries jobs from the shop's outbox over to the queue."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from simqueue.clock import Clock
from simqueue.errors import InputError, InTheWayError, JobError, SimqueueError
from simqueue.jobs import Job
from simqueue.safe_text import said
from simqueue.shop.outbox import Entry, Outbox
from simqueue.shop.store import Store
from simqueue.workers.rounds import rounds

#: Jobs that are read, published and marked together.
_BULK = 500
#: How often to look for what other processes have written.
_POLL_S = 1.0
#: How often to look at what was published long ago.
_LOOK_BACK_EVERY_S = 300.0
#: Of many ids that a line is about, so many are named.
_NAMED = 5
#: How long a job that something is in the way of is left alone.
_HELD_BACK_S = 60.0

_log = logging.getLogger(__name__)


class Queues(Protocol):
    """What the relay publishes to."""

    async def add(self, job: Job) -> None:
        """Put a job into its queue, unless its id is there.

        Raises
        ------
        InputError
            If the queue will never take it.
        InTheWayError
            If something is in the way of this one.
        JobError
            If Redis is in trouble.
        """

    async def add_bulk(self, jobs: Iterable[Job]) -> None:
        """Put jobs into their queues in this order; raises as `add` does.

        If it raises, some of them may be there: to add one again changes nothing.
        """


class Relay:
    """Publishes what the outbox holds: every job at least once, in order.

    A row is marked only after the queue has its job. If the relay dies between the two, or
    another process's relay reads the row meanwhile, the job is published twice: the queue ignores
    an id that it holds, and a job that it has finished and forgotten changes nothing when it runs
    again. So relays side by side need no lock, which would have to be held while Redis answers,
    and on SQLite would keep every writer of the shop waiting.

    A job that the queue refuses for good is set aside, with the reason; the others go on. A job
    that something is in the way of (a key of the wrong type at its id, a queue that may not be
    written) is held back, named once and tried again every minute; the others go on here too.

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
    held_back
        When each job that something is in the way of is tried again, by its number.
    """

    def __init__(self, store: Store, queues: Queues, clock: Clock) -> None:
        if store.outbox is None:
            raise ValueError("the shop has no outbox: expected open_shop(..., outbox=True)")
        self.refused = 0
        self.held_back: dict[int, float] = {}
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
        total = last = 0
        still_held: dict[int, float] = {}
        while entries := await asyncio.to_thread(self._outbox.waiting, _BULK, last):
            last = entries[-1].number
            now = self._clock.now()
            held = {e.number for e in entries if self.held_back.get(e.number, now) > now}
            total += await self._publish([e for e in entries if e.number not in held])
            still_held |= {
                e.number: self.held_back[e.number] for e in entries if e.number in self.held_back
            }
        self.held_back = still_held
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
            # Rows are removed last: what is still needed has been looked for by then.
            if lacking := await asyncio.to_thread(self._outbox.complete):
                ids = ", ".join(job.id for job in lacking[:_NAMED])
                _log.warning("relay: %d jobs that nobody asked for (%s); asking", len(lacking), ids)
            if again := await asyncio.to_thread(self._outbox.remember):
                _log.info("relay: %d jobs left their orders pending; publishing them again", again)
            await asyncio.to_thread(self._outbox.prune)
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
            done = list(jobs)
        except Exception as error:
            if _of_all(error):
                raise
            done = await self._one_by_one(jobs)
        for number in done:
            self.held_back.pop(number, None)
        await asyncio.to_thread(self._outbox.published, done)
        return len(done)

    async def _one_by_one(self, jobs: Mapping[int, Job]) -> list[int]:
        """Find out which of the jobs are bad; the numbers of the others, which are published."""
        done = []
        newly_held: list[tuple[Job, Exception]] = []
        for number, job in jobs.items():
            try:
                await self._queues.add(job)
            except InputError as error:
                await self._refuse(number, error)
            except Exception as error:
                if _of_all(error):
                    raise
                if number not in self.held_back:
                    newly_held.append((job, error))
                self.held_back[number] = self._clock.now() + _HELD_BACK_S
            else:
                done.append(number)
        if newly_held:
            job, why = newly_held[0]
            _log.error(
                "relay: something is in the way of %d jobs (the first: %s: %s); they are held back "
                "and tried again every minute, the others go on",
                len(newly_held),
                job.id,
                why,
                exc_info=None if isinstance(why, SimqueueError) else why,
            )
        return done

    async def _refuse(self, number: int, error: InputError) -> None:
        _log.error("relay: the queue refuses %s; set aside", error)
        await asyncio.to_thread(self._outbox.refuse, number, said(error))
        self.refused += 1


def _of_all(error: Exception) -> bool:
    """Whether this is no fault of one job: Redis is away."""
    return isinstance(error, JobError) and not isinstance(error, InTheWayError)
