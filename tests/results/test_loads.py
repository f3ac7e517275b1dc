"""The loads that follow from a scenario alone, and what is said of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simqueue.results.loads import fed_by_others, is_steady, job_rates, load_warnings, varies
from simqueue.results.offered import Outlook, offered
from simqueue.workload.reading import build_scenario
from simqueue.workload.scenario import Scenario

EXPONENTIAL = {"distribution": "exponential", "mean_s": 0.5}


def scenario(**changes: object) -> Scenario:
    """Two orders a second for an hour, five slots, half a second of exponential service."""
    table: dict = {
        "duration_s": 3600,
        "arrivals": {"order": {"rate_per_s": 2.0}},
        "queues": {"order": {"service": EXPONENTIAL}},
        **changes,
    }
    return build_scenario(table)


def order(**changes: object) -> dict:
    return {"queues": {"order": {"service": EXPONENTIAL, **changes}}}


def warnings(scenario: Scenario) -> list[str]:
    return load_warnings(Outlook(scenario, 0.0))


SHOP = {
    "arrivals": {
        "order": {"rate_per_s": 2.0},
        "payment": {
            "follows": "order",
            "think": {"distribution": "uniform", "high_s": 9, "low_s": 0},
        },
    },
    "queues": {
        "order": {"service": EXPONENTIAL, "failure_rate": 0.1},
        "payment": {"service": EXPONENTIAL, "failure_rate": 0.5},
        "email": {"service": EXPONENTIAL, "cpu": {"distribution": "constant", "mean_s": 0.1}},
    },
}


def test_loads_follow_the_jobs_through_the_tree() -> None:
    """Late in a long run the fluid brings what the long run has."""
    shop = scenario(**SHOP, workers={"count": 2, "concurrency": 5})
    calm = Outlook(shop, 0.0).calm
    late = np.array([3000.0, 3500.0])
    assert calm.load("order", late) == pytest.approx(2 * 1.11 * 0.5, rel=1e-4)
    assert calm.load("payment", late) == pytest.approx(2 * 1.75 * 0.5, rel=1e-4)
    emails = 2 * (1 - 0.001) + 2  # an order that fails for good sends none; a payment always does
    assert job_rates(shop)["email"] == pytest.approx(emails)
    assert calm.load("email", late) == pytest.approx(emails * 0.6, rel=1e-4)
    assert calm.loops(["order", "payment", "email"], late) == pytest.approx(emails * 0.1, rel=1e-4)
    # In process: one attempt each.
    alone = Outlook(scenario(**SHOP, mode="in-process"), 0.0).calm
    assert alone.load("payment", late) == pytest.approx(1.0, rel=1e-4)
    assert alone.load("email", late) == pytest.approx(3.8 * 0.6, rel=1e-4)


def test_rates_of_input_that_changes(tmp_path: Path) -> None:
    half = {"arrivals": {"order": {"profile": [[0, 1.0], [1800, 3.0], [9000, 50.0]]}}}
    assert job_rates(scenario(**half))["order"] == pytest.approx(2.0)
    stamps = [f"{n},2011-11-17T12:{n:02}" for n in range(40)]
    (tmp_path / "orders.csv").write_text("\n".join(["order_id,placed_at", *stamps]))
    trace = {"trace": str(tmp_path / "orders.csv"), "scale": 90.0}
    trace["window"] = ["2011-11-17T12:00", "2011-11-17T13:00"]
    traced = scenario(arrivals={"order": trace})
    assert job_rates(traced)["order"] == pytest.approx(40 * 90 / 3600)
    assert warnings(traced) == []
    assert not is_steady(traced)
    assert is_steady(scenario(**SHOP))


def test_a_load_of_one_or_more_is_said() -> None:
    assert warnings(scenario()) == []
    (line,) = warnings(scenario(arrivals={"order": {"rate_per_s": 12.0}}))
    assert line.startswith("no steady state: the order queue has a load of 1.2 (")
    assert line.endswith("the longer the run, the longer the waits")
    (line,) = warnings(scenario(arrivals={"order": {"interval_s": 0.1}}))
    assert "load of 1 (" in line
    (line,) = warnings(scenario(mode="in-process", arrivals={"order": {"rate_per_s": 3.0}}))
    assert "the caller has a load of 1.5" in line
    busy = order(service={"distribution": "constant", "mean_s": 0.0})
    busy["queues"]["order"]["cpu"] = {"distribution": "constant", "mean_s": 0.75}
    (line,) = warnings(scenario(**busy))
    assert "the event loop of each process has a load of 1.5" in line


def test_where_too_much_is_turned_away_no_backlog_grows() -> None:
    bounded = {"order": {"rate_per_s": 20.0, "max_waiting": 9}}
    assert "no steady state" in warnings(scenario(arrivals={"order": {"rate_per_s": 20.0}}))[0]
    assert warnings(scenario(arrivals=bounded)) == []
    # In training mode the bound is none.
    in_process = scenario(arrivals=bounded, mode="in-process", caller={"concurrency": 5})
    assert "no steady state" in warnings(in_process)[0]


@pytest.mark.parametrize("mode", ["bull-queue", "in-process"])
def test_customers_who_wait_are_expected_as_often_as_nobody_has_to(mode: str) -> None:
    """Eleven of them think for 5 s and are served in half a second: two a second; 0.1 is retried.

    A retry comes half a second after a failure, and takes half a second: 0.1 s in all on average.
    """
    closed = scenario(
        mode=mode,
        arrivals={
            "order": {"customers": 11, "think": {"distribution": "exponential", "mean_s": 5}}
        },
        queues={
            "order": {
                "service": EXPONENTIAL,
                "failure_rate": 0.1,
                "attempts": 2,
                "backoff": {"type": "fixed", "delay_ms": 500},
            }
        },
    )
    retried = mode == "bull-queue"
    each_s = 5.5 + (0.1 if retried else 0.0)
    attempts = 1.1 if retried else 1.0
    late = np.array([3000.0, 3500.0])

    assert Outlook(closed, 0.0).calm.load("order", late) == pytest.approx(
        11 / each_s * attempts * 0.5, rel=1e-4
    )
    assert warnings(closed.replace({"arrivals.order.customers": 150})) == []
    assert is_steady(closed)


def test_a_scheduler_is_expected_as_often_as_it_has_slots_and_never_has_a_backlog() -> None:
    """Every 0.4 s a job of half a second on average, and one slot in ten is retried."""
    clock = scenario(
        arrivals={"order": {"every_s": 0.4, "offset_s": 1000}},
        queues={"order": {"service": EXPONENTIAL, "failure_rate": 0.1, "attempts": 2}},
    )
    calm = Outlook(clock, 0.0).calm

    assert calm.load("order", np.array([3000.0, 3500.0])) == pytest.approx(1.1 * 0.5 / 0.4)
    assert calm.load("order", np.array([0.0, 1000.0])) == pytest.approx(0.0, abs=1e-9)
    assert warnings(clock.replace({"arrivals.order.every_s": 0.01})) == []
    assert not is_steady(clock)
    assert is_steady(clock.replace({"arrivals.order.offset_s": 0}))


def test_a_load_of_one_without_chance_is_none_of_growth() -> None:
    constant = order(service={"distribution": "constant", "mean_s": 0.5})
    even = scenario(**constant, arrivals={"order": {"interval_s": 0.1}})
    assert not varies(even, "order")
    assert warnings(even) == []
    more = scenario(**constant, arrivals={"order": {"interval_s": 0.09}})
    assert len(warnings(more)) == 1


def test_retries_that_are_due_after_the_run_are_no_load_of_it() -> None:
    late = order(failure_rate=1.0, attempts=9, backoff={"type": "fixed", "delay_ms": 3_600_000})
    assert warnings(scenario(**late)) == []
    soon = order(failure_rate=1.0, attempts=9, backoff={"type": "fixed", "delay_ms": 1000})
    (line,) = warnings(scenario(**soon))
    assert "a load of 1.8" in line


def test_input_that_changes_is_not_judged_by_its_mean() -> None:
    assert warnings(scenario(arrivals={"order": {"profile": [[0, 100.0]]}})) == []


def test_a_queue_that_nobody_works_on_is_said() -> None:
    lines = warnings(scenario(**SHOP, workers={"type": "order"}))
    assert [line.split(" (")[0] for line in lines] == [
        "no worker takes payment jobs",
        "no worker takes email jobs",
    ]
    assert fed_by_others(scenario(**SHOP), "email")
    assert not fed_by_others(scenario(**SHOP), "payment")


def test_so_many_jobs_that_the_queue_itself_has_much_to_do() -> None:
    """Left out, its cost is said; taken into account, it is part of the loads."""
    table = {
        "duration_s": 10,
        "arrivals": {"q": {"rate_per_s": 1000}},
        "queues": {"q": {"service": {"distribution": "constant", "mean_s": 0.001}}},
    }
    (said,) = warnings(build_scenario(table))
    assert "1,000 attempts a second" in said
    assert "--set bullmq.overhead=measured" in said

    with_cost = build_scenario({**table, "bullmq": {"overhead": "measured"}})
    calm = Outlook(with_cost, 0.0).calm
    share = 1000 * with_cost.bullmq.overhead.loop_s
    assert calm.loops(["q"], np.array([0.0, 10.0])) == pytest.approx(share)
    assert not any("attempts a second" in line for line in warnings(with_cost))
    assert not warnings(build_scenario({**table, "arrivals": {"q": {"rate_per_s": 50}}}))


@pytest.mark.parametrize("at_once", [1, 7, 10_000])
def test_any_number_of_moments_may_be_looked_at_together(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One kind of work comes after a think time, another after a delay; an outage is between."""
    orders = {"service": EXPONENTIAL, "delay": EXPONENTIAL, "outages": [[600, 660]]}
    shop = scenario(**{**SHOP, "queues": {**SHOP["queues"], "order": orders}})
    usual = offered(shop)
    monkeypatch.setattr("simqueue.results.offered._AT_ONCE", at_once)
    found = offered(shop)

    for queue in SHOP["queues"]:
        assert found.attempts[queue][-1] > 1000
        assert found.attempts[queue] == pytest.approx(usual.attempts[queue], rel=1e-9)
