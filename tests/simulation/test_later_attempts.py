"""Attempts that take longer, or less, than the one before them."""

from __future__ import annotations

from typing import Any

import pytest

from simqueue.experiments.run import simulate
from simqueue.results.offered import offered
from simqueue.workload.expected import attempts_of, fails_for_good
from simqueue.workload.modes import unused_keys
from simqueue.workload.reading import build_scenario
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload


def constant(seconds: float) -> dict[str, Any]:
    return {"distribution": "constant", "mean_s": seconds}


def scenario(later: list[dict[str, Any]], **table: Any) -> Scenario:
    queue = {
        "service": constant(4), "cpu": constant(1), "attempts": 4, "failure_rate": 1.0,
        "backoff": {"delay_ms": 10_000}, "later_attempts": later,
    }  # fmt: skip
    return build_scenario(
        {
            "duration_s": 1.5,
            "arrivals": {"q": {"interval_s": 1}},
            "queues": {"q": queue},
            **table,
        }
    )


@pytest.mark.parametrize(
    ("later", "took"),
    [
        ([], [5, 5, 5, 5]),
        ([{"service": constant(2)}], [5, 3, 3, 3]),
        ([{"service": constant(2)}, {"cpu": constant(0.5)}], [5, 3, 4.5, 4.5]),
        ([{}, {"service": constant(0), "cpu": constant(0)}], [5, 5, 0, 0]),
    ],
)
def test_the_last_one_stands_for_all_after_it(
    later: list[dict[str, Any]], took: list[float]
) -> None:
    """What an entry leaves out is as in the first attempt."""
    frame = simulate(scenario(later)).frame()

    assert (frame["finished_s"] - frame["started_s"]).tolist() == pytest.approx(took)


def test_first_attempts_are_drawn_as_without() -> None:
    spread = {"distribution": "lognormal", "mean_s": 1, "cv": 1}
    plain = scenario([]).replace({"duration_s": 50, "queues.q.service": spread})
    later = plain.replace({"queues.q.later_attempts": [{"service": constant(1)}]})

    one, other = Workload(plain), Workload(later)
    assert one.attempts(0, 1).io_s == other.attempts(0, 1).io_s
    assert one.attempts(0, 2).io_s != other.attempts(0, 2).io_s


def test_the_work_that_is_expected_counts_each_attempt_by_its_own_time() -> None:
    """A hundred jobs: 5 s, then 3 s, 3 s and 3 s; one second in five, or in three, is cpu."""
    table = scenario([{"service": constant(2)}]).replace(
        {"duration_s": 1000, "arrivals.q.interval_s": 10}
    )
    brought = offered(table)

    steady = brought.load("q", brought.times_s[-3:])
    assert steady == pytest.approx([1.4, 1.4], rel=1e-6)
    assert brought.loops(["q"], brought.times_s[-3:]) == pytest.approx([0.4, 0.4], rel=1e-6)
    assert 3.4 < brought.work_s["q"] < 3.6


def test_no_formula_holds_where_retries_take_another_time() -> None:
    exponential = {"distribution": "exponential", "mean_s": 1}
    queue = {"service": exponential, "attempts": 3, "failure_rate": 0.2}
    table = {
        "duration_s": 20_000,
        "workers": {"concurrency": 2},
        "arrivals": {"q": {"rate_per_s": 1}},
        "queues": {"q": queue},
    }
    plain = build_scenario(table)
    later = plain.replace({"queues.q.later_attempts": [{"service": constant(1)}]})

    assert simulate(plain.replace({"duration_s": 2000})).theory()["q"] is not None
    assert simulate(later.replace({"duration_s": 2000})).theory()["q"] is None


def test_a_cpu_part_of_a_later_attempt_holds_the_event_loop_too() -> None:
    """The second attempts are due at 11.4 and 11.8, and compute for 3 s.

    The worker cannot ask for the other job before its event loop is free, at 14.4; and what the
    first has to wait for is over at 15.4, but the second computes until 17.4.
    """
    table = scenario([{"cpu": constant(3)}]).replace(
        {
            "duration_s": 1.0,
            "arrivals.q.interval_s": 0.4,
            "queues.q.cpu": constant(0),
            "queues.q.service": constant(1),
            "queues.q.attempts": 2,
        }
    )
    frame = simulate(table).frame()
    second = frame[frame["attempt"] == 2]

    assert second["started_s"].tolist() == pytest.approx([11.4, 14.4], abs=1e-3)
    assert second["finished_s"].tolist() == pytest.approx([17.4, 18.4], abs=1e-3)


def test_training_mode_has_one_attempt_and_says_so() -> None:
    table = scenario([{"service": constant(2)}], mode="in-process")

    assert "queues.q.later_attempts" in unused_keys(table)
    assert len(simulate(table).log) == 1


@pytest.mark.parametrize("engine", ["simpy", "compiled"])
def test_what_fails_once_may_fail_again_and_again(engine: str) -> None:
    """A tenth fails first; of the second attempts 80 % do, of all later ones 50 %."""
    later = [{"failure_rate": 0.8}, {"failure_rate": 0.5}]
    queue = {"attempts": 4, "failure_rate": 0.1, "later_attempts": later}
    table = {
        "duration_s": 20_000,
        "arrivals": {"q": {"interval_s": 1}},
        "queues": {"q": {**queue, "backoff": {"delay_ms": 100}}},
    }
    its = build_scenario(table)
    found = simulate(its, engine=engine, replications=2).frame()
    made = found.groupby("attempt").size() / (40_000 - 2)

    assert made.tolist() == pytest.approx([1.0, 0.1, 0.08, 0.04], rel=0.05)
    assert (found["outcome"] == "failed").sum() / 40_000 == pytest.approx(0.02, rel=0.1)
    assert attempts_of(its.queues["q"]) == pytest.approx(1.22)
    assert fails_for_good(its.queues["q"]) == pytest.approx(0.02)
    assert offered(its).attempts["q"][-1] / 20_000 == pytest.approx(1.22, rel=0.01)


@pytest.mark.parametrize("fatal", [0.0, 0.3])
@pytest.mark.parametrize("attempts", [1, 2, 3, 7])
def test_attempts_that_fail_alike_need_no_table_of_their_own(fatal: float, attempts: int) -> None:
    queue = {"attempts": attempts, "failure_rate": 0.2, "fatal_rate": fatal}
    one, other = (
        build_scenario(
            {"arrivals": {"q": {"interval_s": 1}}, "duration_s": 1, "queues": {"q": its}}
        )
        for its in (queue, {**queue, "later_attempts": [{"failure_rate": 0.2}] * 3})
    )

    assert attempts_of(one.queues["q"]) == pytest.approx(attempts_of(other.queues["q"]))
    assert fails_for_good(one.queues["q"]) == pytest.approx(fails_for_good(other.queues["q"]))
