"""What `serve` knows of the queues: fresh counts, the last minutes, and the events' totals."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter

from simqueue.errors import JobError
from simqueue.metrics import AttemptCounters
from simqueue.operations.event_streams import EventReader
from simqueue.operations.metrics import QueueGauges
from simqueue.operations.stats import QueueStats, read_stats
from simqueue.operations.supervising import Supervised
from simqueue.tasks import call_off

if TYPE_CHECKING:
    from simqueue.adapters.bull_queue.connection import Connection

#: Seconds between two samples of the history, and how much of it is kept.
SAMPLE_S = 2.0
HISTORY_S = 15 * 60
#: How long a request waits for Redis before it says that Redis is away.
PATIENCE_S = 2.0
#: Readings younger than this are not read again, however many pages are open.
_FRESH_S = 0.5

_SOURCE = "of all workers, counted from BullMQ's events since this `simqueue serve` started"

_log = logging.getLogger(__name__)


class Monitor:
    """Reads the queues for a web server, and remembers.

    Parameters
    ----------
    connection
        The Redis that holds them.
    queues
        Their names.
    """

    def __init__(self, connection: Connection, queues: Sequence[str]) -> None:
        self.connection = connection
        self.queues = tuple(queues)
        self.registry = CollectorRegistry()
        self._gauges = QueueGauges(self.registry)
        gaps = Counter(
            "simqueue_event_gaps",
            "Times that BullMQ cut events off before they were read: totals are too low since",
            ("queue",),
            registry=self.registry,
        )
        unreadable = Counter(
            "simqueue_events_unreadable",
            "Events of BullMQ that could not be read and were passed over: totals are too low",
            ("queue",),
            registry=self.registry,
        )
        restarts = Counter(
            "simqueue_background_restarts",
            "Times that a background task of this server ended and was started again",
            ("task",),
            registry=self.registry,
        )
        counts = AttemptCounters(self.registry, self.queues, _SOURCE)
        self.reader = EventReader(connection, self.queues, counts, gaps, unreadable)
        self._background = (
            Supervised("events", self.reader.run, restarts),
            Supervised("samples", self._sample, restarts),
        )
        self._samples: deque[tuple[float, list[list[int]]]] = deque(
            maxlen=round(HISTORY_S / SAMPLE_S)
        )
        self._latest: list[QueueStats] = []
        self._error: JobError | None = None
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Sample the queues and follow their events until the block ends."""
        tasks = [asyncio.create_task(one.run()) for one in self._background]
        try:
            yield
        finally:
            await call_off(tasks)

    async def stats(self) -> list[QueueStats]:
        """The queues' counts, at most half a second old.

        Raises
        ------
        JobError
            If Redis does not answer in time.
        """
        async with self._reading:
            if time.monotonic() - self._read_at > _FRESH_S:
                self._error = None
                try:
                    with self.connection.asking():
                        async with asyncio.timeout(PATIENCE_S):
                            self._latest = await read_stats(self.connection, self.queues)
                except JobError as error:
                    # Whoever asked meanwhile gets the same answer, and not a wait of their own.
                    self._error = error
                self._read_at = time.monotonic()
            if self._error is not None:
                raise self._error
            return self._latest

    async def ping(self) -> None:
        """Ask Redis whether it is there.

        Raises
        ------
        JobError
            If it does not answer in time.
        """
        with self.connection.asking():
            async with asyncio.timeout(PATIENCE_S):
                await self.connection.client.ping()

    async def trouble(self) -> str:
        """Why this server should not be relied on now; empty if all is well."""
        try:
            await self.ping()
        except JobError as error:
            return str(error)
        return "; ".join(one.trouble for one in self._background if one.trouble)

    async def metrics(self) -> bytes:
        """The text of ``/metrics``; without the gauges while Redis is away."""
        from prometheus_client import generate_latest

        try:
            self._gauges.show(await self.stats())
        except JobError:
            self._gauges.show(None)
        return generate_latest(self.registry)

    def history(self, since: float = 0.0) -> dict[str, Any]:
        """Depths of the last minutes: ready jobs (with those held by a pause), active, delayed.

        Only the samples after ``since`` (Unix time), which is how a page asks for more.
        """
        return {
            "now": round(time.time(), 1),
            "every_s": SAMPLE_S,
            "kept_s": HISTORY_S,
            "queues": list(self.queues),
            "states": ["ready", "active", "delayed"],
            "samples": [[at, depths] for at, depths in self._samples if at > since],
        }

    async def _sample(self) -> None:
        while True:
            try:
                stats = await self.stats()
            except JobError as error:
                _log.debug("no sample: %s", error)
            else:
                depths = [[one.ready, one.active, one.delayed] for one in stats]
                self._samples.append((round(time.time(), 1), depths))
            await asyncio.sleep(SAMPLE_S)
