"""Cpu parts hold event loops: whom Redis tells of a job, and when that one asks for it."""

import pandas as pd
import pytest
from script import Script, ScriptJob, both, ends, in_order, is_steady

#: How late a real start may be, seconds: less than what parts the rules here.
LATE_S = 0.15


def play(script: Script, url: str) -> dict[str, float]:
    """When each job starts in the model, once it is sure that the real queue starts it then."""
    assert is_steady(script), "milliseconds decide about this script"
    model, real = both(script, url, same=alike)
    assert alike(real, model)
    assert ends(real) == ends(model)
    started: dict[str, float] = by_job(model)
    return started


def by_job(log: pd.DataFrame) -> dict[str, float]:
    """When each job starts."""
    return dict(zip(log["job_id"], log["started_s"], strict=True))


def alike(real: pd.DataFrame, model: pd.DataFrame) -> bool:
    """Whether jobs start in one order, and when they do in the model."""
    return in_order(real, model) and by_job(real) == pytest.approx(by_job(model), abs=LATE_S)


def test_redis_tells_who_has_waited_longest_though_its_loop_is_held(redis_url: str) -> None:
    """Worker 0 computes from 0.5 to 1.1, and was the first to wait for q: its job waits for it."""
    script = Script([ScriptJob(0.5, cpu_s=(0.6,), queue="held"), ScriptJob(0.6, (0.1,))], workers=2)

    assert play(script, redis_url) == pytest.approx({"held-1": 0.5, "q-1": 1.1})


def test_the_next_job_tells_the_next_in_line_who_takes_the_first(redis_url: str) -> None:
    """Job 2 tells worker 1, which takes job 1; worker 0 looks at 1.1 and takes job 2."""
    script = Script(
        [
            ScriptJob(0.5, cpu_s=(0.6,), queue="held"),
            ScriptJob(0.6, (0.7,)),
            ScriptJob(0.8, (0.1,)),
        ],
        workers=2,
    )

    assert play(script, redis_url) == pytest.approx({"held-1": 0.5, "q-1": 0.8, "q-2": 1.1})


def test_who_was_told_in_vain_is_the_last_in_line(redis_url: str) -> None:
    """Job 1 is worker 0's, and worker 1 hears of it in vain; worker 0 waits again at 0.7.

    So worker 1 is the first in line: it computes from 0.9 on, and job 2 waits for it.
    """
    script = Script(
        [
            ScriptJob(0.5, (0.2,)),
            ScriptJob(0.8, (0.4,), queue="held"),
            ScriptJob(0.9, cpu_s=(0.6,), queue="held"),
            ScriptJob(1.1, (0.1,)),
        ],
        workers=2,
    )

    assert play(script, redis_url)["q-2"] == pytest.approx(1.5)


def test_who_has_just_got_a_job_asks_again_behind_its_cpu_part(redis_url: str) -> None:
    """Worker 0 has a second slot, but looks for its job at 1.1 only: job 2 is worker 1's.

    It heard of job 1 in vain and waits. Job 3 finds nobody in line: it waits for worker 0.
    """
    script = Script(
        [ScriptJob(0.5, cpu_s=(0.6,)), ScriptJob(0.7, cpu_s=(0.8,)), ScriptJob(0.9, (0.1,))],
        workers=2,
        slots=2,
    )

    assert play(script, redis_url) == pytest.approx({"q-1": 0.5, "q-2": 0.7, "q-3": 1.1})


def test_who_was_not_told_looks_every_five_seconds(redis_url: str) -> None:
    """Worker 1 has waited since the start: it takes the job that worker 0 was told of."""
    script = Script([ScriptJob(0.5, cpu_s=(6.0,), queue="held"), ScriptJob(0.7, (0.1,))], workers=2)
    model, real = both(script, redis_url, same=in_order)

    assert by_job(model)["q-1"] == 5.0
    assert real.set_index("job_id").loc["q-1", "worker"] == "1"
    assert by_job(real)["q-1"] == pytest.approx(5.0, abs=0.5)
