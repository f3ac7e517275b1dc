"""The worker process: consumers of the queues, and what keeps them honest, until told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from simqueue.adapters.bull_queue.adapter import BullQueueAdapter
from simqueue.adapters.bull_queue.connection import Connection
from simqueue.adapters.bull_queue.consumer import Consumer, Watcher
from simqueue.jobs import QUEUES, Job
from simqueue.policies import DEFAULT_CONCURRENCY, POLICIES, QueuePolicy
from simqueue.tasks import ended
from simqueue.work import Work

_log = logging.getLogger("simqueue.worker")

#: BullMQ works from this version of Redis on as it should.
_LEAST_VERSION = (6, 2)


def worker_name() -> str:
    """A name that no other worker has: host and process."""
    return f"{socket.gethostname()}-{os.getpid()}"


@dataclass
class WorkerProcess:
    """The consumers of some queues in this process.

    Attributes
    ----------
    connection, adapter, work
        Where jobs come from, where follow-ups go, and what is to be done.
    queues
        Which queues to work on.
    concurrency
        Slots for each, or by queue.
    policies
        The queues' policies.
    watchers
        Who is told of every event.
    bullmq
        Further options of BullMQ's workers.
    """

    connection: Connection
    adapter: BullQueueAdapter
    work: Work
    queues: Sequence[str] = QUEUES
    concurrency: int | Mapping[str, int] = DEFAULT_CONCURRENCY
    policies: Mapping[str, QueuePolicy] = field(default_factory=lambda: POLICIES)
    watchers: list[Watcher] = field(default_factory=list)
    name: str = field(default_factory=worker_name)
    bullmq: dict[str, Any] = field(default_factory=dict)
    consumer_options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.consumers = [
            Consumer(
                queue=queue,
                policy=self.policies[queue],
                connection=self.connection,
                adapter=self.adapter,
                work=self.work,
                concurrency=self._slots_for(queue),
                worker=self.name,
                watchers=self.watchers,
                bullmq=self.bullmq,
                **self.consumer_options,
            )
            for queue in self.queues
        ]

    def _slots_for(self, queue: str) -> int:
        return self.concurrency if isinstance(self.concurrency, int) else self.concurrency[queue]

    async def start(self) -> None:
        """Begin to take jobs."""
        for consumer in self.consumers:
            await consumer.start()
        extra = {"worker": self.name, "queues": ",".join(self.queues), "slots": self.concurrency}
        _log.info("worker started", extra=extra)

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """The loops that take jobs; none of them ends by itself."""
        return [consumer.task for consumer in self.consumers if consumer.task is not None]

    async def failed(self) -> None:
        """Return when a loop that takes jobs has ended; what it raised is raised."""
        await ended(self.tasks)

    async def stop(self, grace_s: float) -> list[Job]:
        """Take no more jobs and wait for the running ones; the jobs that ``grace_s`` cut off."""
        left = await asyncio.gather(*(consumer.stop(grace_s) for consumer in self.consumers))
        jobs = [job for some in left for job in some]
        for job in jobs:
            extra = {"queue": job.queue, "job_id": job.id}
            _log.warning("job left unfinished, another worker will take it as stalled", extra=extra)
        _log.info("worker stopped", extra={"worker": self.name, "unfinished": len(jobs)})
        return jobs


async def check_server(connection: Connection) -> list[str]:
    """What is amiss with the Redis for a queue that should lose nothing, in words."""
    from redis.exceptions import NoPermissionError

    if connection.embedded:
        return ["the queue is embedded: volatile, and of this one process"]
    try:
        info: dict[str, Any] = await connection.client.info()
    except NoPermissionError:
        return ["Redis forbids INFO: whether it keeps what it is given cannot be checked"]
    found = []
    version = str(info.get("redis_version", ""))
    numbers = tuple(map(int, re.findall(r"\d+", version)[:2]))
    if numbers and numbers < _LEAST_VERSION:
        found.append(f"Redis {version} is old: BullMQ wants 6.2 or newer")
    if info.get("maxmemory_policy") not in (None, "noeviction"):
        found.append(
            f"Redis may throw jobs away when memory is short (maxmemory-policy "
            f"{info['maxmemory_policy']}): set it to noeviction"
        )
    if not info.get("aof_enabled"):
        saves = await _save_points(connection)
        found.append(
            "Redis keeps nothing on disk: a restart loses every job; set appendonly yes"
            if saves == ""
            else "Redis writes to disk only now and then: a crash loses the newest jobs; set "
            "appendonly yes"
        )
    return found


async def _save_points(connection: Connection) -> str | None:
    from redis.exceptions import RedisError

    try:
        found: dict[str | None, str | None] = await connection.client.config_get("save")
    except RedisError:
        return None  # hosted servers forbid CONFIG; then it is not known
    return found.get("save")


def stop_on_signals(
    on_second: Callable[[], None], on_first: Callable[[], None] = lambda: None
) -> asyncio.Event:
    """An event that SIGTERM or SIGINT sets; the first two signals call what they are given."""
    stop = asyncio.Event()

    def handle(number: int) -> None:
        (on_second if stop.is_set() else on_first)()
        _log.info("stopping: no new jobs", extra={"signal": signal.Signals(number).name})
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, handle, number)
    return stop


def ignore_signals() -> None:
    """See that a signal which comes when all is done does not spoil the exit code."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_IGN)
