"""One attempt and what follows its failure: rule by rule on the real queue, and by closed forms.

Scripts run on the real queue and in the model; each is small enough to work out by hand.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
import virtual_play
from hypothesis import given, note
from hypothesis import strategies as st
from script import (
    SHAKEN_S,
    TOOK_S,
    Script,
    ScriptJob,
    both,
    ends,
    in_time,
    is_clear,
    moments,
    run_model,
    starts,
    took,
)
from test_bullmq_scripts import many, quick
from virtual_play import VIRTUAL_S

from simqueue.experiments.run import simulate
from simqueue.policies import Backoff, QueuePolicy
from simqueue.results.theory import mmc_wait_mean
from simqueue.workload.attempts import FATAL
from simqueue.workload.reading import build_scenario


def play(script: Script, url: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both logs of a script, once it is sure that they agree about order and outcomes."""
    assert is_clear(script), "milliseconds decide about this script"
    model, real = both(script, url, same=in_time)
    assert starts(real) == starts(model)
    assert ends(real) == ends(model)
    assert took(real) == pytest.approx(took(model), abs=TOOK_S)
    return model, real


def waits(log: pd.DataFrame) -> list[float]:
    """What passed between the attempts of a log with one job."""
    return (log["started_s"].to_numpy()[1:] - log["finished_s"].to_numpy()[:-1]).tolist()


@pytest.mark.parametrize(
    ("backoff", "expected"),
    [
        ({"type": "list", "delays_ms": [100, 400, 250]}, [0.1, 0.4, 0.25, 0.25]),
        ({"type": "exponential", "delay_ms": 40, "multiplier": 3}, [0.04, 0.12, 0.36, 1.08]),
        ({"delay_ms": 100, "jitter": 1, "min_ms": 300}, [0.3, 0.3, 0.3, 0.3]),
        ({"min_ms": 200}, [0.2, 0.2, 0.2, 0.2]),
    ],
    ids=["list", "multiplier", "floor", "floor alone"],
)
def test_a_job_waits_as_its_backoff_says(
    redis_url: str, backoff: dict[str, Any], expected: list[float]
) -> None:
    policy = QueuePolicy(attempts=5, backoff=Backoff.model_validate(backoff))
    script = Script([ScriptJob(0.1, (0.02,), (True,))], policy)

    def in_time(real: pd.DataFrame, _: pd.DataFrame) -> bool:
        return waits(real) == pytest.approx(expected, abs=TOOK_S)

    model, real = both(script, redis_url, same=in_time)
    assert waits(model) == pytest.approx(expected, abs=1e-9)
    assert waits(real) == pytest.approx(expected, abs=TOOK_S)


def test_after_a_fatal_failure_nothing_is_tried_again(redis_url: str) -> None:
    """BullMQ's ``UnrecoverableError``; its follow-up comes at once."""
    script = Script(
        [ScriptJob(0.1, (0.05,), (1, FATAL)), ScriptJob(0.4, (0.05,), (FATAL,))],
        QueuePolicy(attempts=5, backoff=Backoff(delay_ms=100)),
        follow_up={"failed": ["sorry"]},
    )
    model, _ = play(script, redis_url)

    assert ends(model) == {
        "q-1": [(1, 1, "retried"), (2, 1, "failed")],
        "q-2": [(1, 1, "failed")],
        "sorry-1-q-failed": [(1, 1, "completed")],
        "sorry-2-q-failed": [(1, 1, "completed")],
    }


def test_an_attempt_is_cut_off_when_its_time_is_over(redis_url: str) -> None:
    """The slot is free then: the second job starts at 0.3, not at 0.6."""
    script = Script(
        [ScriptJob(0.1, (0.5, 0.05)), ScriptJob(0.15, (0.1,))],
        QueuePolicy(attempts=2, backoff=Backoff(delay_ms=50)),
        queue={"timeout_s": 0.2},
    )
    model, _ = play(script, redis_url)

    assert took(model) == [0.2, 0.1, 0.05]
    assert [row[2] for row in ends(model)["q-1"]] == ["retried", "completed"]


def test_a_cpu_part_is_not_interrupted_by_a_time_out(redis_url: str) -> None:
    """It comes first; the time-out is of the io part."""
    script = Script(
        [ScriptJob(0.2, (0.3,), cpu_s=(0.2,))], QueuePolicy(attempts=1), queue={"timeout_s": 0.1}
    )
    model, _ = play(script, redis_url)

    assert took(model) == [pytest.approx(0.3)]
    assert ends(model) == {"q-1": [(1, 1, "failed")]}


