"""Pools of workers in the model: who takes which job, and when there is which worker."""

from __future__ import annotations

import math
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest

from simqueue.errors import InputError
from simqueue.experiments.run import Run, simulate
from simqueue.record.attempt_log import AttemptLog
from simqueue.record.reading import read_log
from simqueue.workload.reading import build_scenario

EXPONENTIAL = {"distribution": "exponential", "mean_s": 1.0}
NAN = math.nan


def constant(seconds: float) -> dict[str, Any]:
    return {"distribution": "constant", "mean_s": seconds}


def run(pools: dict[str, Any] | None = None, replications: int = 1, **table: Any) -> Run:
    base: dict[str, Any] = {
        "duration_s": 100,
        "arrivals": {"q": {"rate_per_s": 4}},
        "queues": {"q": {"service": EXPONENTIAL}},
    }
    pools = {} if pools is None else {"pools": pools}
    return simulate(build_scenario({**base, **table, **pools}), replications)


def times(log: AttemptLog) -> pd.DataFrame:
    """The log without the names of workers and pools."""
    return log.frame().drop(columns=["worker", "pool"], errors="ignore")


def stays(done: Run) -> list[tuple[str, float, float, float, float]]:
    """Each worker's name, and when it was asked for, ready, told to end, and gone."""
    table = done.workers().drop(columns=["replication", "pool"])
    return [tuple(row) for row in table.to_numpy().tolist()]


# ---- pools side by side

SHARED: list[dict[str, Any]] = [
    {},
    {"queues": {"q": {"service": EXPONENTIAL, "cpu": constant(0.05)}}},
    {"bullmq": {"client": "node", "overhead": "measured"}},
]


@pytest.mark.parametrize("table", SHARED)
def test_one_pool_is_what_workers_are(table: dict[str, Any]) -> None:
    crashes = [{"at_s": 20, "worker": 1, "down_s": 9}, {"at_s": 60, "down_s": 5, "drain": True}]
    numbers = {"count": 3, "crashes": crashes}
    plain = run(workers={**numbers, "concurrency": 2}, **table)
    pool = run({"web": {**numbers, "queues": {"q": 2}}}, **table)

    assert times(pool.log).equals(times(plain.log))
    assert pool.log.frame()["worker"].dropna().unique().tolist() == [
        f"web-{name}" for name in plain.log.frame()["worker"].dropna().unique()
    ]


def test_two_pools_on_one_queue_are_as_many_slots() -> None:
    """The same starts as with three workers and two, one slot each: M/M/5."""
    five = run(workers={"count": 5, "concurrency": 1}, duration_s=2000)
    both = run(
        {"a": {"count": 3, "queues": {"q": 1}}, "b": {"count": 2, "queues": {"q": 1}}},
        duration_s=2000,
    )

    assert times(both.log).equals(times(five.log))
    assert five.theory()["q"] is not None
    assert both.theory() == five.theory()
    assert both.summary().queues["q"].utilisation == five.summary().queues["q"].utilisation


def test_queues_of_one_process_share_its_event_loop_and_pools_do_not() -> None:
    """A job of each queue comes at 1 s and computes for 2 s."""
    table: dict[str, Any] = {
        "duration_s": 1.5,
        "arrivals": {name: {"interval_s": 1} for name in "ab"},
        "queues": {name: {"service": constant(0), "cpu": constant(2)} for name in "ab"},
    }
    together = run({"x": {"queues": {"a": 1, "b": 1}}}, **table)
    apart = run({"x": {"queues": {"a": 1}}, "y": {"queues": {"b": 1}}}, **table)

    assert sorted(together.log.rows["finished_s"] - together.log.rows["enqueued_s"]) == [2, 4]
    assert sorted(apart.log.rows["finished_s"] - apart.log.rows["enqueued_s"]) == [2, 2]


def test_a_killed_workers_job_is_done_by_another_pool() -> None:
    done = run(
        {
            "a": {"queues": {"q": 1}, "crashes": [{"at_s": 2.0, "down_s": 1000}]},
            "b": {"schedule": [[0, 0], [3, 1]], "queues": {"q": 1}},
        },
        duration_s=1.5,
        arrivals={"q": {"interval_s": 1}},
        queues={"q": {"service": constant(5)}},
    )
    frame = done.log.frame()

    assert frame["outcome"].tolist() == ["stalled", "completed"]
    assert frame["worker"].tolist() == ["a-0", "b-0"]
    assert frame["run"].tolist() == [1, 2]


# ---- what changes over time


