"""When there were which workers: numbers over time, hours and cost, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from simqueue.experiments.run import Run, replicate, simulate
from simqueue.results.presence import Presence
from simqueue.workload.reading import build_scenario


def constant(seconds: float) -> dict[str, Any]:
    return {"distribution": "constant", "mean_s": seconds}


def run(pools: dict[str, Any], replications: int = 1, **table: Any) -> Run:
    base: dict[str, Any] = {
        "duration_s": 100,
        "arrivals": {"q": {"interval_s": 1}},
        "queues": {"q": {"service": constant(10)}},
        "pools": pools,
    }
    return simulate(build_scenario({**base, **table}), replications)


#: Worker 2 and 3 are asked for at 20 s, take jobs at 25 s, and are told to end at 50 s; each is
#: busy from 25 s on with jobs of 10 s, so that both are gone at 55 s.
STEPS: dict[str, Any] = {
    "schedule": [[0, 1], [20, 3], [50, 1]],
    "start_s": 5,
    "queues": {"q": 1},
    "cost_per_hour": 36.0,
}


def test_hours_and_cost_are_from_asked_for_until_gone() -> None:
    (web,) = run({"web": STEPS}).summary().pools.values()

    assert web.worker_hours == pytest.approx((100 + 2 * 35) / 3600)
    assert web.cost == pytest.approx(36 * (100 + 2 * 35) / 3600)
    assert web.workers == pytest.approx((100 + 2 * 30) / 100)
    assert web.most == 3


def test_the_warm_up_is_left_out_and_so_is_the_drain() -> None:
    (web,) = run({"web": STEPS}, warmup_s=30).summary().pools.values()

    assert web.worker_hours == pytest.approx((70 + 2 * 25) / 3600)


def test_utilisation_is_the_busy_share_of_the_slots_that_there_were() -> None:
    """All are busy from the first job on, at 1 s: 99 of 100 s, and two workers for 30 s."""
    found = run({"web": STEPS}).summary().queues["q"].utilisation

    assert found == pytest.approx((99 + 60) / (100 + 60))


def test_a_crashed_worker_is_to_be_back_and_counts_on() -> None:
    crashed = {**STEPS, "crashes": [{"at_s": 60, "down_s": 20}]}
    (web,) = run({"web": crashed}).summary().pools.values()

    assert web.worker_hours == pytest.approx((100 + 2 * 35) / 3600)


def test_slots_between_edges_are_means_over_time_and_replications() -> None:
    done = run({"web": {**STEPS, "queues": {"q": 2}}}, replications=2, duration_s=40)
    presence = Presence(done.log, done.scenario.worker_pools, 2)

    edges = np.array([0.0, 20, 30, 40])
    assert presence.slots("q", edges).tolist() == [2, 4, 6]
    assert presence.workers("web", edges).tolist() == [1, 2, 3]


def test_a_log_that_does_not_know_has_them_by_the_schedule() -> None:
    """Such as that of a real run: leaving takes no time then."""
    done = run({"web": STEPS})
    written = Presence(
        type(done.log)(**{**vars(done.log), "presence": done.log.presence[:0]}),
        done.scenario.worker_pools,
        1,
    )
    edges = np.array([0.0, 20, 25, 50, 100])

    assert written.workers("web", edges).tolist() == [1, 1, 3, 1]
    assert written.summary(0, 100)["web"].worker_hours == pytest.approx((100 + 2 * 30) / 3600)


def test_a_pool_without_a_price_costs_nobody_knows_what() -> None:
    found = run({"a": {"queues": {"q": 1}}, "b": {**STEPS}}).summary().pools

    assert found["a"].cost is None
    assert found["a"].worker_hours == pytest.approx(100 / 3600)
    assert found["b"].cost is not None


def test_workers_of_no_pool_are_no_summary() -> None:
    scenario = build_scenario(
        {"duration_s": 5, "arrivals": {"q": {"interval_s": 1}}, "queues": {"q": {}}}
    )
    document = simulate(scenario).document()

    assert "pools" not in document


def test_replications_have_an_interval() -> None:
    scaler = {"metric": "ready", "target": 2, "max": 9}
    done = run(
        {"web": {"queues": {"q": 1}, "autoscale": scaler, "cost_per_hour": 1}},
        replications=4,
        arrivals={"q": {"rate_per_s": 0.5}},
        duration_s=1000,
    )
    web = done.summary().pools["web"]

    assert web.workers.interval is not None
    assert web.worker_hours.interval is not None
    assert web.cost == pytest.approx(float(web.worker_hours))


# ---- verdicts


def test_a_verdict_says_when_there_were_too_few_slots() -> None:
    """4 slots' worth of work comes; there are 6 slots, then 2, then 6.

    In the first window of the dip those that leave still end their jobs.
    """
    done = run(
        {"web": {"schedule": [[0, 6], [480, 2], [840, 6]], "queues": {"q": 1}}},
        arrivals={"q": {"rate_per_s": 0.4}},
        duration_s=1200,
    )
    said = done.verdicts()["q"]
    shortest = next(one for one in done._verdicts if one.about == "q")

    assert said.startswith("The q queue needs 5 slots at ")
    assert "; it has 2 then: waits reach " in said
    assert (shortest.short_s[0][0], shortest.short_s[-1][1]) == (480, 840)


def test_with_slots_enough_at_all_times_nothing_binds() -> None:
    done = run(
        {"web": {"schedule": [[0, 9], [500, 15], [800, 9]], "queues": {"q": 1}}},
        arrivals={"q": {"rate_per_s": 0.4}},
        duration_s=1200,
    )

    assert "The q queue has 9 slots and needs 5" in done.verdicts()["q"]


def test_the_event_loops_of_a_pool_are_its_own() -> None:
    """Two loops' worth of cpu comes to heavy, and its pool has one; the other pool has nine."""
    done = run(
        {
            "heavy": {"queues": {"q": 50}},
            "light": {"count": 9, "queues": {"r": 5}},
        },
        arrivals={"q": {"rate_per_s": 2}, "r": {"rate_per_s": 1}},
        queues={
            "q": {"service": constant(0), "cpu": constant(0.9)},
            "r": {"service": constant(0.1), "cpu": constant(0.01)},
        },
    )

    assert "The event loop of heavy workers is the limit" in done.verdicts()["event loop of heavy"]
    assert "q" not in done.verdicts()
    assert "r" in done.verdicts()
    (warning,) = [one for one in done.warnings() if "event loop" in one]
    assert "the event loop of each heavy worker has a load of 1.8" in warning