def test_attempts_hang_in_an_outage_and_hold_their_slot(redis_url: str) -> None:
    """Started inside at 0.2: it hangs for 0.4 s. The next one starts after that, outside."""
    script = Script(
        [ScriptJob(0.2, (0.05,)), ScriptJob(0.25, (0.05,))],
        QueuePolicy(attempts=2, backoff=Backoff(delay_ms=30)),
        queue={"outages": [{"from_s": 0.1, "to_s": 0.4, "attempt_takes_s": 0.4}]},
    )
    model, _ = play(script, redis_url)

    assert took(model) == [0.4, 0.05, 0.05]
    assert [job for job, *_ in starts(model)] == ["q-1", "q-2", "q-1"]


def test_in_an_outage_written_as_a_pair_attempts_take_their_own_time(redis_url: str) -> None:
    script = Script(
        [ScriptJob(0.2, (0.15,))],
        QueuePolicy(attempts=2, backoff=Backoff(delay_ms=300)),
        queue={"outages": [[0.1, 0.4]]},
    )
    model, _ = play(script, redis_url)

    assert took(model) == [0.15, 0.15]
    assert ends(model) == {"q-1": [(1, 1, "retried"), (2, 1, "completed")]}


def test_a_hang_is_cut_off_by_the_time_out(redis_url: str) -> None:
    script = Script(
        [ScriptJob(0.2, (0.05,))],
        QueuePolicy(attempts=2, backoff=Backoff(delay_ms=300)),
        queue={
            "timeout_s": 0.15,
            "outages": [{"from_s": 0.1, "to_s": 0.4, "attempt_takes_s": 9}],
        },
    )
    model, _ = play(script, redis_url)

    assert took(model) == [0.15, 0.05]


def test_in_an_outage_no_failure_is_fatal(redis_url: str) -> None:
    """It was the outage that made it fail; the next attempt gets as far as the fatal error."""
    script = Script(
        [ScriptJob(0.2, (0.05,), (FATAL,))],
        QueuePolicy(attempts=3, backoff=Backoff(delay_ms=300)),
        queue={"outages": [[0.1, 0.4]]},
    )
    model, _ = play(script, redis_url)

    assert ends(model) == {"q-1": [(1, 1, "retried"), (2, 1, "failed")]}


RULES: dict[str, dict[str, Any]] = {
    "time-out": {"timeout_s": 0.17},
    "outage": {"outages": [[0.31, 0.47]]},
    "hang": {"outages": [{"from_s": 0.31, "to_s": 0.47, "attempt_takes_s": 0.23}]},
    "fail": {"downstream": "g"},
    "wait": {"downstream": "g"},
}
BACKOFFS = [
    {"type": "list", "delays_ms": [50, 330, 110]},
    {"type": "exponential", "delay_ms": 60, "multiplier": 3},
    {"type": "exponential", "delay_ms": 60, "multiplier": 1.5, "min_ms": 110},
]


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    """Two to eight jobs; a backoff that BullMQ has no word for, fatal failures, one rule or two."""
    rules = draw(
        st.lists(st.sampled_from(sorted(RULES)), min_size=1, max_size=3, unique=True).filter(
            lambda ones: not {"fail", "wait"} <= set(ones) and not {"outage", "hang"} <= set(ones)
        )
    )
    attempts = draw(st.integers(2, 4))
    number = draw(st.integers(2, 8))
    places = draw(st.lists(st.integers(0, 9), min_size=number, max_size=number, unique=True))
    some = st.integers(1, 7).map(lambda n: n * 0.04)
    how = st.sampled_from([0, 0, 1, 1, FATAL])
    jobs = [
        ScriptJob(
            at_s=0.1 + 0.06 * place,
            takes_s=draw(st.lists(some, min_size=1, max_size=3)),
            fails=draw(st.lists(how, min_size=1, max_size=attempts)),
        )
        for place in sorted(places)
    ]
    full = {"places": draw(st.integers(1, 2)), "when_full": "wait" if "wait" in rules else "fail"}
    return Script(
        jobs,
        QueuePolicy(
            attempts=attempts, backoff=Backoff.model_validate(draw(st.sampled_from(BACKOFFS)))
        ),
        workers=draw(st.integers(1, 2)),
        slots=draw(st.integers(1, 3)),
        queue={key: value for rule in rules for key, value in RULES[rule].items()},
        downstreams={"g": full} if {"fail", "wait"} & set(rules) else {},
    )


def matters(script: Script, slower_s: Sequence[float] = SHAKEN_S) -> bool:
    """Whether the rules of a script decide about something, and no millisecond does."""
    plain = Script(script.jobs, script.policy, script.workers, script.slots)
    base, log = run_model(plain), run_model(script)
    return (ends(base) != ends(log) or moments(base) != moments(log)) and is_clear(script, slower_s)


