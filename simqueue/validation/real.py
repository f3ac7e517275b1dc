"""One workload on the real queue: real workers, in real time, with scripted handlers."""

from __future__ import annotations

import asyncio
import gc
import math
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
from simqueue.tasks import call_off, first
from simqueue.validation.fleet import Fleet, WorkerPrograms, WorkersHere
from simqueue.validation.gateway import gateway
from simqueue.validation.node.installed import NodeBullMQ
from simqueue.validation.node.program import Node
from simqueue.validation.parents import Held, with_parents
from simqueue.validation.queue_rules import pause_and_resume, set_limits, with_classes
from simqueue.validation.schedulers import begin_schedulers, with_slots
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
from simqueue.workers.loop import run_loop
from simqueue.workload.queues import QueueModel
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


def run_real(
    workload: Workload,
    server: Server,
    progress: Progress | None = None,
    node: NodeBullMQ | None = None,
) -> RealRun:
    """Run a workload on the real queue, in as many seconds as it lasts.

    Parameters
    ----------
    workload
        What to run; see `simqueue.validation.runnable` for what cannot be.
    server
        The Redis.
    progress
        Called with the seconds of the workload that are over.
    node
        The BullMQ whose workers take the jobs; by default simqueue's own do, in Python.

    Raises
    ------
    SimqueueError
        If a worker ends by itself, the Redis goes away, or the run cannot end.
    """
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="simqueue-validate-") as folder:
        log = Path(folder) / "real.csv"
        run = _Run(workload, server, log, progress or (lambda _: None), node)
        interrupted = False
        try:
            with quiet_log():
                run_loop(run.main())
        except KeyboardInterrupt:
            interrupted = True
        attempts = with_slots(read_events(run.log, run.origin), workload, run.origin)
        attempts = with_parents(attempts, workload, run.held)
        attempts = with_classes(attempts, workload)
    return RealRun(attempts, run.late_s, time.perf_counter() - began, interrupted)


@dataclass
class _Run:
    workload: Workload
    server: Server
    log: Path
    progress: Progress
    node: NodeBullMQ | None
    origin: float = 0.0
    late_s: list[float] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)

    async def main(self) -> None:
        """Run it; whatever happens, no worker is left."""
        async with (
            connected(self.server.url, self.server.prefix) as connection,
            gateway(self.workload.scenario.downstreams) as port,
        ):
            workers = self._fleet(connection, port)
            try:
                draw_ahead(self.workload)
                await warm_up(connection, "producer")
                await workers.prepare()
                keep_what_is_here()
                self.origin = round(SystemClock().now() + _HEAD_START_S, 3)
                await self._until_done(workers, connection)
                await workers.stop()
            finally:
                await workers.kill()
                gc.unfreeze()

    def _fleet(self, connection: Connection, port: int | None) -> Fleet:
        if self.server.embedded:
            return WorkersHere(self.workload, connection, self.log, port)
        if self.node is not None:
            language = Node(self.node, self.workload, self.log.parent)
            return WorkerPrograms(self.workload, self.server, self.log, port, language)
        return WorkerPrograms(self.workload, self.server, self.log, port)

    async def _until_done(self, workers: Fleet, connection: Connection) -> None:
        """Add the jobs and wait until all are done; raise if a worker ends before."""
        scenario = self.workload.scenario
        adapter = scripted_adapter(connection, self.workload)
        adding = self._add_and_wait(
            adapter, scripted_adapter(connection, self.workload, queues_worked_on(scenario))
        )
        await set_limits(adapter, scenario.queues.items())
        await begin_schedulers(adapter, self.workload, self.origin)
        pausing = asyncio.ensure_future(
            pause_and_resume(adapter, scenario.queues.items(), self.origin)
        )
        try:
            await first(workers.run(self.origin), adding, self._show())
        finally:
            await call_off([pausing])

    async def _show(self) -> None:
        while True:
            self.progress(max(0.0, SystemClock().now() - self.origin))
            await asyncio.sleep(_POLL_S)

    async def _add_and_wait(self, adapter: BullQueueAdapter, worked_on: BullQueueAdapter) -> None:
        await self._add_all(adapter)
        await self._drain(worked_on)
        self.held = [
            Held(one.queue, one.job_id, one.added_s - self.origin) for one in await adapter.held()
        ]

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
            takes = max(float(max(one.cpu_s) + max(one.io_s)) for one in drawn)
            takes += _longest_hang_s(policy)
            delayed = float(workload.delay_s(kind).max())
            longest = max(longest, takes + max(policy.waits_s(), default=0.0), delayed)
        pauses = [end - start for start, end in policy.paused]
        window = policy.limiter.duration_s if policy.limiter else 0.0
        longest = max(longest, *pauses, window)
    for scheduler in workload.scheduled.values():
        longest = max(longest, scheduler.first_ms / 1000, scheduler.every_ms / 1000)
    bullmq = scenario.bullmq
    down = max((crash.down_s for crash in scenario.crashes), default=0.0)
    # A schedule may leave a queue without workers until its last step.
    down += max(pool.ready_from[-1][0] for pool in scenario.worker_pools.values())
    return longest + down + bullmq.lock_duration_s + 3 * bullmq.stalled_interval_s


def _longest_hang_s(queue: QueueModel) -> float:
    """The longest that an attempt may hang in an outage, seconds; of a distribution, nearly."""
    hangs = [one.hang for one in queue.outage_tables if one.hang is not None]
    longest = max((hang.mean * (1 + 5 * math.sqrt(hang.scv)) for hang in hangs), default=0.0)
    return longest if queue.timeout_s is None else min(longest, queue.timeout_s)
