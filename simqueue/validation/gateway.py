"""The downstreams of a scenario for real: a server with limited places, which workers call.

A call is one connection: a line of JSON says what is called, for how long, and how long the caller
would wait; a word comes back when that is over. Whoever hangs up, or dies, frees the place. Time is
counted here: where a busy machine holds up the way to and fro, nobody is cut off for that.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from simqueue.adapters.scripted import Call
from simqueue.errors import JobError
from simqueue.workload.downstreams import Downstream

DONE, _FULL, _LATE = b"done\n", b"full\n", b"late\n"
_SAID = {_FULL: "all places are taken", _LATE: "it took longer than timeout_s"}
_HOST = "127.0.0.1"
#: Who asks and has a place at once has waited no time, whatever the clock says.
_TINY_S = 1e-3


class Places:
    """The places of one downstream; who waits is served first come, first served."""

    def __init__(self, settings: Downstream) -> None:
        self._free, self.waits = settings.places, settings.when_full == "wait"
        self._line: deque[asyncio.Future[None]] = deque()

    async def enter(self, gone: asyncio.Future[bytes], most_s: float | None) -> bool:
        """Have a place, perhaps after a while; false if there is none, or the caller has gone."""
        if self._free:
            self._free -= 1
            return True
        if not self.waits:
            return False
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        either: list[asyncio.Future[Any]] = [turn, gone]
        await asyncio.wait(either, timeout=most_s, return_when=asyncio.FIRST_COMPLETED)
        if turn.done():
            return True
        self._line.remove(turn)
        return False

    def leave(self) -> None:
        """Let go of a place."""
        if self._line:
            self._line.popleft().set_result(None)
        else:
            self._free += 1


@asynccontextmanager
async def gateway(downstreams: Mapping[str, Downstream]) -> AsyncIterator[int | None]:
    """Serve the downstreams of a scenario; the port, or ``None`` if it has none."""
    if not downstreams:
        yield None
        return
    places = {name: Places(settings) for name, settings in downstreams.items()}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            name, *times = json.loads(await reader.readline())
            gone = asyncio.ensure_future(reader.read())
            try:
                writer.write(await serve_one(places[name], gone, *times))
                await writer.drain()
            finally:
                gone.cancel()
                writer.close()

    # All slots of all workers may call at once.
    server = await asyncio.start_server(serve, _HOST, 0, backlog=10_000)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def serve_one(
    places: Places, gone: asyncio.Future[bytes], seconds: float, most_s: float | None
) -> bytes:
    """Wait for a place if that is so, hold it, and say how it went."""
    clock = asyncio.get_running_loop().time
    asked = clock()
    if not await places.enter(gone, most_s):
        return _LATE if places.waits else _FULL
    try:
        left = math.inf if most_s is None else most_s - (clock() - asked)
        await asyncio.wait([gone], timeout=max(0.0, min(seconds, left)))
        return DONE if seconds <= left + _TINY_S else _LATE
    finally:
        places.leave()


def calling(port: int | None) -> Call | None:
    """What calls the downstreams served on a port."""
    if port is None:
        return None

    async def call(name: str, seconds: float, timeout_s: float | None) -> None:
        reader, writer = await asyncio.open_connection(_HOST, port)
        try:
            writer.write(json.dumps([name, seconds, timeout_s]).encode() + b"\n")
            answer = await reader.readline()
            if answer != DONE:
                raise JobError(f"downstream {name}: {_SAID.get(answer, 'it hung up')}")
        finally:
            writer.close()

    return call
