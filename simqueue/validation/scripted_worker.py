"""A worker that does what a workload says, in a process of its own.

``python -m simqueue.validation.scripted_worker CONFIG.json``: it makes itself ready, says ``ready``
on standard output, and is told on standard input when to begin. It works until SIGTERM, or until
its standard input is closed: whoever started it is gone then.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, closing, contextmanager, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from simqueue.adapters.bull_queue import BullQueueAdapter
from simqueue.adapters.bull_queue.connection import connected
from simqueue.adapters.scripted import ScriptedWork, number_of
from simqueue.clock import SystemClock
from simqueue.jobs import Job
from simqueue.record.worker_events import EventFile
from simqueue.tasks import first
from simqueue.validation.gateway import calling
from simqueue.validation.queue_rules import options_of, plain
from simqueue.validation.sandbox import Sandbox
from simqueue.workers.loop import run_loop, work_until
from simqueue.workers.process import WorkerProcess, stop_on_signals
from simqueue.workload.pools import worker_name
from simqueue.workload.reading import build_scenario
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload

if TYPE_CHECKING:
    from simqueue.adapters.bull_queue.connection import Connection
    from simqueue.adapters.bull_queue.consumer import Watcher

READY = "ready"
#: Attempts whose draws are made before the run; the few later ones are made when needed.
DRAWN_AHEAD = 10
#: How long running jobs may take when a worker is to end.
_GRACE_S = 600.0
#: Jobs that complete, fail, are tried again, and have followers.
WARM_UP = build_scenario(
    {
        "duration_s": 1,
        "arrivals": {"order": {"interval_s": 0.04}},
        "queues": {
            "order": {"attempts": 2, "backoff": {"delay_ms": 1}, "failure_rate": 0.3},
            "email": {},
        },
    }
)


class Config(BaseModel):
    """What a worker is told when it is started; the URL of the Redis is in the environment.

    Attributes
    ----------
    scenario, replication
        The workload.
    pool, number
        Which of the scenario's workers it is: the pool, and its number there.
    prefix
        What the keys begin with.
    log, file
        The log that its events belong to, and the name of its file there.
    gateway
        The port at which the scenario's downstreams are served, if it has some.
    """

    scenario: Scenario
    replication: int
    pool: str = ""
    number: int
    prefix: str
    log: Path
    file: str
    gateway: int | None = None


class Begin(BaseModel):
    """What a worker is told when all are ready: Unix times."""

    origin: float
    start: float


def scripted_adapter(
    connection: Connection, workload: Workload, queues: Sequence[str] | None = None
) -> BullQueueAdapter:
    """What adds a workload's jobs to the queues of its scenario, or to some of them."""
    scenario = workload.scenario
    policies = {name: scenario.queues[name] for name in queues or scenario.queues}
    more = {} if plain(scenario) else {"options": options_of(workload)}
    return BullQueueAdapter(connection, policies, check=lambda _job: None, **more)


def queues_worked_on(scenario: Scenario) -> list[str]:
    """The queues that the scenario's workers take jobs from."""
    return [queue for queue in scenario.queues if scenario.works_on(queue)]


def scripted_worker(
    workload: Workload,
    connection: Connection,
    number: int,
    origin: float,
    watchers: list[Watcher],
    gateway: int | None = None,
    sandbox: Sandbox | None = None,
    pool: str = "",
) -> WorkerProcess:
    """Worker ``number`` of a pool of the scenario; ``origin`` is second zero, Unix time.

    Without a ``sandbox`` its event loop does sandboxed cpu parts too.
    """
    scenario = workload.scenario
    settings = scenario.worker_pools[pool]
    queues = [queue for queue in scenario.queues if settings.slots_for(queue)]

    jitter = cache(workload.jitter)

    def draw(job: Job, attempt: int) -> float:
        return float(jitter(job.payload["kind"], attempt)[number_of(job, workload, origin)])

    return WorkerProcess(
        connection,
        scripted_adapter(connection, workload),
        ScriptedWork(workload, SystemClock(), origin, calling(gateway), sandbox),
        queues=queues,
        concurrency={queue: settings.slots_for(queue) for queue in queues},
        policies=scenario.queues,
        watchers=watchers,
        name=worker_name(pool, number),
        bullmq=worker_options(scenario),
        consumer_options={"draw": draw},
    )


def sandboxed_slots(scenario: Scenario, pool: str) -> int:
    """How many slots of sandboxed queues a worker of a pool has."""
    settings = scenario.worker_pools[pool]
    if settings.cores is None:
        return 0
    return sum(settings.slots_for(name) for name, queue in scenario.queues.items() if queue.sandbox)


