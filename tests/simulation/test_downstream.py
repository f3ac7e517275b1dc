"""Downstreams with limited places: by hand, on a real gateway, and by the formulas of Erlang."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from script import TOOK_S, Script, ScriptJob, both, ends, in_time, is_clear, run_model, starts, took

from simqueue.experiments.run import simulate
from simqueue.policies import Backoff, QueuePolicy
from simqueue.results.theory import erlang_c
from simqueue.workload.reading import build_scenario


def play(script: Script, url: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both logs of a script, once it is sure that they agree about order and outcomes."""
    assert is_clear(script), "milliseconds decide about this script"
    model, real = both(script, url, same=in_time)
    assert starts(real) == starts(model)
    assert ends(real) == ends(model)
    assert took(real) == pytest.approx(took(model), abs=TOOK_S)
    return model, real


def jobs(*at_s: float, takes_s: float = 0.3) -> list[ScriptJob]:
    return [ScriptJob(at, (takes_s,)) for at in at_s]


def calling(jobs: list[ScriptJob], when_full: str, places: int = 1, **more: Any) -> Script:
    """A script whose jobs call a gateway."""
    queue = {"downstream": "g", **more.pop("queue", {})}
    downstreams = {"g": {"places": places, "when_full": when_full}}
    return Script(jobs, downstreams=downstreams, queue=queue, slots=3, **more)


def test_who_finds_all_places_taken_fails_at_once(redis_url: str) -> None:
    policy = QueuePolicy(attempts=2, backoff=Backoff(delay_ms=400))
    model, _ = play(calling(jobs(0.1, 0.2), "fail", policy=policy), redis_url)

    assert took(model) == [0.3, 0.0, 0.3]
    assert ends(model) == {
        "q-1": [(1, 1, "completed")],
        "q-2": [(1, 1, "retried"), (2, 1, "completed")],
    }


def test_or_waits_first_come_first_served_and_holds_its_slot(redis_url: str) -> None:
    """Places are the limit: at 0.1, 0.4 and 0.7 an io part begins."""
    model, _ = play(calling(jobs(0.1, 0.2, 0.3), "wait"), redis_url)

    assert took(model) == [0.3, 0.5, 0.7]


def test_the_time_out_counts_in_line_too(redis_url: str) -> None:
    """Job 2 asks at 0.2, has its place at 0.4, and is cut off at 0.58; job 3 gives up in line.

    Its place is free at 0.58, two hundredths too early to be of use before 0.6: it is cut off, too.
    """
    script = calling(
        [*jobs(0.1), ScriptJob(0.2, (0.35,)), ScriptJob(0.22, (0.35,))],
        "wait",
        queue={"timeout_s": 0.38},
    )
    model, _ = play(script, redis_url)

    assert took(model) == [0.3, 0.38, 0.38]
    assert [fate[0][2] for fate in ends(model).values()] == ["completed", "failed", "failed"]


def test_a_place_is_asked_for_when_the_cpu_part_is_over(redis_url: str) -> None:
    """Job 2 computes until 0.7; the place is free since 0.6."""
    script = calling(
        [ScriptJob(0.2, (0.4,)), ScriptJob(0.3, (0.1,), cpu_s=(0.4,))], "fail", workers=2
    )
    model, _ = play(script, redis_url)

    assert took(model) == [0.4, 0.5]


def test_two_queues_share_one_downstream(redis_url: str) -> None:
    other = ScriptJob(0.2, (0.1,), queue="r")
    model, _ = play(calling([*jobs(0.1), other], "fail"), redis_url)

    assert {job: rows[0][2] for job, rows in ends(model).items()} == {
        "q-1": "completed",
        "r-1": "failed",
    }


@pytest.mark.slow
def test_a_worker_that_dies_frees_its_place(redis_url: str) -> None:
    """Worker 0 is killed at 0.3, half-way through job 1; job 2 has its place from then on."""
    script = calling(
        jobs(0.1, 0.2, takes_s=0.6),
        "wait",
        workers=2,
        crashes=[{"at_s": 0.3, "worker": 0, "down_s": 0.2}],
        bullmq={"lock_duration_s": 0.8, "stalled_interval_s": 0.9},
    )

    def second_ends(log: pd.DataFrame) -> float:
        return float(log.loc[log["job_id"] == "q-2", "finished_s"].max())

    model, real = both(
        script, redis_url, same=lambda real, model: second_ends(real) < second_ends(model) + 0.15
    )
    assert second_ends(model) == pytest.approx(0.9)
    assert second_ends(real) == pytest.approx(0.9, abs=0.15), "it waits until job 1 is over: 1.3"
    assert ends(real) == ends(model)


