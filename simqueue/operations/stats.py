"""A queue's counts, without loading a single job."""

from __future__ import annotations

import base64
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from simqueue.adapters.bull_queue.connection import client_name
from simqueue.operations.queues import KEPT_NOTE, answers, policy_of

if TYPE_CHECKING:
    from simqueue.adapters.bull_queue.connection import Connection

#: Reads one queue in one go, so its counts belong to one moment. The key layout is that of
#: BullMQ's `getCounts-1.lua`; a marker ("0:...") in a list is left from versions before 5.
#:
#: Redis does not keep since when a job is ready. It is known of a job that has left no trace of an
#: attempt (its time, and its delay if it had one), and of one that is due and not yet moved. A list
#: is first in, first out, so those at its right end are the longest ready; jobs that go next (lifo)
#: or whose moment is not known may stand before them. Within a priority it is the same.
_READ = """
local p, now, most = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local exists = redis.call('EXISTS', p .. 'meta', p .. 'id', p .. 'events', p .. 'wait',
  p .. 'paused', p .. 'active', p .. 'delayed', p .. 'prioritized', p .. 'completed', p .. 'failed')
local oldest = false
local function since(at)
  if at > 0 and at <= now and (not oldest or at < oldest) then oldest = at end
end
local function look(id)
  local job = redis.pcall('HMGET', p .. id, 'timestamp', 'opts', 'atm', 'attemptsMade', 'ats',
    'processedOn', 'pb', 'stc', 'stacktrace', 'failedReason')
  if job.err then return false end
  for i = 3, 10 do
    if job[i] and job[i] ~= '0' and job[i] ~= '[]' then return false end
  end
  local added = tonumber(job[1] or nil)
  if not added then return false end
  local fine, options = pcall(cjson.decode, job[2] or '{}')
  if not fine or type(options) ~= 'table' then return false end
  since(added + (tonumber(options.delay) or 0))
  return options.lifo ~= true
end
local sought = most
local function list(name)
  local length = redis.call('LLEN', p .. name)
  local last = redis.call('LRANGE', p .. name, -1, -1)[1]
  if last and string.sub(last, 1, 2) == '0:' then length = length - 1 end
  local ids = redis.call('LRANGE', p .. name, -most, -1)
  local first_in = false
  for i = #ids, 1, -1 do
    if string.sub(ids[i], 1, 2) ~= '0:' then first_in = look(ids[i]) or first_in end
  end
  if length > most and not first_in then
    -- All of the next ones go next, or have been tried: the longest ready may be anywhere.
    local left = redis.call('LRANGE', p .. name, 0, 0)[1]
    local before = oldest
    if look(left) or oldest == before then sought = 0 end
  end
  return length
end
local function set(name) return redis.call('ZCARD', p .. name) end
local wait, held = list('wait'), list('paused')
local score = '-inf'
while true do
  local ids = redis.call('ZRANGEBYSCORE', p .. 'prioritized', score, '+inf', 'WITHSCORES', 'LIMIT',
    0, 20)
  if #ids == 0 then break end
  if sought < 20 then sought = 0 break end
  local level = math.floor(tonumber(ids[2]) / 0x100000000)
  for i = 1, #ids, 2 do
    if math.floor(tonumber(ids[i + 1]) / 0x100000000) ~= level then break end
    sought = sought - 1
    if look(ids[i]) then break end
  end
  score = string.format('%.0f', (level + 1) * 0x100000000)
end
local due = redis.call('ZRANGE', p .. 'delayed', 0, 0, 'WITHSCORES')[2]
if due then since(tonumber(due) / 0x1000) end
local known = sought > 0 and oldest
return {exists, wait, held, redis.call('HEXISTS', p .. 'meta', 'paused'),
  redis.call('LLEN', p .. 'active'), set('delayed'), set('prioritized'), set('waiting-children'),
  set('completed'), set('failed'), known and string.format('%.0f', known) or ''}
"""
#: Jobs of a queue that are looked at, at most, for the one that is ready the longest.
_MOST_LOOKED_AT = 1000


@dataclass(frozen=True)
class QueueStats:
    """What a queue holds at one moment.

    Attributes
    ----------
    queue
        Its name.
    exists
        Whether Redis holds anything of it.
    waiting, active, delayed
        Jobs ready to run, running, and in backoff or scheduled.
    prioritized
        Jobs ready to run that have a priority; they are not in ``waiting``.
    waiting_children
        Jobs that wait for others which they were added with.
    completed, failed
        Jobs that ended and are kept: capped by ``retention``, no totals.
    paused
        Jobs that would be waiting, but the queue is paused; they are not in ``waiting``.
    is_paused
        Whether the queue is paused.
    oldest_waiting_s
        For how long the longest ready job has been ready, seconds: since it was added, or since
        its delay was over. Jobs with priorities and those of a paused queue count, and so do
        those that are due and that no worker has moved yet. When a retry or a job put back became
        ready is not kept in Redis: such jobs do not count. ``None`` where no job's moment is known.
    workers
        Workers connected to this database of the Redis; ``None`` where Redis does not say.
    retention
        How many jobs that ended are kept, if the queue's policy is known.
    error
        Why the queue cannot be read; its counts are 0 then, and mean nothing.
    """

    queue: str
    exists: bool
    waiting: int
    active: int
    delayed: int
    prioritized: int
    waiting_children: int
    completed: int
    failed: int
    paused: int
    is_paused: bool
    oldest_waiting_s: float | None
    workers: int | None
    retention: dict[str, int] | None
    error: str | None = None

    @property
    def ready(self) -> int:
        """Jobs that could run now if a slot were free and the queue not paused."""
        return self.waiting + self.prioritized + self.paused

    def as_json(self) -> dict[str, Any]:
        """The same, for JSON; the queue's name is the key that it is found under."""
        return {key: value for key, value in asdict(self).items() if key != "queue"}