def test_a_schedule_asks_for_workers_and_dismisses_the_newest() -> None:
    """Jobs of 10 s come each second, so that all are busy: who is told to end ends its job."""
    done = run(
        {"web": {"schedule": [[0, 1], [20, 3], [50, 2]], "start_s": 5, "queues": {"q": 1}}},
        duration_s=60,
        arrivals={"q": {"interval_s": 1}},
        queues={"q": {"service": constant(10)}},
    )
    frame = done.log.frame()

    # Worker 2 takes jobs from 25 s on: it is told to end in its third.
    np.testing.assert_equal(
        stays(done),
        [
            ("web-0", 0, 0, NAN, NAN),
            ("web-1", 20, 25, NAN, NAN),
            ("web-2", 20, 25, 50, 55),
        ],
    )
    assert frame.loc[frame["worker"] == "web-2", "started_s"].tolist() == [25, 35, 45]
    assert frame["outcome"].eq("completed").all()


def test_who_is_dismissed_while_it_starts_never_takes_jobs() -> None:
    done = run({"web": {"schedule": [[0, 1], [20, 3], [22, 1]], "start_s": 5, "queues": {"q": 1}}})

    np.testing.assert_equal(
        stays(done)[1:], [("web-1", 20, NAN, 22, 22), ("web-2", 20, NAN, 22, 22)]
    )
    assert set(done.log.frame()["worker"].dropna()) == {"web-0"}


def test_a_place_that_is_free_is_taken_again_and_one_that_drains_is_not() -> None:
    done = run(
        {"web": {"schedule": [[0, 2], [20, 1], [22, 2], [40, 1], [60, 2]], "queues": {"q": 1}}},
        duration_s=30,
        arrivals={"q": {"interval_s": 1}},
        queues={"q": {"service": constant(7)}},
    )
    names = [(name, asked) for name, asked, *_ in stays(done)]

    assert names == [("web-0", 0), ("web-1", 0), ("web-2", 22), ("web-1", 60)]


def test_nothing_happens_to_a_worker_that_is_not_there() -> None:
    """Worker 1 is asked for at 50 s only; worker 2 is dismissed while it is away."""
    schedule = [[0, 1], [50, 3], [70, 1]]
    crashes = [
        {"at_s": 10, "worker": 1, "down_s": 1},
        {"at_s": 60, "worker": 2, "down_s": 20, "drain": True},
    ]
    done = run({"web": {"schedule": schedule, "queues": {"q": 1}, "crashes": crashes}})
    frame = done.log.frame()
    second = frame[frame["worker"] == "web-2"]

    assert [name for name, *_ in stays(done)] == ["web-0", "web-1", "web-2"]
    assert second["started_s"].between(50, 60).all()
    assert frame["outcome"].eq("completed").all()


@pytest.mark.parametrize("cpu_s", [0.0, 0.04])
@pytest.mark.parametrize("seed", range(8))
def test_nobody_works_before_it_is_ready_or_begins_after_it_was_told_to_end(
    seed: int, cpu_s: float
) -> None:
    """Random schedules, crashes and failures of two pools on two queues."""
    draw = Random(seed)

    def schedule() -> list[list[float]]:
        moments = sorted(draw.sample(range(1, 90), 6))
        return [[0, 2], *([at, draw.randrange(4)] for at in moments), [95, 1]]

    def crashes() -> list[dict[str, Any]]:
        ats = sorted(draw.sample(range(1, 90), 3))
        return [
            {"at_s": at, "worker": 0, "down_s": 0.9, "drain": draw.random() < 0.5} for at in ats
        ]

    queue = {"service": EXPONENTIAL, "cpu": constant(cpu_s), "failure_rate": 0.3, "attempts": 3}
    done = run(
        {
            "a": {"schedule": schedule(), "start_s": 2.5, "queues": {"q": 2}, "crashes": crashes()},
            "b": {"schedule": schedule(), "queues": {"q": 1, "r": 2}, "crashes": crashes()},
        },
        seed=seed,
        arrivals={"q": {"rate_per_s": 1.5}, "r": {"rate_per_s": 1}},
        queues={"q": queue, "r": {**queue, "backoff": {"type": "fixed", "delay_ms": 700}}},
        bullmq={"lock_duration_s": 4, "stalled_interval_s": 3, "max_stalled": 50},
    )
    frame, table = done.log.frame(), done.workers()

    ends = frame.groupby("job_id").tail(1)["outcome"]
    assert ends.isin(["completed", "failed"]).all()
    assert len(frame) > 300
    for row in frame.dropna(subset=["started_s"]).itertuples():
        mine = table[table["worker"] == row.worker]
        taking = (mine["ready_s"] <= row.started_s) & ~(mine["drained_s"] <= row.started_s)
        there = taking & ~(mine["gone_s"] < (row.finished_s if row.outcome != "stalled" else 0))
        assert there.any(), row
        assert frame["pool"][row.Index] == row.worker[0]
    for _, mine in frame.dropna(subset=["started_s"]).groupby(["queue", "worker", "slot"]):
        ordered = mine[mine["outcome"] != "stalled"].sort_values("started_s")
        busy_until = ordered["finished_s"].to_numpy()[:-1]
        assert (ordered["started_s"].to_numpy()[1:] >= busy_until).all()


