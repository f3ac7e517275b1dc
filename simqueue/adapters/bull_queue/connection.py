"""The connection to the Redis that holds the queues: real, or embedded in this process."""

from __future__ import annotations

import asyncio
import base64
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from simqueue.adapters.bull_queue.reaching import check_redis_url, no_greeting, not_a_url
from simqueue.errors import InputError, InTheWayError, JobError
from simqueue.extras import naming_extras
from simqueue.files import reason
from simqueue.safe_text import masked_url

if TYPE_CHECKING:
    from redis.asyncio import Redis

#: How bytes that are no UTF-8 are read, and written back as they were.
NOT_UTF8 = "surrogateescape"
#: BullMQ's prefix of every key.
DEFAULT_PREFIX = "bull"
EMBEDDED = "embedded://"

#: An idle worker lets Redis hold a command for up to 10 s. redis-py gives up on a silent socket
#: after 5 s by default, and then the command's answer, a retry that is due, is lost for good.
_SOCKET_TIMEOUT_S = 30.0
#: How long to wait for a server before saying that there is none.
_CONNECT_TIMEOUT_S = 3.0
#: What workers and adding send all the time.
_VISIBLE = "".join(map(chr, range(0x21, 0x7F)))
_PLAIN_COMMANDS = frozenset({"EVALSHA", "BZPOPMIN"})
#: Refusals of the whole server, by the first word of its answer; any other one is about the keys
#: of a command. (Some of these words redis-py turns into classes, and leaves out of the text.)
_WHOLE_SERVER = re.compile(
    r"(?:^|caused error: )"
    r"(?:READONLY|OOM|MISCONF|NOREPLICAS|MASTERDOWN|CLUSTERDOWN|BUSY|LOADING|NOAUTH|TRYAGAIN)\b"
)


