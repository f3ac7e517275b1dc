"""Rule by rule: the real queue and the model play one script, and do the same.

What locks, dead workers and held event loops bring is in `test_bullmq_stalls`.
"""

import asyncio

import pandas as pd
import pytest
from script import Script, ScriptJob, both, ends, is_clear, starts

from simqueue.adapters.bull_queue import BullQueueAdapter, connect
from simqueue.policies import Backoff, QueuePolicy


def play(script: Script, url: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both logs of a script, once it is sure that they agree about order and outcomes."""
    assert is_clear(script), "milliseconds decide about this script"
    model, real = both(script, url)
    assert starts(real) == starts(model)
    assert ends(real) == ends(model)
    return model, real


def order(log: pd.DataFrame) -> list[str]:
    """Jobs and attempts in the order of their starts, such as ``q-1/2``."""
    return [f"{job}/{attempt}" for job, attempt, _ in starts(log)]


def jobs(
    *at_s: float, takes_s: float = 0.06, fails: tuple[bool, ...] = (False,)
) -> list[ScriptJob]:
    """Jobs that differ in nothing but when they come."""
    return [ScriptJob(at, (takes_s,), fails) for at in at_s]


def waits(log: pd.DataFrame) -> list[float]:
    """What passed between the attempts of a log with one job."""
    return (log["started_s"].to_numpy()[1:] - log["finished_s"].to_numpy()[:-1]).tolist()


def test_first_in_first_out(redis_url: str) -> None:
    model, _ = play(Script(jobs(0.1, 0.13, 0.16, 0.19, takes_s=0.1)), redis_url)

    assert order(model) == ["q-1/1", "q-2/1", "q-3/1", "q-4/1"]


def test_newest_first(redis_url: str) -> None:
    """With ``lifo`` a new job goes to the head."""
    policy = QueuePolicy(lifo=True)
    model, _ = play(Script(jobs(0.1, 0.13, 0.16, 0.19, takes_s=0.15), policy), redis_url)

    assert order(model) == ["q-1/1", "q-4/1", "q-3/1", "q-2/1"]


def test_newest_first_but_a_retry_that_was_delayed_goes_to_the_tail(redis_url: str) -> None:
    first, *others = jobs(0.1, 0.13, 0.16, takes_s=0.1)
    first = ScriptJob(first.at_s, (0.1,), (True, False))
    policy = QueuePolicy(attempts=2, backoff=Backoff(delay_ms=50), lifo=True)
    model, _ = play(Script([first, *others], policy), redis_url)

    assert order(model) == ["q-1/1", "q-3/1", "q-2/1", "q-1/2"]


def test_newest_first_puts_a_retry_without_backoff_to_the_head(redis_url: str) -> None:
    first, *others = jobs(0.1, 0.13, 0.16, takes_s=0.1)
    first = ScriptJob(first.at_s, (0.1,), (True, False))
    model, _ = play(Script([first, *others], QueuePolicy(attempts=2, lifo=True)), redis_url)

    assert order(model) == ["q-1/1", "q-1/2", "q-3/1", "q-2/1"]


@pytest.mark.parametrize("delay_ms", [50, 350])
def test_a_retry_runs_behind_the_backlog_however_short_its_backoff(
    redis_url: str, delay_ms: float
) -> None:
    """Every fetch finds a job: a short and a long backoff both end behind those that wait."""
    failing = ScriptJob(0.1, (0.1,), (True, False))
    policy = QueuePolicy(attempts=2, backoff=Backoff(delay_ms=delay_ms))
    backlog = jobs(0.13, 0.16, 0.19, 0.22, takes_s=0.1)
    model, _ = play(Script([failing, *backlog], policy), redis_url)

    assert order(model) == ["q-1/1", "q-2/1", "q-3/1", "q-4/1", "q-5/1", "q-1/2"]


def test_who_comes_before_the_next_fetch_is_ahead_of_a_retry_that_is_due(redis_url: str) -> None:
    """Nothing is promoted while all slots are busy: being due is not yet being in line.

    Job 1 fails at 0.16 and is due at 0.21; job 2 holds the slot from 0.16 to 0.46. Job 3 comes at
    0.3, long after the retry was due, and runs first.
    """
    policy = QueuePolicy(attempts=2, backoff=Backoff(delay_ms=50))
    script = Script(
        [
            ScriptJob(0.1, (0.06,), (True, False)),
            ScriptJob(0.13, (0.3,)),
            ScriptJob(0.3, (0.06,)),
        ],
        policy,
    )
    model, real = play(script, redis_url)

    assert order(model) == ["q-1/1", "q-2/1", "q-3/1", "q-1/2"]
    ready = real.loc[real["attempt"] == 2, "ready_s"].item()
    assert ready == pytest.approx(0.21, abs=0.05), "waiting is counted from when it was due"


def test_any_fetch_promotes(redis_url: str) -> None:
    """Another job's end puts a retry in line, ahead of who comes after that.

    Job 1 is due again at 0.21. At 0.38 job 3 ends, and its slot takes job 4, which is first in
    line; but job 5, which comes at 0.45, is now behind the retry.
    """
    policy = QueuePolicy(attempts=2, backoff=Backoff(delay_ms=50))
    script = Script(
        [
            ScriptJob(0.1, (0.06,), (True, False)),
            ScriptJob(0.13, (0.42,)),
            ScriptJob(0.14, (0.22,)),
            ScriptJob(0.27, (0.3,)),
            ScriptJob(0.45, (0.06,)),
        ],
        policy,
        workers=2,
    )
    model, _ = play(script, redis_url)

    assert order(model) == ["q-1/1", "q-2/1", "q-3/1", "q-4/1", "q-1/2", "q-5/1"]


def test_without_backoff_a_retry_goes_to_the_tail_at_once(redis_url: str) -> None:
    """Job 3 comes while job 2 is served: behind the retry, which is in line already."""
    script = Script(
        [
            ScriptJob(0.1, (0.1,), (True, False)),
            ScriptJob(0.14, (0.1,)),
            ScriptJob(0.25, (0.1,)),
        ],
        QueuePolicy(attempts=2),
    )
    model, _ = play(script, redis_url)

    assert order(model) == ["q-1/1", "q-2/1", "q-1/2", "q-3/1"]


def test_a_retry_without_backoff_promotes_those_that_are_due(redis_url: str) -> None:
    """Whoever puts a job back at once looks at the delayed set first (``retryJob-11.lua``).

    Full jitter: job 1 waits 90 ms until 0.25, job 2 not at all. It fails at 0.36.
    """
    script = Script(
        [
            ScriptJob(0.1, (0.06,), (True, False), draws=(0.9,)),
            ScriptJob(0.13, (0.2,), (True, False), draws=(0.0,)),
            ScriptJob(0.2, (0.06,)),
        ],
        QueuePolicy(attempts=2, backoff=Backoff(delay_ms=100, jitter=1.0)),
    )
    model, _ = play(script, redis_url)

    assert order(model) == ["q-1/1", "q-2/1", "q-3/1", "q-1/2", "q-2/2"]


@pytest.mark.parametrize("delay_ms", [50, 300])
def test_an_idle_workers_timer_ends_a_backoff(redis_url: str, delay_ms: float) -> None:
    policy = QueuePolicy(attempts=4, backoff=Backoff(delay_ms=delay_ms))
    model, real = play(Script([ScriptJob(0.1, (0.03,), (True,))], policy), redis_url)

    assert waits(model) == [pytest.approx(delay_ms / 1000)] * 3
    # The median, because a busy machine may delay one of them.
    assert delay_ms / 1000 - 0.002 < sorted(waits(real))[1] < delay_ms / 1000 + 0.03


@pytest.mark.parametrize(
    ("backoff", "expected"),
    [
        (Backoff(type="exponential", delay_ms=60), [0.06, 0.12, 0.24]),
        (Backoff(type="fixed", delay_ms=120), [0.12, 0.12, 0.12]),
    ],
    ids=["exponential", "fixed"],
)
def test_attempts_and_waits(redis_url: str, backoff: Backoff, expected: list[float]) -> None:
    """Four attempts are three waits, and then the job has failed."""
    script = Script([ScriptJob(0.1, (0.03,), (True,))], QueuePolicy(attempts=4, backoff=backoff))
    model, real = play(script, redis_url)

    assert waits(model) == pytest.approx(expected)
    ready = real["ready_s"].to_numpy()[1:] - real["finished_s"].to_numpy()[:-1]
    assert ready.tolist() == pytest.approx(expected, abs=0.005)
    assert ends(real)["q-1"] == [
        (1, 1, "retried"),
        (2, 1, "retried"),
        (3, 1, "retried"),
        (4, 1, "failed"),
    ]


def test_one_attempt_is_final(redis_url: str) -> None:
    _, real = play(Script([ScriptJob(0.1, (0.06,), (True,))]), redis_url)

    assert ends(real) == {"q-1": [(1, 1, "failed")]}


def test_two_slots_of_two_workers_share_a_queue(redis_url: str) -> None:
    script = Script(
        [ScriptJob(0.1 + 0.03 * n, (0.4 - 0.1 * (n % 4),)) for n in range(9)], workers=2, slots=2
    )
    _, real = play(script, redis_url)

    assert set(real["worker"]) == {"0", "1"}
    assert set(real["slot"]) == {0, 1}


def test_idle_workers_take_turns(redis_url: str) -> None:
    """One slot of each waits in Redis, and who has waited longest is served first.

    Whose turn it is after two have looked at once is chance in the real queue: there, both do some.
    """
    script = Script([ScriptJob(0.1 + 0.06 * n, (0.02,)) for n in range(10)], workers=2, slots=2)
    model, real = play(script, redis_url)

    assert model["worker"].tolist() == ["0", "1"] * 5
    assert set(real["worker"]) == {"0", "1"}


def test_follow_ups_are_added_in_their_order_before_the_next_job_is_taken(redis_url: str) -> None:
    """A completed job has two children; the failed one, after its last attempt only, another."""
    script = Script(
        [
            ScriptJob(0.1, (0.1,)),
            ScriptJob(0.14, (0.1,), (True, True)),
            ScriptJob(0.18, (0.1,)),
        ],
        QueuePolicy(attempts=2, backoff=Backoff(delay_ms=50)),
        follow_up={"completed": ["yes", "more"], "failed": ["no"]},
    )
    model, real = play(script, redis_url)

    for log in (model, real):
        assert [job for job, _, _ in starts(log, "yes")] == [
            "yes-1-q-completed",
            "yes-3-q-completed",
        ]
        assert [job for job, _, _ in starts(log, "no")] == ["no-2-q-failed"]
        first = log[log["flow"] == "q-1"].set_index("queue")["enqueued_s"]
        assert first["q"] < first["yes"] <= first["more"]
        following = log.loc[log["job_id"] == "q-2", "started_s"].min()
        assert first["more"] <= following + 0.001  # BullMQ notes whole milliseconds
        # The children of a job that is tried again come after its last attempt.
        failed = log[(log["job_id"] == "q-2") & (log["attempt"] == 2)]["finished_s"].item()
        child = log.loc[log["queue"] == "no", "enqueued_s"].item()
        assert child == pytest.approx(failed, abs=0.05)


@pytest.mark.parametrize("kept", [0, 2, 50])
def test_the_newest_finished_jobs_are_kept(redis_url: str, kept: int) -> None:
    """What stats shows is the smaller of how many there were and how many are kept."""
    policy = QueuePolicy(keep_completed=kept, keep_failed=kept)
    found = [ScriptJob(0.1 + 0.03 * n, (0.01,), (n % 2 == 1,)) for n in range(7)]
    model, _ = play(Script(found, policy), redis_url)

    async def counts() -> dict[str, int]:
        adapter = BullQueueAdapter(await connect(redis_url), {"q": policy})
        try:
            return dict(await adapter.queue("q").getJobCounts("completed", "failed"))
        finally:
            await adapter.close()

    ended = model["outcome"].value_counts()
    assert asyncio.run(counts()) == {
        "completed": min(kept, ended["completed"]),
        "failed": min(kept, ended["failed"]),
    }
