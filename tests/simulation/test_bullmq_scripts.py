"""Scripts that nobody thought of: the real queue and the model start jobs in the same order."""

import pytest
import virtual_play
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from script import (
    LATE_S,
    SHAKEN_S,
    Script,
    ScriptJob,
    both,
    ends,
    in_order,
    is_clear,
    is_steady,
    moments,
    put_back,
    run_model,
    starts,
)
from virtual_play import VIRTUAL_S

from simqueue.policies import Backoff, QueuePolicy

#: The grid of all times of a script, seconds. Ends lie between arrivals, so that few coincide.
GRID_S = 0.06


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    """One to eight jobs for one or two workers of one or two slots, whose order is clear."""
    policy = QueuePolicy(
        attempts=draw(st.integers(1, 3)),
        backoff=Backoff(
            type=draw(st.sampled_from(["fixed", "exponential"])),
            delay_ms=draw(st.sampled_from([0.0, 50.0, 110.0, 200.0, 330.0])),
        ),
        lifo=draw(st.booleans()),
    )
    number = draw(st.integers(1, 8))
    places = draw(st.lists(st.integers(0, 9), min_size=number, max_size=number, unique=True))
    some = st.integers(1, 9).map(lambda n: n * 0.04)
    jobs = [
        ScriptJob(
            at_s=0.1 + GRID_S * place,
            takes_s=draw(st.lists(some, min_size=1, max_size=3)),
            fails=draw(st.lists(st.booleans(), min_size=1, max_size=policy.attempts)),
        )
        for place in sorted(places)
    ]
    return Script(jobs, policy, workers=draw(st.integers(1, 2)), slots=draw(st.integers(1, 2)))


@st.composite
def crashes(draw: st.DrawFn) -> Script:
    """One to four jobs, and a worker that dies; it comes back, and another one may be there.

    Locks and the time between two looks differ, so that few of them end at one moment.
    """
    takes = st.sampled_from([0.3, 0.7, 1.1])
    places = draw(st.lists(st.integers(0, 7), min_size=1, max_size=4, unique=True))
    jobs = [
        ScriptJob(0.1 + GRID_S * place, (draw(takes),), (draw(st.booleans()), False))
        for place in sorted(places)
    ]
    at_s = draw(st.sampled_from([0.25, 0.47, 0.73, 0.95, 1.13]))
    down_s = draw(st.sampled_from([0.13, 0.37, 0.55]))
    return Script(
        jobs,
        QueuePolicy(attempts=2, backoff=Backoff(delay_ms=130)),
        workers=draw(st.integers(1, 2)),
        crashes=[{"at_s": at_s, "worker": 0, "down_s": down_s}],
        bullmq={"lock_duration_s": 0.8, "stalled_interval_s": 0.9},
    )


@st.composite
def held(draw: st.DrawFn) -> Script:
    """Three to nine jobs of two queues, many with cpu parts, for one to three workers."""
    policy = QueuePolicy(
        attempts=draw(st.integers(1, 3)),
        backoff=Backoff(delay_ms=draw(st.sampled_from([0.0, 110.0, 200.0, 330.0]))),
        lifo=draw(st.booleans()),
    )
    number = draw(st.integers(3, 9))
    places = draw(st.lists(st.integers(0, 13), min_size=number, max_size=number, unique=True))
    jobs = [
        ScriptJob(
            at_s=0.5 + GRID_S * place,  # workers and their threads take a while to come up
            takes_s=(0.04 * draw(st.integers(0, 4)),),
            fails=draw(st.lists(st.booleans(), min_size=1, max_size=policy.attempts)),
            cpu_s=(0.07 * draw(st.integers(0, 4)),),
            queue=draw(st.sampled_from("qr")),
        )
        for place in sorted(places)
    ]
    return Script(jobs, policy, workers=draw(st.integers(1, 3)), slots=draw(st.integers(1, 2)))


def computes(script: Script) -> bool:
    """Whether several event loops are held, at least for a while."""
    return script.workers > 1 and sum(job.cpu_s[0] > 0 for job in script.jobs) > 1


def loses_one(script: Script) -> bool:
    """Whether just one job is put back; several come back in an order of chance."""
    return len(put_back(run_model(script))) == 1


def agree(script: Script, url: str) -> None:
    """Assert that both engines start the jobs in one order, and that the same becomes of them."""
    model, real = both(script, url)
    note(f"model {starts(model)}")
    note(f"real  {starts(real)}")
    assert starts(real) == starts(model)
    assert ends(real) == ends(model)
    assert put_back(real) == pytest.approx(put_back(model), abs=LATE_S)


def agree_held(script: Script, url: str) -> None:
    """Assert as `agree` does, for both queues."""
    model, real = both(script, url, same=in_order)
    note(f"model {moments(model)}")
    note(f"real  {moments(real)}")
    assert in_order(real, model)
    assert ends(real) == ends(model)


#: Scripts whose order milliseconds decide are left out: there the rules say nothing.
held_scripts = held().filter(computes).filter(lambda script: is_steady(script, SHAKEN_S))
clear_scripts = scripts().filter(lambda script: is_clear(script, SHAKEN_S))
quick = settings(
    max_examples=4,
    derandomize=True,
    # What fails by chance does not get smaller.
    phases=(Phase.explicit, Phase.generate),
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.function_scoped_fixture,
    ],
)


many = settings(quick, max_examples=60, derandomize=False, print_blob=True)


@given(clear_scripts)
@quick
def test_the_real_queue_and_the_model_agree(redis_url: str, script: Script) -> None:
    agree(script, redis_url)


@pytest.mark.hunt
@pytest.mark.timeout(900)
@given(clear_scripts)
@many
def test_they_agree_in_real_time_whatever_the_script(redis_url: str, script: Script) -> None:
    agree(script, redis_url)


@pytest.mark.slow
@given(scripts().filter(lambda script: is_clear(script, VIRTUAL_S)))
@many
def test_they_agree_whatever_the_script(script: Script) -> None:
    virtual_play.agree(script)


@given(held_scripts)
@quick
def test_they_agree_where_event_loops_are_held(redis_url: str, script: Script) -> None:
    agree_held(script, redis_url)


@pytest.mark.hunt
@pytest.mark.timeout(900)
@given(held_scripts)
@many
def test_they_agree_whichever_event_loops_are_held(redis_url: str, script: Script) -> None:
    agree_held(script, redis_url)


@pytest.mark.hunt
@pytest.mark.timeout(900)
@given(crashes().filter(loses_one).filter(is_clear))
@settings(quick, max_examples=12)
def test_they_agree_when_a_worker_dies(redis_url: str, script: Script) -> None:
    agree(script, redis_url)
