"""A queue's counts, without loading a single job."""

from __future__ import annotations

import base64
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from simqueue.adapters.bull_queue.connection import client_name
from simqueue.operations.queues import KEPT_NOTE, policy_of

if TYPE_CHECKING:
    from simqueue.adapters.bull_queue.connection import Connection

#: Reads one queue in one go, so its counts belong to one moment. The key layout is that of
#: BullMQ's `getCounts-1.lua`; a marker ("0:...") in a list is left from versions before 5.
_READ = """
local p = KEYS[1]
local exists = redis.call('EXISTS', p .. 'meta', p .. 'id', p .. 'events', p .. 'wait',
  p .. 'paused', p .. 'active', p .. 'delayed', p .. 'prioritized', p .. 'completed', p .. 'failed')
local oldest = false
local function look(id)
  if id and string.sub(id, 1, 2) ~= '0:' then
    local at = tonumber(redis.call('HGET', p .. id, 'timestamp') or nil)
    if at and (not oldest or at < oldest) then oldest = at end
  end
end
local function list(name)
  local length = redis.call('LLEN', p .. name)
  local last = redis.call('LINDEX', p .. name, -1)
  if last and string.sub(last, 1, 2) == '0:' then
    length = length - 1
    look(redis.call('LINDEX', p .. name, -2))
  end
  look(last)
  look(redis.call('LINDEX', p .. name, 0))
  return length
end
local function set(name) return redis.call('ZCARD', p .. name) end
local wait, held = list('wait'), list('paused')
look(redis.call('ZRANGE', p .. 'prioritized', 0, 0)[1])
return {exists, wait, held, redis.call('HEXISTS', p .. 'meta', 'paused'),
  redis.call('LLEN', p .. 'active'), set('delayed'), set('prioritized'), set('waiting-children'),
  set('completed'), set('failed'), oldest and string.format('%.0f', oldest) or ''}
"""


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
        How long ago the oldest job that waits was added, seconds. Looked for at both ends of the
        waiting list and at the first job with a priority.
    workers
        Workers connected; ``None`` where Redis does not say.
    retention
        How many jobs that ended are kept, if the queue's policy is known.
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

    def as_json(self) -> dict[str, Any]:
        """The same, for JSON; the queue's name is the key that it is found under."""
        return {key: value for key, value in asdict(self).items() if key != "queue"}


async def read_stats(connection: Connection, queues: Sequence[str]) -> list[QueueStats]:
    """The counts of queues, all in one round trip.

    Parameters
    ----------
    connection
        The Redis that holds them.
    queues
        Their names.

    Notes
    -----
    Sources: BullMQ ``getCounts-1.lua`` for the keys, ``pause-7.lua`` for pausing. Since BullMQ
    5.x a paused queue's jobs stay in its waiting list; older versions rename the list. Both are
    counted as ``paused`` here.
    """
    pipe = connection.client.pipeline(transaction=False)
    for queue in queues:
        pipe.eval(_READ, 1, f"{connection.prefix}:{queue}:")
    pipe.client_list()
    *rows, clients = await pipe.execute(raise_on_error=False)
    now = time.time()
    names = None if isinstance(clients, Exception) else clients
    return [
        _stats(connection.prefix, queue, row, names, now)
        for queue, row in zip(queues, rows, strict=True)
    ]


def stats_json(stats: Sequence[QueueStats]) -> dict[str, Any]:
    """The document of ``GET /api/queues/stats`` and ``simqueue stats --json``."""
    return {"queues": {one.queue: one.as_json() for one in stats}, "note": KEPT_NOTE}


def _stats(
    prefix: str, queue: str, row: Any, clients: list[dict[str, str]] | None, now: float
) -> QueueStats:
    if isinstance(row, Exception):
        raise row
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
