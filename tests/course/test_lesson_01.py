"""The answers of lesson 01, found by other roads than the one they were written on."""

from __future__ import annotations

import itertools
import math

import pytest
from making import assert_hints

from simqueue import (
    POLICIES,
    Backoff,
    QueuePolicy,
    build_scenario,
    compare_modes,
    next_step,
    simulate,
)
from simqueue.course import busy_day
from simqueue.course.judging import mark
from simqueue.course.lessons import exercises


def given_up_after(policy: QueuePolicy, seconds: float) -> float:
    """When a job is given up whose every try takes so long and fails, by simulation."""
    queue = {
        "attempts": policy.attempts,
        "backoff": policy.backoff.model_dump(),
        "service": {"distribution": "constant", "mean_s": seconds},
        "failure_rate": 1.0,
    }
    table = {"duration_s": 1.5, "arrivals": {"q": {"interval_s": 1}}, "queues": {"q": queue}}
    rows = simulate(build_scenario(table)).log.rows
    assert len(rows) == policy.attempts
    return float(rows["finished_s"].max() - rows["enqueued_s"].min())


def attempts_to_outlast(backoff: Backoff, outage_s: float) -> int:
    """By asking the rule, try after try."""
    policy = QueuePolicy(attempts=1000, backoff=backoff)
    at = 0.0
    for attempt in itertools.count(1):
        if at >= outage_s:
            return attempt
        wait = next_step(policy, attempt, "failed")
        assert wait is not None
        at += wait
    raise AssertionError


def test_an_email_that_always_fails_by_simulation() -> None:
    assert mark("01.b", given_up_after(POLICIES["email"], 0.5)).verdict == "right"
    assert mark("01.b", "17.5 s").verdict == "right"
    assert mark("01.b", "0.2917 min").verdict == "right"


def test_an_order_that_always_fails_as_the_lesson_says() -> None:
    assert given_up_after(POLICIES["order"], 0.1) == pytest.approx(6.3)


def test_celery_runs_a_task_once_and_then_retries() -> None:
    runs = 0
    for retries in itertools.count():  # celery.app.task: gives up if retries > max_retries
        if retries > 5:
            break
        runs += 1
    assert mark("01.c", runs).verdict == "right"
    assert mark("01.c", "attempts: 6").verdict == "right"


def test_attempts_that_outlast_an_outage() -> None:
    assert attempts_to_outlast(POLICIES["payment"].backoff, 62) == math.ceil(62 / 5) + 1
    assert mark("01.d", attempts_to_outlast(POLICIES["payment"].backoff, 62)).verdict == "right"
    doubling = Backoff(type="exponential", delay_ms=5000)
    assert mark("01.e", attempts_to_outlast(doubling, 62)).verdict == "right"


def survives(attempts: int, delay_s: float, outage_s: float, longest_s: float) -> bool:
    """Whether a job that comes as the outage begins gets through, by simulation."""
    backoff = {"type": "exponential", "delay_ms": delay_s * 1000, "max_ms": longest_s * 1000}
    queue = {
        "attempts": attempts,
        "backoff": backoff,
        "service": {"distribution": "constant", "mean_s": 1e-6},
        "outages": [[1.0, 1.0 + outage_s]],
    }
    table = {"duration_s": 1.5, "arrivals": {"q": {"interval_s": 1}}, "queues": {"q": queue}}
    rows = simulate(build_scenario(table)).log.rows
    assert rows["enqueued_s"].min() == 1.0
    return len(rows) < attempts or bool(rows["finished_s"].max() >= 1.0 + outage_s)


@pytest.mark.parametrize(
    ("delay_s", "outage_s", "longest_s"), [(5, 62, 5), (5, 62, 1000), (2, 180, 60), (1, 6.9, 8)]
)
def test_attempts_needed_by_the_simulator(
    delay_s: float, outage_s: float, longest_s: float
) -> None:
    needed = exercises()["01.f"].right.solution(delay_s, outage_s, longest_s)
    assert survives(needed, delay_s, outage_s, longest_s)
    assert not survives(needed - 1, delay_s, outage_s, longest_s)


