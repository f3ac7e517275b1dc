"""Job schedulers in the model: rules worked out by hand, and what holds of any run."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from script import Script, ScriptJob, run_model

from simqueue.experiments.run import simulate
from simqueue.policies import Backoff, QueuePolicy
from simqueue.simulation.engines import ENGINES
from simqueue.workload.arrivals import Scheduler
from simqueue.workload.reading import build_scenario
from simqueue.workload.workload import Workload

TINY_S = 1e-9


def played(
    *takes_s: float, every_s: float = 1.0, lasts_s: float = 6.0, **more: Any
) -> list[tuple[int, float, float]]:
    """Number, slot and start of each first attempt where slots bring these times, over and over."""
    jobs = [ScriptJob(lasts_s - 1, (one,)) for one in takes_s]
    script = Script(jobs, schedulers={"q": {"every_s": every_s}}, **more)
    return first_starts(run_model(script))


def first_starts(log: pd.DataFrame) -> list[tuple[int, float, float]]:
    first = log[(log["attempt"] == 1) & (log["run"] == 1)].sort_values("started_s")
    numbers = first["job_id"].str.removeprefix("q-").astype(int)
    slots, started = first["enqueued_s"].round(6), first["started_s"].round(6)
    return list(zip(numbers, slots, started, strict=True))


def test_who_keeps_up_has_a_job_in_each_slot() -> None:
    assert played(0.3, lasts_s=4) == [(1, 0, 0), (2, 1, 1), (3, 2, 2), (4, 3, 3)]


def test_missed_slots_are_skipped() -> None:
    """The second is added for 1 s and starts at 2.5 s: then the next slot to come is 3 s."""
    assert played(2.5, 0.2, 0.2, lasts_s=5) == [(1, 0, 0), (2, 1, 2.5), (4, 3, 3), (5, 4, 5.5)]


def test_a_slot_that_is_just_now_is_not_missed() -> None:
    """``nextMillis < now`` is asked, not ``<=``: the job is added without a delay."""
    assert played(2.0, lasts_s=5)[:3] == [(1, 0, 0), (2, 1, 2), (3, 2, 4)]


def test_a_second_slot_of_a_worker_keeps_up() -> None:
    """The next one is added when a job starts, not when it ends."""
    assert played(1.5, lasts_s=4, slots=2) == [(1, 0, 0), (2, 1, 1), (3, 2, 2), (4, 3, 3)]


def test_a_retry_adds_no_job() -> None:
    """Nor does it keep the next slot's job from being added."""
    jobs = [ScriptJob(3.0, (0.1,), (True, True, False))]
    policy = QueuePolicy(attempts=3, backoff=Backoff(delay_ms=300))
    log = run_model(Script(jobs, policy, schedulers={"q": {"every_s": 1.0}}))

    assert [slot for _, slot, _ in first_starts(log)] == [0, 1, 2, 3]
    assert len(log) == 12


def test_a_run_after_a_stall_adds_no_job() -> None:
    """The worker dies with the first job; the second one's slot is over when it is back."""
    script = Script(
        [ScriptJob(4.0, (0.9,))],
        crashes=[{"at_s": 0.5, "worker": 0, "down_s": 0.1}],
        bullmq={"lock_duration_s": 0.4, "stalled_interval_s": 0.4},
        schedulers={"q": {"every_s": 1.0}},
    )
    log = run_model(script)
    stalled = log[log["outcome"] == "stalled"]

    assert stalled["job_id"].tolist() == ["q-1"]
    assert first_starts(log)[0] == (1, 0, 0)
    assert log["job_id"].value_counts().drop("q-1").eq(1).all()
    numbers = [number for number, _, _ in first_starts(log)]
    assert numbers == sorted(set(numbers))


