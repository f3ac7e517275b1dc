"""Flows: the real queue and the model have parents wait for the same children, and start alike."""

from typing import Any

import pandas as pd
import pytest
import virtual_play
from hypothesis import given
from hypothesis import strategies as st
from script import (
    SHAKEN_S,
    Script,
    ScriptJob,
    both,
    ends,
    in_order,
    is_steady,
    moments,
    run_model,
    run_real,
    starts,
)
from test_bullmq_scripts import many, quick
from virtual_play import VIRTUAL_S

from simqueue.policies import Backoff, QueuePolicy

#: The grid of arrivals, seconds. Ends lie between them, so that few coincide.
GRID_S = 0.11
OPTIONS = ("wait", "fail-parent", "continue-parent", "ignore-dependency", "remove-dependency")
#: How close a real start has to be to the model's, seconds: the queue takes milliseconds.
CLOSE_S = 0.04


def takes(seconds: float, *fails: bool) -> ScriptJob:
    """A child that takes so long; without ``fails`` it completes."""
    return ScriptJob(0.0, (seconds,), fails or (False,))


def agree(script: Script, url: str) -> pd.DataFrame:
    """Assert that both sides start the jobs in one order and end them alike; the model's log."""
    model, real = both(script, url, same=in_order)
    assert in_order(real, model)
    assert ends(real) == ends(model)
    return model


def policy(child_failure: str = "wait", **keys: Any) -> QueuePolicy:
    return QueuePolicy.model_validate({"child_failure": child_failure, **keys})


def started(log: pd.DataFrame, job: str) -> float:
    mine = log[(log["job_id"] == job) & log["started_s"].notna()]
    return float(mine["started_s"].iloc[-1])


def one_flow(child_failure: str, *children: ScriptJob, **keys: Any) -> Script:
    """One parent, which comes at 0.2 s and takes 0.1 s, and its children in another queue."""
    jobs = [ScriptJob(0.2, (0.1,), children=children)]
    return Script(
        jobs, policy(child_failure, **keys), slots=2, children={"q": {"r": len(children)}}
    )


def test_a_parent_is_ready_when_its_last_child_has_completed(redis_url: str) -> None:
    model = agree(one_flow("wait", takes(0.1), takes(0.35), takes(0.15)), redis_url)

    parent = model[model["queue"] == "q"].iloc[0]
    assert parent["ready_s"] == pytest.approx(0.55)
    assert parent["enqueued_s"] == pytest.approx(0.2)
    assert set(model.loc[model["queue"] == "r", "parent_id"]) == {"q-1"}
    assert list(model.loc[model["queue"] == "r", "job_id"]) == [
        "r-1-q-child-1",
        "r-1-q-child-3",
        "r-1-q-child-2",
    ]


def test_a_parent_goes_to_the_head_of_its_queue(redis_url: str) -> None:
    """``moveParentToWait`` pushes it where the next job is taken from: whoever waits is behind."""
    jobs = [
        ScriptJob(0.1, (0.6,), children=(takes(0.1),)),
        ScriptJob(0.2, (0.1,), children=(takes(0.2),)),
        ScriptJob(0.3, (0.1,), children=(takes(0.2),)),
    ]
    # While the first parent runs, the second is ready at 0.4 and the third at 0.6.
    model = agree(Script(jobs, policy(), children={"q": {"r": 1}}), redis_url)

    assert [job for job, *_ in starts(model)] == ["q-1", "q-3", "q-2"]


@pytest.mark.parametrize("option", OPTIONS)
def test_what_a_failed_child_does_to_its_parent(redis_url: str, option: str) -> None:
    script = one_flow(option, takes(0.1, True), takes(0.4))
    model = agree(script, redis_url)

    mine = model[model["queue"] == "q"]
    first = mine.iloc[0]
    outcomes = list(mine["outcome"])
    if option == "wait":
        assert outcomes == [""]
        assert mine[["ready_s", "started_s", "finished_s"]].isna().all(axis=None)
    elif option == "fail-parent":
        assert outcomes == ["failed"]
        assert pd.isna(first["started_s"])
        assert first["ready_s"] == pytest.approx(0.3)
    elif option == "continue-parent":
        # It ends at 0.4, with a child still to come: BullMQ lets it not complete.
        assert outcomes == ["failed"]
        assert first["started_s"] == pytest.approx(0.3)
    else:
        assert outcomes == ["completed"]
        assert first["started_s"] == pytest.approx(0.6)


def test_a_parent_that_continues_is_tried_again_until_no_child_is_pending(redis_url: str) -> None:
    script = one_flow(
        "continue-parent",
        takes(0.05, True),
        takes(0.45),
        attempts=3,
        backoff={"delay_ms": 50},
    )
    model = agree(script, redis_url)

    mine = model[model["queue"] == "q"]
    assert list(mine["outcome"]) == ["retried", "completed"]


