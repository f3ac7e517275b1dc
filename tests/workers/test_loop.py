"""A worker works until it is told to stop, and one that cannot go on is stopped in good order."""

import asyncio

import pytest

from simqueue.workers.loop import run_loop, work_until


async def fail(after: float = 0.0) -> None:
    await asyncio.sleep(after)
    raise RuntimeError("lost")


async def forever(seen: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        seen.append("cancelled")


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
        self.seen.append("at work")
        if self._goes_on:
            await forever(self.seen)
        await fail()

    async def stop(self, grace_s: float) -> None:
        self.seen.append(f"stopped, {grace_s:g} s of grace")


def test_a_worker_works_until_it_is_told_to_stop() -> None:
    worker = Worker()

    async def scenario() -> None:
        stop = asyncio.Event()
        working = asyncio.ensure_future(work_until(stop, worker, 3))
        while "at work" not in worker.seen:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        stop.set()
        await working

    run_loop(scenario())
    assert worker.seen == ["started", "at work", "cancelled", "stopped, 3 s of grace"]


@pytest.mark.parametrize("worker", [Worker(starts=False), Worker(goes_on=False)])
def test_a_worker_that_cannot_go_on_is_stopped_and_says_why(worker: Worker) -> None:
    async def scenario() -> None:
        await work_until(asyncio.Event(), worker, 3)

    with pytest.raises(RuntimeError, match="lost"):
        run_loop(scenario())
    assert worker.seen[-1] == "stopped, 3 s of grace"
