"""A workload drawn in blocks is the workload, cut up: not a draw is another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simqueue.workload.in_blocks import blocks, not_in_blocks
from simqueue.workload.reading import build_scenario
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload

ARRIVALS = st.sampled_from(
    [
        {"rate_per_s": 3.0},
        {"rate_per_s": 0.001},  # nobody may come at all
        {"profile": [[0, 0.0], [20, 9.0], [50, 0.0]], "repeat_s": 70},
        {"profile": [[0, 5.0], [30, 0.0], [80, 2.0]]},
        {"per_hour": [10.0, 500.0] * 12, "speed": 120},
    ]
)
TIMES = st.sampled_from(
    [
        {"distribution": "constant", "mean_s": 0.1},
        {"distribution": "uniform", "low_s": 0.1, "high_s": 0.3},
        {"distribution": "exponential", "mean_s": 0.1},
        *(
            {"distribution": name, "mean_s": 0.1, "cv": 1.5}
            for name in ("lognormal", "gamma", "weibull", "pareto", "hyperexponential")
        ),
        {"distribution": "empirical", "file": "data/checkout_times.csv", "column": "email_ms"},
    ]
)


BACKOFF = {"type": "exponential", "delay_ms": 100, "jitter": 0.5}


def scenario(arrivals: dict[str, Any], **queue: Any) -> Scenario:
    each = {"attempts": 3, "failure_rate": 0.2, "backoff": BACKOFF, **queue}
    last = {"service": {"distribution": "exponential", "mean_s": 0.1}}
    return build_scenario(
        {
            "duration_s": 150,
            "seed": 16,
            "arrivals": arrivals,
            "queues": {
                **{name: {**each, "follow_up": {"completed": ["last"]}} for name in arrivals},
                "last": last,
            },
        }
    )


@settings(max_examples=40, deadline=None)
@given(
    arrivals=st.fixed_dictionaries({"a": ARRIVALS}, optional={"b": ARRIVALS}),
    service=TIMES,
    cpu=TIMES,
    failing=st.fixed_dictionaries(
        {}, optional={"failure_service": TIMES, "fatal_rate": st.just(0.4)}
    ),
    jobs=st.sampled_from([1, 7, 100, 10_000]),
)
def test_not_a_draw_is_another(
    arrivals: dict[str, Any],
    service: dict[str, Any],
    cpu: dict[str, Any],
    failing: dict[str, Any],
    jobs: int,
) -> None:
    day = scenario(arrivals, service=service, cpu=cpu, **failing)
    assert not_in_blocks(day) is None
    whole, parts = Workload(day, 3), list(blocks(day, 3, jobs))

    firsts = [[one.first[kind.stream] for kind in one.kinds] for one in parts]
    columns = zip(*(one.arrivals for one in parts), strict=True)
    moments, kinds, numbers = map(np.concatenate, columns)
    numbers += np.concatenate(
        [np.array(first)[one.arrivals[1]] for first, one in zip(firsts, parts, strict=True)]
    )
    for found, wanted in zip((moments, kinds, numbers), whole.arrivals, strict=True):
        np.testing.assert_array_equal(found, wanted)
    for kind in whole.kinds:
        for attempt in range(1, day.queues[kind.queue].attempts + 1):
            wanted = whole.attempts(kind.number, attempt)
            found = [one.attempts(kind.number, attempt) for one in parts]
            for name in wanted._fields:
                column = np.concatenate([np.asarray(getattr(one, name)) for one in found])
                np.testing.assert_array_equal(column, np.asarray(getattr(wanted, name)))


@given(jobs=st.integers(1, 500))
@settings(max_examples=20, deadline=None)
def test_no_block_is_without_arrivals(jobs: int) -> None:
    parts = list(blocks(scenario({"a": {"rate_per_s": 2.0}, "b": {"rate_per_s": 0.01}}), 0, jobs))
    assert all(len(one.arrivals[0]) for one in parts)
    assert [one.last for one in parts] == [False] * (len(parts) - 1) + [True]


def test_a_workload_without_arrivals_is_one_block_without_any() -> None:
    (one,) = blocks(scenario({"a": {"rate_per_s": 1e-9}}))
    assert one.last
    assert not len(one.arrivals[0])


REFUSED: dict[str, dict[str, Any]] = {
    "arrivals.a": {"arrivals.a": {"interval_s": 1.0}},
    "arrivals.a: batch": {"arrivals.a.batch": 2},
    "queues.a.classes": {"queues.a.classes": {"vip": {"share": 0.5}, "rest": {"share": 0.5}}},
    "queues.a.children": {"queues.a.children": {"b": 1}, "queues.b": {}},
    "queues.a.priority": {"queues.a.priority": 2},
    "queues.a.delay": {"queues.a.delay": {"distribution": "constant", "mean_s": 1.0}},
    "queues.a.attempts": {"queues.a.attempts": 26},
    "queues.a.outages": {"queues.a.outages": [{"from_s": 5, "to_s": 9, "rate": 0.5}]},
    "queues.a.service": {
        "queues.a.service": {
            "distribution": "mixture",
            "parts": [
                {"share": 0.5, "time": {"distribution": "constant", "mean_s": 1.0}},
                {"share": 0.5, "time": {"distribution": "constant", "mean_s": 2.0}},
            ],
        }
    },
}


@pytest.mark.parametrize("place", REFUSED)
def test_what_cannot_be_drawn_in_blocks_is_named(place: str) -> None:
    day = scenario({"a": {"rate_per_s": 2.0}}).replace(REFUSED[place])
    assert (not_in_blocks(day) or "").startswith(place)
