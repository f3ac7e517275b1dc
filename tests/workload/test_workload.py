"""A workload: who follows whom, ids, and draws that belong to jobs and not to places in a queue."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simqueue.policies import Backoff, QueuePolicy, next_step
from simqueue.workload.reading import build_scenario
from simqueue.workload.workload import Workload

SHOP = {
    "duration_s": 500,
    "arrivals": {
        "order": {"rate_per_s": 1},
        "payment": {"follows": "order", "think": {"distribution": "exponential", "mean_s": 5}},
    },
    "queues": {
        name: {"service": {"distribution": "exponential", "mean_s": 0.5}, "failure_rate": 0.2}
        for name in ("order", "payment", "email")
    },
}


def test_the_shops_jobs_follow_as_in_the_shop() -> None:
    workload = Workload(build_scenario(SHOP))

    assert [(kind.queue, kind.name) for kind in workload.kinds] == [
        ("order", "process-order"),
        ("email", "order-confirmation"),
        ("payment", "process-payment"),
        ("email", "payment-success"),
        ("email", "payment-failed"),
    ]
    order, confirmation, payment, *_ = workload.kinds
    assert [kind.name for kind in workload.follow_ups(payment.number, "failed")] == [
        "payment-failed"
    ]
    assert workload.follow_ups(order.number, "failed") == ()
    assert workload.job_id(order, 16) == "order-17"
    assert workload.job_id(confirmation, 16) == "email-17-order-confirmation"
    assert workload.flow(payment, 16) == "order-17"


def test_a_queue_reached_by_two_roads_gets_two_kinds_of_job() -> None:
    """Every road has a name of its own, so no two jobs share their draws or their id."""
    scenario = build_scenario(
        {
            "duration_s": 10,
            "arrivals": {"a": {"rate_per_s": 1}},
            "queues": {
                "a": {"follow_up": {"completed": ["b", "x"], "failed": ["b"]}},
                "x": {"follow_up": {"completed": ["b"]}},
                "b": {"follow_up": {"completed": ["c"]}},
                "c": {},
            },
        }
    )
    kinds = Workload(scenario).kinds

    assert len(kinds) == 8
    assert len({(kind.queue, kind.name) for kind in kinds}) == 8


def test_a_payment_follows_each_order_by_its_own_think_time() -> None:
    streams = Workload(build_scenario(SHOP)).streams
    think = streams["payment"].times_s - streams["order"].times_s

    assert len(think) == len(streams["order"].times_s)
    assert (think > 0).all()
    assert think.mean() == pytest.approx(5, rel=0.2)


def test_arrivals_are_in_order_of_time() -> None:
    times, kinds, numbers = Workload(build_scenario(SHOP)).arrivals

    assert (np.diff(times) >= 0).all()
    assert set(kinds.tolist()) == {0, 2}
    assert sorted(numbers[kinds == 2].tolist()) == list(range((kinds == 2).sum()))


def test_draws_do_not_depend_on_what_else_there_is() -> None:
    """A longer run, more workers or another queue leave a job's own draws as they were."""
    base = Workload(build_scenario(SHOP))
    other = {
        **SHOP,
        "duration_s": 900,
        "workers": {"count": 7},
        "queues": {**SHOP["queues"], "newsletter": {}},  # type: ignore[dict-item]
    }
    changed = Workload(build_scenario(other))
    n = len(base.streams["order"].times_s)

    np.testing.assert_array_equal(
        changed.streams["order"].times_s[:n], base.streams["order"].times_s
    )
    for attempt in (1, 2):
        for ours, theirs in zip(
            base.attempts(0, attempt), changed.attempts(0, attempt), strict=True
        ):
            assert ours.tolist() == theirs[:n].tolist()


def test_draws_of_different_purposes_are_independent() -> None:
    workload = Workload(build_scenario({**SHOP, "duration_s": 20_000}))
    series = [workload.attempts(kind, attempt).io_s for kind in range(5) for attempt in (1, 2)] + [
        workload.jitter(0, 1),
        workload.jitter(0, 2),
    ]
    correlation = np.corrcoef([np.asarray(one) for one in series])
    off_diagonal = correlation[~np.eye(len(series), dtype=bool)]

    assert abs(off_diagonal).max() < 5 / len(series[0]) ** 0.5


@settings(deadline=None)
@given(
    mode=st.sampled_from(["bull-queue", "in-process"]),
    attempts=st.integers(1, 6),
    kind=st.sampled_from(["fixed", "exponential"]),
    delay_ms=st.integers(0, 20_000) | st.floats(0, 20_000),
    jitter=st.sampled_from([0.0, 0.5, 1.0]) | st.floats(0, 1),
    max_ms=st.none() | st.floats(0, 50_000),
    seed=st.integers(0, 2**31),
)
def test_waits_are_what_the_retry_rule_says_of_each_job(
    mode: str, attempts: int, kind: Any, delay_ms: float, jitter: float, max_ms: Any, seed: int
) -> None:
    """Not a number: not tried again. In a request there is one attempt, whatever the policy."""
    backoff = {"type": kind, "delay_ms": delay_ms, "jitter": jitter}
    if max_ms is not None:
        backoff["max_ms"] = max_ms
    workload = Workload(
        build_scenario(
            {
                "mode": mode,
                "seed": seed,
                "duration_s": 10,
                "arrivals": {"q": {"interval_s": 0.5}},
                "queues": {"q": {"attempts": attempts, "backoff": backoff}},
            }
        )
    )
    policy = QueuePolicy(
        attempts=1 if mode == "in-process" else attempts, backoff=Backoff(**backoff)
    )
    for attempt in range(1, attempts + 2):
        draws = workload.jitter(0, attempt)
        waits = workload.waits_s(0, attempt)
        assert len(waits) == len(draws) > 10
        for wait, draw in zip(waits, draws, strict=True):
            step = next_step(policy, attempt, "failed", draw)
            assert wait == step if step is not None else math.isnan(wait)


def test_the_queues_of_a_workload_wait_by_their_own_policies() -> None:
    queues = {
        name: {"attempts": 2, "backoff": {"type": "fixed", "delay_ms": delay_ms}, "follow_up": {}}
        for name, delay_ms in (("a", 100), ("b", 2500))
    }
    queues["a"]["follow_up"] = {"completed": ["b"]}
    table = {"duration_s": 5, "arrivals": {"a": {"interval_s": 1}}, "queues": queues}
    workload = Workload(build_scenario(table))

    found = {kind.queue: set(workload.waits_s(kind.number, 1)) for kind in workload.kinds}
    assert found == {"a": {0.1}, "b": {2.5}}


def test_replications_differ_and_seeds_fix_them() -> None:
    scenario = build_scenario(SHOP)
    first, again, second = Workload(scenario, 0), Workload(scenario, 0), Workload(scenario, 1)

    assert first.attempts(0, 1).io_s == again.attempts(0, 1).io_s
    assert first.attempts(0, 1).io_s.tolist()[:5] != second.attempts(0, 1).io_s.tolist()[:5]
