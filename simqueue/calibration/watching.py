"""Watching a live BullMQ: what its queues say of themselves, written down and never written to.

Each queue appends what happens to a stream, with the time of Redis. One read takes all streams; a
job's hash is looked at once, when the job comes or starts, because a queue that keeps nothing loses
it as the job ends.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from simqueue.adapters.bull_queue.connection import client_name
from simqueue.calibration.entries import event_line, flat, jobs_there, order, storable
from simqueue.calibration.heads import FIELDS, head_of
from simqueue.calibration.seen import FORMAT, Client, Seen, SeenFile
from simqueue.errors import JobError
from simqueue.operations.queues import answers, number

if TYPE_CHECKING:
    from simqueue.adapters.bull_queue.connection import Connection

#: Entries of one read, of each stream; and how long Redis holds a read when nothing happens.
_BATCH, _BLOCK_S = 1000, 1.0
#: From one read to the next. Jobs that are over sooner may have lost their hash before it is looked
#: at; reading more often costs Redis more.
_PACE_S = 0.02
#: From one look at the queues' own keys to the next, and at the connected workers; of the time of
#: Redis the latter cost one part in so many.
_LOOK_S, _CLIENTS_S, _ONE_IN = 1.0, 1.0, 100.0
#: Commands that are sent together, and jobs of a list that are looked at as a watch begins.
_TOGETHER, _MOST_THERE = 500, 20_000
#: Events that are written down.
_EVENTS = frozenset(
    ("added", "waiting", "delayed", "waiting-children", "active", "completed", "failed", "stalled",
     "removed", "paused", "resumed", "duplicated", "deduplicated")
)  # fmt: skip
_OVER = ("completed", "failed", "removed")
_TURNED_AWAY = ("duplicated", "deduplicated")

#: Called with the seconds that are over, and the jobs that have come.
Tell = Callable[[float, int], None]

_log = logging.getLogger(__name__)


class Watcher:
    """Watches queues, and writes down what it sees.

    Parameters
    ----------
    connection
        The Redis that holds them; a user that may only read will do.
    queues
        Their names.
    file
        Where to write.
    before
        What the file holds already: the watch goes on where that ends, if nothing was cut off.
    """

    def __init__(
        self,
        connection: Connection,
        queues: Sequence[str],
        file: SeenFile,
        before: Seen | None = None,
    ) -> None:
        self._client: Any = connection.client
        self._prefix = connection.prefix
        self._database = str(connection.client.connection_pool.connection_kwargs.get("db") or 0)
        self._queues = {f"{connection.prefix}:{queue}:events": queue for queue in queues}
        self._connection = connection
        self._file = file
        self._before = before
        self._last: dict[str, str] = {}
        #: Jobs that have not ended and whose hash has been looked at.
        self._known: set[tuple[str, str]] = set()
        self._workers: list[Client] | None = None
        self._may_see_clients = True
        self._check_cut = False
        self.jobs = 0

    async def run(self, seconds: float, tell: Tell) -> None:
        """Watch for so long; whatever ends it, what has been seen is written down."""
        clock = asyncio.get_running_loop()
        with self._connection.asking():
            await self._begin()
        began = clock.time()
        look_at = clients_at = began
        away = False
        try:
            while (now := clock.time()) < began + seconds:
                tell(now - began, self.jobs)
                try:
                    with self._connection.asking():
                        if now >= look_at:
                            await self._look()
                            look_at = now + _LOOK_S
                        if now >= clients_at:
                            asked = clock.time()
                            await self._see_clients()
                            clients_at = now + max(_CLIENTS_S, _ONE_IN * (clock.time() - asked))
                        await self._read(min(_BLOCK_S, began + seconds - now))
                    away = False
                except JobError as error:
                    if _forbidden(error.__cause__):
                        raise
                    if not away:
                        _log.warning("%s; asking again every second", error)
                    away = self._check_cut = True
                    await asyncio.sleep(1)
        finally:
            self._file.write([{"kind": "end", "at_ms": self._now_ms}])

    # ---- as it begins

    async def _begin(self) -> None:
        self._now_ms = await self._time_ms()
        line = {
            "kind": "watch",
            "format": FORMAT,
            "at_ms": self._now_ms,
            "prefix": self._prefix,
            "queues": list(self._queues.values()),
        }
        if self._before is not None and await self._reaches_back(self._before):
            self._last = {key: self._before.last[name] for key, name in self._queues.items()}
            self._file.write([{**line, "goes_on": True}])
            return
        found = await self._snapshot()
        self._file.write([line, *self._there(found)])
        for key, (last, *_) in found.items():
            self._last[key] = last[0][0] if last else "0-0"
        self._file.write(
            {"kind": "last", "queue": self._queues[key], "id": last}
            for key, last in self._last.items()
        )
        jobs = [
            (self._queues[key], job)
            for key, lists in found.items()
            for job, *_ in jobs_there(lists)
        ]
        await self._look_at_jobs(jobs)

    async def _time_ms(self) -> int:
        seconds, microseconds = await self._client.time()
        return int(seconds) * 1000 + int(microseconds) // 1000

    async def _reaches_back(self, before: Seen) -> bool:
        """Whether all streams still hold the last event that was read."""
        if set(before.queues) != set(self._queues.values()) or before.kept:
            return False
        for key, queue in self._queues.items():
            last = before.last.get(queue)
            if last is None:
                return False
            if last != "0-0" and not await self._client.xrange(key, min=last, max=last):
                return False
        return True

    async def _snapshot(self) -> dict[str, list[Any]]:
        """The last event of each queue, and the jobs that it holds at that moment."""
        found = {}
        for key in self._queues:
            base = key.removesuffix("events")
            pipe = self._client.pipeline(transaction=True)
            pipe.xrevrange(key, count=1)
            for name in ("active", "wait", "paused"):
                pipe.lrange(base + name, 0, _MOST_THERE - 1)
            for name in ("prioritized", "delayed", "waiting-children"):
                pipe.zrange(base + name, 0, _MOST_THERE - 1, withscores=True)
            found[key] = await pipe.execute()
        return found

    def _there(self, found: Mapping[str, list[Any]]) -> Iterator[dict[str, Any]]:
        for key, lists in found.items():
            for job, state, due_ms in jobs_there(lists):
                line = {"kind": "there", "queue": self._queues[key], "job": storable(job)}
                yield {**line, "state": state, **({"due_ms": due_ms} if due_ms else {})}

    # ---- what happens

    async def _read(self, block_s: float) -> None:
        if self._check_cut:
            await self._see_what_was_cut()
        found = await self._client.xread(
            self._last, count=_BATCH, block=max(1, round(1000 * block_s))
        )
        streams = dict(found.items() if isinstance(found, dict) else found or ())
        self._check_cut = any(len(entries) == _BATCH for entries in streams.values())
        lines, new, started = [], [], []
        for key, entries in streams.items():
            queue = self._queues[key]
            for entry, event in flat(entries):
                self._last[key] = entry
                what, job = event.get("event", ""), event.get("jobId", "")
                if what not in _EVENTS:
                    continue
                lines.append(event_line(queue, entry, what, job, event))
                self.jobs += what == "added"
                if what in _OVER:
                    self._known.discard((queue, job))
                elif job and (queue, job) not in self._known and what not in _TURNED_AWAY:
                    new.append((queue, job))
                    self._known.add((queue, job))
                if what == "active":
                    started.append((queue, job, int(entry.partition("-")[0])))
        if lines:
            self._now_ms = int(max(self._last.values(), key=order).partition("-")[0])
            self._file.write(lines)
        await self._look_at_jobs(new)
        await self._look_at_runs(started)
        if not self._check_cut:
            await asyncio.sleep(min(_PACE_S, block_s))

    async def _see_what_was_cut(self) -> None:
        """Write down which streams have lost events that nobody read."""
        pipe = self._client.pipeline(transaction=False)
        for key in self._last:
            pipe.xrange(key, count=1)
        for (key, last), first in zip(self._last.items(), await pipe.execute(), strict=True):
            if first and last != "0-0" and order(first[0][0]) > order(last):
                queue, at_ms = self._queues[key], order(first[0][0])[0]
                self._file.write([{"kind": "gap", "queue": queue, "at_ms": at_ms}])
                _log.warning("queue %s: events were cut off before they were read", queue)

    async def _look_at_jobs(self, jobs: Sequence[tuple[str, str]]) -> None:
        """Write down the heads of jobs that have one yet."""
        queues = self._queues.values()
        for some in chunks(jobs):
            pipe = self._client.pipeline(transaction=False)
            for queue, job in some:
                pipe.hmget(f"{self._prefix}:{queue}:{job}", FIELDS)
            lines = []
            for (queue, job), values in zip(some, await answers_of(pipe), strict=True):
                head = None if values is None else head_of(job, values, self._prefix, queues)
                if head is not None:
                    line = {"kind": "head", "queue": queue, "job": storable(job)}
                    lines.append({**line, "head": head.as_line()})
                    self._known.add((queue, job))
            self._file.write(lines)

    async def _look_at_runs(self, started: Sequence[tuple[str, str, int]]) -> None:
        """Write down which workers have the jobs that have just started, and for which time."""
        for some in chunks(started):
            pipe = self._client.pipeline(transaction=False)
            for queue, job, _ in some:
                pipe.get(f"{self._prefix}:{queue}:{job}:lock")
                pipe.hmget(f"{self._prefix}:{queue}:{job}", "atm", "ats", "finishedOn")
            found = await answers_of(pipe)
            lines = []
            for i, (queue, job, at_ms) in enumerate(some):
                run = _run_of(*found[2 * i : 2 * i + 2])
                if run:
                    line = {"kind": "run", "queue": queue, "job": storable(job), "at_ms": at_ms}
                    lines.append({**line, **run})
            self._file.write(lines)

    # ---- now and then

    async def _look(self) -> None:
        """Write down what the queues' own keys say."""
        pipe = self._client.pipeline(transaction=False)
        for key in self._queues:
            base = key.removesuffix("events")
            pipe.hmget(base + "meta", "paused", "concurrency", "max", "duration")
            pipe.get(base + "limiter")
            pipe.pttl(base + "limiter")
        now_ms, found = await self._time_ms(), await answers_of(pipe)
        self._now_ms = max(self._now_ms, now_ms)
        lines = []
        for i, queue in enumerate(self._queues.values()):
            meta, count, left_ms = found[3 * i : 3 * i + 3]
            paused, concurrency, most, duration = map(number, meta or (None,) * 4)
            line: dict[str, Any] = {"kind": "look", "queue": queue, "at_ms": now_ms}
            if paused:
                line["paused"] = True
            if concurrency:
                line["concurrency"] = int(concurrency)
            if most and duration:
                line["rate"] = [int(most), int(duration)]
            if (counted := number(count)) and left_ms and left_ms > 0:
                line["window"] = [int(counted), int(left_ms)]
            lines.append(line)
        self._file.write(lines)

    async def _see_clients(self) -> None:
        """Write down which workers are connected, if that has changed."""
        from redis.exceptions import ResponseError

        if not self._may_see_clients:
            return
        try:
            found = await self._client.client_list()
        except ResponseError:
            self._may_see_clients = False
            self._file.write([{"kind": "cannot", "what": "CLIENT LIST"}])
            return
        workers = sorted(self._workers_of(found))
        if workers != self._workers:
            self._workers = workers
            line = {"kind": "clients", "at_ms": self._now_ms, "clients": workers}
            self._file.write([line])

    def _workers_of(self, clients: Sequence[Mapping[str, str]]) -> Iterator[Client]:
        """The connections of workers, by the names that BullMQ gives them.

        Sources: as of `simqueue.operations.stats._workers`.
        """
        bases = {}
        for queue in self._queues.values():
            encoded = base64.b64encode(queue.encode()).decode()
            bases[f"{self._prefix}:{encoded}"] = queue
            bases[client_name(f"{self._prefix}:{queue}")] = queue
        for client in clients:
            base, _, name = client.get("name", "").partition(":w:")
            if base in bases and client.get("db", self._database) == self._database:
                host = client.get("addr", "").rpartition(":")[0]
                library = client.get("lib-name", "")
                yield Client(client.get("id", ""), bases[base], host, name, library)


