"""Policies become BullMQ's job options, and the two mean the same waits."""

import asyncio
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simqueue.adapters.bull_queue.options import job_data, job_of, job_options, node_differences
from simqueue.errors import InputError
from simqueue.jobs import order_job, payment_job
from simqueue.policies import POLICIES, Backoff, QueuePolicy

backoffs = pytest.importorskip("bullmq.backoffs")


@pytest.mark.parametrize("queue", POLICIES)
def test_bullmq_waits_as_the_shipped_policies_say(queue: str) -> None:
    policy = POLICIES[queue]
    options = job_options(policy, "x-1")

    assert options["attempts"] == policy.attempts
    assert options["removeOnComplete"] == {"count": policy.keep_completed}
    assert options["removeOnFail"] == {"count": policy.keep_failed}
    assert bullmq_waits(policy) == policy.waits_s()


def bullmq_waits(policy: QueuePolicy) -> list[float]:
    """The waits that BullMQ's own code computes from the options."""
    backoff = job_options(policy, "x-1").get("backoff")

    async def all_of_them() -> list[float]:
        normal = backoffs.Backoffs.normalize(backoff)
        return [
            (await backoffs.Backoffs.calculate(normal, attempt, None, None, None) or 0) / 1000
            for attempt in range(1, policy.attempts)
        ]

    return asyncio.run(all_of_them())


@given(
    st.builds(
        QueuePolicy,
        attempts=st.integers(1, 20),
        backoff=st.builds(
            Backoff,
            type=st.sampled_from(["fixed", "exponential"]),
            delay_ms=st.integers(0, 100_000),
        ),
    )
)
def test_so_do_all_policies_without_jitter_and_cap(policy: QueuePolicy) -> None:
    assert bullmq_waits(policy) == policy.waits_s()


def test_jitter_is_passed_on_for_node() -> None:
    policy = QueuePolicy(attempts=3, backoff=Backoff(delay_ms=1000, jitter=0.5))

    assert job_options(policy, "x-1")["backoff"] == {"type": "fixed", "delay": 1000, "jitter": 0.5}
    assert node_differences("x", policy) == []


def test_a_cap_is_ours_alone_and_said_to_be() -> None:
    policy = QueuePolicy(attempts=3, backoff=Backoff(delay_ms=1000, max_ms=1500))

    (line,) = node_differences("mail", policy)
    assert "queue mail: the cap max_ms = 1500 is ours alone" in line


def test_the_shops_policies_are_bullmqs_own() -> None:
    assert [node_differences(name, policy) for name, policy in POLICIES.items()] == [[], [], []]


@pytest.mark.parametrize(
    ("backoff", "options", "said"),
    [
        (
            {"type": "list", "delays_ms": [1000, 5000]},
            {"type": "fixed", "delay": 1000},
            "a backoff of type list is ours alone; a Node worker would wait 1000 ms each time",
        ),
        (
            {"type": "exponential", "delay_ms": 100, "multiplier": 3},
            {"type": "exponential", "delay": 100},
            "multiplier = 3 is ours alone; a Node worker doubles the wait",
        ),
        (
            {"delay_ms": 100, "jitter": 1, "min_ms": 50},
            {"type": "fixed", "delay": 100, "jitter": 1},
            "the floor min_ms = 50 is ours alone; a Node worker may wait less",
        ),
    ],
)
def test_node_gets_words_that_it_knows_and_we_say_what_they_miss(
    backoff: dict[str, Any], options: dict[str, Any], said: str
) -> None:
    """A name that no worker knows would leave the job active when it fails."""
    policy = QueuePolicy(attempts=3, backoff=Backoff.model_validate(backoff))

    assert job_options(policy, "x-1")["backoff"] == options
    assert node_differences("x", policy) == [f"queue x: {said}"]


def test_a_floor_alone_is_a_wait() -> None:
    policy = QueuePolicy(attempts=3, backoff=Backoff(min_ms=200))

    assert job_options(policy, "x-1")["backoff"] == {"type": "fixed", "delay": 200}
    assert policy.waits_s() == bullmq_waits(policy) == [0.2, 0.2]


def test_a_list_of_one_delay_is_a_fixed_one() -> None:
    policy = QueuePolicy(attempts=3, backoff=Backoff(type="list", delays_ms=[700]))

    assert bullmq_waits(policy) == policy.waits_s() == [0.7, 0.7]
    assert node_differences("x", policy) == []


def test_a_job_comes_back_as_it_went() -> None:
    job = payment_job("536365", Decimal("139.12"))

    assert job_of(job.queue, job.name, job.id, job_data(job)) == job


@pytest.mark.parametrize(
    "value", [datetime(2011, 11, 17), float("nan"), {1, 2}, b"x", object(), "\ud83d\ude00"]
)
def test_what_json_cannot_hold_is_refused(value: Any) -> None:
    job = order_job("1").model_copy(update={"payload": {"order_id": "1", "when": value}})

    with pytest.raises(InputError, match="job order-1: JSON cannot hold its payload"):
        job_data(job)


@pytest.mark.parametrize("data", [{}, {"flow": 3}, {"payload": "x", "flow": "f"}, {"a": 1}])
def test_a_strangers_job_is_named(data: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="job 17 of queue order: not a job of the shop"):
        job_of("order", "anything", "17", data)
