"""Tasks of an event loop: the first that ends, and an end of those that nobody needs any more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

#: After so many seconds a cancellation is repeated.
AGAIN_S = 0.1


async def ended(tasks: Sequence[asyncio.Future[Any]]) -> None:
    """Wait until one of these has ended; what it raised is raised, and the others go on."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def first(*waits: Awaitable[Any]) -> None:
    """Wait for the first of these; what it raised is raised, and the others are cancelled."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await ended(tasks)
    finally:
        await call_off(tasks)


async def call_off(tasks: Sequence[asyncio.Future[Any]]) -> None:
    """Cancel tasks and wait until all have ended.

    A cancellation that meets `asyncio.wait_for` just as what it waits for is done gets lost
    (before Python 3.12), and redis-py sends each command that way. So it is repeated.
    """
    going_on = set(tasks)
    while going_on:
        for task in going_on:
            task.cancel()
        _, going_on = await asyncio.wait(going_on, timeout=AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)
