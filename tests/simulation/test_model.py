"""The model's rules, each on a run small enough to work out by hand."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simqueue.experiments.run import Run, simulate
from simqueue.simulation.engines import Replication, SimPyEngine
from simqueue.workload.reading import build_scenario
from simqueue.workload.workload import Workload


def run(**table: Any) -> pd.DataFrame:
    """The log of a scenario whose jobs arrive at ``interval_s`` in queue ``q``."""
    return simulate(build_scenario(table)).log.frame()


def constant(seconds: float) -> dict[str, Any]:
    return {"distribution": "constant", "mean_s": seconds}


def times(frame: pd.DataFrame) -> list[tuple[float, float, float]]:
    return [
        (round(a, 9), round(b, 9), round(c, 9))
        for a, b, c in zip(frame["ready_s"], frame["started_s"], frame["finished_s"], strict=True)
    ]


ONE_SLOT = {"count": 1, "concurrency": 1}


def test_one_slot_serves_first_in_first_out() -> None:
    frame = run(
        duration_s=3.5,
        workers=ONE_SLOT,
        arrivals={"q": {"interval_s": 1}},
        queues={"q": {"service": constant(1.5)}},
    )

    assert times(frame) == [(1, 1, 2.5), (2, 2.5, 4), (3, 4, 5.5)]
    assert frame["job_id"].tolist() == ["q-1", "q-2", "q-3"]


def test_slots_of_all_workers_share_a_queue() -> None:
    frame = run(
        duration_s=4.5,
        workers={"count": 2, "concurrency": 1},
        arrivals={"q": {"interval_s": 1}},
        queues={"q": {"service": constant(1.5)}},
    )

    assert times(frame) == [(1, 1, 2.5), (2, 2, 3.5), (3, 3, 4.5), (4, 4, 5.5)]
    assert frame["worker"].tolist() == ["0", "1", "0", "1"]


def test_a_retry_waits_its_backoff_and_goes_to_the_tail() -> None:
    """A job that always fails: three attempts, two waits; job 2 overtakes its retry."""
    frame = run(
        duration_s=2.5,
        workers=ONE_SLOT,
        arrivals={"q": {"interval_s": 1}},
        queues={
            "q": {
                "service": constant(1.0),
                "failure_rate": 1.0,
                "attempts": 3,
                "backoff": {"type": "exponential", "delay_ms": 500},
            }
        },
    )

    log = frame[["job_id", "attempt", "ready_s", "started_s", "outcome"]].to_numpy().tolist()
    assert log == [
        ["q-1", 1, 1.0, 1.0, "retried"],
        ["q-2", 1, 2.0, 2.0, "retried"],
        ["q-1", 2, 2.5, 3.0, "retried"],  # due while job 2 is served
        ["q-2", 2, 3.5, 4.0, "retried"],
        ["q-1", 3, 5.0, 5.0, "failed"],
        ["q-2", 3, 6.0, 6.0, "failed"],
    ]


def test_at_one_moment_an_attempt_ends_then_a_retry_is_due_then_a_job_arrives() -> None:
    """Jobs come at 1, 2, 3... and take 1 s, backoff is 1 s: everything happens at once.

    At 3 the slot ends job 2, job 1's retry is due and job 3 arrives: the retry is served first.
    """
    frame = run(
        duration_s=3.5,
        workers=ONE_SLOT,
        arrivals={"q": {"interval_s": 1}},
        queues={
            "q": {
                "service": constant(1.0),
                "failure_rate": 1.0,
                "attempts": 2,
                "backoff": {"type": "fixed", "delay_ms": 1000},
            }
        },
    )

    started = list(zip(frame["job_id"], frame["attempt"], frame["started_s"], strict=True))
    assert started[:4] == [("q-1", 1, 1.0), ("q-2", 1, 2.0), ("q-1", 2, 3.0), ("q-3", 1, 4.0)]


def test_cpu_holds_the_workers_loop_and_io_overlaps() -> None:
    """Two queues of one worker share its loop: cpu parts queue for it, io parts do not."""
    both = {"cpu": constant(0.4), "service": constant(1.0)}
    frame = run(
        duration_s=1.5,
        workers={"count": 1, "concurrency": 5},
        arrivals={"a": {"interval_s": 1}, "b": {"interval_s": 1}},
        queues={"a": both, "b": both},
    )
    apart = run(
        duration_s=1.5,
        workers={"count": 1, "concurrency": 5, "type": "a"},
        arrivals={"a": {"interval_s": 1}},
        queues={"a": both},
    )

    # Nobody asks for the second job while the loop is held.
    assert times(frame) == [(1, 1, 2.4), (1, 1.4, 2.8)]
    assert times(apart) == [(1, 1, 2.4)]


def test_every_attempt_that_starts_in_an_outage_fails() -> None:
    frame = run(
        duration_s=5.5,
        workers={"count": 1, "concurrency": 9},
        arrivals={"q": {"interval_s": 1}},
        queues={"q": {"service": constant(0.1), "outages": [[2, 4]]}},
    )

    assert frame["outcome"].tolist() == ["completed", "failed", "failed", "completed", "completed"]


def test_final_outcomes_add_their_follow_ups() -> None:
    frame = run(
        duration_s=4.5,
        arrivals={"a": {"interval_s": 1}},
        queues={
            "a": {
                "outages": [[2, 3]],
                "follow_up": {"completed": ["yes"], "failed": ["no", "yes"]},
            },
            "yes": {"service": constant(0.25)},
            "no": {},
        },
    )

    assert frame.groupby("queue", observed=False).size().to_dict() == {"a": 4, "yes": 4, "no": 1}
    child = frame[frame["queue"] == "yes"].iloc[0]
    assert (child["parent_id"], child["flow"], child["enqueued_s"]) == ("a-1", "a-1", 1.0)
    assert child["finished_s"] == 1.25


def test_jobs_of_a_queue_that_nobody_works_on_stay_unfinished() -> None:
    frame = run(
        duration_s=2.5,
        workers={"type": "a"},
        arrivals={"a": {"interval_s": 1}, "b": {"interval_s": 1}},
        queues={"a": {}, "b": {}},
    )

    left = frame[frame["queue"] == "b"]
    assert left["outcome"].astype(str).tolist() == ["", ""]
    assert left[["started_s", "finished_s"]].isna().all(axis=None)


def test_each_queue_has_its_own_number_of_slots() -> None:
    """Two workers: four slots for a, two for b; ten jobs of each come at once, nearly."""
    queue = {"service": constant(100.0)}
    frame = run(
        duration_s=0.105,
        workers={"count": 2, "concurrency": {"a": 2, "b": 1}},
        arrivals={"a": {"interval_s": 0.01}, "b": {"interval_s": 0.01}},
        queues={"a": queue, "b": queue},
    )
    at_once = frame[frame["started_s"] < 1]

    assert at_once.groupby("queue", observed=True).size().to_dict() == {"a": 4, "b": 2}
    places = set(zip(at_once["queue"], at_once["worker"], at_once["slot"], strict=True))
    assert places == {*(("a", w, s) for w in "01" for s in (0, 1)), ("b", "0", 0), ("b", "1", 0)}


def test_in_process_a_request_does_everything_in_turn() -> None:
    """One caller: the job, then its follow-up, then the next request; nothing is retried."""
    frame = run(
        mode="in-process",
        duration_s=2.5,
        arrivals={"order": {"interval_s": 1}},
        queues={
            "order": {"service": constant(1.0), "outages": [[1, 1.5]]},
            "email": {"service": constant(0.5)},
        },
    )

    log = frame[["job_id", "enqueued_s", "started_s", "finished_s", "outcome"]].to_numpy().tolist()
    assert log == [
        ["order-1", 1.0, 1.0, 2.0, "failed"],
        ["order-2", 2.0, 2.0, 3.0, "completed"],
        ["email-2-order-confirmation", 3.0, 3.0, 3.5, "completed"],
    ]


def test_in_process_callers_serve_requests_at_once() -> None:
    frame = run(
        mode="in-process",
        caller={"concurrency": 2},
        duration_s=3.5,
        arrivals={"order": {"interval_s": 1}},
        queues={"order": {"service": constant(1.5)}},
    )

    assert times(frame) == [(1, 1, 2.5), (2, 2, 3.5), (3, 3, 4.5)]
    assert frame["slot"].tolist() == [0, 1, 0]


def test_a_worker_that_is_told_to_end_finishes_what_it_has() -> None:
    """It takes nothing while it is down, loses nothing, and goes on when it is back."""
    frame = run(
        duration_s=8.5,
        workers={"concurrency": 1, "crashes": [{"at_s": 1.5, "down_s": 4.0, "drain": True}]},
        arrivals={"q": {"interval_s": 1}},
        queues={"q": {"service": constant(1.0)}},
    )

    assert times(frame)[:3] == [(1, 1, 2), (2, 5.5, 6.5), (3, 6.5, 7.5)]
    assert (frame["outcome"] == "completed").all()


scenarios = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**31),
        "duration_s": st.just(60),
        "mode": st.sampled_from(["bull-queue", "in-process"]),
        "workers": st.fixed_dictionaries(
            {"count": st.integers(1, 3), "concurrency": st.integers(1, 4)}
        ),
        "rate": st.floats(0.2, 4),
        "failure": st.floats(0, 0.8),
        "cv": st.floats(0.2, 3),
        "jitter": st.floats(0, 1),
    }
)


@given(scenarios)
@settings(max_examples=60, deadline=None)
def test_whatever_the_scenario_the_log_makes_sense(draw: dict[str, Any]) -> None:
    rate, failure, cv, jitter = (draw.pop(key) for key in ("rate", "failure", "cv", "jitter"))
    backoff = {"type": "exponential", "delay_ms": 700, "jitter": jitter}
    scenario = build_scenario(
        {
            **draw,
            "arrivals": {
                "order": {"rate_per_s": rate},
                "payment": {"follows": "order", "think": constant(1.0)},
            },
            "queues": {
                name: {
                    "service": {"distribution": "gamma", "mean_s": 0.8, "cv": cv},
                    "cpu": constant(0.01),
                    "failure_rate": failure,
                    "backoff": backoff,
                }
                for name in ("order", "payment", "email")
            },
        }
    )
    frame = simulate(scenario).log.frame()
    if frame.empty:
        return

    assert (frame["enqueued_s"] <= frame["ready_s"]).all()
    assert (frame["ready_s"] <= frame["started_s"]).all()
    assert (frame["started_s"] <= frame["finished_s"]).all()
    # A slot does one thing at a time.
    keys = ["worker", "slot"] if scenario.mode == "in-process" else ["queue", "worker", "slot"]
    for _, mine in frame.groupby(keys, observed=True):
        mine = mine.sort_values(["started_s", "finished_s"])
        assert (mine["started_s"].to_numpy()[1:] >= mine["finished_s"].to_numpy()[:-1] - 1e-9).all()
    # First ready, first started: the new jobs of a queue (retries come in when somebody fetches),
    # or the requests of a web process. One worker may be held by a cpu part, and another not.
    first = frame[frame["attempt"] == 1 if scenario.mode == "bull-queue" else frame.parent_id == ""]
    if scenario.mode == "in-process" or scenario.workers.count == 1:
        for _, mine in first.groupby("queue", observed=True):
            mine = mine.sort_values(["ready_s", "started_s"])
            assert (np.diff(mine["started_s"]) >= 0).all()
    # Each job ends once, after attempts that are numbered without a gap.
    for _, mine in frame.groupby("job_id"):
        assert mine["attempt"].tolist() == list(range(1, len(mine) + 1))
        assert (mine["outcome"].iloc[:-1] == "retried").all()
        assert mine["outcome"].iloc[-1] in ("completed", "failed")
    # Children begin where their parent ended, and every order has what it should.
    ends = frame.drop_duplicates("job_id", keep="last").set_index("job_id")
    children = ends[ends["parent_id"] != ""]
    parents = ends.loc[children["parent_id"]]
    assert (children["enqueued_s"].to_numpy() >= parents["finished_s"].to_numpy() - 1e-9).all()
    completed = ends[(ends["queue"] == "order") & (ends["outcome"] == "completed")]
    assert (ends["name"] == "order-confirmation").sum() == len(completed)


@pytest.mark.parametrize("mode", ["bull-queue", "in-process"])
def test_ctrl_c_keeps_what_is_done(mode: str) -> None:
    scenario = build_scenario(
        {
            "mode": mode,
            "duration_s": 1000,
            "arrivals": {"order": {"rate_per_s": 1}},
            "queues": {"order": {"service": constant(0.9)}},
        }
    )

    def interrupt_in_the_third(share: float) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    result = simulate(scenario, replications=5, progress=interrupt_in_the_third)

    whole = simulate(scenario, replications=2)
    assert result.replications == 2
    assert result.interrupted
    assert result.cut_off_s is None  # what is in the log ran to its end
    pd.testing.assert_frame_equal(result.log.frame(), whole.log.frame())


def test_ctrl_c_between_replications_keeps_those_that_are_done() -> None:
    """While the next is being set up nothing of it exists, and all of the others does."""
    scenario = build_scenario(
        {
            "duration_s": 100,
            "arrivals": {"order": {"rate_per_s": 1}},
            "queues": {"order": {"service": constant(0.5)}},
        }
    )
    whole = simulate(scenario, replications=2)

    def run(interrupted_in: int) -> Run:
        def engine(workload: Workload, *_: object) -> Replication:
            if workload.replication == interrupted_in:
                raise KeyboardInterrupt
            return SimPyEngine()(workload)

        return simulate(scenario, replications=5, engine=engine)

    result = run(2)
    assert (result.replications, result.interrupted, result.cut_off_s) == (2, True, None)
    pd.testing.assert_frame_equal(result.log.frame(), whole.log.frame())
    with pytest.raises(KeyboardInterrupt):
        run(0)
