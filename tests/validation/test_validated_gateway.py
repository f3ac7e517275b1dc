"""The gateway that real workers call: its places, its line, and what becomes of who hangs up."""

from __future__ import annotations

import asyncio

import pytest

from simqueue.errors import JobError
from simqueue.validation.gateway import calling, gateway
from simqueue.workload.downstreams import Downstream

#: Long beside whatever else happens; nobody waits for its end.
LONG_S = 60.0


async def inside(task: asyncio.Task[None]) -> None:
    """Wait until a call that was begun would have been refused, if it were to be."""
    done, _ = await asyncio.wait([task], timeout=0.2)
    assert not done


def test_without_downstreams_there_is_none() -> None:
    async def serve() -> int | None:
        async with gateway({}) as port:
            return port

    assert asyncio.run(serve()) is None
    assert calling(None) is None


def test_who_finds_it_full_is_told_at_once_and_others_have_their_places() -> None:
    async def play() -> None:
        downstreams = {"a": Downstream(places=1), "b": Downstream(places=1)}
        async with gateway(downstreams) as port:
            call = calling(port)
            assert call is not None
            first = asyncio.create_task(call("a", LONG_S, None))
            await inside(first)
            with pytest.raises(JobError, match="downstream a: all places are taken"):
                await call("a", 0.0, None)
            await call("b", 0.0, 0.5)
            first.cancel()

    asyncio.run(asyncio.wait_for(play(), 100))


def test_in_line_first_come_first_served() -> None:
    async def play() -> list[str]:
        ended: list[str] = []
        async with gateway({"a": Downstream(places=1, when_full="wait")}) as port:
            call = calling(port)
            assert call is not None

            async def one(name: str) -> None:
                await call("a", 0.05, None)
                ended.append(name)

            holds = asyncio.create_task(call("a", LONG_S, None))
            await inside(holds)
            tasks = []
            for name in ("first", "second", "third"):
                tasks.append(asyncio.create_task(one(name)))
                await inside(tasks[-1])
            holds.cancel()
            await asyncio.gather(*tasks)
        return ended

    assert asyncio.run(asyncio.wait_for(play(), 100)) == ["first", "second", "third"]


def test_who_hangs_up_frees_a_place_and_leaves_the_line() -> None:
    async def play() -> None:
        async with gateway({"a": Downstream(places=1, when_full="wait")}) as port:
            call = calling(port)
            assert call is not None
            holds, waits = (asyncio.create_task(call("a", LONG_S, None)) for _ in range(2))
            await inside(holds)
            last = asyncio.create_task(call("a", 0.0, None))
            await inside(waits)
            await inside(last)
            waits.cancel()
            await inside(last)  # somebody still holds the place
            holds.cancel()
            await last

    asyncio.run(asyncio.wait_for(play(), 100))


def test_the_time_out_counts_in_line_and_in_the_place() -> None:
    """The second waits in vain; the third has a place, and not long enough."""

    async def play() -> None:
        async with gateway({"a": Downstream(places=1, when_full="wait")}) as port:
            call = calling(port)
            assert call is not None
            first = asyncio.create_task(call("a", LONG_S, None))
            await inside(first)
            late = "downstream a: it took longer than timeout_s"
            with pytest.raises(JobError, match=late):
                await call("a", 0.0, 0.05)
            first.cancel()
            with pytest.raises(JobError, match=late):
                await call("a", LONG_S, 0.05)
            await call("a", 0.05, 0.05)

    asyncio.run(asyncio.wait_for(play(), 100))
