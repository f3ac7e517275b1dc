"""Races leave nothing behind, and a cancellation that was lost is repeated."""

import asyncio
from collections.abc import Awaitable

import pytest

from simqueue.tasks import ended, first


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
