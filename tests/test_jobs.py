"""Jobs: ids that name them for good, checked payloads, and who follows whom."""

import json
from decimal import Decimal
from typing import Any

import pytest

from simqueue.errors import InputError
from simqueue.jobs import (
    FOLLOW_UPS,
    PAYLOADS,
    Job,
    follow_ups,
    order_job,
    parse_payload,
    payment_job,
)


def test_ids_say_what_a_job_is() -> None:
    order, payment = order_job("536365"), payment_job("536365", Decimal("139.12"))

    assert (order.id, payment.id) == ("order-536365", "payment-536365")
    assert order.flow == payment.flow == "order-536365"
    assert json.loads(payment.model_dump_json())["payload"]["amount"] == "139.12"


@pytest.mark.parametrize(
    ("job", "result", "emails"),
    [
        (order_job("1"), "processing", ["order-confirmation"]),
        (order_job("1"), "rejected", []),
        (order_job("1"), "failed", []),
        (payment_job("1", Decimal(5)), "paid", ["payment-success"]),
        (payment_job("1", Decimal(5)), "declined", ["payment-failed"]),
        (payment_job("1", Decimal(5)), "cancelled", []),
        (payment_job("1", Decimal(5)), "refunded", []),
        (payment_job("1", Decimal(5)), "failed", ["payment-failed"]),
    ],
)
def test_what_follows(job: Job, result: str, emails: list[str]) -> None:
    children = follow_ups(job, result)

    assert [child.name for child in children] == emails
    for child in children:
        assert child.id == f"email-1-{child.name}"
        assert (child.parent_id, child.flow) == (job.id, "order-1")
        parse_payload(child)


def test_every_follow_up_is_a_known_email() -> None:
    assert {("email", rule.kind) for rule in FOLLOW_UPS} <= set(PAYLOADS)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "bake"}, "job order-1: no kind order/bake; known are"),
        ({"payload": {}}, "payload order_id: missing"),
        ({"payload": {"order_id": 1}}, "payload order_id: should be a valid string"),
        ({"payload": {"order_id": "a b"}}, "payload order_id"),
        ({"payload": {"order_id": "1", "tip": 3}}, "payload tip"),
    ],
)
def test_a_wrong_payload_is_one_clear_line(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_payload(order_job("1").model_copy(update=change))

    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("amount", ["-1", "NaN", "1.005", "much"])
def test_a_wrong_amount_is_refused(amount: str) -> None:
    job = payment_job("1", Decimal(1))
    wrong = job.model_copy(update={"payload": {"order_id": "1", "amount": amount}})

    with pytest.raises(InputError, match="payload amount"):
        parse_payload(wrong)
