"""Running until something ends: the event loop of workers, and work until told to stop.

A stop has a deadline. Whatever it waits for may hang: a Redis that does not answer, a thread that
waits for a database. So each wait is limited, and the process as a whole as well (`LastResort`).
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Coroutine, Sequence
from typing import Any, Protocol, TypeVar

from simqueue.tasks import AGAIN_S, first

Result = TypeVar("Result")

#: What a stop may take when the grace period is over: to put things away, and then in all.
TIDY_S = 1.5
LAST_S = 4.0

_log = logging.getLogger(__name__)


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


async def end_tasks(tasks: Sequence[asyncio.Future[Any]], seconds: float) -> bool:
    """Give tasks so long to end by themselves, then cancel them; whether all ended by themselves.

    What one of them raised is raised. None is waited for that does not heed its cancellation.
    """
    if not tasks:
        return True
    done, late = await asyncio.wait(tasks, timeout=seconds)
    for task in late:
        task.cancel()
    if late:
        await asyncio.wait(late, timeout=AGAIN_S)
    for task in done:
        task.result()
    return not late


class LastResort:
    """Ends this process if a block that runs an event loop does not end in time.

    A thread that waits for a database cannot be cancelled, and a loop that closes waits for its
    threads.
    """

    def __init__(self) -> None:
        self._timers: list[threading.Timer] = []

    def __enter__(self) -> LastResort:
        return self

    def __exit__(self, *_: object) -> None:
        for timer in self._timers:
            timer.cancel()

    def end_within(self, seconds: float, code: int) -> None:
        """End the process in so many seconds, unless the block has ended by then."""
        timer = threading.Timer(seconds, self._end, [code])
        timer.daemon = True
        timer.start()
        self._timers.append(timer)

    def _end(self, code: int) -> None:
        _log.warning(
            "not ended in time: the database or Redis keeps something waiting; ending at once, "
            "and running jobs will be taken as stalled"
        )
        os._exit(code)


def run_interruptible(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine that Ctrl-C ends soon, whatever it is waiting for; what it returns."""
    with LastResort() as last:

        async def watched() -> Result:
            try:
                return await work
            except asyncio.CancelledError:
                last.end_within(LAST_S, 130)
                raise

        return asyncio.run(watched())


async def work_until(stop: asyncio.Event, worker: Stoppable, grace_s: float) -> None:
    """Have a worker work until ``stop``; what ends it before that is raised.

    Either way it is stopped in good order: its running jobs get ``grace_s`` seconds. One that has
    not even started is not waited for.
    """
    try:
        await first(stop.wait(), worker.start())
        if not stop.is_set():
            await first(stop.wait(), worker.failed())
    finally:
        await worker.stop(grace_s)
