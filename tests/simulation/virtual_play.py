"""Scripts on BullMQ's own scripts and workers, in virtual time.

The queue is `embedded`: BullMQ's Lua over fakeredis, in this process. The event loop has a clock of
its own, which goes on at once to whatever comes next, and `time.time` shows it. So nothing takes
longer than the script says, however busy the machine is, and a run takes no time. A cpu part would
hold all workers, which share the loop, and who dies is told by timers of one moment: such scripts
are for real time.
"""

from __future__ import annotations

import asyncio
import logging
import selectors
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

import pandas as pd
from fakeredis._core._database import Database
from script import Script, ScriptedWorkload, assert_alike, ends, in_order, run_model

from simqueue.adapters.bull_queue import connect
from simqueue.adapters.bull_queue.consumer import Consumer
from simqueue.adapters.scripted import Call, ScriptedWork
from simqueue.clock import SystemClock
from simqueue.errors import JobError
from simqueue.record.attempt_log import AttemptLog
from simqueue.record.worker_events import Event, merge_events
from simqueue.tasks import call_off
from simqueue.validation import scripted_worker as programs
from simqueue.validation.gateway import DONE, Places, serve_one
from simqueue.validation.queue_rules import pause_and_resume, set_limits
from simqueue.validation.schedulers import begin_schedulers, with_slots

#: Second zero: some moment in this century, a whole second.
_ORIGIN = 1_800_000_000.0
#: Workers start so long before, one after the other: whoever waits first is served first.
_HEAD_START_S = 1.0
_APART_S = 0.01
#: What a script may not hang on here: nothing takes longer than it says but for whole milliseconds,
#: and moments that are one in the script may come in any order.
VIRTUAL_S = (-0.001, 0.001, 0.002)
#: No script lasts so long.
_LONGEST_S = 120.0


class _InOrder(dict[Any, None]):
    """A set that is gone through in the order in which things were added."""

    def add(self, item: Any) -> None:
        self[item] = None

    def remove(self, item: Any) -> None:
        del self[item]


def _add_change_callback(database: Any, callback: Any) -> None:
    """Whoever has waited longest is served first, as Redis does it; fakeredis takes anybody."""
    if not isinstance(database._change_callbacks, _InOrder):
        database._change_callbacks = _InOrder()
    database._change_callbacks.add(callback)


class _Jump(selectors.DefaultSelector):
    """Instead of waiting, it lets the clock go on."""

    now = _ORIGIN - _HEAD_START_S

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout:
            self.now += timeout
        return super().select(0 if timeout is not None else None)


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.jump = _Jump()
        super().__init__(self.jump)
        self._clock_resolution = 1e-6  # of Unix time, no less can be told apart

    def time(self) -> float:
        return self.jump.now


@contextmanager
def _virtual_time(wakes: bool) -> Iterator[_VirtualLoop]:
    loop = _VirtualLoop()
    logger = logging.getLogger("simqueue")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with (
            mock.patch.object(time, "time", loop.time),
            mock.patch.object(Database, "add_change_callback", _add_change_callback),
            mock.patch.object(Consumer, "_wake_up", _wake_up if wakes else lambda _: None),
        ):
            yield loop
    finally:
        logger.setLevel(level)
        loop.close()


def _wake_up(consumer: Consumer) -> None:
    """What a consumer does where Redis is real."""
    worker = consumer._worker
    assert worker is not None
    marker = worker.keys["marker"]
    waking = asyncio.ensure_future(consumer.connection.client.zadd(marker, {"0": 0}))
    waking.add_done_callback(lambda task: task.exception())


def _calling(script: Script) -> Call | None:
    """What calls the downstreams of a script, without a network between."""
    downstreams = script.scenario().downstreams
    places = {name: Places(settings) for name, settings in downstreams.items()}

    async def call(name: str, seconds: float, timeout_s: float | None) -> None:
        gone = asyncio.get_running_loop().create_future()
        answer = await serve_one(places[name], gone, seconds, timeout_s)
        if answer != DONE:
            raise JobError(f"downstream {name}: {answer!r}")

    return call if downstreams else None


def run_virtual(script: Script, wakes: bool = True) -> pd.DataFrame:
    """The attempt log of a script; ``wakes``: our consumer leaves markers when retries are due."""
    call = _calling(script)
    with (
        _virtual_time(wakes) as loop,
        mock.patch.object(programs, "calling", return_value=call),
    ):
        return loop.run_until_complete(_play(script)).frame()


def differ(script: Script, wakes: bool = True) -> bool:
    """Whether BullMQ's own code and the model start jobs in other orders, or end some otherwise.

    Without ``wakes`` they end backoffs as Node's workers do.
    """
    model = run_model(script if wakes else replace(script, bullmq={"client": "node"}))
    real = run_virtual(script, wakes)
    return not in_order(real, model) or ends(real) != ends(model)


def agree(script: Script) -> None:
    """Assert that they do not `differ`."""
    assert_alike(run_model(script), run_virtual(script))


async def _play(script: Script) -> AttemptLog:
    workload = ScriptedWorkload(script.scenario(), script.jobs)
    queues = workload.scenario.queues
    clock = SystemClock()
    connection = await connect("embedded://")
    adapter = programs.scripted_adapter(connection, workload)
    await set_limits(adapter, queues.items())
    await begin_schedulers(adapter, workload, _ORIGIN)
    events: list[Event] = []
    workers = [
        programs.scripted_worker(workload, connection, number, _ORIGIN, [events.append])
        for number in range(script.workers)
    ]
    for worker in workers:
        await worker.start()
        await clock.sleep(_APART_S)
    await clock.until(_ORIGIN)
    pausing = asyncio.ensure_future(pause_and_resume(adapter, queues.items(), _ORIGIN))
    work = ScriptedWork(workload, clock, _ORIGIN)
    for at_s, kind, number in zip(*(c.tolist() for c in workload.arrivals), strict=True):
        await clock.until(_ORIGIN + at_s)
        await adapter.add(work.job(kind, number))
    while await adapter.unfinished() and clock.now() < _ORIGIN + _LONGEST_S:
        await clock.sleep(0.05)
    await call_off([pausing])
    for worker in workers:
        await worker.stop(0.0)
    await call_off([task for task in asyncio.all_tasks() if task is not asyncio.current_task()])
    return with_slots(merge_events(events, _ORIGIN), workload, _ORIGIN)