def test_a_first_slot_that_is_to_come_is_waited_for() -> None:
    jobs = [ScriptJob(2.0, (0.1,))]
    script = Script(jobs, schedulers={"q": {"every_s": 1.0, "offset_s": 0.4}})

    assert first_starts(run_model(script)) == [(1, 0.4, 0.4), (2, 1.4, 1.4), (3, 2.4, 2.4)]


def test_a_slot_that_comes_while_all_are_busy_is_behind_who_came_later() -> None:
    """Its job is promoted as a retry is, when some worker fetches: at 0.5 s, not at 0.2 s."""
    jobs = [ScriptJob(0.1, (0.2,), queue="p"), ScriptJob(0.0, (0.5, 0.05), queue="q")]
    script = Script(jobs, follow_up={"completed": ["q"]}, schedulers={"q": {"every_s": 0.2}})
    log = run_model(script)
    order = log[log["queue"] == "q"].sort_values("started_s")["job_id"].tolist()

    assert order[:3] == ["q-1", "q-1-p-completed", "q-2"]


def scenario_of(every_s: float, mean_s: float, slots: int, **queue: Any) -> Any:
    return build_scenario(
        {
            "duration_s": 60,
            "workers": {"count": 1, "concurrency": slots},
            "arrivals": {"q": {"every_s": every_s, "offset_s": 0.25}},
            "queues": {
                "q": {"service": {"distribution": "exponential", "mean_s": mean_s}, **queue}
            },
        }
    )


@given(
    every_s=st.sampled_from([0.2, 0.5, 1.7]),
    mean_s=st.sampled_from([0.1, 0.6, 2.5]),
    slots=st.integers(1, 3),
    seed=st.integers(0, 2**31),
    lifo=st.booleans(),
)
@settings(max_examples=40)
def test_one_at_most_is_delayed_or_waits(
    every_s: float, mean_s: float, slots: int, seed: int, lifo: bool
) -> None:
    """Each next job is that of the first slot which is not over when the one before starts."""
    scenario = scenario_of(every_s, mean_s, slots, lifo=lifo, attempts=2, failure_rate=0.3)
    workload = Workload(scenario.replace({"seed": seed}))
    stream = scenario.arrivals["q"]
    assert isinstance(stream, Scheduler)
    found = first_starts(ENGINES["simpy"](workload).log.frame())

    slots_s = stream.slots_s(60.0)
    assert [slot for _, slot, _ in found] == [
        pytest.approx(slots_s[number - 1]) for number, _, _ in found
    ]
    for (number, _, started), (following, slot, after) in itertools.pairwise(found):
        assert following == stream.slot_after(number - 1, int(1000 * started + 1e-3)) + 1
        assert after >= max(started, slot) - TINY_S
    last = found[-1]
    assert stream.slot_after(last[0] - 1, int(1000 * last[2] + 1e-3)) >= len(slots_s)


@pytest.mark.parametrize("slots", [1, 2])
def test_its_rate_is_the_slots_or_what_the_queue_can_do(slots: int) -> None:
    """Constant service of 2.5 intervals: one slot does one job each 2.5, two do four in five."""
    table = {"distribution": "constant", "mean_s": 2.5}
    scenario = scenario_of(1.0, 1.0, slots).replace(
        {"queues.q.service": table, "duration_s": 5000, "arrivals.q": {"every_s": 1}}
    )
    done = simulate(scenario).summary().queues["q"].arrived

    assert done == pytest.approx(5000 / 2.5 * slots, rel=0.001)


def test_its_jobs_do_not_hang_on_how_many_workers_there_are() -> None:
    """The same slot takes as long: common random numbers."""
    few, many = (
        ENGINES["simpy"](Workload(scenario_of(0.5, 0.9, slots))).log.frame().set_index("job_id")
        for slots in (1, 4)
    )
    both = few.index.intersection(many.index)

    assert len(few) < len(many) == 120
    took = [log.loc[both, "finished_s"] - log.loc[both, "started_s"] for log in (few, many)]
    np.testing.assert_allclose(took[0], took[1])
