"""What the operators' tools share: which queues, over which connection.

They work on anybody's BullMQ queues; the shop's are only the default.
"""

from __future__ import annotations

import math
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from simqueue.adapters.bull_queue.connection import (
    DEFAULT_PREFIX,
    connected,
    of_the_whole_server,
)
from simqueue.adapters.bull_queue.options import check_queue
from simqueue.errors import InputError
from simqueue.policies import POLICIES, QueuePolicy
from simqueue.safe_text import masked_url, one_line

if TYPE_CHECKING:
    from simqueue.adapters.bull_queue.connection import Connection

#: The queues that are looked at if none is named.
SHOP_QUEUES = tuple(POLICIES)

KEPT_NOTE = (
    "completed and failed are the jobs that the queue keeps, at most as many as its retention "
    "says: they are no totals. /metrics counts totals."
)

#: One of these is there as soon as a queue is (``queue_keys.py`` of BullMQ).
QUEUE_KEYS = (
    "meta", "id", "events", "wait", "paused", "active", "delayed", "prioritized", "completed",
    "failed",
)  # fmt: skip
#: Steps of 1,000 keys that are looked at for the names of queues, and how many names are said.
_SEARCHES, _MOST_NAMED = 100, 10


def queue_names(given: Iterable[str] | None) -> tuple[str, ...]:
    """The queues to look at, each once; the shop's if none is given.

    Raises
    ------
    InputError
        If BullMQ cannot have a queue of such a name.

    Examples
    --------
    >>> queue_names(["video", "video"])
    ('video',)
    >>> queue_names(None)
    ('order', 'payment', 'email')
    """
    names = tuple(dict.fromkeys(given or SHOP_QUEUES))
    for name in names:
        check_queue(name, "--queue")
    return names


async def require_queues(connection: Connection, given: Iterable[str] | None) -> None:
    """See that the queues that somebody named are there: a slip must not look like an empty one.

    Raises
    ------
    InputError
        If Redis holds nothing of one of them; the text names some that are there.
    """
    names = tuple(dict.fromkeys(given or ()))
    pipe: Any = connection.client.pipeline(transaction=False)
    for name in names:
        pipe.exists(*(f"{connection.prefix}:{name}:{key}" for key in QUEUE_KEYS))
    there = await pipe.execute() if names else []
    absent = [name for name, keys in zip(names, there, strict=True) if not keys]
    if absent:
        found = await _some_queues(connection)
        known = f"there are {', '.join(map(one_line, found))}" if found else "there is none at all"
        raise InputError(
            f"--queue {', '.join(map(one_line, absent))}: no such queue in Redis at "
            f"{connection.url}, prefix {connection.prefix}; {known}"
        )


async def _some_queues(connection: Connection) -> list[str]:
    """Names of queues that are there, sorted: those that a short search comes upon."""
    found: set[str] = set()
    searches = 0
    async for names in _names_step_by_step(connection):
        found |= names
        searches += 1
        if searches == _SEARCHES or len(found) >= _MOST_NAMED:
            break
    return sorted(found)[:_MOST_NAMED]


async def all_queues(connection: Connection) -> list[str]:
    """Names of all queues that are there, sorted; Redis is asked for its keys step by step."""
    return sorted({name async for names in _names_step_by_step(connection) for name in names})


async def _names_step_by_step(connection: Connection) -> AsyncIterator[set[str]]:
    """The names that each step of a search through all keys comes upon."""
    prefix = f"{connection.prefix}:"
    pattern = re.sub(r"([\\*?\[\]^])", r"\\\1", prefix) + "*:meta"
    client: Any = connection.client
    cursor, over = 0, False
    while not over:
        cursor, keys = await client.scan(cursor, match=pattern, count=1000)
        yield {key.removeprefix(prefix).removesuffix(":meta") for key in keys}
        over = cursor == 0


def policy_of(prefix: str, queue: str) -> QueuePolicy | None:
    """The policy of a queue of the shop; ``None`` for anybody else's."""
    return POLICIES.get(queue) if prefix == DEFAULT_PREFIX else None


@asynccontextmanager
async def operators_connection(url: str | None, prefix: str) -> AsyncIterator[Connection]:
    """A connection to the Redis that other processes use too; its errors are said in one line.

    Raises
    ------
    InputError
        If there is no URL, nobody answers there, what lies there is not BullMQ's, or the queue is
        embedded and so in another process's memory.
    JobError
        If Redis is lost on the way.
    """
    if url and url.startswith("embedded://"):
        raise InputError(
            f"QUEUE_REDIS_URL={masked_url(url)}: an embedded queue lives inside the process that "
            "fills it, so no other command can see it; expected redis://HOST:6379/0"
        )
    if not prefix:
        raise InputError("--prefix '': a prefix is not empty (BullMQ's own is bull)")
    async with connected(url, prefix) as connection:
        from redis.exceptions import ResponseError

        try:
            yield connection
        except ResponseError as error:
            if "WRONGTYPE" not in str(error):
                raise
            raise InputError(
                f"Redis at {connection.url}, prefix {prefix}: {error}; are these keys BullMQ's?"
            ) from error


def answers(found: Sequence[Any]) -> Sequence[Any]:
    """The answers of a pipeline that raises nothing, of which some may be refusals.

    Raises
    ------
    redis.exceptions.ResponseError
        If one of them is about the whole server: then no other counts.
    """
    for answer in found:
        if isinstance(answer, Exception) and of_the_whole_server(answer):
            raise answer
    return found


def age(seconds: float | None) -> str:
    """A length of time for people.

    >>> [age(None), age(0.4), age(75), age(7300), age(200_000)]
    ['-', '0 s', '1 min 15 s', '2 h 1 min', '2 d 7 h']
    """
    if seconds is None:
        return "-"
    whole = int(seconds)
    for unit, size, smaller, step in (("d", 86400, "h", 3600), ("h", 3600, "min", 60),
                                      ("min", 60, "s", 1)):  # fmt: skip
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // step} {smaller}"
    return f"{whole} s"


def number(value: Any) -> float | None:
    """A number that a job's hash holds as text, or ``None``: infinity is none.

    >>> [number(text) for text in ("1.5", "nan", "inf", "soon", None)]
    [1.5, None, None, None, None]
    """
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None
