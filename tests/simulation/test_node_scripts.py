"""Node's workers and the model play one script: rules of theirs, and scripts made up by chance.

The model is that of ``client = "node"``.
"""

import pandas as pd
import pytest
from hypothesis import currently_in_test_context, given, note, settings
from node_script import both_by_node, by_node, whatever_redis_does
from script import (
    LATE_S,
    Script,
    ScriptJob,
    ends,
    in_order,
    is_clear,
    is_steady,
    moments,
    put_back,
    run_model,
    starts,
)
from test_bullmq_scripts import computes, crashes, held, loses_one, quick, scripts

from simqueue.policies import Backoff, QueuePolicy
from simqueue.validation.node.installed import NodeBullMQ

SHORT = {"lock_duration_s": 0.8, "stalled_interval_s": 0.8}


def agree(script: Script, url: str, installed: NodeBullMQ) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Assert that both start the jobs in one order, and that the same becomes of them."""
    model, real = both_by_node(script, url, installed)
    if currently_in_test_context():
        note(f"model {starts(model)}")
        note(f"real  {starts(real)}")
    assert starts(real) == starts(model)
    assert ends(real) == ends(model)
    assert put_back(real) == pytest.approx(put_back(model), abs=LATE_S)
    return model, real


def agree_held(script: Script, url: str, installed: NodeBullMQ) -> None:
    """Assert as `agree` does, for both queues."""
    model, real = both_by_node(script, url, installed, same=in_order)
    note(f"model {moments(model)}")
    note(f"real  {moments(real)}")
    assert in_order(real, model)
    assert ends(real) == ends(model)


clear_scripts = scripts().map(by_node).filter(is_clear).filter(whatever_redis_does)
held_scripts = held().map(by_node).filter(computes).filter(is_steady).filter(whatever_redis_does)
crash_scripts = (
    crashes().map(by_node).filter(loses_one).filter(is_clear).filter(whatever_redis_does)
)
few = settings(quick, max_examples=2)
many = settings(quick, max_examples=30, derandomize=False, print_blob=True)


@given(clear_scripts)
@few
def test_nodes_workers_and_the_model_agree(
    redis_url: str, node_bullmq: NodeBullMQ, script: Script
) -> None:
    agree(script, redis_url, node_bullmq)


@pytest.mark.hunt
@pytest.mark.timeout(900)
@given(clear_scripts)
@many
def test_they_agree_whatever_the_script(
    redis_url: str, node_bullmq: NodeBullMQ, script: Script
) -> None:
    agree(script, redis_url, node_bullmq)


@pytest.mark.hunt
@pytest.mark.timeout(900)
@given(held_scripts)
@many
def test_they_agree_where_event_loops_are_held(
    redis_url: str, node_bullmq: NodeBullMQ, script: Script
) -> None:
    agree_held(script, redis_url, node_bullmq)


@pytest.mark.hunt
@pytest.mark.timeout(900)
@given(crash_scripts)
@settings(quick, max_examples=12)
def test_they_agree_when_a_worker_dies(
    redis_url: str, node_bullmq: NodeBullMQ, script: Script
) -> None:
    agree(script, redis_url, node_bullmq)


def test_a_failure_takes_the_next_job_before_another_worker_can(
    redis_url: str, node_bullmq: NodeBullMQ
) -> None:
    """One script moves the job to the delayed set and fetches (``moveToDelayed-11.lua``)."""
    failing = ScriptJob(0.1, (0.15,), (True, False))
    script = Script(
        [failing, ScriptJob(0.13, (0.1,)), ScriptJob(0.16, (0.1,))],
        QueuePolicy(attempts=2, backoff=Backoff(delay_ms=60)),
    )
    _, real = agree(script, redis_url, node_bullmq)

    ended = real.loc[real["outcome"] == "retried", "finished_s"].item()
    assert real.loc[real["job_id"] == "q-2", "started_s"].item() == pytest.approx(ended, abs=0.005)


def test_jitter_is_that_of_the_draws(redis_url: str, node_bullmq: NodeBullMQ) -> None:
    """Full jitter: job 1 waits 270 ms, job 2 waits 60 ms, and is first."""
    script = Script(
        [
            ScriptJob(0.1, (0.03,), (True, False), draws=(0.9,)),
            ScriptJob(0.16, (0.03,), (True, False), draws=(0.2,)),
        ],
        QueuePolicy(attempts=2, backoff=Backoff(delay_ms=300, jitter=1.0)),
    )
    model, _ = agree(script, redis_url, node_bullmq)

    assert [job for job, _, _ in starts(model)] == ["q-1", "q-2", "q-2", "q-1"]


def test_a_new_worker_looks_for_stalled_jobs_at_once(
    redis_url: str, node_bullmq: NodeBullMQ
) -> None:
    """Dead at 0.3, back at 1.0: its look marks the job. Python's would do so at 1.8 only.

    The next look, at 1.8, puts the job back.
    """
    script = Script(
        [ScriptJob(0.1, (0.6,))],
        crashes=[{"at_s": 0.3, "worker": 0, "down_s": 0.7}],
        bullmq=SHORT,
    )
    model, _ = agree(script, redis_url, node_bullmq)

    assert put_back(model) == pytest.approx([1.8])


def test_what_stalls_too_often_fails_without_its_handler_and_is_followed(
    redis_url: str, node_bullmq: NodeBullMQ
) -> None:
    script = Script(
        [ScriptJob(0.1, (0.6,))],
        QueuePolicy(attempts=3),
        follow_up={"failed": ["no"]},
        crashes=[{"at_s": 0.3, "worker": 0, "down_s": 0.7}],
        bullmq={**SHORT, "max_stalled": 0},
    )
    _, real = agree(script, redis_url, node_bullmq)

    assert ends(real)["q-1"] == [(1, 1, "stalled"), (1, 2, "failed")]
    assert real.loc[real["queue"] == "no", "parent_id"].tolist() == ["q-1"]


@pytest.mark.parametrize("cpu_s", [0.0, 0.001])
@pytest.mark.parametrize(("client", "retried_s"), [("python", 0.35), ("node", 0.32)])
def test_in_the_model_who_fetches_meanwhile_has_the_retry(
    client: str, retried_s: float, cpu_s: float
) -> None:
    """Job 1 fails at 0.2 and is due at 0.3; Redis tells of it 50 ms later, job 2 comes at 0.32."""
    script = Script(
        [
            ScriptJob(0.1, (0.1 - cpu_s,), (True, False), cpu_s=(cpu_s,)),
            ScriptJob(0.32, (0.2,), cpu_s=(cpu_s,)),
        ],
        QueuePolicy(attempts=2, backoff=Backoff(delay_ms=100)),
        workers=2,
        slots=2,
        bullmq={"client": client, "overhead": {"retry_s": 0.05}},
    )
    at = moments(run_model(script))

    assert at["q-2", 1, 1] == pytest.approx(0.32, abs=0.002)
    assert at["q-1", 2, 1] == pytest.approx(retried_s, abs=0.003)


@pytest.mark.parametrize("cpu_s", [0.0, 0.001])
@pytest.mark.parametrize("client", ["python", "node"])
def test_in_the_model_a_retry_that_nobody_fetches_is_as_late_as_redis(
    client: str, cpu_s: float
) -> None:
    script = Script(
        [ScriptJob(0.1, (0.1 - cpu_s,), (True, False), cpu_s=(cpu_s,))],
        QueuePolicy(attempts=2, backoff=Backoff(delay_ms=100)),
        bullmq={"client": client, "overhead": {"retry_s": 0.05}},
    )

    assert moments(run_model(script))["q-1", 2, 1] == pytest.approx(0.35, abs=0.002)
