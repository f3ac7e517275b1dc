"""Commands of many slots, sent together: those of one turn of the event loop go in one write.

A slot with a connection for itself costs two system calls and some of redis-py's ceremony for each
command, and Redis as much. Node's client has one connection for all slots and pipelines on it, so
that a job costs it less the more slots there are. Here a few connections of the pool carry batches:
a few, so that Redis works on one batch while this process works on another.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import (
    ConnectionError,  # noqa: A004
    NoScriptError,
    ResponseError,
    TimeoutError,  # noqa: A004
)

#: Batches that are on their way at one time, and commands of one.
_LANES = 4
_BATCH = 16

_Command = tuple[tuple[Any, ...], asyncio.Future[Any]]


class Pipelines:
    """Sends commands in batches over connections of a client's pool.

    A connection is out of the pool for as long as its batch is on its way: there is nothing to be
    closed.

    Parameters
    ----------
    client
        The Redis.
    """

    def __init__(self, client: Redis) -> None:
        self._pool: Any = client.connection_pool
        self._waiting: deque[_Command] = deque()
        self._lanes: set[asyncio.Task[None]] = set()
        #: Lanes that will look for what waits once more, and those of them that are yet to begin.
        self._open = self._starting = 0

    async def execute(self, *command: Any) -> Any:
        """What Redis answers to a command, which is sent once.

        Raises
        ------
        redis.exceptions.RedisError
            If it refuses; or if the connection is lost, and nobody knows whether it was heeded.
        """
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((command, answer))
        if self._starting * _BATCH < len(self._waiting) and self._open < _LANES:
            self._open += 1
            self._starting += 1
            lane = asyncio.ensure_future(self._lane())
            self._lanes.add(lane)
            lane.add_done_callback(self._lanes.discard)
        return await answer

    async def _lane(self) -> None:
        """Send batches until nothing waits."""
        self._starting -= 1
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
            try:
                await self._send(batch)
            except Exception as error:
                for _, answer in batch:
                    _fail(answer, error)
            finally:
                for _, answer in batch:
                    answer.cancel()
        # In the step that found nothing: a task is done a turn later, and whoever asks meanwhile
        # would wait for a lane that does not come back.
        self._open -= 1

    async def _send(self, batch: Sequence[_Command]) -> None:
        connection = await self._pool.get_connection()
        try:
            packed: list[bytes] = []
            sent = []
            for command, answer in batch:
                # Whoever was cancelled before it was sent wants no job for nobody.
                if answer.cancelled():
                    continue
                try:
                    packed += connection.pack_command(*command)
                except Exception as error:
                    _fail(answer, error)
                else:
                    sent.append(answer)
            await connection.send_packed_command(packed)
            for answer in sent:
                try:
                    said = await connection.read_response()
                except ResponseError as error:
                    _fail(answer, error)
                else:
                    # Whoever asked may have been cancelled meanwhile.
                    if not answer.done():
                        answer.set_result(said)
        finally:
            await self._pool.release(connection)


def _fail(answer: asyncio.Future[Any], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)


class PipelinedScript:
    """A script that redis-py registered, run in batches with others.

    Parameters
    ----------
    script
        What ``register_script`` gave.
    pipelines
        Where it is sent.
    """

    def __init__(self, script: Any, pipelines: Pipelines) -> None:
        self.script: str = script.script
        self._plain = script
        self._pipelines = pipelines

    async def __call__(
        self, keys: Sequence[str] = (), args: Sequence[Any] = (), client: Any = None
    ) -> Any:
        """Its answer; where it is not known or the connection is lost, redis-py tries again."""
        if client is None:
            try:
                return await self._pipelines.execute(
                    "EVALSHA", self._plain.sha, len(keys), *keys, *args
                )
            except (ConnectionError, TimeoutError, NoScriptError):
                pass
        return await self._plain(keys=keys, args=args, client=client)
