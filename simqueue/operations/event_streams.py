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
from simqueue.operations.queues import answers, number

if TYPE_CHECKING:
    from prometheus_client import Counter

    from simqueue.adapters.bull_queue.connection import Connection

#: Entries of one read, of each queue.
_BATCH = 1000
#: How long events that come one after another are let gather: each read costs the same again.
_TOGETHER_S = 0.25
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
    no backoff (Node up to 5.58 says from ``failed``, of a job that runs). So does a job that a
    handler or the rate limiter postpones, which therefore counts as retried here.
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
        elif before == "failed" and job in self._active:
            self._end(job, "retried", at)
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
    unreadable
        Counts the events that could not be read: each is passed over, the others count.
    """

    def __init__(
        self,
        connection: Connection,
        queues: Sequence[str],
        counts: AttemptCounters,
        gaps: Counter,
        unreadable: Counter,
    ) -> None:
        self._connection = connection
        self._client: Any = connection.client
        self._counts = counts
        self._gaps = gaps
        self._unreadable = unreadable
        #: What is in the way of a queue's events, by their key; the others are followed.
        self.in_the_way: dict[str, str] = {}
        self._passed_over: set[str] = set()
        self._queues = {f"{connection.prefix}:{queue}:events": queue for queue in queues}
        self._ledgers: dict[str, Ledger] = {}
        #: Where each stream was read up to.
        self.last: dict[str, str] = {}
        for queue in queues:
            gaps.labels(queue)
            unreadable.labels(queue)

    async def start(self) -> None:
        """Note where the streams end: what comes after it counts."""
        pipe = self._client.pipeline(transaction=True)
        for key in self._queues:
            pipe.xrevrange(key, count=1)
            pipe.lrange(f"{key.removesuffix('events')}active", 0, -1)
        found = answers(await pipe.execute(raise_on_error=False))
        for i, (key, queue) in enumerate(self._queues.items()):
            last, active = found[2 * i : 2 * i + 2]
            # What cannot be read now counts from its beginning, once it can.
            known = last and not isinstance(last, Exception)
            self.last[key] = last[0][0] if known else "0-0"
            running = () if isinstance(active, Exception) else active
            self._ledgers[key] = Ledger(queue, self._counts, running)

    async def run(self) -> None:
        """Follow until cancelled; a Redis that is away is asked again every second."""
        away = False
        while True:
            try:
                with self._connection.asking():
                    if not self.last:
                        await self.start()
                    taken = await self.catch_up()
                    if not taken:
                        await self._wait()
                away = False
                if taken < _BATCH:
                    await asyncio.sleep(_TOGETHER_S)
            except JobError as error:
                if not away:
                    _log.warning("events: %s; asking again every second", error)
                away = True
                await asyncio.sleep(1)

    async def catch_up(self) -> int:
        """Count what happened since the last read; how many events that were."""
        pipe = self._client.pipeline(transaction=True)
        for key, last in self.last.items():
            pipe.xrange(key, count=1)
            pipe.xread({key: last}, count=_BATCH)
        found = answers(await pipe.execute(raise_on_error=False))
        taken = 0
        for i, (key, last) in enumerate(list(self.last.items())):
            first, streams = found[2 * i : 2 * i + 2]
            if isinstance(first, Exception) or isinstance(streams, Exception):
                self._set_aside(key, first if isinstance(first, Exception) else streams)
                continue
            self.in_the_way.pop(key, None)
            if first and last != "0-0" and _order(first[0][0]) > _order(last):
                self._gap(key, first[0][0])
            taken += self._take(streams)
        return taken

    async def _wait(self) -> None:
        readable = {key: at for key, at in self.last.items() if key not in self.in_the_way}
        if not readable:
            await asyncio.sleep(1)
            return
        from redis.exceptions import ResponseError

        try:
            found = await self._client.xread(readable, count=_BATCH, block=_BLOCK_MS)
        except ResponseError:
            return  # Whose fault it is shows when each is read by itself.
        self._take(found)

    def _set_aside(self, key: str, error: Exception) -> None:
        if self.in_the_way.get(key) != str(error):
            self.in_the_way[key] = str(error)
            _log.error("events of queue %s: %s; the others count", self._queues[key], error)

    def _take(self, streams: Any) -> int:
        taken = 0
        for key, entries in _pairs(streams):
            ledger = self._ledgers[key]
            for entry_id, event in entries:
                self.last[key] = entry_id
                try:
                    ledger.take(entry_id, event)
                except Exception as error:
                    self._pass_over(key, entry_id, error)
            if len(entries) < _BATCH:
                ledger.settle()
            taken += len(entries)
        return taken

    def _pass_over(self, key: str, entry_id: str, error: Exception) -> None:
        self._unreadable.labels(self._queues[key]).inc()
        if key not in self._passed_over:
            self._passed_over.add(key)
            _log.error(
                "events of queue %s: %s cannot be read and is passed over, as others like it "
                "will be", self._queues[key], entry_id, exc_info=error,
            )  # fmt: skip

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
    due = number(delay)
    return at if due is None else max(at, int(due))


def _order(entry_id: str) -> tuple[int, int]:
    ms, _, number = entry_id.partition("-")
    return int(ms), int(number or 0)
