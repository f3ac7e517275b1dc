"""What a workload says of every attempt, for a program that is not Python (``script.mjs``)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from simqueue.adapters.bull_queue.options import child_options, job_options
from simqueue.validation.queue_rules import options_by_number
from simqueue.workload.attempts import FATAL
from simqueue.workload.queues import QueueModel
from simqueue.workload.workload import Kind, Workload

#: What BullMQ's own job options can say of a backoff, for sure.
_SAID_BY_OPTIONS = {"type", "delay_ms"}


def plan_of(workload: Workload) -> dict[str, Any]:
    """All kinds of jobs with their ids, options and attempts, as ``script.mjs`` reads them."""
    return {"kinds": [_kind(workload, kind) for kind in workload.kinds]}


def _kind(workload: Workload, kind: Kind) -> dict[str, Any]:
    queue = workload.scenario.queues[kind.queue]
    numbers = range(workload.size(kind))
    options = job_options(queue, "")
    del options["jobId"]
    scheduler = workload.scheduled.get(kind.number)
    slots = {"first_ms": scheduler.first_ms, "every_ms": scheduler.every_ms} if scheduler else None
    of_children = child_options(queue, "", "")
    del of_children["parent"]
    return {
        "queue": kind.queue,
        "name": kind.name,
        "ids": [workload.job_id(kind, number) for number in numbers],
        "flows": [workload.flow(kind, number) for number in numbers],
        "options": options,
        "slots": slots,
        "options_by_number": {
            name: column.tolist() for name, column in options_by_number(workload, kind).items()
        },
        "says_wait": not _said_by_options(queue),
        "completed": [child.number for child in workload.follow_ups(kind.number, "completed")],
        "failed": [child.number for child in workload.follow_ups(kind.number, "failed")],
        "children": [
            [child.number for child in workload.children_of(kind.number, number)]
            for number in (numbers if workload.children(kind.number) else ())
        ],
        "options_of_children": of_children,
        "downstream": queue.downstream,
        "timeout_s": queue.timeout_s,
        "sandbox": queue.sandbox,
        "attempts": list(_attempts(workload, kind)),
    }


def _said_by_options(queue: QueueModel) -> bool:
    """Whether BullMQ's own backoff gives the very wait that the workload says.

    Jitter is drawn by whoever retries the job, and what is ours alone BullMQ does not know. Options
    are those of the queue, whatever a class says.
    """
    if any(one.backoff is not None for one in queue.classes.values()):
        return False
    return set(queue.backoff.model_dump(exclude_defaults=True)) <= _SAID_BY_OPTIONS


def _attempts(workload: Workload, kind: Kind) -> Iterator[dict[str, Any]]:
    """What each attempt brings, up to the last that some job can need."""
    queue = workload.scenario.queues[kind.queue]
    left = np.ones(workload.size(kind), bool)
    for attempt in range(1, max(one.attempts for _, one in queue.parts) + 1):
        drawn = workload.attempts(kind.number, attempt)
        fails = np.asarray(drawn.fails)
        left &= fails > 0
        waits = workload.waits_s(kind.number, attempt).tolist()
        yield {
            "cpu_s": drawn.cpu_s.tolist(),
            "io_s": drawn.io_s.tolist(),
            "fails": (fails > 0).astype(int).tolist(),
            "fatal": (fails == FATAL).astype(int).tolist(),
            "wait_ms": [None if wait != wait else round(1000 * wait) for wait in waits],
            "outages": list(_outages(workload, kind, attempt)),
        }
        if not left.any() and not queue.outages and queue.downstream is None:
            return


def _outages(workload: Workload, kind: Kind, attempt: int) -> Iterator[dict[str, Any]]:
    """The outages of the queue: the first that hits an attempt says how long it lasts."""
    found = workload.outages.get(kind.number)
    for hit in found.of(attempt) if found else ():
        yield {
            "from": hit.from_s,
            "to": hit.to_s,
            **({} if hit.hits is None else {"hits": hit.hits.tolist()}),
            **({} if hit.io_s is None else {"io_s": hit.io_s.tolist()}),
        }