def agree(script: Script, url: str) -> None:
    model, real = both(script, url)
    note(f"model {starts(model)}")
    note(f"real  {starts(real)}")
    assert starts(real) == starts(model)
    assert ends(real) == ends(model)


@given(scripts().filter(matters))
@quick
def test_the_real_queue_and_the_model_agree(redis_url: str, script: Script) -> None:
    agree(script, redis_url)


@pytest.mark.hunt
@pytest.mark.timeout(900)
@given(scripts().filter(matters))
@many
def test_they_agree_in_real_time_whatever_the_script(redis_url: str, script: Script) -> None:
    agree(script, redis_url)


@pytest.mark.slow
@given(scripts().filter(lambda script: matters(script, VIRTUAL_S)))
@many
def test_they_agree_whatever_the_script(script: Script) -> None:
    virtual_play.agree(script)


EXPONENTIAL = {"distribution": "exponential", "mean_s": 1.0}


def run(rate: float, slots: int, duration_s: float = 20_000, **queue: Any) -> pd.DataFrame:
    table = {"service": EXPONENTIAL, "backoff": {"delay_ms": 3000}, **queue}
    scenario = build_scenario(
        {
            "duration_s": duration_s,
            "workers": {"concurrency": slots},
            "arrivals": {"q": {"rate_per_s": rate}},
            "queues": {"q": table},
        }
    )
    return simulate(scenario).frame()


def test_attempts_and_lost_jobs_with_fatal_failures_are_those_of_the_closed_form() -> None:
    """r = p (1 - f): a job makes (1 - r^N) / (1 - r) attempts, and fails for good with
    probability p f (1 - r^N) / (1 - r) + r^N."""
    p, f, n = 0.4, 0.3, 3
    log = run(2.0, 20, attempts=n, failure_rate=p, fatal_rate=f)
    jobs = log["job_id"].nunique()
    r = p * (1 - f)
    attempts = (1 - r**n) / (1 - r)
    fails = p * f * attempts + r**n

    chance = 4 / math.sqrt(jobs)
    assert len(log) / jobs == pytest.approx(attempts, abs=chance * 0.6)
    assert (log["outcome"] == "failed").sum() / jobs == pytest.approx(
        fails, abs=chance * math.sqrt(fails * (1 - fails))
    )


def test_waits_with_fatal_failures_are_those_of_erlang() -> None:
    """A station of a product-form network: Erlang C at the rate of all attempts."""
    p, f, n = 0.3, 0.5, 4
    r = p * (1 - f)
    rate = 2.4
    log = run(rate, 4, duration_s=60_000, attempts=n, failure_rate=p, fatal_rate=f)
    wait = (log["started_s"] - log["ready_s"]).mean()

    exact = mmc_wait_mean(rate * (1 - r**n) / (1 - r), 1.0, 4)
    assert wait == pytest.approx(exact, rel=0.05)


def test_attempts_with_a_time_out_take_the_truncated_mean() -> None:
    """Exponential, mean m, cut off at T: m (1 - exp(-T/m)), and exp(-T/m) of them fail."""
    log = run(3.0, 50, timeout_s=0.8)
    took_s = log["finished_s"] - log["started_s"]

    assert took_s.max() == pytest.approx(0.8)
    assert took_s.mean() == pytest.approx(1 - math.exp(-0.8), rel=0.01)
    fails = (log["outcome"] == "failed").mean()
    assert fails == pytest.approx(math.exp(-0.8), abs=4 * 0.5 / math.sqrt(len(log)))


def test_an_outage_that_hangs_fills_the_slots() -> None:
    """By hand: one job a second, five slots, each attempt hangs for 8 s from 10 to 30.

    Slots are taken by the jobs of 10 to 14; from then on five attempts end every 8 s.
    """
    scenario = build_scenario(
        {
            "duration_s": 40.5,
            "workers": {"concurrency": 5},
            "arrivals": {"q": {"interval_s": 1}},
            "queues": {
                "q": {
                    "service": {"distribution": "constant", "mean_s": 0.1},
                    "outages": [{"from_s": 10, "to_s": 30, "attempt_takes_s": 8}],
                }
            },
        }
    )
    log = simulate(scenario).frame()
    hung = log[log["outcome"] == "failed"]

    np.testing.assert_allclose(
        hung["started_s"], [10, 11, 12, 13, 14, 18, 19, 20, 21, 22, 26, 27, 28, 29], atol=1e-9
    )
    np.testing.assert_allclose(hung["finished_s"] - hung["started_s"], 8, atol=1e-9)