# ---- autoscalers


def scaled(done: Run) -> list[tuple[float, int]]:
    """When the number of workers that were asked for changed, and to what."""
    table = done.workers()
    moments = np.unique(np.concatenate([table["asked_s"], table["drained_s"].dropna()]))
    return [
        (at, int(((table["asked_s"] <= at) & ~(table["drained_s"] <= at)).sum()))
        for at in moments.tolist()
    ]


def test_an_autoscaler_follows_a_hand_computed_day() -> None:
    """A job each second for 80 s, each of 15 s; 10 waiting jobs for each worker of one slot.

    A look comes before what arrives at that moment, and after what ends then. So at 15 s 14 have
    come and 13 wait: ceil(1.3) = 2. At 30 s 29 have come and 4 were started (1, 16; 15, 30): 25
    wait, 3. At 45 s 44 - 8 = 36 wait: 4. At 60 s 59 - 13 = 46 wait: 5. At 75 s 74 - 19 = 55 wait,
    which is within the tolerance of 50. At 90 s 80 - 24 = 56 wait: 6. That is forgotten at 390 s.
    """
    done = run(
        {"web": {"queues": {"q": 1}, "autoscale": {"metric": "ready", "target": 10, "max": 9}}},
        duration_s=80.5,
        arrivals={"q": {"interval_s": 1}},
        queues={"q": {"service": constant(15)}},
    )

    assert scaled(done)[:6] == [(0, 1), (15, 2), (30, 3), (45, 4), (60, 5), (90, 6)]
    assert all(at >= 390 for at, _ in scaled(done)[6:])


def test_a_worker_that_starts_does_nothing_yet() -> None:
    """100 jobs at once: four more workers are asked for at 15 s, and start when they are up."""
    done = run(
        {
            "web": {
                "queues": {"q": 1},
                "start_s": 40,
                "autoscale": {"metric": "ready", "target": 10, "max": 5},
            }
        },
        duration_s=10,
        arrivals={"q": {"interval_s": 0.1}},
        queues={"q": {"service": constant(5)}},
    )
    started = done.log.frame().groupby("worker", observed=True)["started_s"].min()

    assert [(asked, ready) for _, asked, ready, *_ in stays(done)] == [(0, 0)] + [(15, 55)] * 4
    assert started.tolist() == [pytest.approx(0.1)] + [55] * 4


@pytest.mark.parametrize(
    ("metric", "target", "first"),
    [
        ("busy", 1, 3),  # 3 busy slots, 1 for each
        ("utilisation", 0.5, 2),  # 3 of 3 are busy: twice the target
        ("oldest_s", 2.5, 5),  # since 4 s one waits, 11 s: 4.4 times the target
        ("ready", 4, 3),  # 12 wait
        ("wait_list", 4, 3),
    ],
)
def test_each_metric_is_what_it_says(metric: str, target: float, first: int) -> None:
    """A job each second, three slots, and none is done for a long time: the first look."""
    scaler = {"metric": metric, "target": target, "max": 50}
    done = run(
        {"web": {"queues": {"q": 3}, "autoscale": scaler}},
        duration_s=15.5,
        arrivals={"q": {"interval_s": 1}},
        queues={"q": {"service": constant(400)}},
    )

    assert scaled(done)[1] == (15, first)


def test_a_trigger_on_the_wait_list_does_not_see_a_retry_that_is_due() -> None:
    """It is in the delayed set until a worker fetches, and the only slot is held until 111 s.

    The job of 31 s fails at 71 s and is due again at 76 s; that of 62 s is started at 71 s.
    """

    def changes(metric: str) -> list[tuple[float, int]]:
        scaler = {"metric": metric, "target": 0.5, "max": 9}
        done = run(
            {"web": {"queues": {"q": 1}, "autoscale": scaler}},
            duration_s=63,
            arrivals={"q": {"interval_s": 31}},
            queues={
                "q": {
                    "service": constant(40),
                    "attempts": 2,
                    "outages": [[30, 32]],
                    "backoff": {"type": "fixed", "delay_ms": 5000},
                }
            },
        )
        return scaled(done)

    assert changes("ready")[:2] == [(0, 1), (90, 2)]
    assert changes("wait_list") == [(0, 1)]


KEDA: dict[str, Any] = {"metric": "ready", "target": 5, "min": 0, "max": 4}