@dataclass(frozen=True)
class Connection:
    """A pool of connections to one Redis, and what BullMQ needs to use it.

    Attributes
    ----------
    client
        The pool.
    url
        Where it leads, without its password.
    embedded
        Whether the server is in this process: volatile, and nobody else's.
    prefix
        What the keys begin with.
    """

    client: Redis
    url: str
    embedded: bool
    prefix: str = DEFAULT_PREFIX

    def options(self) -> dict[str, Any]:
        """What a BullMQ ``Queue`` or ``Worker`` is opened with."""
        return {"connection": self.client, "prefix": self.prefix}

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Say in one line what goes wrong with Redis in the block.

        Raises
        ------
        JobError
            In the place of whatever redis-py raises; an `InTheWayError` if it is about the keys of
            one job or queue.
        """
        from redis.exceptions import RedisError

        try:
            yield
        except TimeoutError as error:
            raise JobError(f"Redis at {self.url}: no answer in time") from error
        except RedisError as error:
            kind = JobError if of_the_whole_server(error) else InTheWayError
            raise kind(f"Redis at {self.url}: {reason(error)}") from error

    def named(self, name: str) -> Redis:
        """A client of its own on the same Redis, whose connections have this name."""
        from redis.asyncio import Redis

        pool = self.client.connection_pool
        options = {**pool.connection_kwargs, "client_name": client_name(name)}
        return Redis.from_pool(type(pool)(pool.connection_class, **options))

    async def close(self) -> None:
        """Close all connections of the pool."""
        await self.client.aclose(close_connection_pool=True)


async def connect(url: str | None, prefix: str = DEFAULT_PREFIX) -> Connection:
    """Connect to the Redis of ``QUEUE_REDIS_URL``; ``embedded://`` makes one in this process.

    Raises
    ------
    InputError
        If there is no URL, nobody answers there, or what is needed is not installed: the text
        says what to do.
    """
    if not url:
        raise InputError(
            "environment variable QUEUE_REDIS_URL is not set: expected redis://HOST:6379/0 for a "
            "Redis server, or embedded:// for a volatile queue inside this process"
        )
    embedded = url.startswith(EMBEDDED)
    if not embedded:
        check_redis_url(url)
    try:
        with naming_extras("queue"):
            client = _embedded() if embedded else _pool(url)
    except (ValueError, TypeError):
        # The reason may quote a part of the password, so it is not passed on.
        raise not_a_url(url) from None
    # Each of BullMQ's workers closes its client when it stops; the others still need the pool.
    client.auto_close_connection_pool = False
    connection = Connection(client, masked_url(url), embedded=embedded, prefix=prefix)
    await _greet(connection)
    return connection


def client_name(text: str) -> str:
    """``text`` as the name of a connection: Redis takes visible ASCII only, the rest is encoded.

    >>> client_name("bull:my queue:w:host-7")
    'bull:my%20queue:w:host-7'
    """
    return quote(text, safe=_VISIBLE)


def worker_connection_name(prefix: str, queue: str) -> str:
    """How a worker's connection is called, so that Node's ``getWorkers`` and Bull Board find it.

    The worker's own name is left out: BullMQ 4 finds none that has one.

    Source: BullMQ ``src/classes/queue-base.ts`` (``clientName``): the queue's name is in base64.

    >>> worker_connection_name("bull", "order")
    'bull:b3JkZXI='
    """
    return f"{prefix}:{base64.b64encode(queue.encode()).decode()}"


@asynccontextmanager
async def connected(url: str | None, prefix: str = DEFAULT_PREFIX) -> AsyncIterator[Connection]:
    """A connection for as long as the block runs.

    Raises
    ------
    InputError
        If there is none to be had; see `connect`.
    JobError
        If it is lost on the way; see `Connection.asking`.
    """
    connection = await connect(url, prefix)
    try:
        with connection.asking():
            yield connection
    finally:
        await connection.close()


def of_the_whole_server(error: Exception) -> bool:
    """Whether a refusal is of any command, or about the keys of this one."""
    from redis.exceptions import (
        AskError,
        ClusterDownError,
        OutOfMemoryError,
        ReadOnlyError,
        ResponseError,
    )

    known = (AskError, ClusterDownError, OutOfMemoryError, ReadOnlyError)
    if not isinstance(error, ResponseError):
        return True
    return isinstance(error, known) or _WHOLE_SERVER.search(str(error)) is not None


def _pool(url: str) -> Redis:
    from redis.asyncio import Connection, Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import ExponentialBackoff
    from redis.exceptions import BusyLoadingError, ConnectionError, TimeoutError  # noqa: A004

    pack = _hiredis_pack()

    class Packing(Connection):
        """Has hiredis write commands too: redis-py's asyncio side only lets it read answers.

        BullMQ's commands have some 25 arguments, and writing them was a tenth of a worker's time.
        A URL of another kind, such as ``rediss://``, brings its own class.
        """

        def pack_command(self, *args: Any) -> list[bytes]:
            # A command of two words (``SCRIPT LOAD``) has to be split, a buffer to be copied, and
            # bytes that are no UTF-8 to be given back as they were read.
            if pack is not None and args[0] in _PLAIN_COMMANDS:
                with suppress(TypeError, UnicodeError):
                    return [pack(args)]
            packed: list[bytes] = super().pack_command(*args)
            return packed

    return Redis.from_url(
        url,
        connection_class=Packing,
        decode_responses=True,
        # Node cuts a text inside an emoji, and one such name must not hide whatever came with it.
        encoding_errors=NOT_UTF8,
        socket_timeout=_SOCKET_TIMEOUT_S,
        socket_connect_timeout=_CONNECT_TIMEOUT_S,
        # A socket in the file system has no keepalive to switch on.
        **({} if url.startswith("unix://") else {"socket_keepalive": True}),
        health_check_interval=30,
        # A restarting Redis is away for seconds; whoever waits longer wants to hear of it.
        retry=Retry(ExponentialBackoff(cap=1.0, base=0.1), 5),
        retry_on_error=[BusyLoadingError, ConnectionError, TimeoutError],
    )


def _hiredis_pack() -> Callable[[tuple[Any, ...]], bytes] | None:
    try:
        from hiredis import pack_command
    except ImportError:
        return None
    pack: Callable[[tuple[Any, ...]], bytes] = pack_command
    return pack


def _embedded() -> Redis:
    # Lua looks for modules where this variable says when its runtime starts.
    here = f"{Path(__file__).parent / 'lua'}/?.lua"
    if here not in os.environ.get("LUA_PATH", ""):
        os.environ["LUA_PATH"] = f"{here};{os.environ.get('LUA_PATH', '')};"
    from fakeredis import FakeAsyncRedis, FakeServer

    # A server of its own, or else two of them in one process would share their keys.
    server = FakeServer(server_type="redis", version=(7, 0))
    client: Redis = FakeAsyncRedis(
        server=server,
        decode_responses=True,
        encoding_errors=NOT_UTF8,
        lua_modules={"cmsgpack"},
    )
    return client


async def _greet(connection: Connection) -> None:
    if connection.embedded:
        return
    try:
        with connection.asking():
            async with asyncio.timeout(2 * _CONNECT_TIMEOUT_S):
                await connection.client.ping()
    except JobError as error:
        await connection.close()
        raise InputError(f"QUEUE_REDIS_URL={connection.url}: {no_greeting(error)}") from error
