"""The connection to the Redis that holds the queues: real, or embedded in this process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from simqueue.errors import InputError, JobError
from simqueue.extras import naming_extras
from simqueue.files import reason
from simqueue.settings import mask_password

if TYPE_CHECKING:
    from redis.asyncio import Redis

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
            In the place of whatever redis-py raises.
        """
        from redis.exceptions import RedisError

        try:
            yield
        except TimeoutError as error:
            raise JobError(f"Redis at {self.url}: no answer in time") from error
        except RedisError as error:
            raise JobError(f"Redis at {self.url}: {reason(error)}") from error

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
    try:
        with naming_extras("queue"):
            client = _embedded() if url.startswith(EMBEDDED) else _pool(url)
    except (ValueError, TypeError):
        # The reason may quote a part of the password, so it is not passed on.
        raise _no_url(url) from None
    # Each of BullMQ's workers closes its client when it stops; the others still need the pool.
    client.auto_close_connection_pool = False
    connection = Connection(
        client, mask_password(url), embedded=url.startswith(EMBEDDED), prefix=prefix
    )
    try:
        await _greet(connection)
    except TypeError:
        raise _no_url(url) from None
    return connection


def client_name(text: str) -> str:
    """``text`` as the name of a connection: Redis takes visible ASCII only, the rest is encoded.

    >>> client_name("bull:my queue:w:host-7")
    'bull:my%20queue:w:host-7'
    """
    return quote(text, safe=_VISIBLE)


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


def _no_url(url: str) -> InputError:
    return InputError(
        f"QUEUE_REDIS_URL={mask_password(url)}: not a Redis URL; expected "
        "redis://USER:PASSWORD@HOST:PORT/DATABASE, with / # ? @ in a password written as %2F %23 "
        "%3F %40"
    )


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
            # A command of two words (``SCRIPT LOAD``) has to be split, a buffer to be copied.
            if pack is not None and args[0] in _PLAIN_COMMANDS:
                with suppress(TypeError):
                    return [pack(args)]
            packed: list[bytes] = super().pack_command(*args)
            return packed

    return Redis.from_url(
        url,
        connection_class=Packing,
        decode_responses=True,
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
    client: Redis = FakeAsyncRedis(server=server, decode_responses=True, lua_modules={"cmsgpack"})
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
        _, _, why = str(error).partition(f"{connection.url}: ")
        raise InputError(
            f"QUEUE_REDIS_URL={connection.url}: no Redis answers there ({why}); start one "
            "(redis-server), mend the URL, or use embedded:// for a volatile queue"
        ) from error