def test_keda_brings_the_first_worker_and_takes_the_last() -> None:
    """One job at 40 s: seen at 60 s, done at 61 s; 300 s after 60 s nobody is left.

    Jobs at 400 s and 460 s: the second keeps the worker until 780 s.
    """
    done = run(
        {"web": {"queues": {"q": 1}, "autoscale": KEDA}},
        duration_s=900,
        arrivals={"q": {"interval_s": 400}},
        queues={"q": {"service": constant(1)}},
    )

    assert [(asked, ready) for _, asked, ready, *_ in stays(done)] == [(420, 420), (810, 810)]
    assert stays(done)[0][3:] == (720, 720)


def test_too_few_jobs_to_wake_anybody_are_never_done_and_the_run_ends() -> None:
    few = run(
        {"web": {"queues": {"q": 1}, "autoscale": {**KEDA, "activation": 50}}},
        duration_s=10.5,
        arrivals={"q": {"interval_s": 1}},
    )
    by_age = run(
        {
            "web": {
                "queues": {"q": 1},
                "autoscale": {**KEDA, "metric": "oldest_s", "target": 60, "activation": 500},
            }
        },
        duration_s=10.5,
        arrivals={"q": {"interval_s": 1}},
    )

    assert (few.log.rows["outcome"] == 0).all()
    assert len(few.log) == 10
    # Age alone grows: at 510 s the first has waited for 509 s.
    assert stays(by_age)[0][1:3] == (510, 510)
    assert (by_age.log.rows["outcome"] == 1).all()


def test_a_schedule_that_ends_with_nobody_leaves_jobs_and_ends() -> None:
    """Another pool's timers do not go on for jobs that nobody will take."""
    done = run(
        {
            "a": {"schedule": [[0, 1], [50, 0]], "queues": {"q": 1}},
            "b": {"queues": {"r": 1}, "crashes": [{"at_s": 5, "down_s": 1}]},
        },
        arrivals={"q": {"rate_per_s": 1}, "r": {"rate_per_s": 0.1}},
        queues={"q": {"service": EXPONENTIAL}, "r": {}},
    )
    frame = done.log.frame()
    left = frame[frame["started_s"].isna()]

    assert set(left["queue"]) == {"q"}
    assert left["enqueued_s"].max() > 90
    assert done.simulated_s < 130


# ---- the record


def test_a_log_of_pools_has_a_column_more_and_reads_back(tmp_path: Path) -> None:
    pools = {"a": {"queues": {"q": 1}}, "b": {"schedule": [[0, 1], [9, 3]], "queues": {"q": 2}}}
    done = run(pools, replications=2)
    file = tmp_path / "log.csv"
    done.log.write(file)
    back = read_log(file)

    assert done.log.frame().columns[-1] == "pool"
    assert dict(zip(back.workers, back.pools, strict=True)) == {
        name: name[0] for name in back.workers
    }
    assert (
        back.frame()["pool"].astype(str).tolist() == done.log.frame()["pool"].astype(str).tolist()
    )
    assert "pool" not in run(workers={"count": 2}).log.frame()


def test_a_log_whose_worker_is_in_two_pools_is_refused(tmp_path: Path) -> None:
    done = run({"a": {"queues": {"q": 1}}}, duration_s=5)
    file = tmp_path / "log.csv"
    frame = done.log.frame().astype({"pool": object})
    frame.loc[1, "pool"] = "b"
    frame.to_csv(file, index=False)

    with pytest.raises(
        InputError, match=r"row \d+, column pool: .* is not the worker's other pool"
    ):
        read_log(file)


def test_each_replication_has_its_own_workers() -> None:
    pools = {"web": {"queues": {"q": 1}, "autoscale": {"metric": "ready", "target": 2, "max": 9}}}
    together = run(pools, replications=3)

    assert together.workers()["replication"].unique().tolist() == [0, 1, 2]
    for number in range(3):
        alone = together.log.replication(number)
        names = {alone.workers[code] for code in alone.presence["worker"]}
        worked = set(alone.frame()["worker"].dropna())
        assert worked <= names
    first = run(pools)
    mine = together.workers().query("replication == 0").reset_index(drop=True)
    pd.testing.assert_frame_equal(mine, first.workers())


@pytest.mark.parametrize(("priority", "most"), [(0, 5), (1, 1)])
def test_the_wait_list_holds_no_job_with_a_priority(priority: int, most: int) -> None:
    """A trigger on BullMQ's ``wait`` does not see what is in the prioritized set."""
    scaler = {"metric": "wait_list", "target": 5, "min": 1, "max": 5}
    done = run(
        {"web": {"queues": {"q": 1}, "autoscale": scaler}},
        queues={"q": {"service": EXPONENTIAL, "priority": priority}},
    )
    assert len(done.workers()["worker"].unique()) == most
