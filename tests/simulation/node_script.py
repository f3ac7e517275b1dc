"""The scripts of `script`, played by workers of Node's BullMQ: processes of their own."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from script import Script, ScriptedWorkload, both, in_order, run_model, same_starts, starts

from simqueue.adapters.bull_queue.connection import Connection, connected
from simqueue.adapters.scripted import ScriptedWork
from simqueue.clock import SystemClock
from simqueue.record.worker_events import read_events
from simqueue.validation.fleet import WorkerPrograms
from simqueue.validation.node.installed import NodeBullMQ
from simqueue.validation.node.program import Node
from simqueue.validation.queue_rules import set_limits
from simqueue.validation.schedulers import begin_schedulers, with_slots
from simqueue.validation.scripted_worker import Begin, scripted_adapter
from simqueue.validation.server import Server

#: From the first worker's start until second zero: all wait in Redis by then.
HEAD_START_S = 0.5
#: How late Redis may end a wait, seconds.
REDIS_LATE_S = (0.0, 0.02, 0.04, 0.06, 0.08, 0.11)
#: From one worker's start to the next where they start at second zero.
STAGGER_S = 0.02


def by_node(script: Script) -> Script:
    """The same script for workers of Node's."""
    return replace(script, bullmq={**script.bullmq, "client": "node"})


def whatever_redis_does(script: Script) -> bool:
    """Whether the order of starts is one however late Redis ends an idle worker's wait.

    It looks at its clock ten times a second. Who comes before that is ahead of a retry.
    """
    logs = [run_model(_late(script, retry_s)) for retry_s in REDIS_LATE_S]
    return all(in_order(log, logs[0]) and starts(log) == starts(logs[0]) for log in logs)


def _late(script: Script, retry_s: float) -> Script:
    return replace(script, bullmq={**script.bullmq, "overhead": {"retry_s": retry_s}})


def both_by_node(
    script: Script,
    url: str,
    installed: NodeBullMQ,
    same: Callable[[pd.DataFrame, pd.DataFrame], bool] = same_starts,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The logs of the model and of Node's workers; see `script.both`."""
    return both(by_node(script), url, same=same, play=_NodePlayer(installed))


@dataclass(frozen=True)
class _NodePlayer:
    installed: NodeBullMQ

    def __call__(self, script: Script, url: str) -> pd.DataFrame:
        with tempfile.TemporaryDirectory() as folder:
            return asyncio.run(_Play(script, url, self.installed, Path(folder)).play())


class _Play:
    """One run of a script."""

    def __init__(self, script: Script, url: str, installed: NodeBullMQ, folder: Path) -> None:
        self.script, self.url = script, url
        self.workload = ScriptedWorkload(script.scenario(), script.jobs)
        self.log = folder / "real.csv"
        server = Server(url, "unknown", "given", "bull")
        self.fleet = WorkerPrograms(
            self.workload, server, self.log, language=Node(installed, self.workload, folder)
        )
        self.clock = SystemClock()

    async def play(self) -> pd.DataFrame:
        async with connected(self.url, "bull") as connection:
            try:
                await self.fleet.prepare()
                origin = round(self.clock.now() + HEAD_START_S, 3)
                adapter = scripted_adapter(connection, self.workload)
                await set_limits(adapter, self.workload.scenario.queues.items())
                await begin_schedulers(adapter, self.workload, origin)
                await self._begin(connection, origin)
                fates = [asyncio.ensure_future(self._crash(c, origin)) for c in self._crashes()]
                await self._arrivals(connection, origin)
                await asyncio.gather(*fates)
                await self.fleet.stop()
            finally:
                await self.fleet.kill()
        return with_slots(read_events(self.log, origin), self.workload, origin).frame()

    def _crashes(self) -> list[Mapping[str, Any]]:
        return sorted(self.script.crashes, key=lambda crash: float(crash["at_s"]))

    async def _begin(self, connection: Connection, origin: float) -> None:
        """Have one worker after the other wait in Redis: who did first is served first.

        Where workers die, their looks for stalled jobs count from second zero.
        """
        if self.script.crashes:
            for number, lives in enumerate(self.fleet.programs):
                lives[0].begin(Begin(origin=origin, start=origin + STAGGER_S * number))
            return
        consumers = 0
        for lives in self.fleet.programs:
            lives[0].begin(Begin(origin=origin, start=self.clock.now()))
            consumers += len(self.workload.scenario.queues)
            async with asyncio.timeout(5):
                while await _blocked(connection) < consumers:
                    await asyncio.sleep(0.002)
        assert self.clock.now() < origin, "the workers took too long to come up"
        await self.clock.until(origin)

    async def _crash(self, crash: Mapping[str, Any], origin: float) -> None:
        """Kill a worker; the process that takes over was started beforehand."""
        await self.clock.until(origin + crash["at_s"])
        dying, heir = self.fleet.programs[crash["worker"]][:2]
        dying.kill()
        heir.begin(Begin(origin=origin, start=origin + crash["at_s"] + crash["down_s"]))

    async def _arrivals(self, connection: Connection, origin: float) -> None:
        adapter = scripted_adapter(connection, self.workload)
        work = ScriptedWork(self.workload, self.clock)
        for at_s, kind, number in zip(*(c.tolist() for c in self.workload.arrivals), strict=True):
            await self.clock.until(origin + at_s)
            await adapter.add(work.job(kind, number))
        async with asyncio.timeout(30):
            while await adapter.unfinished():
                await asyncio.sleep(0.01)


async def _blocked(connection: Connection) -> int:
    return int((await connection.client.info("clients"))["blocked_clients"])