def _run_of(token: str | None, hash_: Sequence[str | None] | None) -> dict[str, Any]:
    """Who has a job, and which of its attempts and starts this is, as far as it can be told.

    A lock's token is its worker's id and a number (``worker.ts``, ``getNextJob``). A job that has
    ended has none any more, and its end was counted as an attempt (``moveToFinished-14.lua``).
    """
    if hash_ is None:
        return {}
    made, begun = (int(number(value) or 0) for value in hash_[:2])
    over = hash_[2] is not None
    if token is None and not (over and begun):
        return {}
    worker = "" if token is None else storable(token.rpartition(":")[0] or token)
    return {
        "worker": worker,
        "made": max(0, made - over) if token is None else made,
        "begun": begun,
    }


def chunks(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Parts of so many items as Redis is asked about together."""
    return (items[start : start + _TOGETHER] for start in range(0, len(items), _TOGETHER))


async def answers_of(pipe: Any) -> list[Any]:
    """The answers of a pipeline; ``None`` where another kind of value is in the way.

    Raises
    ------
    redis.exceptions.ResponseError
        If Redis does not let this user ask, or nobody.
    """
    found = answers(await pipe.execute(raise_on_error=False))
    for one in found:
        if _forbidden(one):
            raise one
    return [None if isinstance(one, Exception) else one for one in found]


def _forbidden(error: object) -> bool:
    """Whether Redis does not let this user do what was asked."""
    from redis.exceptions import NoPermissionError

    return isinstance(error, NoPermissionError)
