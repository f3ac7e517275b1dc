"""Job schedulers: BullMQ's own code and the model give the same slots jobs, in the same order.

In virtual time BullMQ's own Lua and workers play scripts to the millisecond; a few are played on a
real Redis in real time too, some by Node's workers, some with a worker that is killed.
"""

from __future__ import annotations

from itertools import islice

import pandas as pd
import pytest
from node_script import both_by_node, by_node, whatever_redis_does
from rule_scripts import EXACT_S
from scheduler_scripts import QUEUES, clear_scripts, script_of
from script import Script, ScriptJob, assert_alike, both, in_order, is_clear, run_model
from virtual_play import differ

from simqueue.policies import Backoff, QueuePolicy
from simqueue.validation.node.installed import NodeBullMQ

#: Scripts of the samples, in virtual and in real time.
SAMPLE = tuple(number for number, _ in islice(clear_scripts(0, EXACT_S), 16))
#: Workers of the real queue take a while to come up.
LATE_S = 1.0
#: A slot is within the millisecond in which the limiter's window ends; and under a global
#: concurrency it hangs on which of two idle workers is first in line.
KNOWN_TO_DIFFER = {159, 339}
MANY = 60
SHORT = {"lock_duration_s": 0.8, "stalled_interval_s": 0.8}


def skips(log: pd.DataFrame) -> bool:
    """Whether some slot had no job."""
    numbers = log.loc[log["name"] == "q", "job_id"].str.removeprefix("q-").astype(int)
    return numbers.max() > numbers.nunique()


def test_the_sample_has_slots_that_are_skipped_and_retries() -> None:
    logs = [run_model(script_of(number)) for number in SAMPLE]

    assert sum(map(skips, logs)) >= 5
    assert sum((log["outcome"] == "retried").any() for log in logs) >= 5
    assert sum(bool(script_of(number).rules) for number in SAMPLE) >= 5


@pytest.mark.parametrize("wakes", [True, False])
@pytest.mark.parametrize("number", SAMPLE)
def test_bullmqs_own_code_and_the_model_agree(number: int, wakes: bool) -> None:
    """``wakes``: as our workers end a backoff; else as Node's do."""
    assert not differ(script_of(number), wakes)


@pytest.mark.slow
@pytest.mark.timeout(300 + 10 * MANY)
def test_they_agree_on_many() -> None:
    wrong = [
        (number, wakes)
        for number, script in islice(clear_scripts(0, EXACT_S), MANY)
        for wakes in (True, False)
        if number not in KNOWN_TO_DIFFER and differ(script, wakes)
    ]
    assert not wrong


def real_scripts(number: int) -> list[int]:
    """The first so many scripts whose order hangs on no milliseconds."""
    return [one for one, _ in islice(clear_scripts(least_offset_s=LATE_S), number)]


@pytest.mark.parametrize("number", real_scripts(3))
def test_the_real_queue_and_the_model_agree(redis_url: str, number: int) -> None:
    assert_alike(*both(script_of(number, LATE_S), redis_url, same=in_order))


def killed(least_offset_s: float = LATE_S) -> Script:
    """The worker dies with a scheduler's job; when it is back it goes on with the next slots."""
    return Script(
        [ScriptJob(least_offset_s + 2.6, (0.93, 0.2), (False, True, False))],
        QueuePolicy(attempts=2, backoff=Backoff(delay_ms=230)),
        crashes=[{"at_s": least_offset_s + 0.45, "worker": 0, "down_s": 0.31}],
        bullmq=SHORT,
        schedulers={"q": {"every_s": 0.7, "offset_s": least_offset_s + 0.2}},
    )


def test_a_job_that_stalls_adds_no_other(redis_url: str) -> None:
    model, real = both(killed(), redis_url, same=in_order)

    assert (model["outcome"] == "stalled").any()
    assert_alike(model, real)


@pytest.mark.parametrize(
    "number",
    [
        number
        for number, script in islice(clear_scripts(least_offset_s=LATE_S), 12)
        if not script.rules and whatever_redis_does(by_node(script))
    ][:2],
)
def test_nodes_workers_and_the_model_agree(
    redis_url: str, node_bullmq: NodeBullMQ, number: int
) -> None:
    assert_alike(*both_by_node(script_of(number, LATE_S), redis_url, node_bullmq, in_order))


def test_all_of_it_is_clear() -> None:
    """No order of the scripts in real time is decided by milliseconds."""
    assert is_clear(killed(), queues=QUEUES[:1])