async def read_stats(connection: Connection, queues: Sequence[str]) -> list[QueueStats]:
    """The counts of queues, all in one round trip; of one that cannot be read, the reason.

    Parameters
    ----------
    connection
        The Redis that holds them.
    queues
        Their names.

    Notes
    -----
    Sources: BullMQ ``getCounts-1.lua`` for the keys, ``pause-7.lua`` for pausing. Since BullMQ 6
    a paused queue's jobs stay in its waiting list; older versions rename the list. Both are
    counted as ``paused`` here.
    """
    now = time.time()
    pipe = connection.client.pipeline(transaction=False)
    for queue in queues:
        key = f"{connection.prefix}:{queue}:"
        pipe.eval(_READ, 1, key, str(round(now * 1000)), str(_MOST_LOOKED_AT))
    pipe.client_list()
    *rows, clients = await pipe.execute(raise_on_error=False)
    names = None if isinstance(clients, Exception) else _here(connection, clients)
    return [
        _stats(connection.prefix, queue, row, names, now)
        for queue, row in zip(queues, answers(rows), strict=True)
    ]


def stats_json(stats: Sequence[QueueStats]) -> dict[str, Any]:
    """The document of ``GET /api/queues/stats`` and ``simqueue stats --json``."""
    return {"queues": {one.queue: one.as_json() for one in stats}, "note": KEPT_NOTE}


def _stats(
    prefix: str, queue: str, row: Any, clients: list[dict[str, str]] | None, now: float
) -> QueueStats:
    if isinstance(row, Exception):
        return _unreadable(queue, row)
    (exists, wait, held, is_paused, active, delayed, prioritized, children, completed, failed,
     oldest) = row  # fmt: skip
    policy = policy_of(prefix, queue)
    return QueueStats(
        queue=queue,
        exists=bool(exists),
        waiting=0 if is_paused else wait,
        active=active,
        delayed=delayed,
        prioritized=prioritized,
        waiting_children=children,
        completed=completed,
        failed=failed,
        paused=held + (wait if is_paused else 0),
        is_paused=bool(is_paused),
        oldest_waiting_s=max(0.0, round(now - int(oldest) / 1000, 3)) if oldest else None,
        workers=None if clients is None else _workers(prefix, queue, clients),
        retention=None
        if policy is None
        else {"kept_completed": policy.keep_completed, "kept_failed": policy.keep_failed},
    )


def _unreadable(queue: str, error: Exception) -> QueueStats:
    numbers = dict.fromkeys(
        ("waiting", "active", "delayed", "prioritized", "waiting_children", "completed", "failed",
         "paused"), 0,
    )  # fmt: skip
    return QueueStats(
        queue=queue, exists=True, is_paused=False, oldest_waiting_s=None, workers=None,
        retention=None, error=f"{error}; are these keys BullMQ's?", **numbers,
    )  # fmt: skip


def _here(connection: Connection, clients: list[dict[str, str]]) -> list[dict[str, str]]:
    """The clients that use the same database of the server: queues of one name are many."""
    pool: Any = connection.client.connection_pool
    ours = str(pool.connection_kwargs.get("db") or 0)
    return [client for client in clients if client.get("db", ours) == ours]


def _workers(prefix: str, queue: str, clients: list[dict[str, str]]) -> int:
    """Count workers by the names that BullMQ gives their connections.

    Node names one connection of a worker, Python all of its pool, which workers of several queues
    may share. So a Python worker with a name of its own (BullMQ's option ``name``) counts once,
    whatever its connections do. Those without a name are as many as wait for a job at the moment,
    and at least one: the busy ones look alike.

    Source: BullMQ ``queue.py`` (``get_workers``); ``src/classes/queue-base.ts``
    (``clientName``), by which Node writes the queue's name in base64.
    """
    python = client_name(f"{prefix}:{queue}")
    node = f"{prefix}:{base64.b64encode(queue.encode()).decode()}"
    from_node = 0
    from_python: Counter[str] = Counter()
    for client in clients:
        name = client.get("name", "")
        base, named, _ = name.partition(":w:")
        if base == node:
            from_node += 1
        elif base == python:
            waits = client.get("cmd") == "bzpopmin" and "b" in client.get("flags", "")
            from_python[name] += waits and not named
    return from_node + sum(max(1, waiting) for waiting in from_python.values())