async def started_sandbox(scenario: Scenario, pool: str) -> Sandbox | None:
    """The child processes of one worker, a child for each slot of a sandboxed queue, if any."""
    slots = sandboxed_slots(scenario, pool)
    cores = scenario.worker_pools[pool].cores
    if not slots or cores is None:
        return None
    sandbox = Sandbox(cores)
    await sandbox.prepare(slots)
    return sandbox


def worker_options(scenario: Scenario) -> dict[str, Any]:
    """BullMQ's own options of a worker, in its words and milliseconds."""
    bullmq = scenario.bullmq
    return {
        "lockDuration": _milliseconds(bullmq.lock_duration_s),
        "stalledInterval": _milliseconds(bullmq.stalled_interval_s),
        "maxStalledCount": bullmq.max_stalled,
    }


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def draw_ahead(workload: Workload) -> None:
    """Make the draws now that a run would stop for."""
    for kind in workload.kinds:
        attempts = workload.scenario.queues[kind.queue].attempts
        for attempt in range(1, min(attempts, DRAWN_AHEAD) + 1):
            workload.attempts(kind.number, attempt)


async def warm_up(connection: Connection, name: str) -> None:
    """Do some jobs under a prefix of their own: whatever is done first takes several times as long.

    The scripts have to get into Redis, the modules into memory, and the connections to be opened.
    """
    apart = replace(connection, prefix=f"{connection.prefix}:{name}")
    workload = Workload(WARM_UP)
    adapter = scripted_adapter(apart, workload)
    worker = scripted_worker(workload, apart, 0, 0.0, [])
    await worker.start()
    for kind, number in zip(*(column.tolist() for column in workload.arrivals[1:]), strict=True):
        await adapter.add(ScriptedWork(workload, SystemClock()).job(kind, number))
    while await adapter.unfinished():
        await asyncio.sleep(0.01)
    await worker.stop(_GRACE_S)


def keep_what_is_here() -> None:
    """Spare the garbage collector what stays until the end: looking at it would stop the run."""
    gc.collect()
    gc.freeze()


async def work(config: Config, url: str) -> None:
    """Make ready, wait for the word, work until told to stop."""
    stop = stop_on_signals(on_second=lambda: os._exit(130))
    with closing(EventFile(config.log, config.file)) as events:
        async with connected(url, config.prefix) as connection, AsyncExitStack() as at_the_end:
            workload = Workload(config.scenario, config.replication)
            draw_ahead(workload)
            sandbox = await started_sandbox(config.scenario, config.pool)
            if sandbox is not None:
                at_the_end.push_async_callback(sandbox.close)
            await warm_up(connection, f"worker-{config.file}")
            keep_what_is_here()
            begin = _listen(stop)
            print(READY, flush=True)
            await first(stop.wait(), begin)
            if not stop.is_set():
                await first(stop.wait(), SystemClock().until(begin.result().start))
            if stop.is_set():
                return  # it was not needed
            watchers: list[Watcher] = [events.write]
            origin = begin.result().origin
            worker = scripted_worker(
                workload,
                connection,
                config.number,
                origin,
                watchers,
                config.gateway,
                sandbox,
                config.pool,
            )
            await work_until(stop, worker, _GRACE_S)


def _listen(stop: asyncio.Event) -> asyncio.Future[Begin]:
    """What standard input says first; its end sets ``stop``."""
    loop = asyncio.get_running_loop()
    begin: asyncio.Future[Begin] = loop.create_future()

    def said(line: str) -> None:
        if not begin.done():  # nobody wants to hear it any more
            begin.set_result(Begin.model_validate_json(line))

    def read() -> None:
        with suppress(RuntimeError):  # the loop has ended before
            if line := sys.stdin.readline():
                loop.call_soon_threadsafe(said, line)
                sys.stdin.read()
            loop.call_soon_threadsafe(stop.set)

    # A daemon: it must not keep the process alive while it waits for somebody to speak.
    threading.Thread(target=read, daemon=True).start()
    return begin


@contextmanager
def quiet_log() -> Iterator[None]:
    """Have the log say nothing of jobs that fail by the script, only of trouble with the queue."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s %(queue)s: %(error)s"))
    handler.addFilter(lambda record: record.msg == "trouble with the queue")
    logger = logging.getLogger("simqueue")
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]


def main(path: str) -> None:
    """Run a worker."""
    config = Config.model_validate_json(Path(path).read_text(encoding="utf-8"))
    with quiet_log():
        run_loop(work(config, os.environ["QUEUE_REDIS_URL"]))


if __name__ == "__main__":
    main(sys.argv[1])
