"""What is kept of a job's hash and of a failure: options and names, never what it is about."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simqueue.calibration.heads import FIELDS, Head, JobKey, class_of_error, head_of


def head(**fields: str) -> Head | None:
    return head_of("1", [fields.get(name) for name in FIELDS], "bull", ("video", "video:hd"))


def test_options_of_all_versions() -> None:
    opts = {"attempts": 4, "backoff": {"type": "exponential", "delay": 1000, "jitter": 0.5}}
    found = head(name="encode", timestamp="1000", opts=json.dumps(opts), priority="3", atm="1")

    assert found == Head("encode", 1000.0, 4, {**opts["backoff"]}, priority=3, made=1)


def test_a_number_is_a_fixed_backoff() -> None:
    found = head(opts='{"backoff": 5000}')

    assert found is not None
    assert found.backoff == {"type": "fixed", "delay": 5000.0}


@pytest.mark.parametrize("attempts", ["0", "-1", "null", '"x"', "true"])
def test_odd_attempts_are_one(attempts: str) -> None:
    found = head(opts=f'{{"attempts": {attempts}}}')

    assert found is not None
    assert found.attempts == 1


def test_the_longest_known_queue_is_the_parents() -> None:
    found = head(name="page", parentKey="bull:video:hd:order:7")

    assert found is not None
    assert found.parent == JobKey("video:hd", "order:7")


def test_a_scheduler_is_told_by_its_key_or_its_jobs_id() -> None:
    by_key, by_id = head(rjk="nightly"), head_of("repeat:x:1", ["x"] * len(FIELDS), "bull", ())

    assert by_key is not None
    assert by_id is not None
    assert (by_key.scheduled, by_id.scheduled) == (True, True)


def test_a_hash_that_is_gone_has_no_head() -> None:
    assert head() is None


@given(st.lists(st.none() | st.text(), min_size=len(FIELDS), max_size=len(FIELDS)))
def test_whatever_a_hash_holds_is_read_and_written(values: list[str | None]) -> None:
    found = head_of("1", values, "bull", ("video",))

    if any(value is not None for value in values):
        assert found is not None
        assert Head.of_line(json.loads(json.dumps(found.as_line()))) == found


@given(st.text(), st.text())
def test_nothing_of_a_reason_is_kept_but_the_name_of_a_class(message: str, secret: str) -> None:
    kept = class_of_error(f"PaymentError: {message} {secret}")

    assert kept == "PaymentError"
    assert class_of_error(f"{len(secret)} {message}") == ""
