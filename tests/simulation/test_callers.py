"""In-process mode: our own adapter and the model do the same work, at the same moments.

One event loop serves all callers: while a handler computes, nobody else begins or ends. The adapter
runs on asyncio's own event loop; that loop's time is virtual where many scenarios are compared, and
real where one is.
"""

from __future__ import annotations

import asyncio
import selectors
from collections import deque
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from script import HeldClock

from simqueue.adapters.in_process import InProcessAdapter
from simqueue.adapters.scripted import ScriptedWork
from simqueue.clock import Clock
from simqueue.errors import JobError
from simqueue.record.recorder import Recorder
from simqueue.simulation.engines import ENGINES
from simqueue.workload.reading import build_scenario
from simqueue.workload.workload import Workload

#: What a busy machine may be late, seconds.
LATE_S = 0.06


class SkippingLoop(asyncio.SelectorEventLoop):
    """Asyncio's event loop in virtual time: where it would sleep, that time is over at once."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(SkippingSelector(self))

    def time(self) -> float:
        return self.now


class SkippingSelector(selectors.SelectSelector):
    def __init__(self, loop: SkippingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._loop.now += timeout or 0.0
        return super().select(0)


class LoopClock:
    """The time of a `SkippingLoop`."""

    def __init__(self, loop: SkippingLoop) -> None:
        self._loop = loop

    def now(self) -> float:
        return self._loop.now

    async def until(self, moment: float) -> None:
        await asyncio.sleep(max(0.0, moment - self._loop.now))

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def burn(self, seconds: float) -> None:
        self._loop.now += seconds


async def serve(workload: Workload, clock: Clock) -> pd.DataFrame:
    """Have the adapter do the work: a caller that ends a request takes the next one."""
    origin, loop = clock.now(), asyncio.get_running_loop()
    recorder = Recorder("in-process", origin)
    work = ScriptedWork(workload, clock, origin)
    adapter = InProcessAdapter(work, clock, recorder)
    free = workload.scenario.caller.concurrency
    requests: deque[tuple[float, int, int]] = deque()

    async def come(moment: Awaitable[None], at_s: float, kind: int, number: int) -> None:
        nonlocal free
        await moment
        requests.append((at_s, kind, number))
        if not free:
            return
        free -= 1
        while requests:
            at_s, kind, number = requests.popleft()
            # The customer sees a failure that the workload has scripted, and goes on.
            with suppress(JobError):
                await adapter.add(work.job(kind, number), asked_at=origin + at_s)
            answered_s = clock.now() - origin
            for then in workload.next_requests.get(kind, ()):
                asks_s, following = answered_s + then.think_s[number], then.number[number]
                if following < 0 or asks_s >= then.until_s:
                    continue
                # The customer's clock runs from here, whatever holds the event loop meanwhile.
                thought: asyncio.Future[None] = loop.create_future()
                loop.call_later(then.think_s[number], thought.set_result, None)
                customers.create_task(come(thought, asks_s, then.kind, following))
        free += 1

    columns = (column.tolist() for column in workload.arrivals)
    async with asyncio.TaskGroup() as customers:
        for request in zip(*columns, strict=True):
            customers.create_task(come(clock.until(origin + request[0]), *request))
    return recorder.log().frame()


def ends(log: pd.DataFrame) -> pd.DataFrame:
    """When each job ended and how, in order of their ids."""
    return log.set_index("job_id")[["finished_s", "outcome"]].sort_index()


def modelled(workload: Workload) -> pd.DataFrame:
    return ends(ENGINES["simpy"](workload).log.frame())


def uniform(low_s: float, high_s: float) -> dict[str, Any]:
    return {"distribution": "uniform", "low_s": low_s, "high_s": high_s}


def constant(seconds: float) -> dict[str, Any]:
    return {"distribution": "constant", "mean_s": seconds}


some_time = st.sampled_from([uniform(0, 0.3), uniform(0.05, 0.1), constant(0)])
tables = st.fixed_dictionaries(
    {
        "mode": st.just("in-process"),
        "seed": st.integers(0, 10_000),
        "duration_s": st.just(5),
        "caller": st.fixed_dictionaries({"concurrency": st.integers(1, 5)}),
        "arrivals": st.sampled_from(
            [
                {"a": {"rate_per_s": 3}, "b": {"rate_per_s": 1.5}},
                {"a": {"rate_per_s": 3}, "b": {"follows": "a", "think": uniform(0.1, 2)}},
                {"a": {"customers": 4, "think": uniform(0.1, 1)}, "b": {"rate_per_s": 1.5}},
            ]
        ),
        "queues": st.fixed_dictionaries(
            {
                "a": st.fixed_dictionaries(
                    {
                        "cpu": some_time,
                        "service": some_time,
                        "failure_rate": st.sampled_from([0, 0.3]),
                        "follow_up": st.just({"completed": ["more"], "failed": ["b"]}),
                    }
                ),
                "b": st.fixed_dictionaries({"cpu": some_time, "service": some_time}),
                "more": st.fixed_dictionaries({"cpu": some_time, "service": some_time}),
            }
        ),
    }
)


@given(tables)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_the_adapter_and_the_model_end_jobs_at_the_same_moments(table: dict[str, Any]) -> None:
    workload = Workload(build_scenario(table))
    with asyncio.Runner(loop_factory=SkippingLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, SkippingLoop)
        real = ends(runner.run(serve(workload, LoopClock(loop))))

    pd.testing.assert_frame_equal(
        real, modelled(workload), check_dtype=False, check_categorical=False, atol=1e-6, rtol=0
    )


def test_an_io_part_that_ends_while_another_caller_computes_ends_behind_that() -> None:
    """On the real clock: a's io part is over at 0.25, but b computes from 0.1 to 0.4."""
    workload = Workload(
        build_scenario(
            {
                "mode": "in-process",
                "duration_s": 0.08,
                "caller": {"concurrency": 2},
                "arrivals": {"a": {"interval_s": 0.05}, "b": {"interval_s": 0.07}},
                "queues": {
                    "a": {"cpu": constant(0.05), "service": constant(0.15)},
                    "b": {"cpu": constant(0.3)},
                },
            }
        )
    )
    real = ends(asyncio.run(serve(workload, HeldClock())))

    for log in (modelled(workload), real):
        assert log["finished_s"].to_dict() == {
            "a-1": pytest.approx(0.4, abs=LATE_S),
            "b-1": pytest.approx(0.4, abs=LATE_S),
        }
