"""A job that no code can read ends, whatever is wrong with it; it is shown, and can be removed.

The jobs are written straight into Redis, as a program of any language and age may leave them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from strange_jobs import DISOBEYED, GOOD_DATA, HALF_EMOJI, UNREADABLE, deep
from test_consumer import Script, bench

from simqueue.cli import run
from simqueue.jobs import Job, order_job
from simqueue.policies import QueuePolicy

BAD = "bull:order:bad"


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def put(client: redis.Redis, job_id: Any = "bad", state: str = "wait", **fields: Any) -> None:
    """A job in the waiting list, right but for some of its fields."""
    sound = {"name": "process-order", "data": json.dumps(GOOD_DATA), "opts": "{}", "timestamp": "1"}
    found = {key: value for key, value in {**sound, **fields}.items() if value is not None}
    client.hset(b"bull:order:" + (job_id if isinstance(job_id, bytes) else job_id.encode()),
                mapping=found)  # fmt: skip
    client.lpush(f"bull:order:{state}", job_id)


def always_fails(job: Job, attempt: int) -> str:
    raise RuntimeError(f"attempt {attempt} of {job.id} fails")


async def ended(url: str, client: redis.Redis, script: Script, good: int = 2) -> None:
    """Have a worker do all that waits, good jobs behind the bad one too."""
    policy = QueuePolicy(attempts=1)
    quick = {"stalledInterval": 300, "lockDuration": 1000, "drainDelay": 1}
    async with bench(url, script, policy, **quick) as running:
        await running.adapter.add_bulk([order_job(f"good-{n}") for n in range(good)])
        async with asyncio.timeout(100):
            while (
                client.llen("bull:order:wait") or client.llen("bull:order:active")
                or client.zcard("bull:order:delayed")
            ):  # fmt: skip
                await asyncio.sleep(0.02)
    assert {job for job, _ in script.handled} >= {f"order-good-{n}" for n in range(good)}


def works(job: Job, attempt: int) -> str:
    return "processing"


@pytest.fixture
def commands(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUEUE_REDIS_URL", redis_url)
    monkeypatch.setenv("COLUMNS", "100")


@pytest.mark.usefixtures("commands")
@pytest.mark.parametrize("bad", UNREADABLE)
@pytest.mark.parametrize("how", ["alone", "with the one before it"])
def test_what_cannot_be_read_fails_is_shown_and_removed(
    bad: str, how: str, redis_url: str, client: redis.Redis, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whether it is taken by itself or comes with the answer to a completion."""
    if how == "with the one before it":
        put(client, "order-first")
    put(client, **UNREADABLE[bad])
    script = Script(works)
    asyncio.run(ended(redis_url, client, script))

    assert "bad" not in [job for job, _ in script.handled]
    assert client.zscore("bull:order:failed", "bad") is not None
    assert client.hget(BAD, "stc") is None
    assert run(["failed", "list", "--queue", "order"]) == 0
    assert run(["failed", "show", "bad", "--queue", "order"]) == 0
    said = capfd.readouterr()
    assert "bad" in said.out
    assert run(["failed", "show", "bad", "--queue", "order", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["id"] == "bad"
    assert run(["failed", "retry", "bad", "--queue", "order"]) == 0
    asyncio.run(ended(redis_url, client, Script(works), good=0))
    assert run(["failed", "remove", "bad", "--queue", "order", "--yes"]) == 0
    assert client.keys(f"{BAD}*") == []
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("odd", DISOBEYED)
@pytest.mark.parametrize("play", [works, always_fails])
def test_what_cannot_be_obeyed_is_done_all_the_same(
    odd: str, play: Any, redis_url: str, client: redis.Redis
) -> None:
    put(client, **DISOBEYED[odd])
    script = Script(play)
    asyncio.run(ended(redis_url, client, script))

    times = [job for job, _ in script.handled].count("bad")
    assert times == 1 if play is works else 1 <= times <= 3
    at_its_end = "completed" if play is works else "failed"
    assert client.zscore(f"bull:order:{at_its_end}", "bad") is not None
    assert client.hget(BAD, "stc") in (None, b"1")


def test_an_id_that_is_no_utf8_ends_too(redis_url: str, client: redis.Redis) -> None:
    put(client, HALF_EMOJI)
    asyncio.run(ended(redis_url, client, Script(works)))
    assert client.zscore("bull:order:completed", HALF_EMOJI) is not None


def test_a_job_that_was_stalled_by_an_older_worker_ends(
    redis_url: str, client: redis.Redis
) -> None:
    """It is running, nobody has its lock, and it has stalled nine times."""
    put(client, state="active", data=deep(1200), stc="9", defa="job stalled more than allowed")
    asyncio.run(ended(redis_url, client, Script(works)))
    assert client.zscore("bull:order:failed", "bad") is not None


def test_the_payload_of_an_unreadable_job_is_kept_as_it_is(
    redis_url: str, client: redis.Redis
) -> None:
    put(client, data="{order: 1}", opts="attempts=3")
    asyncio.run(ended(redis_url, client, Script(works)))
    assert client.hmget(BAD, "data", "opts") == [b"{order: 1}", b"attempts=3"]


@pytest.mark.parametrize("attempts", [None, [3], {}, "many"])
def test_attempts_that_are_no_number_trouble_no_script(
    attempts: Any, redis_url: str, client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """The script compares them when all is done: its error would look like trouble with Redis."""
    put(client, opts=json.dumps({"attempts": attempts}))
    asyncio.run(ended(redis_url, client, Script(always_fails)))
    assert client.zscore("bull:order:failed", "bad") is not None
    assert "trouble with the queue" not in caplog.text