@pytest.mark.parametrize("kept", [0, 1])
def test_a_failed_child_that_is_removed_lets_its_parent_go(redis_url: str, kept: int) -> None:
    """``removeJobsByMaxCount`` calls ``removeParentDependencyKey``: the parent runs after all."""
    jobs = [
        ScriptJob(0.2, (0.05,), children=(takes(0.1, True),)),
        ScriptJob(0.5, (0.05,), children=(takes(0.2, True),)),
    ]
    script = Script(jobs, policy(keep_failed=kept), slots=2, children={"q": {"r": 1}})
    model = agree(script, redis_url)

    assert started(model, "q-1") == pytest.approx(0.7 if kept else 0.3)
    left = model.loc[model["outcome"] == "", "job_id"]
    assert list(left) == (["q-2"] if kept else [])


def test_children_have_children(redis_url: str) -> None:
    jobs = [ScriptJob(0.2, (0.05,), children=(takes(0.1), takes(0.15), takes(0.07)))]
    script = Script(jobs, policy(), slots=2, children={"q": {"r": 1, "s": 1}, "r": {"s": 1}})
    model = agree(script, redis_url)

    names = dict(zip(model["job_id"], model["parent_id"], strict=True))
    assert names["s-1-q-child-1-r-child-1"] == "r-1-q-child-1"
    assert started(model, "q-1") == pytest.approx(0.45)


def test_a_follow_up_is_another_thing_than_a_child(redis_url: str) -> None:
    """A follow-up that has children waits for them; the job that it follows does not."""
    script = Script(
        [ScriptJob(0.2, (0.1,), children=(takes(0.1),))],
        policy(),
        slots=2,
        follow_up={"completed": ["t"]},
        children={"q": {"r": 1}, "t": {"r": 2}},
    )
    model = agree(script, redis_url)

    followed = model[model["queue"] == "t"].iloc[0]
    assert followed["enqueued_s"] == pytest.approx(0.4)
    assert followed["parent_id"] == "q-1"
    assert len(model[model["parent_id"] == followed["job_id"]]) == 2


def test_the_real_queue_is_as_quick_as_the_model(redis_url: str) -> None:
    script = one_flow("wait", takes(0.1), takes(0.35))
    real, model = run_real(script, redis_url), run_model(script)

    at = moments(model)
    assert moments(real) == pytest.approx(at, abs=CLOSE_S)


@st.composite
def flows(draw: st.DrawFn) -> Script:
    """One to four jobs with two or three children, some of which fail, and jobs without."""
    rule = policy(
        draw(st.sampled_from(OPTIONS)),
        attempts=draw(st.integers(1, 2)),
        backoff=Backoff(delay_ms=draw(st.sampled_from([0.0, 130.0, 270.0]))),
        keep_failed=draw(st.sampled_from([0, 1, 50])),
        lifo=draw(st.booleans()),
    )
    children = draw(
        st.sampled_from(
            [
                {"q": {"r": 2}},
                {"q": {"r": 2, "s": 1}},
                {"q": {"r": 1}, "r": {"s": 2}},
                {"q": {"r": 1, "s": 1}, "r": {"s": 1}},
            ]
        )
    )
    number = draw(st.integers(1, 4))
    places = draw(st.lists(st.integers(0, 9), min_size=number, max_size=number, unique=True))
    some = st.integers(1, 9).map(lambda n: n * 0.043)

    def job(at_s: float, queue: str = "q", below: int = 0) -> ScriptJob:
        return ScriptJob(
            at_s,
            draw(st.lists(some, min_size=1, max_size=2)),
            draw(st.lists(st.booleans(), min_size=1, max_size=rule.attempts)),
            queue=queue,
            children=tuple(job(0.0) for _ in range(below)),
        )

    # Workers and their threads take a while to come up.
    jobs = [job(0.5 + GRID_S * place, below=3) for place in sorted(places)]
    jobs += [job(0.55 + GRID_S * place, "r", below=3) for place in range(draw(st.integers(0, 2)))]
    return Script(
        sorted(jobs, key=lambda one: one.at_s),
        rule,
        workers=draw(st.integers(1, 2)),
        slots=draw(st.integers(1, 2)),
        children=children,
    )


steady = flows().filter(lambda script: is_steady(script, SHAKEN_S))


@given(steady)
@quick
def test_the_real_queue_and_the_model_agree_on_flows(redis_url: str, script: Script) -> None:
    agree(script, redis_url)


@pytest.mark.hunt
@pytest.mark.timeout(900)
@given(steady)
@many
def test_they_agree_in_real_time_whatever_the_flows(redis_url: str, script: Script) -> None:
    agree(script, redis_url)


@pytest.mark.slow
@given(flows().filter(lambda script: is_steady(script, VIRTUAL_S)))
@many
def test_they_agree_whatever_the_flows(script: Script) -> None:
    virtual_play.agree(script)
