"""The answers of lesson 01, found by other roads than the one they were written on."""

from __future__ import annotations

import itertools
import math

import pytest

from simqueue import POLICIES, Backoff, QueuePolicy, build_scenario, next_step, simulate
from simqueue.course.lessons import exercises
from simqueue.course.marking import mark


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


@pytest.mark.parametrize("key", [key for key in exercises() if key.startswith("01.")])
def test_no_hint_is_for_the_right_answer(key: str) -> None:
    exercise = exercises()[key]
    assert isinstance(exercise.right.low, float | int)  # type: ignore[attr-defined]
    for hint in exercise.hints:
        assert not hint.when.fits(exercise.right.low)  # type: ignore[attr-defined]
