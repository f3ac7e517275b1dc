"""The jobs of the shop: their names, their payloads, and which job follows which.

A job's id says what it is (``order-536365``), so adding it twice adds it once. All jobs that come
from one customer's order share a *flow*, the id of the order job.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, ValidationError

from simqueue.checked import Checked, first_problem
from simqueue.errors import InputError
from simqueue.policies import Outcome
from simqueue.safe_text import one_line

ORDER, PAYMENT, EMAIL = QUEUES = ("order", "payment", "email")

LONGEST_QUEUE_NAME = 100

#: The most that a payment, and so an order, may come to; pounds.
LARGEST_AMOUNT = Decimal("9999999999.99")

EmailKind = Literal["order-confirmation", "payment-success", "payment-failed"]
OrderId = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_.-]+$")]


def queue_name(text: str) -> str:
    """``text``, if a queue may be called so: a printable text of 1 to 100 characters.

    Raises
    ------
    ValueError
        If it may not.
    """
    if not (text.isprintable() and text == text.strip() and 0 < len(text) <= LONGEST_QUEUE_NAME):
        raise ValueError(
            f"{text[:50]!a}: expected the name of a queue, a printable text of 1 to "
            f"{LONGEST_QUEUE_NAME} characters"
        )
    return text


class Job(Checked):
    """One piece of work for one queue.

    Attributes
    ----------
    queue, name
        Where it goes and what is to be done there.
    id
        Names the job for good: two jobs of one id are one job.
    flow
        Id of the root job that everything of this order descends from.
    parent_id
        Id of the job whose outcome added this one, or whose child it is, if any.
    payload
        What the handler needs; only what JSON can hold.
    children
        Jobs that are added with it and that it waits for; their ``parent_id`` is its id.
    """

    queue: str
    name: str
    id: str
    flow: str
    parent_id: str | None = None
    payload: dict[str, Any] = {}
    children: tuple[Job, ...] = ()


class _Payload(Checked):
    order_id: OrderId


class OrderPayload(_Payload):
    """Payload of ``process-order``."""


class PaymentPayload(_Payload):
    """Payload of ``process-payment``; in pounds, and what is charged is the order's total."""

    amount: Annotated[Decimal, Field(ge=0, le=LARGEST_AMOUNT, max_digits=12, decimal_places=2)]


class EmailPayload(_Payload):
    """Payload of the email jobs, one for each kind of email."""


PAYLOADS: dict[tuple[str, str], type[_Payload]] = {
    (ORDER, "process-order"): OrderPayload,
    (PAYMENT, "process-payment"): PaymentPayload,
    (EMAIL, "order-confirmation"): EmailPayload,
    (EMAIL, "payment-success"): EmailPayload,
    (EMAIL, "payment-failed"): EmailPayload,
}


class FollowUp(NamedTuple):
    """When a job of ``queue`` ends with ``outcome`` and ``result``, an email of ``kind`` is due."""

    queue: str
    outcome: Outcome
    result: str
    kind: EmailKind


#: What follows a job: no other place says so. The usual result of an outcome comes first: it is
#: the one that the simulator takes.
FOLLOW_UPS: tuple[FollowUp, ...] = (
    FollowUp(ORDER, "completed", "processing", "order-confirmation"),
    FollowUp(PAYMENT, "completed", "paid", "payment-success"),
    FollowUp(PAYMENT, "completed", "declined", "payment-failed"),
    FollowUp(PAYMENT, "failed", "failed", "payment-failed"),
)


def root_name(queue: str) -> str:
    """Name of the job that a customer's request adds to ``queue``."""
    return f"process-{queue}" if queue in (ORDER, PAYMENT) else queue


def job_id(queue: str, key: str, kind: str | None = None) -> str:
    """Id of a job: ``order-536365``, or ``email-536365-order-confirmation`` for one that followed.

    Parameters
    ----------
    queue
        The job's queue.
    key
        The order's number.
    kind
        The job's name, if it is the follow-up of another.
    """
    return f"{queue}-{key}" if kind is None else f"{queue}-{key}-{kind}"


def order_job(order_id: str) -> Job:
    """The job that processes an order."""
    return _root(ORDER, order_id, {"order_id": order_id})


def payment_job(order_id: str, amount: Decimal) -> Job:
    """The job that charges an order's ``amount``, pounds."""
    return _root(PAYMENT, order_id, {"order_id": order_id, "amount": str(amount)})


def _root(queue: str, order_id: str, payload: dict[str, Any]) -> Job:
    return Job(
        queue=queue,
        name=root_name(queue),
        id=job_id(queue, order_id),
        flow=job_id(ORDER, order_id),
        payload=payload,
    )


def follow_ups(job: Job, result: str) -> list[Job]:
    """The jobs that the end of ``job`` adds.

    The word decides, not the job's outcome: an order that was processed by a worker that died
    before it could say so ends as a failed job, and still owes its confirmation.

    Parameters
    ----------
    job
        The job that ended.
    result
        The business's word for it: ``processing``, ``rejected``, ``paid``, ``declined``...
    """
    return [
        Job(
            queue=EMAIL,
            name=rule.kind,
            id=job_id(EMAIL, job.payload["order_id"], rule.kind),
            flow=job.flow,
            parent_id=job.id,
            payload={"order_id": job.payload["order_id"]},
        )
        for rule in FOLLOW_UPS
        if (rule.queue, rule.result) == (job.queue, result)
    ]


def emails_after(queue: str, outcome: Outcome) -> list[EmailKind]:
    """The emails that may follow a job of ``queue`` with this outcome, the usual one first.

    >>> emails_after("payment", "completed"), emails_after("order", "failed")
    (['payment-success', 'payment-failed'], [])
    """
    return [rule.kind for rule in FOLLOW_UPS if (rule.queue, rule.outcome) == (queue, outcome)]


def parse_payload(job: Job) -> _Payload:
    """The payload of ``job``, checked.

    Raises
    ------
    InputError
        If the job is of no known kind, or its payload is not what that kind needs.
    """
    kind = PAYLOADS.get((job.queue, job.name))
    if kind is None:
        known = ", ".join(f"{queue}/{name}" for queue, name in PAYLOADS)
        raise InputError(f"job {job.id}: no kind {job.queue}/{job.name}; known are {known}")
    try:
        return kind.model_validate(job.payload)
    except ValidationError as error:
        # What a payload holds may be a customer's: it is not said, here or in a traceback.
        problem = first_problem(error)
        where = one_line(".".join(problem.path), 100)
        raise InputError(f"job {job.id}: payload {where}: {problem.expected}") from None
