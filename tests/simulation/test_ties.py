"""What is due in the millisecond of a fetch is promoted by it, a thousand jobs at most.

BullMQ counts whole milliseconds (``promoteDelayedJobs`` in ``moveToActive-11.lua``: scores up to
``(timestamp + 1) * 0x1000 - 1``).
"""

import asyncio

import pandas as pd
import pytest
from bullmq import Queue, Worker
from script import Script, ScriptJob, both, ends, is_clear, run_model, starts

from simqueue.adapters.bull_queue import connect
from simqueue.policies import Backoff, QueuePolicy


def once_more(delay_ms: float, **more: object) -> QueuePolicy:
    return QueuePolicy(attempts=2, backoff=Backoff(delay_ms=delay_ms), **more)


def failing(at_s: float, takes_s: float) -> ScriptJob:
    """A job whose first attempt fails."""
    return ScriptJob(at_s, (takes_s,), (True, False))


def order(log: pd.DataFrame) -> list[str]:
    return [f"{job}/{attempt}" for job, attempt, _ in starts(log)]


def test_a_retry_due_in_the_moment_of_a_fetch_is_promoted_before_it(redis_url: str) -> None:
    """Job 1 is due at 0.7, when job 2 ends: ahead of job 4, which comes while job 3 is served."""
    script = Script(
        [
            failing(0.1, 0.3),
            ScriptJob(0.15, (0.3,)),
            ScriptJob(0.55, (0.3,)),
            ScriptJob(0.85, (0.3,)),
        ],
        once_more(300),
    )
    assert is_clear(script)
    model, real = both(script, redis_url)

    assert order(model) == ["q-1/1", "q-2/1", "q-3/1", "q-1/2", "q-4/1"]
    assert starts(real) == starts(model)
    assert ends(real) == ends(model)


@pytest.mark.parametrize(
    ("late_s", "waits_s"),
    [
        (0.0, 0.0),
        (0.0004, 0.0),  # the same millisecond: promoted, and started when it is due
        (0.001, 0.0),  # the next one: the idle worker's timer ends
        (-0.0004, 0.0004),
    ],
)
def test_no_attempt_starts_before_it_is_due(late_s: float, waits_s: float) -> None:
    """Job 2 ends at 0.7, job 1 is due ``late_s`` after that, and nobody else is there."""
    script = Script([failing(0.1, 0.3 + late_s), ScriptJob(0.15, (0.3 - late_s,))], once_more(300))
    again = run_model(script).set_index(["job_id", "attempt"]).loc[("q-1", 2)]

    assert again["ready_s"] == pytest.approx(0.7 + late_s)
    assert again["started_s"] - again["ready_s"] == pytest.approx(waits_s, abs=1e-12)


@pytest.mark.parametrize(("late_s", "promoted"), [(0.0009, True), (0.001, False)])
def test_only_what_is_due_in_the_millisecond_of_the_fetch_is_promoted(
    late_s: float, promoted: bool
) -> None:
    """As above, but job 4 comes at 0.85: behind job 1 if that was promoted at 0.7."""
    script = Script(
        [
            failing(0.1, 0.3 + late_s),
            ScriptJob(0.15, (0.3 - late_s,)),
            ScriptJob(0.55, (0.3,)),
            ScriptJob(0.85, (0.3,)),
        ],
        once_more(300),
    )
    last = ["q-1/2", "q-4/1"] if promoted else ["q-4/1", "q-1/2"]

    assert order(run_model(script)) == ["q-1/1", "q-2/1", "q-3/1", *last]


def in_step(seconds: float) -> list[str]:
    """Service and backoff of one length, and all fail: each retry is due when an attempt ends."""
    come = [0.0, *(0.05 + 0.7 * number for number in range(1, 100))]
    jobs = [failing(at * seconds, seconds) for at in come]
    return order(run_model(Script(jobs, once_more(1000 * seconds))))


def test_each_retry_is_promoted_in_the_moment_when_it_is_due() -> None:
    """Jobs come at 0, 0.75, 1.45, 2.15, 2.85... Job 1 is due at 2, when job 2 ends; that at 3."""
    expected = ["q-1/1", "q-2/1", "q-3/1", "q-1/2", "q-4/1", "q-5/1", "q-2/2"]

    assert in_step(1.0)[:7] == expected


@pytest.mark.parametrize("seconds", [0.001, 0.1, 0.3, 0.7, 1.1, 1.6])
def test_rounding_of_sums_parts_nothing(seconds: float) -> None:
    """A second is exact in binary numbers, these are not."""
    assert in_step(seconds) == in_step(1.0)


def test_in_one_millisecond_who_was_delayed_first_is_first() -> None:
    """Job 1 is delayed at 0.3004 and due at 0.8004, job 2 at 0.4002 and 0.8002."""
    policy = QueuePolicy(attempts=2, backoff=Backoff(delay_ms=500, jitter=1.0))
    jobs = [
        ScriptJob(0.1, (0.2004,), (True, False), draws=(0.9999999,)),
        ScriptJob(0.1, (0.3002,), (True, False), draws=(0.8001,)),
        ScriptJob(0.15, (0.6,)),
        ScriptJob(0.16, (0.7,)),
    ]
    log = run_model(Script(jobs, policy, slots=2))
    due = log[log["attempt"] == 2].set_index("job_id")["ready_s"]

    assert due.to_dict() == pytest.approx({"q-1": 0.7994, "q-2": 0.8002})
    assert order(log)[-2:] == ["q-1/2", "q-2/2"]


def test_one_fetch_promotes_a_thousand() -> None:
    """1,200 are due at 1.2; the next fetch is at 1.5. Who comes at 1.55 is behind a thousand."""
    fail = [failing(0.1, 0.1)] * 1200
    hold = [ScriptJob(0.3, (1.2,)), *[ScriptJob(0.4, (1000.0,))] * 1199]
    script = Script([*fail, *hold, ScriptJob(1.55, (0.01,))], once_more(1000), slots=1200)
    log = run_model(script)
    started = order(log)

    assert started.index("q-2401/1") == 2400 + 1000


def test_so_does_redis(redis_url: str) -> None:
    """1,200 delayed jobs are due: a fetch takes one and leaves 999 in line, the next 200 more."""

    async def lengths() -> list[tuple[int, int, int]]:
        connection = await connect(redis_url)
        queue, worker = (
            Queue("q", connection.options()),
            Worker("q", None, {**connection.options(), "autorun": False}),
        )
        await queue.addBulk([{"name": "late", "data": {}, "opts": {"delay": 1}}] * 1200)
        await asyncio.sleep(0.01)
        found = []
        for token in ("a", "b"):
            await worker.moveToActive(token)
            counts = await queue.getJobCounts("waiting", "delayed", "active")
            found.append((counts["waiting"], counts["delayed"], counts["active"]))
        await worker.close()
        await queue.close()
        await connection.close()
        return found

    assert asyncio.run(lengths()) == [(999, 200, 1), (1198, 0, 2)]
