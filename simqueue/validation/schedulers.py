"""A scenario's job schedulers on the real queue, and their jobs in its log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simqueue.adapters.bull_queue.options import job_data, job_options
from simqueue.adapters.scripted import slot_of
from simqueue.errors import InputError
from simqueue.jobs import Job
from simqueue.record.attempt_log import COLUMNS, AttemptLog
from simqueue.record.table import from_frame
from simqueue.validation.node.installed import NodeBullMQ
from simqueue.workload.changes import key_of
from simqueue.workload.scenario import Scenario
from simqueue.workload.schedulers import Scheduler
from simqueue.workload.workload import Kind, Workload

if TYPE_CHECKING:
    from simqueue.adapters.bull_queue import BullQueueAdapter

#: How long before the last slot schedulers end: clocks and scripts round to milliseconds.
_JUST_BEFORE_MS = 2
#: The first of Node's versions that skips no slot too many.
_SINCE = (5, 80, 2)


async def begin_schedulers(adapter: BullQueueAdapter, workload: Workload, origin: float) -> None:
    """Add all job schedulers; ``origin`` is second zero, Unix time in whole milliseconds.

    Notes
    -----
    Source: BullMQ ``src/classes/job-scheduler.ts``. ``startDate`` is the first slot. A start after
    ``endDate`` adds no next job, and each start comes after its own slot: the end is set just
    before the last one.
    """
    for number, scheduler in workload.scheduled.items():
        kind = workload.kinds[number]
        if n := workload.size(kind):
            start_ms = round(1000 * origin) + scheduler.first_ms
            end_ms = start_ms + scheduler.every_ms * (n - 1) - _JUST_BEFORE_MS
            repeat = {"every": scheduler.every_ms, "startDate": start_ms, "endDate": end_ms}
            await adapter.queue(kind.queue).upsertJobScheduler(
                kind.queue, repeat, kind.name, _data(kind), _template(workload, kind)
            )


def _data(kind: Kind) -> dict[str, Any]:
    """What each job holds: its slot is in its id."""
    job = Job(
        queue=kind.queue,
        name=kind.name,
        id=kind.queue,
        flow=kind.queue,
        payload={"kind": kind.number},
    )
    return job_data(job)


def _template(workload: Workload, kind: Kind) -> dict[str, Any]:
    settings = workload.scenario.queues[kind.queue]
    options = job_options(settings, "")
    del options["jobId"]
    return {**options, "priority": settings.priority} if settings.priority else options


def with_slots(log: AttemptLog, workload: Workload, origin: float) -> AttemptLog:
    """A real log whose jobs of schedulers are named by their slots, and enqueued then.

    BullMQ names a job by its slot, ``repeat:SCHEDULER:MILLISECONDS``, and stamps it with the moment
    at which it was added.
    """
    if not workload.scheduled:
        return log
    import pandas as pd

    kinds = {workload.kinds[number].queue: number for number in workload.scheduled}
    frame = log.frame()
    rows: list[dict[Any, Any]] = frame.to_dict("records")
    for row in rows:
        number = kinds.get(row["queue"])
        kind = None if number is None else workload.kinds[number]
        if kind is not None and row["name"] == kind.name:
            _name(row, workload, kind, origin)
    return from_frame(pd.DataFrame(rows, columns=list(COLUMNS)))


def _name(row: dict[Any, Any], workload: Workload, kind: Kind, origin: float) -> None:
    scheduler = workload.scheduled[kind.number]
    slot_ms = int(row["job_id"].rpartition(":")[2])
    slot = slot_of(row["job_id"], scheduler, origin)
    row["job_id"], row["flow"] = workload.job_id(kind, slot), workload.flow(kind, slot)
    row["enqueued_s"] = slot_ms / 1000 - origin
    if row["attempt"] == row["run"] == 1:
        # Stamps of two processes: a job may seem to have started before its slot.
        row["ready_s"] = min(row["enqueued_s"], row["started_s"])
        row["enqueued_s"] = row["ready_s"]


def check_skips(scenario: Scenario, installed: NodeBullMQ) -> None:
    """Raise an `InputError` for a BullMQ of Node's whose schedulers skip other slots.

    Notes
    -----
    Source: BullMQ ``src/commands/includes/getJobSchedulerEveryNextMillis.lua`` in 5.58 to 5.80.1:
    where a slot was missed, the offset is added to the *next* multiple of ``every``, so that up to
    one slot that is still to come is skipped as well. Before 5.58.8 a job's id was not its slot.
    """
    scheduled = [
        queue for queue, stream in scenario.arrivals.items() if isinstance(stream, Scheduler)
    ]
    version = tuple(int(part) for part in installed.version.split("-")[0].split(".")[:3])
    if scheduled and version < _SINCE:
        raise InputError(
            f"scenario {scenario.name}: {key_of('arrivals', scheduled[0], 'every_s')}: job "
            f"schedulers of bullmq {installed.version} skip a slot too many where one was missed; "
            f"expected {'.'.join(map(str, _SINCE))} or later"
        )
