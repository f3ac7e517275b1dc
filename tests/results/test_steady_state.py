"""Loads and formulas that follow from a scenario alone."""

import pytest

from simqueue.results.offered_load import offered_loads
from simqueue.results.steady_state import formulas, load_warnings
from simqueue.results.theory import mmc_wait_mean
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
    return Scenario.model_validate(table)


def order(**changes: object) -> dict:
    return {"queues": {"order": {"service": EXPONENTIAL, **changes}}}


def test_poisson_exponential_is_mmc():
    assert formulas(scenario())["order"] == {
        "model": "M/M/5",
        "wait_mean_s": pytest.approx(mmc_wait_mean(2, 0.5, 5)),
        "p_wait": pytest.approx(1 / 261),  # 1/5! 5/4 = 1/96, over itself and 65/24
    }


def test_retries_of_any_backoff_raise_the_rate():
    for backoff in ({"type": "fixed", "delay_ms": 0}, {"type": "exponential", "delay_ms": 60_000}):
        entry = formulas(scenario(**order(failure_rate=0.5, attempts=3, backoff=backoff)))["order"]
        assert entry["wait_mean_s"] == pytest.approx(mmc_wait_mean(2 * 1.75, 0.5, 5))


@pytest.mark.parametrize(
    "changes",
    [
        {"mode": "in-process"},
        order(outages=[[10, 20]]),
        order(cpu={"distribution": "constant", "mean_s": 0.001}),
        order(service={"distribution": "gamma", "mean_s": 0.5, "cv": 0.5}),
        order(service={"distribution": "exponential", "mean_s": 2.5}),  # a load of 1
        {"arrivals": {"order": {"interval_s": 0.5}}},
        {"arrivals": {"order": {"profile": [[0, 2.0], [10, 2.0]]}}},
        {"workers": {"type": "other"}, "queues": {**order()["queues"], "other": {}}},
    ],
)
def test_no_formula_where_none_truly_holds(changes):
    assert formulas(scenario(**changes))["order"] is None


@pytest.mark.parametrize(
    ("service", "model", "factor"),
    [
        ({"distribution": "constant", "mean_s": 0.25}, "M/D/1", 0.5),
        ({"distribution": "gamma", "mean_s": 0.25, "cv": 2.0}, "M/G/1", 2.5),
        ({"distribution": "exponential", "mean_s": 0.25}, "M/M/1", 1.0),
    ],
)
def test_one_slot_has_formulas_for_any_service(service, model, factor):
    one = {"workers": {"concurrency": 1}}
    entry = formulas(scenario(**one, **order(service=service)))["order"]
    # M/M/1 at load 1/2 waits one service time.
    assert entry == {"model": model, "wait_mean_s": pytest.approx(0.25 * factor), "p_wait": 0.5}
    retried = formulas(scenario(**one, **order(service=service, failure_rate=0.1)))["order"]
    assert (retried is None) == (model != "M/M/1")


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


def test_displaced_payments_are_poisson_and_emails_are_not():
    queues = {**SHOP["queues"], "email": {"service": EXPONENTIAL}}
    found = formulas(scenario(**{**SHOP, "queues": queues}))
    assert found["payment"]["wait_mean_s"] == pytest.approx(mmc_wait_mean(3.5, 0.5, 5))
    assert found["order"]["wait_mean_s"] == pytest.approx(mmc_wait_mean(2.22, 0.5, 5))
    assert found["email"] is None


def test_another_queues_cpu_holds_the_loop_that_all_share():
    assert set(formulas(scenario(**SHOP)).values()) == {None}


def test_a_queue_with_arrivals_and_follow_ups_has_no_formula():
    queues = {"order": {"service": EXPONENTIAL}, "email": {"service": EXPONENTIAL}}
    arrivals = {"order": {"rate_per_s": 1.0}, "email": {"rate_per_s": 1.0}}
    assert formulas(scenario(queues=queues, arrivals=arrivals))["email"] is None


