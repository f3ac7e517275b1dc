"""A log as the workload: what the model wrote, the model repeats."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simqueue.errors import InputError
from simqueue.experiments.log_replay import Slots, replay_log, seen_slots
from simqueue.experiments.run import simulate
from simqueue.record.attempt_log import STALLED, AttemptLog
from simqueue.record.merging import merge
from simqueue.workload.production import Overhead
from simqueue.workload.reading import build_scenario


def log_of(**table: Any) -> AttemptLog:
    queue = {"service": {"distribution": "gamma", "mean_s": 0.8, "cv": 1.0}, "failure_rate": 0.2}
    return simulate(
        build_scenario(
            {
                "duration_s": 120,
                "arrivals": {"order": {"rate_per_s": 4}},
                "queues": {"order": queue, "email": queue},
                **table,
            }
        )
    ).log


def by_attempt(log: AttemptLog) -> Any:
    frame = log.frame().set_index(["queue", "job_id", "attempt", "run"]).sort_index()
    return frame[["enqueued_s", "ready_s", "started_s", "finished_s"]], frame["outcome"].astype(str)


@given(
    st.integers(0, 2**31),
    st.integers(1, 3),
    st.integers(1, 3),
    st.sampled_from(["fixed", "exponential"]),
)
@settings(max_examples=25, deadline=None)
def test_a_model_run_is_repeated_exactly(seed: int, workers: int, slots: int, backoff: str) -> None:
    """Retries and follow-ups included, whatever the backoff: it is taken from the log."""
    log = log_of(
        seed=seed,
        workers={"count": workers, "concurrency": slots},
        arrivals={"order": {"rate_per_s": workers * slots * 0.8}},
    )
    who = Slots(workers, slots)
    found = replay_log(log, {"order": who, "email": who})

    (times, outcomes), (again, outcomes_again) = by_attempt(found.real), by_attempt(found.model)
    assert (outcomes == outcomes_again).all()
    np.testing.assert_allclose(again, times, atol=1e-6)
    assert found.left_out == 0


def test_stalls_are_taken_from_the_log() -> None:
    """A run that died holds no slot; its job comes back when it did, with the same numbers."""
    log = log_of(
        workers={"count": 2, "concurrency": 3, "crashes": [{"at_s": 40, "down_s": 5}]},
        arrivals={"order": {"rate_per_s": 3}},
        bullmq={"lock_duration_s": 4, "stalled_interval_s": 4},
    )
    assert (log.rows["outcome"] == STALLED).any()
    found = replay_log(log)

    (times, outcomes), (again, outcomes_again) = by_attempt(found.real), by_attempt(found.model)
    assert (outcomes == outcomes_again).all()
    stalled = outcomes == "stalled"
    np.testing.assert_allclose(again[stalled]["finished_s"], times[stalled]["finished_s"], atol=1)
    # The model has the dead worker's slots all the time: its waits can only be shorter.
    waits = [(t["started_s"] - t["ready_s"]).mean() for t in (times, again)]
    assert 0.5 * waits[0] < waits[1] <= waits[0] + 1e-9


def test_a_job_that_stalled_comes_back_at_the_head() -> None:
    """Ten jobs are ahead of it in time; it is the next all the same."""
    log = log_of(
        duration_s=12,
        workers={"count": 1, "concurrency": 1, "crashes": [{"at_s": 1.5, "down_s": 0.1}]},
        arrivals={"order": {"interval_s": 0.5}},
        queues={"order": {"service": {"distribution": "constant", "mean_s": 1.2}}},
        bullmq={"lock_duration_s": 2, "stalled_interval_s": 2},
    )
    again = replay_log(log).model.frame()
    second_run = again[again["run"] == 2]

    assert len(second_run) == 1
    assert (second_run["started_s"] - second_run["ready_s"]).item() <= 1.2


@pytest.mark.parametrize("seed", [1, 2])
def test_parents_whose_children_are_done_go_to_the_head(seed: int) -> None:
    """With more to do than the slots can, that is what their waits rest on."""
    took = {"distribution": "exponential", "mean_s": 1.0}
    log = log_of(
        seed=seed,
        workers={"count": 1, "concurrency": 4},
        arrivals={"order": {"rate_per_s": 4.5}},
        queues={
            "order": {"children": {"email": 2}, "service": took, "follow_up": {}},
            "email": {"service": {**took, "mean_s": 0.4}},
        },
    )
    who = Slots(1, 4)
    found = replay_log(log, {"order": who, "email": who})

    (times, _), (again, _) = by_attempt(found.real), by_attempt(found.model)
    assert (times["started_s"] - times["ready_s"]).max() > 5
    np.testing.assert_allclose(again, times, atol=1e-6)


def test_only_pick_ups_are_added() -> None:
    """A recorded attempt holds all other costs of the queue."""
    log = log_of(workers={"concurrency": 50}, arrivals={"order": {"rate_per_s": 1}})
    cost = Overhead(pickup_s=0.002, retry_s=0.002, service_s=5.0, loop_s=5.0)
    found = replay_log(log, {"order": Slots(1, 50), "email": Slots(1, 50)}, cost)

    rows = found.model.rows
    np.testing.assert_allclose(rows["started_s"] - rows["ready_s"], 0.002, atol=1e-6)


def test_jobs_without_an_end_are_left_out_and_counted() -> None:
    log = log_of()
    rows = log.rows.copy()
    cut = rows["finished_s"] > 100
    rows["outcome"][cut], rows["finished_s"][cut] = 0, np.nan
    found = replay_log(AttemptLog(**{**vars(log), "rows": rows}))

    assert found.left_out == len(np.unique(rows["job"][cut]))
    assert set(found.model.frame()["job_id"]) == set(found.real.frame()["job_id"])


def test_the_workers_are_seen() -> None:
    log = log_of(workers={"count": 3, "concurrency": 2}, arrivals={"order": {"rate_per_s": 8}})

    assert seen_slots(log, "order") == Slots(3, 2)


def test_a_log_that_says_too_little_or_too_much_is_refused() -> None:
    log = log_of()
    rows = log.rows.copy()
    rows["slot"] = -1
    again = log.rows.copy()
    again["replication"] = 1
    with pytest.raises(InputError, match="--workers and --concurrency"):
        replay_log(AttemptLog(**{**vars(log), "rows": rows}))
    with pytest.raises(InputError, match="2 replications: expected one"):
        replay_log(merge([log, replace(log, rows=again)]))
    with pytest.raises(InputError, match="nothing to replay"):
        replay_log(AttemptLog(**{**vars(log), "rows": rows[:0]}))