def test_a_dead_worker_of_a_pool_leaves_the_slots_of_the_others() -> None:
    done = run(
        {
            "a": {"queues": {"q": 3}, "crashes": [{"at_s": 20, "down_s": 40}]},
            "b": {"queues": {"q": 2}},
        },
        arrivals={"q": {"rate_per_s": 0.3}},
    )

    assert done.verdicts()["worker a-0"] == (
        "While worker a-0 is dead, for 40 s from 20 s, the others have 2 slots for 3 slots' worth "
        "of q work."
    )


LATE: dict[str, Any] = {
    "arrivals": {"q": {"profile": [[0, 1], [600, 8]]}},
    "queues": {"q": {"service": constant(1)}},
    "duration_s": 1200,
}


def test_an_autoscaler_that_comes_too_late_is_what_binds() -> None:
    """8 slots' worth of work comes from 600 s on; who is asked for then is up minutes later."""
    scaler = {"metric": "ready", "target": 10, "min": 2, "max": 30}
    pool = {"queues": {"q": 1}, "start_s": 200, "autoscale": scaler}
    done = run({"web": pool}, **LATE)
    (found,) = [one for one in done._verdicts if one.about == "q"]

    assert found.binds == "autoscaler"
    assert found.sentence.startswith(
        "The q queue needs 9 slots at 600 s and may have 30, but the autoscaler of web gives it 2 "
        "then: it comes too late, and waits reach "
    )
    assert found.short_s[0][0] == 600


def test_an_autoscaler_that_may_not_ask_for_enough_is_a_want_of_slots() -> None:
    scaler = {"metric": "ready", "target": 10, "min": 2, "max": 5}
    done = run({"web": {"queues": {"q": 1}, "autoscale": scaler}}, **LATE)
    (found,) = [one for one in done._verdicts if one.about == "q"]

    assert found.binds == "slots"
    assert "then" in found.sentence


def test_where_nobody_is_ever_woken_up_it_is_said() -> None:
    scaler = {"metric": "ready", "target": 10, "min": 0, "max": 5, "activation": 50}
    done = run({"web": {"queues": {"q": 1}, "autoscale": scaler}}, duration_s=20)

    assert done.verdicts()["q"] == (
        "There is no worker for the q queue in this window: nothing starts."
    )


@pytest.mark.parametrize("number", [0, 3])
def test_one_replication_by_itself_has_its_workers(number: int) -> None:
    """Plans and sweeps measure each where it runs, the fourth as well as the first."""
    pools = {"web": {"queues": {"q": 1}, "schedule": [[0, 1], [50, 3]]}}
    day = run(pools, arrivals={"q": {"rate_per_s": 0.5}}).scenario
    alone = replicate(day, number)
    among = simulate(day, 4).log.replication(number)

    assert alone.log.frame().equals(among.frame())
    assert alone.summary().pools["web"].worker_hours == pytest.approx(200 / 3600)
    assert alone.summary().pools["web"].most == 3
    assert alone.document()
