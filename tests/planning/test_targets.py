"""Targets: what they mean, and what is none."""

from __future__ import annotations

import pytest

from simqueue.errors import InputError
from simqueue.planning.targets import parse_target
from simqueue.results.measures import measures_of
from simqueue.workload.reading import build_scenario

KNOWN = measures_of(
    build_scenario(
        {
            "duration_s": 1,
            "arrivals": {"order": {"rate_per_s": 1}},
            "queues": {
                "order": {"classes": {"vip": {"share": 0.5}, "bulk": {"share": 0.5}}},
                "a.b": {},
            },
        }
    )
)


@pytest.mark.parametrize(
    ("text", "limit", "words"),
    [
        ("order.response.p95 < 10s", 10.0, "order.response.p95 < 10 s"),
        ("order.response.p95<10", 10.0, "order.response.p95 < 10 s"),
        ("order.wait.max <= 250ms", 0.25, "order.wait.max <= 250 ms"),
        ("order.flow.p99 < 2 min", 120.0, "order.flow.p99 < 2 min"),
        ("order.wait.mean < 1h", 3600.0, "order.wait.mean < 60 min"),
        ("order.utilisation < 80%", 0.8, "order.utilisation < 80 %"),
        ("order.failed < 1,000", 1000.0, "order.failed < 1,000"),
        ("order[vip].response.p95 < 3s", 3.0, "order[vip].response.p95 < 3 s"),
        ("order.failed <= 0", 0.0, "order.failed <= 0"),
        ('"a.b".queue_length.max < 5', 5.0, '"a.b".queue_length.max < 5'),
    ],
)
def test_a_target(text: str, limit: float, words: str) -> None:
    found = parse_target(text, KNOWN)
    assert (found.limit, found.words) == (limit, words)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected QUEUE.MEASURE < NUMBER UNIT"),
        ("order.response.p95", "expected QUEUE.MEASURE < NUMBER UNIT"),
        ("order.response.p95 > 10s", "expected QUEUE.MEASURE < NUMBER UNIT"),
        ("order.response.p95 = 10s", "expected QUEUE.MEASURE < NUMBER UNIT"),
        ("order.response.p95 < s", "expected QUEUE.MEASURE < NUMBER UNIT"),
        ("order.response.p95 < 10 days", "unit 'days'"),
        ("order.response.p95 < 10%", "unit '%'"),
        ("order.failed < 10s", "unit 's'"),
        ("order.response.p95 < -1s", "expected 0 or more"),
        ("order.response.p95 < 1-2s", "'1-2' is no number"),
        ("order.response.p94 < 1s", "expected one of response.mean"),
        ("order[vpi].wait.p95 < 1s", "there is no class 'vpi' of queue 'order'"),
        ("order[vip].utilisation < 1", "expected one of response.mean"),
        ("order[vip.wait.p95 < 1s", "there is no queue"),
        ("odrer.response.p95 < 1s", "there is no queue 'odrer'"),
    ],
)
def test_no_target(text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        parse_target(text, KNOWN)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_the_limit_itself() -> None:
    less, at_most = (parse_target(f"order.failed {sign} 3", KNOWN) for sign in ("<", "<="))
    assert [less.holds(3), at_most.holds(3), less.holds(2.9), at_most.holds(3.1)] == [
        False, True, True, False,
    ]  # fmt: skip
    assert less.holds(None)
    assert less.holds(float("nan"))
