"""Running until something ends: the event loop of workers, races, and work until told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

Result = TypeVar("Result")

_AGAIN_S = 0.1


class Stoppable(Protocol):
    """A worker that works until it is stopped."""

    async def start(self) -> None:
        """Begin to take jobs."""

    async def failed(self) -> None:
        """Return when something that should run for ever has ended; what it raised is raised."""

    async def stop(self, grace_s: float) -> object:
        """Take no more jobs, and give the running ones so many seconds."""


def run_loop(main: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine on uvloop where there is one, because it is faster; what it returns."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(main)


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
        _, going_on = await asyncio.wait(going_on, timeout=_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)


async def work_until(stop: asyncio.Event, worker: Stoppable, grace_s: float) -> None:
    """Have a worker work until ``stop``; what ends it before that is raised.

    Either way it is stopped in good order: its running jobs get ``grace_s`` seconds.
    """
    try:
        await worker.start()
        await first(stop.wait(), worker.failed())
    finally:
        await worker.stop(grace_s)
