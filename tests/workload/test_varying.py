"""Keys that vary: what there is not, or what no job goes by, is refused."""

from __future__ import annotations

from typing import Any

import pytest

import simqueue as sq
from simqueue.errors import InputError
from simqueue.workload.varying import check_varies


def mail(**classes: Any) -> sq.Scenario:
    return sq.build_scenario(
        {
            "duration_s": 60,
            "arrivals": {"mail": {"rate_per_s": 1}},
            "queues": {"mail": {"attempts": 4, "classes": classes}},
        }
    )


OWN = {"share": 0.5, "attempts": 2, "backoff": {"delay_ms": 500}}


@pytest.mark.parametrize("key", ["attempts", "backoff.delay_ms"])
def test_what_each_class_has_for_itself_is_refused(key: str) -> None:
    with pytest.raises(InputError) as error:
        check_varies(mail(a=OWN, b=OWN), f"queues.mail.{key}")
    assert "no job goes by it" in str(error.value)
    assert f"queues.mail.classes.b.{key.partition('.')[0]}" in str(error.value)


@pytest.mark.parametrize(
    ("classes", "key"),
    [
        ({}, "attempts"),
        ({"a": OWN, "b": {"share": 0.5}}, "attempts"),
        ({"a": OWN, "b": OWN}, "failure_rate"),
        ({"a": OWN, "b": OWN}, "classes.a.attempts"),
    ],
)
def test_what_some_job_goes_by_may_vary(classes: dict[str, Any], key: str) -> None:
    check_varies(mail(**classes), f"queues.mail.{key}")
