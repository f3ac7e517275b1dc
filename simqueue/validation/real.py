"""One workload on the real queue: real workers, in real time, with scripted handlers."""

from __future__ import annotations

import asyncio
import gc
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from simqueue.adapters.bull_queue import BullQueueAdapter
from simqueue.adapters.bull_queue.connection import Connection, connected
from simqueue.adapters.scripted import ScriptedWork
from simqueue.clock import SystemClock
from simqueue.errors import SimqueueError
from simqueue.record.attempt_log import AttemptLog
from simqueue.record.worker_events import read_events
from simqueue.results.wording import count
from simqueue.validation.fleet import Fleet, WorkerPrograms, WorkersHere
from simqueue.validation.scripted_worker import (
    DRAWN_AHEAD,
    draw_ahead,
    keep_what_is_here,
    queues_worked_on,
    quiet_log,
    scripted_adapter,
    warm_up,
)
from simqueue.validation.server import Server
from simqueue.workers.loop import first, run_loop
from simqueue.workload.workload import Workload

#: From the moment when all are ready until second zero.
_HEAD_START_S = 0.3
#: A job that is added this late is said to have arrived when it was added.
LATE_S = 0.005
_POLL_S = 0.1
#: A run in which nothing moves for so long, beyond what the workload needs, will never end.
_PATIENCE_S = 30.0

Progress = Callable[[float], None]


@dataclass
class RealRun:
    """What a real run gave.

    Attributes
    ----------
    log
        Every attempt; seconds from second zero of the workload.
    late_s
        Of each job that was added late, by how much; those arrived later than the workload says.
    wall_s
        How long it took, from starting the workers to the end of the last.
    interrupted
        Whether Ctrl-C ended it.
    """

    log: AttemptLog
    late_s: list[float]
    wall_s: float
    interrupted: bool


def run_real(workload: Workload, server: Server, progress: Progress | None = None) -> RealRun:
    """Run a workload on the real queue, in as many seconds as it lasts.

    Parameters
    ----------
    workload
        What to run; see `simqueue.validation.runnable` for what cannot be.
    server
        The Redis.
    progress
        Called with the seconds of the workload that are over.

    Raises
    ------
    SimqueueError
        If a worker ends by itself, the Redis goes away, or the run cannot end.
    """
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="simqueue-validate-") as folder:
        run = _Run(workload, server, Path(folder) / "real.csv", progress or (lambda _: None))
        interrupted = False
        try:
            with quiet_log():
                run_loop(run.main())
        except KeyboardInterrupt:
            interrupted = True
        log = read_events(run.log, run.origin)
    return RealRun(log, run.late_s, time.perf_counter() - began, interrupted)


@dataclass
class _Run:
    workload: Workload
    server: Server
    log: Path
    progress: Progress
    origin: float = 0.0
    late_s: list[float] = field(default_factory=list)

    async def main(self) -> None:
        """Run it; whatever happens, no worker is left."""
        async with connected(self.server.url, self.server.prefix) as connection:
            workers = self._fleet(connection)
            try:
                draw_ahead(self.workload)
                await warm_up(connection, "producer")
                await workers.prepare()
                keep_what_is_here()
                self.origin = SystemClock().now() + _HEAD_START_S
                await self._until_done(workers, connection)
                await workers.stop()
            finally:
                await workers.kill()
                gc.unfreeze()

    def _fleet(self, connection: Connection) -> Fleet:
        if self.server.embedded:
            return WorkersHere(self.workload, connection, self.log)
        return WorkerPrograms(self.workload, self.server, self.log)

    async def _until_done(self, workers: Fleet, connection: Connection) -> None:
        """Add the jobs and wait until all are done; raise if a worker ends before."""
        scenario = self.workload.scenario
        adding = self._add_and_wait(
            scripted_adapter(connection, scenario),
            scripted_adapter(connection, scenario, queues_worked_on(scenario)),
        )
        await first(workers.run(self.origin), adding, self._show())

    async def _show(self) -> None:
        while True:
            self.progress(max(0.0, SystemClock().now() - self.origin))
            await asyncio.sleep(_POLL_S)

    async def _add_and_wait(self, adapter: BullQueueAdapter, worked_on: BullQueueAdapter) -> None:
        await self._add_all(adapter)
        await self._drain(worked_on)

    async def _add_all(self, adapter: BullQueueAdapter) -> None:
        """Add each job that a request adds when it is due."""
        clock = SystemClock()
        work = ScriptedWork(self.workload, clock, self.origin)
        columns = (column.tolist() for column in self.workload.arrivals)
        for arrival, kind, number in zip(*columns, strict=True):
            due = self.origin + arrival
            await clock.until(due)
            now = clock.now()
            late = now - due > LATE_S
            if late:
                self.late_s.append(now - due)
            await adapter.add(work.job(kind, number), asked_at=now if late else due)

    async def _drain(self, adapter: BullQueueAdapter) -> None:
        """Wait until nothing is unfinished; raise if that will never be."""
        patience = _PATIENCE_S + _longest_pause_s(self.workload)
        last, since = -1, time.monotonic()
        # A job may be added between two looks, to a queue looked at already: twice is certain.
        nothing = 0
        while nothing < 2:
            left = await adapter.unfinished()
            nothing = 0 if left else nothing + 1
            if left != last:
                last, since = left, time.monotonic()
            elif time.monotonic() - since > patience:
                raise SimqueueError(
                    f"the run cannot end: nothing has happened to its last {count(left, 'job')} "
                    f"for {patience:,.0f} s"
                )
            await asyncio.sleep(_POLL_S)


def _longest_pause_s(workload: Workload) -> float:
    """The longest that nothing may happen in a run that goes on, seconds."""
    scenario = workload.scenario
    longest = 0.0
    for kind in workload.kinds:
        policy = scenario.queues[kind.queue]
        if workload.size(kind):
            attempts = range(1, min(policy.attempts, DRAWN_AHEAD) + 1)
            drawn = [workload.attempts(kind.number, attempt) for attempt in attempts]
            takes = max(max(one.cpu_s) + max(one.io_s) for one in drawn)
            longest = max(longest, takes + max(policy.waits_s(), default=0.0))
    bullmq = scenario.bullmq
    down = max((crash.down_s for crash in scenario.workers.crashes), default=0.0)
    return longest + down + bullmq.lock_duration_s + 3 * bullmq.stalled_interval_s
