"""A queue's policy as BullMQ's job options, so that a Node worker obeys it too."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from simqueue.checked import first_problem
from simqueue.errors import InputError
from simqueue.jobs import Job
from simqueue.policies import Backoff, ChildFailure, QueuePolicy

#: BullMQ keeps a job under ``PREFIX:QUEUE:ID``, beside its own keys (``queue_keys.py``).
_OWN_KEYS = frozenset(
    [
        "active",
        "wait",
        "waiting-children",
        "paused",
        "completed",
        "failed",
        "delayed",
        "repeat",
        "stalled",
        "limiter",
        "prioritized",
        "id",
        "stalled-check",
        "meta",
        "pc",
        "events",
        "marker",
        "de",
    ]
)
_LONGEST_TEXT = 200
#: A delayed job's place is 4096 times the moment it is due, and Redis counts exactly up to 2**53
#: only: in a few years a longer wait would be none. (``getDelayedScore.lua``)
_LONGEST_WAIT_S = 366 * 86_400
_MOST_KEPT = 2**31 - 1


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
    if policy.lifo:
        options["lifo"] = True
    if backoff := _built_in(policy.backoff):
        options["backoff"] = backoff
    return options


def _built_in(backoff: Backoff) -> dict[str, Any] | None:
    """A backoff in BullMQ's own words; what it has no word for, `node_differences` says.

    A name that a Node worker does not know would leave the job active when it fails.
    """
    kind, delay_ms = backoff.type, backoff.delay_ms
    if kind == "list":
        kind, delay_ms = "fixed", backoff.delays_ms[0]
    if not delay_ms:
        kind, delay_ms = "fixed", backoff.min_ms
    if not delay_ms:
        return None
    words: dict[str, Any] = {"type": kind, "delay": _whole(delay_ms)}
    if backoff.jitter:
        words["jitter"] = backoff.jitter
    return words


#: BullMQ's word for what a child that failed for good does to its parent.
_CHILD_FAILURE: dict[ChildFailure, str] = {
    "fail-parent": "failParentOnFailure",
    "continue-parent": "continueParentOnFailure",
    "ignore-dependency": "ignoreDependencyOnFailure",
    "remove-dependency": "removeDependencyOnFailure",
}


def child_options(policy: QueuePolicy, parent_id: str, parent_queue: str) -> dict[str, Any]:
    """What BullMQ's options for a job say of its parent.

    Parameters
    ----------
    policy
        That of the parent's queue.
    parent_id, parent_queue
        The parent's id, and its queue with the prefix: ``bull:report``.

    Notes
    -----
    Source: BullMQ ``src/classes/flow-producer.ts``, ``src/interfaces/base-job-options.ts``.
    """
    options: dict[str, Any] = {"parent": {"id": parent_id, "queue": parent_queue}}
    if policy.child_failure != "wait":
        options[_CHILD_FAILURE[policy.child_failure]] = True
    return options


def node_differences(queue: str, policy: QueuePolicy) -> list[str]:
    """What a Node worker would do otherwise, one line each: BullMQ has no word for it."""
    backoff = policy.backoff
    found = []
    if backoff.max_ms is not None:
        found.append(
            f"the cap max_ms = {backoff.max_ms:g} is ours alone; a Node worker would wait longer"
        )
    if backoff.min_ms:
        found.append(
            f"the floor min_ms = {backoff.min_ms:g} is ours alone; a Node worker may wait less"
        )
    if backoff.multiplier != 2:
        found.append(
            f"multiplier = {backoff.multiplier:g} is ours alone; a Node worker doubles the wait"
        )
    if len(set(backoff.delays_ms)) > 1:
        found.append(
            "a backoff of type list is ours alone; a Node worker would wait "
            f"{backoff.delays_ms[0]:g} ms each time"
        )
    return [f"queue {queue}: {line}" for line in found]


def check_queue(name: str, what: str = "queue") -> None:
    """Raise an `InputError` if BullMQ cannot have a queue of this name.

    Notes
    -----
    Source: BullMQ ``src/classes/queue-base.ts``; a colon separates the parts of its keys.
    """
    if not name or ":" in name:
        raise InputError(
            f"{what} {shown(name)}: BullMQ has no such queue; expected a name, without a colon"
        )


def check_policy(queue: str, policy: QueuePolicy) -> None:
    """Raise an `InputError` if BullMQ cannot hold the policy of a queue: jobs would be stuck."""
    if max(policy.keep_completed, policy.keep_failed) > _MOST_KEPT:
        raise InputError(
            f"queue {shown(queue)}: expected keep_completed and keep_failed of at most {_MOST_KEPT}"
        )
    try:
        longest = policy.backoff.wait_s(policy.retries) if policy.retries else 0.0
    except OverflowError:
        longest = float("inf")
    if max(longest, policy.backoff.delay_ms / 1000) > _LONGEST_WAIT_S:
        raise InputError(
            f"queue {shown(queue)}: its last retry would wait for more than a year; expected a "
            "smaller delay_ms or fewer attempts, or a cap max_ms"
        )


def check_name(job: Job) -> None:
    """Raise an `InputError` if BullMQ cannot hold the id or the name of a job.

    Notes
    -----
    A number collides with the ids that BullMQ gives itself, a colon separates the parts of its
    keys, and a job of the id ``wait`` would be stored where its queue's list is.
    """
    for what, text in (("id", job.id), ("name", job.name)):
        if not text or not text.isprintable() or len(text) > _LONGEST_TEXT:
            raise InputError(
                f"job {shown(job.id)}: {what} {shown(text)}: expected a printable text of 1 to "
                f"{_LONGEST_TEXT} characters"
            )
    if ":" in job.id or job.id.isdecimal() or job.id in _OWN_KEYS:
        raise InputError(
            f"job {job.id}: BullMQ has a use of its own for such an id; expected one such as "
            "order-536365: no mere number, no colon, none of the queue's own keys"
        )


def shown(text: str) -> str:
    """``text`` fit for a line of an error, whatever it is."""
    if text.isprintable() and text and len(text) <= _LONGEST_TEXT:
        return text
    return ascii(text[:50]) + ("..." if len(text) > 50 else "")


def job_data(job: Job) -> dict[str, Any]:
    """What BullMQ stores of a job beside its name and id.

    Raises
    ------
    InputError
        If JSON cannot hold the payload as it is.
    """
    try:
        same = _is_flat_text(job.payload) or (
            json.loads(json.dumps(job.payload, allow_nan=False)) == job.payload
        )
    except (TypeError, ValueError, RecursionError) as error:
        reason = shown(str(error))
        raise InputError(f"job {shown(job.id)}: JSON cannot hold its payload: {reason}") from error
    if not same:
        raise InputError(
            f"job {shown(job.id)}: JSON cannot hold its payload: it would come back as something "
            "else; expected texts as keys, and lists instead of tuples"
        )
    return {"payload": job.payload, "flow": job.flow, "parent_id": job.parent_id}


def _is_flat_text(payload: dict[str, Any]) -> bool:
    """Whether it is of ASCII texts alone, which JSON surely gives back; others have to be seen."""
    for key, value in payload.items():
        if type(key) is not str or type(value) is not str:
            return False
        # Two halves of a surrogate pair come back as one sign.
        if not (key.isascii() and value.isascii()):
            return False
    return True


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
        # What the job holds may be a customer's: it is not said, here or in a traceback.
        why = "its data is not ours"
        if isinstance(error, ValidationError):
            problem = first_problem(error)
            why = f"{shown('.'.join(problem.path))}: {problem.expected}"
        raise InputError(
            f"job {shown(job_id)} of queue {shown(queue)}: not a job of the shop: {why}"
        ) from None


def _whole(milliseconds: float) -> float:
    return int(milliseconds) if milliseconds == int(milliseconds) else milliseconds
