"""What a scenario says of who is next, said to the real queue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simqueue.clock import SystemClock
from simqueue.jobs import Job
from simqueue.record.attempt_log import AttemptLog, wide_rows
from simqueue.simulation.packed import add_classes
from simqueue.workload.queues import QueueModel
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Kind, Workload

if TYPE_CHECKING:
    from bullmq import Queue

    from simqueue.adapters.bull_queue import BullQueueAdapter


def options_of(workload: Workload) -> Callable[[Job], dict[str, Any]]:
    """What the job options of a workload's jobs say beside their queue's policy.

    Notes
    -----
    Source: BullMQ ``src/interfaces/base-job-options.ts``; ``delay`` is milliseconds.
    """
    found: dict[int, dict[str, NDArray[np.int64]]] = {}

    def options(job: Job) -> dict[str, Any]:
        kind, number = job.payload["kind"], job.payload["number"]
        if kind not in found:
            found[kind] = options_by_number(workload, workload.kinds[kind])
        values = {name: int(column[number]) for name, column in found[kind].items()}
        return {name: value for name, value in values.items() if value}

    return options


def options_by_number(workload: Workload, kind: Kind) -> dict[str, NDArray[np.int64]]:
    """The options that differ from job to job, or are no part of a policy; 0 says nothing.

    Empty where the queue has no classes, no priority and no delay.
    """
    queue = workload.scenario.queues[kind.queue]
    if _alike(queue):
        return {}
    return {
        "priority": workload.priority_of(kind),
        "delay": (1000 * workload.delay_s(kind)).round().astype(np.int64),
        "attempts": workload.of_each_class(kind, [part.attempts for _, part in queue.parts]),
    }


def plain(scenario: Scenario) -> bool:
    """Whether no job differs from the others of its queue, and none has a priority or a delay."""
    return all(map(_alike, scenario.queues.values()))


def _alike(queue: QueueModel) -> bool:
    return not (queue.classes or queue.priority or queue.delay is not None)


def with_classes(log: AttemptLog, workload: Workload) -> AttemptLog:
    """The log of a real run, with the classes and priorities that its jobs were given."""
    if plain(workload.scenario):
        return log
    kinds = workload.kinds
    known = {
        workload.job_id(kind, number): (kind.number, number)
        for kind in kinds
        for number in range(workload.size(kind))
    }
    jobs = np.array([known[text] for text in log.ids(log.rows["job"])]).reshape(-1, 2)
    rows = wide_rows(log)
    classes = add_classes(rows, jobs[:, 0], jobs[:, 1], workload)
    return replace(log, rows=rows, classes=classes)


async def set_limits(adapter: BullQueueAdapter, queues: Iterable[tuple[str, QueueModel]]) -> None:
    """Write down in Redis how many jobs may start in a while, and how many at once.

    Notes
    -----
    The queue's own rate limit goes before that of a worker's options and is the same rule otherwise
    (``getQueueMetadata`` in ``moveToActive-11.lua``).
    """
    for name, settings in queues:
        queue: Queue = adapter.queue(name)
        if settings.limiter is not None:
            window_ms = round(1000 * settings.limiter.duration_s)
            await queue.setGlobalRateLimit(settings.limiter.max, window_ms)
        if settings.global_concurrency is not None:
            await queue.setGlobalConcurrency(settings.global_concurrency)


async def pause_and_resume(
    adapter: BullQueueAdapter, queues: Iterable[tuple[str, QueueModel]], origin: float
) -> None:
    """Pause and resume queues at their moments; ``origin`` is second zero, Unix time."""
    clock = SystemClock()

    async def follow(name: str, windows: Iterable[tuple[float, float]]) -> None:
        queue: Queue = adapter.queue(name)
        for start, end in windows:
            await clock.until(origin + start)
            await queue.pause()
            await clock.until(origin + end)
            await queue.resume()

    await asyncio.gather(*(follow(name, settings.paused) for name, settings in queues))
