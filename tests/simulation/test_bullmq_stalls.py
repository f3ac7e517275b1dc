"""Workers that die, drain or are held: the real queue and the model play one script.

Locks last 0.8 s here instead of thirty, and so does most often the time between two looks for
stalled jobs.
Moments are compared too: the real queue may be some milliseconds later than the model.
"""

import pandas as pd
import pytest
from script import (
    LATE_S,
    Script,
    ScriptJob,
    both,
    ends,
    is_clear,
    put_back,
    starts,
)

from simqueue.experiments.run import simulate
from simqueue.policies import Backoff, QueuePolicy
from simqueue.workload.reading import build_scenario

SHORT = {"lock_duration_s": 0.8, "stalled_interval_s": 0.8}


def crash(at_s: float, worker: int = 0, down_s: float = 0.1) -> dict[str, float]:
    return {"at_s": at_s, "worker": worker, "down_s": down_s}


def play(script: Script, url: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both logs of a script, once it is sure that they agree about order, outcomes and stalls."""
    assert is_clear(script), "milliseconds decide about this script"
    model, real = both(script, url)
    assert starts(real) == starts(model)
    assert ends(real) == ends(model)
    assert put_back(real) == pytest.approx(put_back(model), abs=LATE_S)
    return model, real


def order(log: pd.DataFrame) -> list[str]:
    """Jobs, attempts and runs in the order of their starts, such as ``q-1/1/2``."""
    return ["/".join(map(str, row)) for row in starts(log)]


def test_a_stalled_job_goes_to_the_head_and_its_attempt_does_not_count(redis_url: str) -> None:
    """The worker dies at 0.3 with job 1, and is back at 0.4; its first look is at 1.2.

    That look marks job 1, the one at 2.0 puts it back: without backoff, ahead of jobs 3 and 4. It
    has both its attempts still.
    """
    script = Script(
        [
            ScriptJob(0.1, (1.0, 0.05), (True, False)),
            ScriptJob(0.2, (2.0,)),
            ScriptJob(0.5, (0.05,)),
            ScriptJob(0.6, (0.05,)),
        ],
        QueuePolicy(attempts=2, backoff=Backoff(delay_ms=5)),
        crashes=[crash(0.3)],
        bullmq=SHORT,
    )
    model, real = play(script, redis_url)

    assert put_back(model) == pytest.approx([2.0])
    assert order(model) == ["q-1/1/1", "q-2/1/1", "q-1/1/2", "q-3/1/1", "q-4/1/1", "q-1/2/1"]
    assert ends(real)["q-1"] == [(1, 1, "stalled"), (1, 2, "retried"), (2, 1, "completed")]
    again = real[(real["job_id"] == "q-1") & (real["run"] == 2)]
    assert again["ready_s"].item() == pytest.approx(put_back(real)[0]), "ready when it was put back"


def test_a_look_comes_before_a_renewal_of_the_same_moment(redis_url: str) -> None:
    """The look of 1.6 marks job 1, the renewal of 1.6 takes the mark away.

    The worker dies at 1.75 and is back at 1.85. So the look of 2.65 marks the job again, and only
    that of 3.45 puts it back.
    """
    script = Script([ScriptJob(0.1, (2.5, 0.05))], crashes=[crash(1.75)], bullmq=SHORT)
    model, _ = play(script, redis_url)

    assert put_back(model) == pytest.approx([3.45])


def test_what_stalls_twice_fails_without_its_handler(redis_url: str) -> None:
    """BullMQ forgives one stall; the row of the failure has no start."""
    script = Script(
        [ScriptJob(0.1, (1.5,))],
        QueuePolicy(attempts=3),
        crashes=[crash(0.3), crash(2.3)],  # put back at 2.0, and lost again
        bullmq=SHORT,
    )
    _, real = play(script, redis_url)

    assert ends(real)["q-1"] == [(1, 1, "stalled"), (1, 2, "stalled"), (1, 3, "failed")]
    last = real.iloc[-1]
    assert pd.isna(last["started_s"])
    assert last["finished_s"] >= last["ready_s"]


def test_what_may_stall_twice_is_done_after_the_second(redis_url: str) -> None:
    script = Script(
        [ScriptJob(0.1, (1.5,))],
        crashes=[crash(0.3), crash(2.3)],
        bullmq={**SHORT, "max_stalled": 2},
    )
    _, real = play(script, redis_url)

    assert ends(real)["q-1"] == [(1, 1, "stalled"), (1, 2, "stalled"), (1, 3, "completed")]


@pytest.mark.parametrize(("at_s", "found_s"), [(0.3, 1.8), (0.95, 1.8), (1.3, 2.7)])
def test_another_worker_finds_the_jobs_of_one_that_died(
    redis_url: str, at_s: float, found_s: float
) -> None:
    """The other one looks at 0.9, 1.8 and 2.7; locks are renewed each 0.2 s until the end.

    A lock of 0.1, or one renewed at 0.8, has run out at 1.8. The one of 1.2 has not, and its
    renewal took away the mark of 0.9.
    """
    script = Script(
        [ScriptJob(0.1, (2.0,)), ScriptJob(0.15, (0.1,))],
        workers=2,
        crashes=[crash(at_s, worker=0, down_s=20)],
        bullmq={"lock_duration_s": 0.8, "stalled_interval_s": 0.9},
    )
    model, real = play(script, redis_url)

    assert put_back(model) == pytest.approx([found_s])
    assert set(real.loc[real["run"] == 2, "worker"]) == {"1"}


def test_jobs_that_stall_together_come_back_together(redis_url: str) -> None:
    """All of them run before those that wait; in which order is the server's whim.

    BullMQ keeps the marked jobs in a set. Redis 7.0 keeps that in a hash table with a seed of its
    own, so the order differs from server to server; from 7.2 on small sets keep theirs.
    """
    lost = [ScriptJob(0.1 + 0.03 * n, (0.4,)) for n in range(3)]
    next_ones = [ScriptJob(0.5 + 0.03 * n, (2.0,)) for n in range(3)]
    backlog = [ScriptJob(0.7 + 0.03 * n, (0.1,)) for n in range(2)]
    script = Script([*lost, *next_ones, *backlog], slots=3, crashes=[crash(0.3)], bullmq=SHORT)
    model, real = both(script, redis_url, same=lambda *_: True)

    assert ends(real) == ends(model)
    assert put_back(model) == pytest.approx([2.0] * 3)
    assert put_back(real) == pytest.approx(put_back(model), abs=LATE_S)
    for log in (model, real):
        again = [job for job, _, _ in starts(log)[6:]]
        assert set(again[:3]) == {"q-1", "q-2", "q-3"}
        assert again[3:] == ["q-7", "q-8"]


def test_a_drained_worker_finishes_what_it_runs(redis_url: str) -> None:
    """Told to stop at 0.2, it takes no more and stalls nothing; the other one does the rest."""
    script = Script([ScriptJob(0.1 + 0.02 * n, (0.5,)) for n in range(4)], workers=2, bullmq=SHORT)
    model, real = both(script, redis_url, drain_at_s={0: 0.2})

    assert ends(real) == ends(model)
    assert [job for job, _, _ in starts(real)] == [job for job, _, _ in starts(model)]
    assert real["worker"].value_counts().to_dict() == {"0": 1, "1": 3}


def test_a_handler_that_holds_its_loop_past_its_lock_is_run_twice(redis_url: str) -> None:
    """Nobody renews the lock meanwhile: the other worker puts the job back, and runs it too.

    It holds that worker's loop as well, so both ends are refused, and the job has stalled too
    often. Looks of held workers are late: the first worker's of 1.9 finds that the other one has
    looked at 1.6, those of 2.7 and 3.5 are the second worker's undoing.
    """
    script = Script(
        [ScriptJob(0.1, (0.0,), cpu_s=(1.8,)), ScriptJob(0.3, (0.05,))], workers=2, bullmq=SHORT
    )
    model, _ = play(script, redis_url)

    assert order(model) == ["q-1/1/1", "q-2/1/1", "q-1/1/2"]
    assert put_back(model) == pytest.approx([1.6, 3.5])


def test_follow_ups_are_added_before_an_end_is_refused(redis_url: str) -> None:
    """A last attempt that failed while it held its loop: refused, but its child is there.

    The second run adds it again, which is nothing new: ids are unique. Then nobody runs the job.
    """
    script = Script(
        [ScriptJob(0.1, (0.0,), (True,), cpu_s=(1.8,))],
        workers=2,
        follow_up={"failed": ["no"]},
        bullmq=SHORT,
    )
    model, real = play(script, redis_url)

    for log in (model, real):
        child = log[log["queue"] == "no"]
        assert child["parent_id"].tolist() == ["q-1"]
        assert child["enqueued_s"].item() == pytest.approx(1.9, abs=0.2)
    assert ends(real)["q-1"][-1] == (1, 3, "failed")
    assert ends(real)["q-1"] == [(1, 1, "stalled"), (1, 2, "stalled"), (1, 3, "failed")]


def test_a_job_beside_one_that_holds_the_loop_is_run_twice(redis_url: str) -> None:
    """Job 1 only waits, but nobody renews its lock while job 2 holds the loop from 0.35 to 1.42.

    The lock of job 1 runs out at 1.3, so its end is refused at 1.42; that of job 2 would last until
    1.55. The looks of 1.42, late as well, and 1.92 find job 1.
    """
    script = Script(
        [ScriptJob(0.1, (0.5,)), ScriptJob(0.35, (0.0,), cpu_s=(1.075,))],
        slots=2,
        bullmq={"lock_duration_s": 1.2, "stalled_interval_s": 0.5},
    )
    model, real = play(script, redis_url)

    assert put_back(model) == pytest.approx([1.925])
    assert ends(real) == {
        "q-1": [(1, 1, "stalled"), (1, 2, "completed")],
        "q-2": [(1, 1, "completed")],
    }


def test_a_worker_that_is_back_has_a_free_event_loop() -> None:
    """It died while a cpu part of 100 s held it; back, it takes a job when one is there.

    It is back at 4.5 and looks at 34.5 and 64.5: the second look puts the job back.
    """
    scenario = build_scenario(
        {
            "duration_s": 4,
            "workers": {"concurrency": 2, "crashes": [{"at_s": 3.5, "down_s": 1}]},
            "arrivals": {"q": {"interval_s": 3}},
            "queues": {"q": {"cpu": {"distribution": "constant", "mean_s": 100}}},
        }
    )
    log = simulate(scenario).log.frame()

    assert put_back(log)[0] == 64.5
    assert log["started_s"][1] == 64.5


def test_a_drained_worker_that_has_ended_looks_for_no_stalled_jobs() -> None:
    """Worker 1 is killed at 40, worker 0 was drained at 35; its new process comes at 100.

    That looks one interval after its start, at 130, and puts the job back at 160.
    """
    crashes = [
        {"at_s": 35, "worker": 0, "down_s": 65, "drain": True},
        {"at_s": 40, "worker": 1, "down_s": 500},
    ]
    scenario = build_scenario(
        {
            "duration_s": 37.5,
            "workers": {"count": 2, "concurrency": 1, "crashes": crashes},
            "arrivals": {"q": {"interval_s": 36}},
            "queues": {"q": {"service": {"distribution": "constant", "mean_s": 10}}},
        }
    )
    log = simulate(scenario).log.frame()

    assert put_back(log) == [160.0]


def test_thousands_that_stalled_too_often_fail_one_after_the_other() -> None:
    """All slots of a large worker are lost with it, and no job may stall."""
    table = {
        "duration_s": 100,
        "workers": {"concurrency": 3000, "crashes": [{"at_s": 20, "down_s": 1}]},
        "arrivals": {"q": {"profile": [[0, 4000], [1, 0]]}},
        "queues": {"q": {"service": {"distribution": "constant", "mean_s": 50}}},
        "bullmq": {"max_stalled": 0},
    }
    log = simulate(build_scenario(table)).log.frame()

    outcomes = log["outcome"].value_counts()
    assert outcomes["stalled"] == outcomes["failed"] == 3000
    failed = log[log["outcome"] == "failed"]
    assert failed["started_s"].isna().all()
    assert outcomes["completed"] == log["job_id"].nunique() - 3000
