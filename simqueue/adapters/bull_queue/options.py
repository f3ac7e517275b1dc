"""A queue's policy as BullMQ's job options, so that a Node worker obeys it too."""

from __future__ import annotations

import json
from typing import Any

from simqueue.errors import InputError
from simqueue.jobs import Job
from simqueue.policies import QueuePolicy


def job_options(policy: QueuePolicy, job_id: str) -> dict[str, Any]:
    """BullMQ's options for a job.

    Notes
    -----
    Source: BullMQ ``src/interfaces/base-job-options.ts``. Times are milliseconds there. A backoff
    of 0 is left out: BullMQ then puts a failed job back at the tail at once, as the policy says.
    """
    options: dict[str, Any] = {
        "jobId": job_id,
        "attempts": policy.attempts,
        "removeOnComplete": {"count": policy.keep_completed},
        "removeOnFail": {"count": policy.keep_failed},
    }
    backoff = policy.backoff
    if backoff.delay_ms > 0:
        options["backoff"] = {"type": backoff.type, "delay": _whole(backoff.delay_ms)}
        if backoff.jitter:
            options["backoff"]["jitter"] = backoff.jitter
    return options


def node_differences(queue: str, policy: QueuePolicy) -> list[str]:
    """What a Node worker would do otherwise, one line each: BullMQ has no word for it."""
    if policy.backoff.max_ms is None:
        return []
    return [
        f"queue {queue}: the cap max_ms = {policy.backoff.max_ms:g} is ours alone; a Node worker "
        "would wait longer"
    ]


def job_data(job: Job) -> dict[str, Any]:
    """What BullMQ stores of a job beside its name and id.

    Raises
    ------
    InputError
        If JSON cannot hold the payload.
    """
    try:
        json.dumps(job.payload, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"job {job.id}: JSON cannot hold its payload: {error}") from error
    return {"payload": job.payload, "flow": job.flow, "parent_id": job.parent_id}


def job_of(queue: str, name: str, job_id: str, data: Any) -> Job:
    """The job that BullMQ gives back.

    Raises
    ------
    InputError
        If it was not added by us and has not our form.
    """
    try:
        return Job(queue=queue, name=name, id=job_id, **data)
    except (TypeError, ValueError) as error:
        first = str(error).splitlines()[0]
        raise InputError(
            f"job {job_id} of queue {queue}: not a job of the shop: {first}"
        ) from error


def _whole(milliseconds: float) -> float:
    return int(milliseconds) if milliseconds == int(milliseconds) else milliseconds
