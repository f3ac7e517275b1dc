"""What happens in queues, counted from the events that BullMQ's workers leave in Redis.

Every script of BullMQ, in Node and in Python, appends what it did to the stream
``PREFIX:QUEUE:events``. An entry's id is the time of Redis in milliseconds, so the stream alone
tells how long jobs waited and ran: nothing else is read, and no clocks are compared.

BullMQ's own reader (``queue_events.py``) ends at the first connection error and forgets where it
was. This one remembers the last id of each queue, so an event counts once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from simqueue.errors import JobError
from simqueue.metrics import AttemptCounters

if TYPE_CHECKING:
    from prometheus_client import Counter

    from simqueue.adapters.bull_queue.connection import Connection

#: Entries of one read, of each queue.
_BATCH = 1000
#: How long Redis holds a read when nothing happens; below the client's socket timeout.
_BLOCK_MS = 5000
#: Jobs of a queue whose becoming ready is remembered, at most (some 100 bytes each).
_REMEMBER = 200_000
#: How BullMQ names the failure of a job that stalled too often: no attempt was made.
_STALLED = "job stalled more than allowable limit"

_log = logging.getLogger(__name__)


class Ledger:
    """Turns one queue's events into counts.

    Parameters
    ----------
    queue
        Its name.
    counts
        What is counted.
    active
        Ids of the jobs that run already.

    Notes
    -----
    Sources: the ``XADD`` lines of BullMQ's scripts. ``failed`` is the final failure only. A try
    that failed and is tried again leaves ``delayed``, or ``waiting`` from ``active`` if there is
    no backoff; so does a job that a handler or the rate limiter postpones, which therefore counts
    as retried here.
    """

    def __init__(self, queue: str, counts: AttemptCounters, active: Iterable[str] = ()) -> None:
        self._queue = queue
        self._counts = counts
        #: When each running job started; ``None`` if that was before us.
        self._active: dict[str, int | None] = dict.fromkeys(active)
        self._ready: dict[str, int] = {}
        #: A job that went from active to waiting: tried again, or stalled if the next event of
        #: the same script says so.
        self._returned: tuple[str, int] | None = None

    def take(self, entry_id: str, event: Mapping[str, str]) -> None:
        """Count one event."""
        at = int(entry_id.partition("-")[0])
        kind, job = event.get("event", ""), event.get("jobId", "")
        if kind == "stalled":
            self._returned = None
            self._end(job, "stalled", None)
            self._counts.stalled.labels(self._queue).inc()
            return
        self.settle()
        if kind == "waiting":
            self._waiting(job, at, event.get("prev"))
        elif kind == "delayed":
            if job in self._active:
                self._end(job, "retried", at)
            self._remember(job, _due(event.get("delay"), at))
        elif kind == "active":
            ready = self._ready.pop(job, None)
            self._active[job] = at
            self._counts.started(self._queue, None if ready is None else (at - ready) / 1000)
        elif kind == "completed":
            self._end(job, "completed", at)
        elif kind == "failed":
            if event.get("failedReason") == _STALLED:
                self._active.pop(job, None)
                self._counts.finished(self._queue, "failed")
            else:
                self._end(job, "failed", at)
        elif kind == "removed":
            self._ready.pop(job, None)
            self._active.pop(job, None)

    def settle(self) -> None:
        """No event of the same script follows: who went back to waiting is tried again."""
        if self._returned is not None:
            job, at = self._returned
            self._returned = None
            self._end(job, "retried", at)

    def forget(self) -> None:
        """Events were lost: what is remembered of running and waiting jobs may be untrue."""
        self._active.clear()
        self._ready.clear()
        self._returned = None

    def _waiting(self, job: str, at: int, before: str | None) -> None:
        if before == "active":
            self._returned = (job, at)
        if before == "delayed":
            # It has been waiting since it was due, however late somebody promoted it.
            self._remember(job, min(self._ready.get(job, at), at))
        else:
            self._remember(job, at)

    def _remember(self, job: str, ready: int) -> None:
        if job in self._ready or len(self._ready) < _REMEMBER:
            self._ready[job] = ready

    def _end(self, job: str, outcome: str, at: int | None) -> None:
        started = self._active.pop(job, None)
        seconds = None if started is None or at is None else (at - started) / 1000
        self._counts.ended(self._queue, outcome, seconds)


class EventReader:
    """Follows the events of queues from the moment it starts, over reconnections.

    Parameters
    ----------
    connection
        The Redis that holds the queues.
    queues
        Their names.
    counts
        What is counted.
    gaps
        Counts the times that a stream (BullMQ keeps 10,000 events) was cut off before it was read.
    """

    def __init__(
        self, connection: Connection, queues: Sequence[str], counts: AttemptCounters, gaps: Counter
    ) -> None:
        self._connection = connection
        self._client: Any = connection.client
        self._counts = counts
        self._gaps = gaps
        self._queues = {f"{connection.prefix}:{queue}:events": queue for queue in queues}
        self._ledgers: dict[str, Ledger] = {}
        #: Where each stream was read up to.
        self.last: dict[str, str] = {}
        for queue in queues:
            gaps.labels(queue)

    async def start(self) -> None:
        """Note where the streams end: what comes after it counts."""
        pipe = self._client.pipeline(transaction=True)
        for key in self._queues:
            pipe.xrevrange(key, count=1)
            pipe.lrange(f"{key.removesuffix('events')}active", 0, -1)
        found = await pipe.execute()
        for i, (key, queue) in enumerate(self._queues.items()):
            last, active = found[2 * i : 2 * i + 2]
            self.last[key] = last[0][0] if last else "0-0"
            self._ledgers[key] = Ledger(queue, self._counts, active)

    async def run(self) -> None:
        """Follow until cancelled; a Redis that is away is asked again every second."""
        away = False
        while True:
            try:
                with self._connection.asking():
                    if not self.last:
                        await self.start()
                    if not await self.catch_up():
                        await self._wait()
                away = False
            except JobError as error:
                if not away:
                    _log.warning("events: %s; asking again every second", error)
                away = True
                await asyncio.sleep(1)

    async def catch_up(self) -> int:
        """Count what happened since the last read; how many events that were."""
        pipe = self._client.pipeline(transaction=True)
        for key in self.last:
            pipe.xrange(key, count=1)
        pipe.xread(dict(self.last), count=_BATCH)
        *oldest, streams = await pipe.execute()
        for key, first in zip(list(self.last), oldest, strict=True):
            if first and self.last[key] != "0-0" and _order(first[0][0]) > _order(self.last[key]):
                self._gap(key, first[0][0])
        return self._take(streams)

    async def _wait(self) -> None:
        self._take(await self._client.xread(dict(self.last), count=_BATCH, block=_BLOCK_MS))

    def _take(self, streams: Any) -> int:
        taken = 0
        for key, entries in _pairs(streams):
            ledger = self._ledgers[key]
            for entry_id, event in entries:
                ledger.take(entry_id, event)
                self.last[key] = entry_id
            if len(entries) < _BATCH:
                ledger.settle()
            taken += len(entries)
        return taken

    def _gap(self, key: str, first: str) -> None:
        self._gaps.labels(self._queues[key]).inc()
        self._ledgers[key].forget()
        _log.warning(
            "events of queue %s: those before %s were cut off unread; its counts are too low",
            self._queues[key],
            first,
        )


def _pairs(streams: Any) -> list[tuple[str, Any]]:
    """What ``XREAD`` gave, in the old protocol of Redis a list, in the new one a mapping."""
    if isinstance(streams, Mapping):
        return [
            (key, [entry for part in parts for entry in part]) for key, parts in streams.items()
        ]
    return [(key, entries) for key, entries in streams or ()]


def _due(delay: str | None, at: int) -> int:
    try:
        return max(at, int(float(delay or 0)))
    except ValueError:
        return at


def _order(entry_id: str) -> tuple[int, int]:
    ms, _, number = entry_id.partition("-")
    return int(ms), int(number or 0)