def test_attempts_needed_as_the_answer_says() -> None:
    solution = exercises()["01.f"].right.solution
    assert (solution(2, 1800, 1e9), solution(2, 1800, 60)) == (11, 35)
    last_s = sum(2.0**n for n in range(1, 11))
    assert (last_s - 1800) / 60 == pytest.approx(4, abs=0.2)


def test_wrong_functions_get_a_hint() -> None:
    solution = exercises()["01.f"].right.solution

    def fixed(delay_s: float, outage_s: float, longest_s: float) -> int:
        return math.ceil(outage_s / min(delay_s, longest_s)) + 1

    def too_far(delay_s: float, outage_s: float, longest_s: float) -> int:
        at, attempts = 0.0, 1
        while at <= outage_s:
            at += min(delay_s * 2 ** (attempts - 1), longest_s)
            attempts += 1
        return attempts

    assert_hints(
        "01.f",
        (lambda *a: solution(*a) - 1, "Those are the retries"),
        (too_far, "very end"),
        (lambda *a: solution(*a) + 1, "One too many"),
        (lambda delay_s, outage_s, _: solution(delay_s, outage_s, 1e9), "go on doubling"),
        (fixed, "All of your waits are equal"),
        (lambda delay_s, *rest: solution(2 * delay_s, *rest), "the delay itself"),
        (
            lambda delay_s, outage_s, _: math.ceil(math.log2(max(outage_s / delay_s, 1))) + 2,
            "the waits add up",
        ),
        (lambda *_: 14, "right is 5"),
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 11))
def test_what_an_outage_does_in_both_modes_on_other_days(seed: int) -> None:
    for down_s in (8, 60):
        changes = {
            "arrivals.order.window": ["2011-11-17T12:45", "2011-11-17T13:15"],
            "queues.payment.outages": [[600, 600 + down_s]],
        }
        changes |= {f"queues.{name}.failure_rate": 0 for name in POLICIES}
        day = busy_day(f"seed={seed}").replace(changes)
        table = compare_modes(day, loads=[400], engine="auto").table("payment").loc[400]
        assert table.told["T"] == table.failed["T"] > 0
        assert table.failed["S"] > 0
        assert (table.told.drop("T") == 0).all()
        assert (table.failed["P"] == 0) == (down_s == 8)
        assert table.failed["P"] < table.failed["T"] / 1.5


@pytest.mark.parametrize(
    ("key", "wrong", "hint"),
    [
        ("01.b", 15, "tries take time"),
        ("01.b", 17, "last try begins"),
        ("01.b", 15.5, "All five"),
        ("01.b", 33.5, "one wait too many"),
        ("01.b", 31, "one wait too many"),
        ("01.b", 7, "a wait too few"),
        ("01.b", 64.5, "starts at 1000 ms"),
        ("01.b", 17_500, "not milliseconds"),
        ("01.b", 2.5, "4 waits"),
        ("01.c", 5, "leave out"),
        ("01.c", 4, "wrong way"),
        ("01.c", 7, "One too many"),
        ("01.c", 25, "in all"),
        ("01.d", 13, "how many attempts"),
        ("01.d", 12.4, "down for 62 s"),
        ("01.d", 12, "down for 62 s"),
        ("01.d", 15, "One too many"),
        ("01.d", 3, "after 10 s"),
        ("01.d", 5, "does not double"),
        ("01.d", 62, "List the times"),
        ("01.e", 4, "How many attempts"),
        ("01.e", 6, "One too many"),
        ("01.e", 14, "fixed backoff"),
        ("01.e", 3, "Add them up"),
    ],
)
def test_wrong_answers_get_a_hint(key: str, wrong: object, hint: str) -> None:
    judged = mark(key, wrong)
    assert judged.verdict == "wrong"
    assert hint in judged.text
