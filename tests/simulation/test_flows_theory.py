"""Forks and joins against closed forms: the last of n children, and the parent after it."""

from typing import Any

import pytest

import simqueue as sq
from simqueue.workload.reading import build_scenario

#: A run's mean may lie outside its interval of 95 % in one of twenty: half as far again is allowed.
WIDER = 1.5


def exponential(mean_s: float) -> dict[str, Any]:
    return {"distribution": "exponential", "mean_s": mean_s}


def fork(children: int | dict[str, float], **queues: Any) -> dict[str, Any]:
    """A parent in a thousand slots, and its exponential children of 1 s in as many."""
    return {
        "name": "fork",
        "duration_s": 4000,
        "arrivals": {"report": {"rate_per_s": 0.5}},
        "workers": {"concurrency": 1000},
        "queues": {
            "report": {"children": {"part": children}, "service": exponential(0.5)},
            "part": {"service": exponential(1.0)},
            **queues,
        },
    }


def within(found: Any, expected: float) -> bool:
    low, high = found.interval
    half = WIDER * (high - low) / 2
    return abs(found - expected) <= half


@pytest.mark.parametrize("children", [1, 3, 10])
def test_the_last_of_n_exponential_children_ends_after_their_harmonic_number(children: int) -> None:
    """The mean of the largest of n exponential times is H_n / mu (Renyi 1953).

    Nobody waits for a slot, so the parent's response is that and its own service.
    """
    run = sq.simulate(build_scenario(fork(children)), replications=10)
    report = run.summary().queues["report"]

    harmonic = sum(1 / n for n in range(1, children + 1))
    assert report.response_s.mean is not None
    assert within(report.response_s.mean, harmonic + 0.5)
    assert report.wait_s.max == 0
    assert report.unfinished == 0


def test_jobs_may_have_now_so_many_children_and_then_none() -> None:
    """A mixture of jobs with 0, 1 and 3: means and counts are those of the shares."""
    shares = {"0": 0.25, "1": 0.25, "3": 0.5}
    run = sq.simulate(build_scenario(fork(shares)), replications=10)
    report, part = (run.summary().queues[queue] for queue in ("report", "part"))

    harmonic = 0.25 * 1 + 0.5 * (1 + 1 / 2 + 1 / 3)
    assert within(report.response_s.mean, harmonic + 0.5)
    spread = 4 * (0.25 + 0.5 * 9 - 1.75**2) ** 0.5 / report.arrived**0.5
    assert part.arrived / report.arrived == pytest.approx(1.75, abs=spread)
    assert report.unfinished == part.unfinished == 0


def test_children_of_children_are_awaited_too() -> None:
    """A chain of three: each waits for the one below, so the means add up (Erlang)."""
    table = fork(1, part={"children": {"piece": 1}, "service": exponential(1.0)},
                 piece={"service": exponential(2.0)})  # fmt: skip
    run = sq.simulate(build_scenario(table), replications=10)

    assert within(run.summary().queues["report"].response_s.mean, 2.0 + 1.0 + 0.5)


@pytest.mark.parametrize("option", ["wait", "fail-parent"])
def test_a_parent_runs_if_none_of_its_children_fails(option: str) -> None:
    """Each child completes with probability (1 - p): all n of them with its n-th power."""
    table = fork(3)
    table["queues"]["part"] |= {"failure_rate": 0.1, "keep_failed": 1_000_000}
    table["queues"]["report"]["child_failure"] = option
    run = sq.simulate(build_scenario(table), replications=10)
    report = run.summary().queues["report"]

    rest = report.arrived - report.completed
    assert (report.unfinished, report.failed) == ((rest, 0) if option == "wait" else (0, rest))
    spread = 4 * (0.9**3 * (1 - 0.9**3) / report.arrived) ** 0.5
    assert report.completed / report.arrived == pytest.approx(0.9**3, abs=spread)


def test_waiting_in_vain_is_no_waiting_in_line() -> None:
    """A parent whose child has failed is in no list: it makes no queue long, and no wait."""
    table = fork(2)
    table["queues"]["part"] |= {"failure_rate": 0.5, "keep_failed": 1_000_000}
    run = sq.simulate(build_scenario(table))
    summary = run.summary()

    assert summary.queues["report"].unfinished > 0
    assert summary.queues["report"].queue_length.max == 0
    assert summary.littles_law["report"].relative_error == 0
    assert not run.interrupted


def test_a_run_with_crashes_ends_though_parents_wait_for_ever() -> None:
    """Workers go on looking at locks while somebody has something to do, and no longer."""
    table = fork(2)
    table["duration_s"] = 300
    table["workers"] = {"count": 2, "crashes": [{"at_s": 100, "down_s": 10}]}
    table["queues"]["part"] |= {"failure_rate": 0.3, "keep_failed": 1_000_000}
    summary = sq.simulate(build_scenario(table)).summary()

    report = summary.queues["report"]
    assert report.unfinished > 0
    assert report.completed + report.unfinished == report.arrived


@pytest.mark.parametrize("kept", [0, 5])
def test_what_is_removed_is_waited_for_no_longer(kept: int) -> None:
    """A queue that keeps so many failed jobs lets the parents of all others go."""
    table = fork(1)
    table["queues"]["part"] |= {"failure_rate": 0.3, "keep_failed": kept}
    summary = sq.simulate(build_scenario(table)).summary()

    assert summary.queues["report"].unfinished == kept
