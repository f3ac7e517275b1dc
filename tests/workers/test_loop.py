"""Races leave nothing behind, and a worker that cannot go on is stopped in good order."""

import asyncio
from collections.abc import Awaitable

import pytest

from simqueue.workers.loop import ended, first, run_loop, work_until


async def fail(after: float = 0.0) -> None:
    await asyncio.sleep(after)
    raise RuntimeError("lost")


async def forever(seen: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        seen.append("cancelled")


def others_after(race: Awaitable[object]) -> set[str]:
    """The tasks that a race leaves behind."""

    async def scenario() -> set[str]:
        await race
        return {repr(task) for task in asyncio.all_tasks() - {asyncio.current_task()}}

    return asyncio.run(scenario())


def test_who_lost_is_cancelled() -> None:
    seen: list[str] = []

    assert others_after(first(asyncio.sleep(0), forever(seen), forever(seen))) == set()
    assert seen == ["cancelled", "cancelled"]


def test_what_the_first_raised_is_raised_and_who_lost_is_cancelled() -> None:
    seen: list[str] = []
    with pytest.raises(RuntimeError, match="lost"):
        asyncio.run(first(fail(), forever(seen)))

    assert seen == ["cancelled"]


def test_a_race_that_is_called_off_calls_everybody_off() -> None:
    seen: list[str] = []

    async def scenario() -> None:
        race = asyncio.ensure_future(first(forever(seen), forever(seen)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        race.cancel()
        with pytest.raises(asyncio.CancelledError):
            await race

    asyncio.run(scenario())
    assert seen == ["cancelled", "cancelled"]


def test_a_cancellation_that_was_lost_is_repeated() -> None:
    """As `asyncio.wait_for` of Python 3.11 loses it, and so every command of redis-py."""
    lost = 0

    async def stubborn() -> None:
        nonlocal lost
        while lost < 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                lost += 1
        await asyncio.Event().wait()

    assert others_after(first(asyncio.sleep(0), stubborn())) == set()
    assert lost == 2


def test_waiting_for_an_end_ends_nobody_else() -> None:
    seen: list[str] = []

    async def scenario() -> bool:
        going_on = asyncio.ensure_future(forever(seen))
        with pytest.raises(RuntimeError, match="lost"):
            await ended([asyncio.ensure_future(fail()), going_on])
        alive = not going_on.done()
        going_on.cancel()
        return alive

    assert asyncio.run(scenario())


class Worker:
    """One that writes down what is done to it."""

    def __init__(self, *, starts: bool = True, goes_on: bool = True) -> None:
        self.seen: list[str] = []
        self._starts = starts
        self._goes_on = goes_on

    async def start(self) -> None:
        if not self._starts:
            await fail()
        self.seen.append("started")

    async def failed(self) -> None:
        if self._goes_on:
            await forever(self.seen)
        await fail()

    async def stop(self, grace_s: float) -> None:
        self.seen.append(f"stopped, {grace_s:g} s of grace")


def test_a_worker_works_until_it_is_told_to_stop() -> None:
    worker = Worker()

    async def scenario() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_soon(stop.set)
        await work_until(stop, worker, 3)

    run_loop(scenario())
    assert worker.seen == ["started", "cancelled", "stopped, 3 s of grace"]


@pytest.mark.parametrize("worker", [Worker(starts=False), Worker(goes_on=False)])
def test_a_worker_that_cannot_go_on_is_stopped_and_says_why(worker: Worker) -> None:
    async def scenario() -> None:
        await work_until(asyncio.Event(), worker, 3)

    with pytest.raises(RuntimeError, match="lost"):
        run_loop(scenario())
    assert worker.seen[-1] == "stopped, 3 s of grace"
