"""Who is next, each rule on a run small enough to work out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from script import Script, ScriptJob, run_model, starts

from simqueue.experiments.run import simulate
from simqueue.policies import Backoff, QueuePolicy
from simqueue.workload.reading import build_scenario


def constant(seconds: float) -> dict[str, Any]:
    return {"distribution": "constant", "mean_s": seconds}


def run(
    queue: dict[str, Any],
    *,
    interval_s: float = 0.25,
    jobs: int = 8,
    count: int = 1,
    slots: int = 1,
) -> pd.DataFrame:
    """Jobs at regular intervals; the attempts in the order of their starts."""
    table = {
        "duration_s": interval_s * (jobs + 0.5),
        "workers": {"count": count, "concurrency": slots},
        "arrivals": {"q": {"interval_s": interval_s}},
        "queues": {"q": queue},
    }
    frame = simulate(build_scenario(table)).log.frame()
    return frame.sort_values("started_s", kind="stable", ignore_index=True)


def began(frame: pd.DataFrame) -> list[float]:
    return frame["started_s"].round(6).tolist()


def order(script: Script) -> list[str]:
    """Jobs as they start, with the attempt if it is not the first."""
    return [
        job.removeprefix("q-") + (f".{attempt}" if attempt > 1 else "")
        for job, attempt, _ in starts(run_model(script))
    ]


def test_the_best_priority_is_next_and_plain_jobs_are_before_all() -> None:
    """All wait behind the first: then none, 1, 2, and within one as they came."""
    jobs = [
        ScriptJob(0.1 + 0.01 * n, (1.0,), priority=priority)
        for n, priority in enumerate([2, 2, 1, 0, 2, 1, 0])
    ]
    assert order(Script(jobs)) == ["1", "4", "7", "3", "6", "2", "5"]


def test_newest_first_holds_for_plain_jobs_only() -> None:
    jobs = [
        ScriptJob(0.1 + 0.01 * n, (1.0,), priority=priority)
        for n, priority in enumerate([1, 0, 1, 0, 1])
    ]
    policy = QueuePolicy(lifo=True)
    assert order(Script(jobs, policy)) == ["1", "4", "2", "3", "5"]


@pytest.mark.parametrize("delay_ms", [0.0, 100.0])
def test_a_retry_keeps_its_priority_and_goes_behind_its_like(delay_ms: float) -> None:
    """1 fails at 1.1; it is ahead of 4 (priority 2), and behind 2 and 3 (priority 1)."""
    jobs = [
        ScriptJob(0.1, (1.0,), (True, False), priority=1),
        ScriptJob(0.2, (1.0,), priority=1),
        ScriptJob(0.3, (1.0,), priority=1),
        ScriptJob(0.4, (1.0,), priority=2),
    ]
    policy = QueuePolicy(attempts=2, backoff=Backoff(delay_ms=delay_ms))
    assert order(Script(jobs, policy)) == ["1", "2", "3", "1.2", "4"]


def test_a_stalled_job_is_ahead_of_every_priority() -> None:
    """Worker 0 dies with job 1 (priority 9); worker 1 has long jobs, and better ones wait."""
    jobs = [ScriptJob(0.1, (5.0,), priority=9), ScriptJob(0.2, (0.9,), priority=1)]
    jobs += [ScriptJob(0.3 + 0.01 * n, (0.9,), priority=1) for n in range(3)]
    script = Script(
        jobs,
        workers=2,
        crashes=[{"at_s": 0.25, "worker": 0, "down_s": 100}],
        bullmq={"lock_duration_s": 0.4, "stalled_interval_s": 0.5},
    )
    assert order(script) == ["1", "2", "1", "3", "4", "5"]


def test_a_limiter_lets_so_many_start_in_a_window_that_its_first_start_opens() -> None:
    """Starts at 0.25, 0.5, 0.75; the window ends at 1.25; then three, and three a second on."""
    frame = run({"service": constant(0.01), "limiter": {"max": 3, "duration_s": 1.0}}, slots=10)

    assert began(frame) == [0.25, 0.5, 0.75, 1.25, 1.25, 1.5, 2.25, 2.25]
    assert frame["job_id"].tolist() == [f"q-{n}" for n in range(1, 9)]


def test_a_limiters_window_is_no_sliding_one() -> None:
    """Two at the end of a window and two at the start of the next: four within half a second."""
    frame = run({"service": constant(0.01), "limiter": {"max": 2, "duration_s": 0.6}}, jobs=6)

    # Windows open at 0.25, 1.0 (the first start after 0.85 is the one that waited: 0.85), ...
    assert began(frame) == [0.25, 0.5, 0.85, 1.0, 1.45, 1.5]


@pytest.mark.parametrize(("count", "slots"), [(1, 6), (2, 3), (6, 1)])
def test_a_limiter_counts_all_workers_starts(count: int, slots: int) -> None:
    queue = {"service": constant(0.01), "limiter": {"max": 3, "duration_s": 1.0}}
    assert began(run(queue, count=count, slots=slots)) == began(run(queue, slots=10))


def test_a_limiter_with_long_jobs_lets_the_next_start_while_they_run() -> None:
    """Jobs of five seconds: a worker with idle slots does not wait for one to end."""
    frame = run({"service": constant(5.0), "limiter": {"max": 2, "duration_s": 1.0}}, slots=10)
    assert began(frame) == [0.25, 0.5, 1.25, 1.25, 2.25, 2.25, 3.25, 3.25]


@pytest.mark.parametrize(("count", "slots"), [(1, 4), (2, 2), (4, 1)])
def test_a_global_concurrency_is_as_so_many_slots(count: int, slots: int) -> None:
    """The same moments as with two slots and no rule, whoever has the slots."""
    service = {"distribution": "exponential", "mean_s": 0.6}
    rule = run({"service": service, "global_concurrency": 2}, count=count, slots=slots, jobs=200)
    plain = run({"service": service}, slots=2, jobs=200)

    assert began(rule) == began(plain)
    assert rule["job_id"].tolist() == plain["job_id"].tolist()


def test_nothing_starts_in_a_pause_and_what_runs_ends() -> None:
    """Slots enough: all that came in the pause starts as it ends."""
    frame = run({"service": constant(0.3), "paused": [[0.6, 1.4]]}, slots=10)

    assert began(frame) == [0.25, 0.5, 1.4, 1.4, 1.4, 1.5, 1.75, 2.0]
    assert frame["finished_s"].round(6).tolist()[1] == 0.8


def test_a_pause_from_the_start_holds_all() -> None:
    frame = run({"service": constant(0.1), "paused": [[0, 3]]}, slots=2)
    assert began(frame) == [3.0, 3.0, 3.1, 3.1, 3.2, 3.2, 3.3, 3.3]


def test_a_pause_with_held_event_loops() -> None:
    """Cpu parts of 0.2 s on one loop: those who waited start one behind the other."""
    frame = run({"cpu": constant(0.2), "paused": [[0.6, 1.4]]}, slots=10, jobs=4)
    assert frame["finished_s"].round(6).tolist() == [0.45, 0.7, 1.6, 1.8]


def test_the_wait_of_a_delayed_job_counts_from_when_it_is_due() -> None:
    frame = run({"service": constant(0.1), "delay": constant(0.4)}, slots=10, jobs=3)

    assert frame["ready_s"].round(6).tolist() == [0.65, 0.9, 1.15]
    assert began(frame) == [0.65, 0.9, 1.15]
    assert frame["attempt"].tolist() == [1, 1, 1]


def test_delays_are_whole_milliseconds() -> None:
    frame = run({"service": constant(0.1), "delay": constant(0.0123)}, slots=10, jobs=3)
    assert (frame["ready_s"] - frame["enqueued_s"]).round(9).tolist() == [0.012] * 3


def test_a_delayed_job_goes_behind_whoever_came_while_all_was_busy() -> None:
    """It is promoted when some worker fetches, not when it is due: 1 is due at 0.3, after 2."""
    jobs = [
        ScriptJob(0.1, (1.0,)),
        ScriptJob(0.15, (0.1,), delay_s=0.15),
        ScriptJob(0.5, (0.1,)),
    ]
    assert order(Script(jobs)) == ["1", "3", "2"]


def test_delayed_jobs_count_as_delayed() -> None:
    table = {
        "duration_s": 10,
        "workers": {"count": 1, "concurrency": 10},
        "arrivals": {"q": {"interval_s": 1}},
        "queues": {"q": {"service": constant(0.1), "delay": constant(0.5)}},
    }
    found = simulate(build_scenario(table)).summary().queues["q"]
    # Nine jobs come at 1, 2, ... 9, each half a second in the delayed set: 4.5 of 10 seconds.
    assert found.delayed.mean == pytest.approx(0.45)
    assert found.wait_s.max == pytest.approx(0)
    assert found.response_s.mean == pytest.approx(0.6)


def many(queue: dict[str, Any], **more: Any) -> pd.DataFrame:
    service = {"distribution": "exponential", "mean_s": 0.5}
    table = {
        "duration_s": 300,
        "workers": {"count": 1, "concurrency": 1},
        "arrivals": {"q": {"rate_per_s": 1.5}},
        "queues": {"q": {"service": service, "failure_rate": 0.2, "attempts": 2, **queue}},
    }
    return simulate(build_scenario({**table, **more})).log.frame()


def test_classes_that_say_nothing_change_nothing_but_the_log_s_columns() -> None:
    classes = {"a": {"share": 0.3}, "b": {"share": 0.7}}
    classed, plain = many({"classes": classes}), many({})

    assert classed[plain.columns].equals(plain)
    assert [*classed.columns.difference(plain.columns)] == ["class", "priority"]
    assert 0.2 < (classed["class"] == "a").mean() < 0.4


def test_what_a_class_says_holds_for_its_jobs_and_for_no_other() -> None:
    classes = {
        "a": {"share": 0.5, "attempts": 1, "failure_rate": 1.0, "service": constant(0.1)},
        "b": {"share": 0.5, "priority": 3},
    }
    frame, plain = many({"classes": classes}), many({})
    took = (frame["finished_s"] - frame["started_s"]).round(6)
    a, b = frame["class"] == "a", frame["class"] == "b"

    assert set(took[a]) == {0.1}
    assert set(frame["outcome"][a]) == {"failed"}
    assert set(frame["attempt"][b]) == {1, 2}
    assert (set(frame["priority"][a]), set(frame["priority"][b])) == ({0}, {3})
    own = frame[b].set_index(["job_id", "attempt"])
    same = plain.set_index(["job_id", "attempt"]).loc[own.index]
    assert np.allclose(own["finished_s"] - own["started_s"], same["finished_s"] - same["started_s"])


def test_training_mode_has_classes_and_no_order_among_them() -> None:
    """Who serves requests knows no priority; how long each takes is as its class says."""
    classes = {
        "a": {"share": 0.5, "priority": 1, "service": constant(0.1)},
        "b": {"share": 0.5, "priority": 2},
    }
    frame = many({"classes": classes}, mode="in-process")

    assert set((frame["finished_s"] - frame["started_s"])[frame["class"] == "a"].round(6)) == {0.1}
    assert frame["started_s"].is_monotonic_increasing
    assert frame.sort_values("started_s")["enqueued_s"].is_monotonic_increasing


def test_a_class_has_its_line_in_the_summary() -> None:
    classes = {"vip": {"share": 0.2, "priority": 1}, "bulk": {"share": 0.8, "priority": 2}}
    table = {
        "duration_s": 500,
        "workers": {"count": 1, "concurrency": 1},
        "arrivals": {"q": {"rate_per_s": 1.5}},
        "queues": {
            "q": {"service": {"distribution": "exponential", "mean_s": 0.6}, "classes": classes}
        },
    }
    result = simulate(build_scenario(table), replications=3)
    queue = result.summary().queues["q"]
    vip, bulk = queue.classes["vip"], queue.classes["bulk"]

    assert vip.arrived + bulk.arrived == queue.arrived
    assert vip.attempts + bulk.attempts == queue.attempts
    assert vip.wait_s.p95 < queue.wait_s.p95 < bulk.wait_s.p95
    assert result.document()["queues"]["q"]["classes"]["vip"]["wait_s"]["p95"] == vip.wait_s.p95
    assert result.document()["queues"]["q"]["theory"] is None
