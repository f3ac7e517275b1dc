"""What the operators' tools share: which queues, over which connection, and safe text.

They work on anybody's BullMQ queues; the shop's are only the default.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from simqueue.adapters.bull_queue.connection import DEFAULT_PREFIX, connected
from simqueue.adapters.bull_queue.options import check_queue
from simqueue.errors import InputError
from simqueue.policies import POLICIES, QueuePolicy

if TYPE_CHECKING:
    from simqueue.adapters.bull_queue.connection import Connection

#: The queues that are looked at if none is named.
SHOP_QUEUES = tuple(POLICIES)

KEPT_NOTE = (
    "completed and failed are the jobs that the queue keeps, at most as many as its retention "
    "says: they are no totals. /metrics counts totals."
)

#: What moves a terminal's cursor or hides text, and the marks that turn its direction.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


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
            f"QUEUE_REDIS_URL={url}: an embedded queue lives inside the process that fills it, so "
            "no other command can see it; expected redis://HOST:6379/0"
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


def safe(text: object) -> str:
    r"""Text from Redis, fit for a terminal: control characters are shown, not obeyed.

    >>> safe("gateway\x1b[2J timed out")
    'gateway\\x1b[2J timed out'
    """
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], str(text))


def one_line(text: object, most: int = 200) -> str:
    r"""Text from Redis as one short line.

    >>> one_line("Error: no route\n    at send (mail.js:3)")
    'Error: no route at send (mail.js:3)'
    """
    line = safe(" ".join(str(text).split()))
    return line if len(line) <= most else f"{line[: most - 1]}…"


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
    """A number that a job's hash holds as text, or ``None``."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
