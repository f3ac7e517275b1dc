"""What attempts bring: new rules leave other draws as they were, and add up to closed forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simqueue.workload.attempts import COMPLETES, FAILS, FATAL
from simqueue.workload.expected import attempts_of, expected, fails_for_good, mean_up_to
from simqueue.workload.outages import Outage
from simqueue.workload.queues import QueueModel
from simqueue.workload.reading import build_scenario
from simqueue.workload.workload import Workload

EXPONENTIAL = {"distribution": "exponential", "mean_s": 1.0}
#: So many attempts are drawn that means are near those of the formulas.
JOBS = 40_000


def workload(**queue: Any) -> Workload:
    table = {"service": EXPONENTIAL, "attempts": 5, "backoff": {"delay_ms": 100}, **queue}
    return Workload(
        build_scenario(
            {
                "duration_s": JOBS + 0.5,
                "arrivals": {"q": {"interval_s": 1}},
                "queues": {"q": table},
                "downstreams": {"g": {"places": 1}},
            }
        )
    )


def drawn(of: Workload, attempt: int = 1) -> dict[str, np.ndarray[Any, Any]]:
    return {name: np.array(part) for name, part in of.attempts(0, attempt)._asdict().items()}


#: Each new key, and which of the draws it may change.
NEW_KEYS: list[tuple[dict[str, Any], set[str]]] = [
    ({"fatal_rate": 0.5}, {"fails"}),
    ({"failure_service": {"distribution": "constant", "mean_s": 9}}, {"io_s"}),
    ({"timeout_s": 1.5}, {"io_s", "fails"}),
    ({"outages": [{"from_s": 0, "to_s": 9, "attempt_takes_s": 8, "rate": 0.5}]}, set()),
    ({"backoff": {"type": "list", "delays_ms": [1, 2], "jitter": 1}}, set()),
    ({"downstream": "g"}, set()),
]


@pytest.mark.parametrize(("key", "may"), NEW_KEYS, ids=lambda one: min(one, default="nothing"))
def test_a_new_key_leaves_the_other_draws_as_they_were(key: dict[str, Any], may: set[str]) -> None:
    plain, with_key = (drawn(workload(failure_rate=0.3, **more)) for more in ({}, key))

    assert {name for name in plain if (plain[name] != with_key[name]).any()} == may


def test_a_failure_by_chance_is_fatal_as_often_as_it_is_said() -> None:
    plain = drawn(workload(failure_rate=0.4))["fails"]
    fatal = drawn(workload(failure_rate=0.4, fatal_rate=0.25))["fails"]

    assert ((fatal > 0) == (plain > 0)).all(), "the same attempts fail"
    share = (fatal == FATAL).sum() / (plain == FAILS).sum()
    assert share == pytest.approx(0.25, abs=4 * math.sqrt(0.25 * 0.75 / (0.4 * JOBS)))
    other = drawn(workload(failure_rate=0.4, fatal_rate=0.25), attempt=2)["fails"]
    assert not np.array_equal(fatal == FATAL, other == FATAL), "each attempt has a draw of its own"


def test_what_is_cut_off_has_failed_and_is_not_fatal() -> None:
    """Whoever would not be done in time: whatever would have come later did not happen."""
    free = drawn(workload(failure_rate=0.4, fatal_rate=1))
    cut = drawn(workload(failure_rate=0.4, fatal_rate=1, timeout_s=0.7))
    late = free["io_s"] > 0.7

    assert late.any()
    np.testing.assert_array_equal(cut["io_s"], np.minimum(free["io_s"], 0.7))
    np.testing.assert_array_equal(cut["fails"], np.where(late, FAILS, free["fails"]))


def test_just_as_long_as_the_time_out_is_in_time() -> None:
    constant = {"distribution": "constant", "mean_s": 2.0}

    assert set(drawn(workload(service=constant, timeout_s=2))["fails"]) == {COMPLETES}
    assert set(drawn(workload(service=constant, timeout_s=1.999))["fails"]) == {FAILS}


def test_a_failure_may_take_another_time() -> None:
    quick = {"distribution": "constant", "mean_s": 0.01}
    plain, with_key = (
        drawn(workload(failure_rate=0.3, **more)) for more in ({}, {"failure_service": quick})
    )
    fails = plain["fails"] > 0

    assert set(with_key["io_s"][fails]) == {0.01}
    np.testing.assert_array_equal(with_key["io_s"][~fails], plain["io_s"][~fails])


def test_the_long_form_of_an_outage_without_more_is_the_short_one() -> None:
    short, long = (
        workload(failure_rate=0.2, outages=[one]) for one in ([10, 20], {"from_s": 10, "to_s": 20})
    )
    moments = [9.999, 10.0, 15.0, 19.999, 20.0]

    for number in range(50):
        found = [[of.brings(0, number, 1, at) for at in moments] for of in (short, long)]
        assert found[0] == found[1]
        assert [one.fails for one in found[0][1:4]] == [FAILS] * 3
        calm = [found[0][0], found[0][4]]
        assert calm[0] == calm[1] == short.brings(0, number, 1, 100.0)
        assert {one.io_s for one in found[0]} == {calm[0].io_s}


def test_an_outage_hits_its_share_and_those_hang() -> None:
    hang = {"from_s": 10, "to_s": 20, "attempt_takes_s": 8, "rate": 0.3}
    of = workload(outages=[hang])
    found = [of.brings(0, number, 1, 12.0) for number in range(JOBS)]
    hit = [one for one in found if one.fails]

    assert len(hit) / JOBS == pytest.approx(0.3, abs=4 * math.sqrt(0.3 * 0.7 / JOBS))
    assert {one.io_s for one in hit} == {8.0}
    assert found == [of.brings(0, number, 1, 13.0) for number in range(JOBS)], "whenever it starts"


def test_a_higher_rate_hits_whom_a_lower_one_hits_too() -> None:
    some, more = (workload(outages=[{"from_s": 0, "to_s": 9, "rate": rate}]) for rate in (0.2, 0.6))

    hit = [{n for n in range(500) if of.brings(0, n, 1, 1.0).fails} for of in (some, more)]
    assert hit[0] < hit[1]


def test_the_first_outage_that_hits_says_how_long_an_attempt_hangs() -> None:
    of = workload(
        outages=[
            {"from_s": 10, "to_s": 20, "attempt_takes_s": 8},
            {"from_s": 15, "to_s": 30, "attempt_takes_s": 2},
        ]
    )

    assert [of.brings(0, 0, 1, at).io_s for at in (12.0, 17.0, 25.0)] == [8.0, 8.0, 2.0]


def test_a_hang_of_a_distribution_is_cut_off_by_the_time_out() -> None:
    hang = {"from_s": 0, "to_s": 9, "attempt_takes_s": {**EXPONENTIAL, "mean_s": 5.0}}
    free, cut = (workload(outages=[hang], **more) for more in ({}, {"timeout_s": 3}))

    lasts = [free.brings(0, number, 2, 1.0).io_s for number in range(2000)]
    assert np.mean(lasts) == pytest.approx(5, rel=0.1)
    assert [cut.brings(0, number, 2, 1.0).io_s for number in range(2000)] == [
        min(one, 3.0) for one in lasts
    ]


DISTRIBUTIONS: list[dict[str, Any]] = [
    {"distribution": "constant", "mean_s": 1.3},
    EXPONENTIAL,
    {"distribution": "uniform", "low_s": 0.5, "high_s": 2.5},
    {"distribution": "gamma", "mean_s": 1.0, "cv": 2.0},
    {"distribution": "lognormal", "mean_s": 1.0, "cv": 1.5},
    {"distribution": "empirical", "file": "data/checkout_times.csv", "column": "order_ms"},
]


@pytest.mark.parametrize("service", DISTRIBUTIONS, ids=lambda one: one["distribution"])
@pytest.mark.parametrize("most", [0.4, 1.0, 3.0])
def test_the_mean_up_to_a_time_out_is_that_of_the_draws(
    service: dict[str, Any], most: float
) -> None:
    distribution = workload(service=service).scenario.queues["q"].service
    draws = np.minimum(distribution.draw(np.random.default_rng(1), 1_000_000), most)

    error = 5 * draws.std() / 1000 + 1e-6
    assert mean_up_to(distribution, most) == pytest.approx(draws.mean(), abs=error)


def test_the_mean_up_to_a_time_out_in_closed_form() -> None:
    """Exponential: m (1 - exp(-T/m)). Uniform on [a, b]: the integral of 1 - F, by hand."""
    queue = workload(service={"distribution": "uniform", "low_s": 1, "high_s": 3}).scenario.queues

    assert mean_up_to(queue["q"].service, 2.0) == pytest.approx(1 + 0.75, abs=1e-5)
    exponential = workload().scenario.queues["q"].service
    assert mean_up_to(exponential, 1.0) == pytest.approx(1 - math.exp(-1), rel=1e-12)
    assert mean_up_to(exponential, None) == 1.0


@given(
    p=st.floats(0, 1),
    fatal=st.floats(0, 1),
    timeout=st.none() | st.floats(0.1, 5),
    own_time=st.booleans(),
    attempts=st.integers(1, 6),
    later=st.lists(st.floats(0, 1), max_size=3),
)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_what_is_expected_is_the_mean_of_what_is_drawn(
    p: float,
    fatal: float,
    timeout: float | None,
    own_time: bool,
    attempts: int,
    later: list[float],
) -> None:
    """Of one attempt, and of whole jobs: how many attempts they need, how many fail for good."""
    own = {"failure_service": {"distribution": "exponential", "mean_s": 0.3}} if own_time else {}
    own["later_attempts"] = [{"failure_rate": rate} for rate in later]
    of = workload(failure_rate=p, fatal_rate=fatal, timeout_s=timeout, attempts=attempts, **own)
    queue = of.scenario.queues["q"]
    ends = expected(queue)
    first = drawn(of)
    made, failed, left = 0, 0, np.ones(JOBS, bool)
    for attempt in range(1, attempts + 1):
        made += int(left.sum())
        fails = drawn(of, attempt)["fails"]
        failed += int((left & (fails == FATAL)).sum())
        left = left & (fails == FAILS)
    failed += int(left.sum())

    chance = 4.5 / math.sqrt(JOBS)
    assert ends.io_s == pytest.approx(first["io_s"].mean(), abs=chance)
    assert ends.fails == pytest.approx((first["fails"] > 0).mean(), abs=chance / 2)
    assert ends.fatal == pytest.approx((first["fails"] == FATAL).mean(), abs=chance / 2)
    assert attempts_of(queue) == pytest.approx(made / JOBS, abs=chance * attempts)
    assert fails_for_good(queue) == pytest.approx(failed / JOBS, abs=chance / 2)


def test_what_is_expected_in_an_outage() -> None:
    """By hand: p = 0.2, a quarter of it fatal; 60 % are hit, and hang for 5 s, cut off at 3."""
    queue = QueueModel.model_validate(
        {
            "service": {"distribution": "constant", "mean_s": 1},
            "failure_rate": 0.2,
            "fatal_rate": 0.25,
            "timeout_s": 3,
        }
    )
    outage = Outage(from_s=0, to_s=1, attempt_takes_s=5.0, rate=0.6)
    ends = expected(queue).hit(outage, queue.timeout_s)

    assert ends.fails == pytest.approx(0.6 + 0.4 * 0.2)
    assert ends.fatal == pytest.approx(0.4 * 0.05)
    assert ends.io_s == pytest.approx(0.6 * 3 + 0.4 * 1)