def test_loads_follow_the_jobs_through_the_tree():
    loads = offered_loads(scenario(**SHOP, workers={"count": 2, "concurrency": 5}))
    assert loads.queues["order"] == pytest.approx(2 * 1.11 * 0.5 / 10)
    assert loads.queues["payment"] == pytest.approx(2 * 1.75 * 0.5 / 10)
    emails = 2 * (1 - 0.001) + 2  # an order that fails for good sends none; a payment always does
    assert loads.queues["email"] == pytest.approx(emails * 0.6 / 10)
    assert loads.event_loop == pytest.approx(emails * 0.1 / 2)
    # In process: one attempt each, one caller for all.
    alone = offered_loads(scenario(**SHOP, mode="in-process", caller={"concurrency": 4}))
    assert alone.together == pytest.approx((2 * 0.5 + 2 * 0.5 + 3.8 * 0.6) / 4)
    assert alone.event_loop == pytest.approx(0.38)


def test_rates_of_input_that_changes(tmp_path):
    half = {"arrivals": {"order": {"profile": [[0, 1.0], [1800, 3.0], [9000, 50.0]]}}}
    assert offered_loads(scenario(**half)).queues["order"] == pytest.approx(2 * 0.5 / 5)
    stamps = [f"{n},2011-11-17T12:{n:02}" for n in range(40)]
    (tmp_path / "orders.csv").write_text("\n".join(["order_id,placed_at", *stamps]))
    trace = {"trace": str(tmp_path / "orders.csv"), "scale": 90.0}
    trace["window"] = ["2011-11-17T12:00", "2011-11-17T13:00"]
    traced = scenario(arrivals={"order": trace})
    assert offered_loads(traced).queues["order"] == pytest.approx(40 * 90 / 3600 * 0.5 / 5)
    assert load_warnings(traced) == []


def test_a_load_of_one_or_more_is_said():
    assert load_warnings(scenario()) == []
    (line,) = load_warnings(scenario(arrivals={"order": {"rate_per_s": 12.0}}))
    assert line.startswith("no steady state: the order queue has a load of 1.2 (")
    assert line.endswith("the longer the run, the longer the waits")
    (line,) = load_warnings(scenario(arrivals={"order": {"interval_s": 0.1}}))
    assert "load of 1 (" in line
    (line,) = load_warnings(scenario(mode="in-process", arrivals={"order": {"rate_per_s": 3.0}}))
    assert "the caller has a load of 1.5" in line
    busy = order(service={"distribution": "constant", "mean_s": 0.0})
    busy["queues"]["order"]["cpu"] = {"distribution": "constant", "mean_s": 0.75}
    (line,) = load_warnings(scenario(**busy))
    assert "the event loop of each process has a load of 1.5" in line


def test_input_that_changes_is_not_judged_by_its_mean():
    heavy = {"arrivals": {"order": {"profile": [[0, 100.0]]}}}
    assert load_warnings(scenario(**heavy)) == []


def test_a_queue_that_nobody_works_on_is_said():
    lines = load_warnings(scenario(**SHOP, workers={"type": "order"}))
    assert [line.split(" (")[0] for line in lines] == [
        "no worker takes payment jobs",
        "no worker takes email jobs",
    ]


def test_so_many_jobs_that_the_queue_itself_has_much_to_do() -> None:
    """Left out, its cost is said; taken into account, it is part of the loads."""
    table = {
        "duration_s": 10,
        "arrivals": {"q": {"rate_per_s": 1000}},
        "queues": {"q": {"service": {"distribution": "constant", "mean_s": 0.001}}},
    }
    (said,) = load_warnings(build_scenario(table))
    assert "1,000 attempts a second" in said
    assert "--set bullmq.overhead=measured" in said

    with_cost = build_scenario({**table, "bullmq": {"overhead": "measured"}})
    share = 1000 * with_cost.bullmq.overhead.loop_s
    assert offered_loads(with_cost).event_loop == pytest.approx(share)
    assert not any("attempts a second" in line for line in load_warnings(with_cost))
    assert not load_warnings(build_scenario({**table, "arrivals": {"q": {"rate_per_s": 50}}}))