def test_in_training_mode_callers_share_the_places() -> None:
    """By hand: three callers, one place. The request at 2 s finds it taken and waits, or fails."""
    table: dict[str, Any] = {
        "mode": "in-process",
        "duration_s": 8.5,
        "caller": {"concurrency": 3},
        "arrivals": {"q": {"interval_s": 2}},
        "queues": {"q": {"service": {"distribution": "constant", "mean_s": 3}, "downstream": "g"}},
        "downstreams": {"g": {"places": 1, "when_full": "wait"}},
    }
    waits = simulate(build_scenario(table)).frame()
    assert waits["started_s"].tolist() == pytest.approx([2, 4, 6, 8])
    assert waits["finished_s"].tolist() == pytest.approx([5, 8, 11, 14])

    fails = simulate(build_scenario({**table, "downstreams": {"g": {"places": 1}}})).frame()
    assert fails[["finished_s", "outcome"]].to_numpy().tolist() == [
        [4, "failed"],
        [5, "completed"],
        [8, "failed"],
        [9, "completed"],
    ]


def test_in_training_mode_a_process_that_dies_frees_its_places() -> None:
    """Killed at 3 s; its place is free for the request of the other process at 4 s."""
    scenario = build_scenario(
        {
            "mode": "in-process",
            "duration_s": 4.5,
            "caller": {"processes": 2, "crashes": [{"at_s": 3, "process": 0, "down_s": 9}]},
            "arrivals": {"q": {"interval_s": 2}},
            "queues": {
                "q": {"service": {"distribution": "constant", "mean_s": 5}, "downstream": "g"}
            },
            "downstreams": {"g": {"places": 1}},
        }
    )

    assert simulate(scenario).frame()["outcome"].tolist() == ["lost", "completed"]


@pytest.mark.parametrize("mode", ["bull-queue", "in-process"])
def test_the_share_that_finds_no_place_is_erlangs_loss(mode: str) -> None:
    """M/M/5/5: five places, slots without end, nobody waits. Erlang B by its recursion."""
    rate, places = 4.0, 5
    loss = 1.0
    for servers in range(1, places + 1):
        loss = rate * loss / (servers + rate * loss)
    log = simulate(scenario_of(rate, places, "fail", mode)).frame()

    assert (log["outcome"] == "failed").mean() == pytest.approx(loss, abs=0.01)


@pytest.mark.parametrize("mode", ["bull-queue", "in-process"])
def test_the_wait_for_a_place_is_erlangs(mode: str) -> None:
    """M/M/5: who finds no place waits for one, C(5, a) / (5 - a) on average."""
    rate, places = 3.5, 5
    log = simulate(scenario_of(rate, places, "wait", mode)).frame()
    waits = (log["finished_s"] - log["started_s"]).mean() - 1

    assert (log["outcome"] == "completed").all()
    assert waits == pytest.approx(erlang_c(places, rate) / (places - rate), rel=0.1)


def scenario_of(rate: float, places: int, when_full: str, mode: str) -> Any:
    return build_scenario(
        {
            "mode": mode,
            "duration_s": 12_000,
            "workers": {"count": 2, "concurrency": 60},
            "caller": {"concurrency": 120},
            "arrivals": {"q": {"rate_per_s": rate}},
            "queues": {
                "q": {
                    "service": {"distribution": "exponential", "mean_s": 1},
                    "downstream": "g",
                }
            },
            "downstreams": {"g": {"places": places, "when_full": when_full}},
        }
    )


def test_places_for_everybody_change_nothing() -> None:
    """The same log, to a nanosecond, as without a downstream; cpu parts and crashes included."""
    table: dict[str, Any] = {
        "duration_s": 300,
        "workers": {"count": 2, "concurrency": 3, "crashes": [{"at_s": 60, "down_s": 5}]},
        "arrivals": {"q": {"rate_per_s": 2}},
        "queues": {
            "q": {
                "service": {"distribution": "exponential", "mean_s": 1},
                "cpu": {"distribution": "exponential", "mean_s": 0.05},
                "failure_rate": 0.2,
                "attempts": 3,
                "backoff": {"delay_ms": 700},
            }
        },
        "downstreams": {"g": {"places": 1000}},
    }
    free = simulate(build_scenario(table))
    calls = simulate(build_scenario(table).replace({"queues.q.downstream": "g"}))

    pd.testing.assert_frame_equal(free.frame(), calls.frame(), rtol=0, atol=1e-9)


def test_hanging_attempts_hold_their_places() -> None:
    """An outage of one queue is felt by the other that shares its downstream."""
    script = Script(
        [ScriptJob(0.1, (0.1,)), ScriptJob(0.5, (0.1,), queue="r")],
        downstreams={"g": {"places": 1}},
        queue={
            "downstream": "g",
            "outages": [{"from_s": 0, "to_s": 0.3, "attempt_takes_s": 2}],
        },
    )

    assert ends(run_model(script))["r-1"] == [(1, 1, "failed")]
