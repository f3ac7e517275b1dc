"""What is counted is what its name says: ages since ready, workers of this queue, every retry."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
import yaml
from bullmq import Queue
from pages import DEPLOY
from prometheus_client import CollectorRegistry, generate_latest
from queues import connected, failed_jobs
from test_event_streams import told
from test_metrics import samples

from simqueue.adapters.bull_queue.connection import worker_connection_name
from simqueue.operations.failed import Failures
from simqueue.operations.metrics import QueueGauges
from simqueue.operations.stats import QueueStats, read_stats

#: How long a reading may take on a busy machine, seconds.
SLACK_S = 3.0


@pytest.fixture(params=["redis", "embedded"])
def url(request: pytest.FixtureRequest) -> str:
    if request.param == "embedded":
        return "embedded://"
    found: str = request.getfixturevalue("redis_url")
    return found


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


Added = tuple[float, dict[str, Any]]


def oldest(url: str, *jobs: Added, pause: bool = False) -> QueueStats:
    """The stats after jobs were added: (age in seconds, further options)."""

    async def scenario() -> QueueStats:
        async with connected(url) as connection:
            queue = Queue("video", connection.options())
            now = round(time.time() * 1000)
            for age, options in jobs:
                await queue.add("cut", {}, {"timestamp": now - round(age * 1000), **options})
            if pause:
                await queue.pause()
            (found,) = await read_stats(connection, ["video"])
            return found

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    ("jobs", "age"),
    [
        ([(30, {})], 30),
        ([(147, {"priority": 9}), (0.7, {"priority": 1})], 147),
        ([(50, {"priority": 2}), (90, {"priority": 5}), (20, {"priority": 1})], 90),
        ([(10, {}), (40, {"priority": 1})], 40),
        ([(60, {"priority": 1}), (100, {})], 100),
        ([(100, {}), (5, {"lifo": True}), (3, {"lifo": True})], 100),
        ([(70, {"lifo": True}), (2, {"lifo": True})], 70),
        ([(100, {"delay": 3_600_000})], None),
        ([(100, {"delay": 3_600_000}), (8, {})], 8),
        ([(3_600, {"delay": 3_590_000})], 10),
    ],
    ids=["one", "priorities, the last is the oldest", "three priorities", "plain and priority",
         "priority and plain", "some go next", "all go next", "intended delay",
         "intended delay beside another", "due, and nobody has moved it"],
)  # fmt: skip
def test_the_oldest_is_the_longest_ready(url: str, jobs: list[Added], age: float | None) -> None:
    found = oldest(url, *jobs).oldest_waiting_s
    assert found == (None if age is None else pytest.approx(age, abs=SLACK_S))


def test_the_jobs_of_a_paused_queue_wait_too(url: str) -> None:
    assert oldest(url, (30, {}), pause=True).oldest_waiting_s == pytest.approx(30, abs=SLACK_S)


def test_a_backoff_is_no_wait(redis_url: str, client: redis.Redis) -> None:
    """The job is a day old; its last attempt ended a moment ago, and it waits behind another."""
    oldest(redis_url, (86_400, {"jobId": "old"}), (4, {}))
    client.hset("bull:video:old", mapping={"atm": 1, "ats": 1, "processedOn": 1, "pb": "w"})
    assert oldest(redis_url).oldest_waiting_s == pytest.approx(4, abs=SLACK_S)


def test_a_stalled_job_has_not_waited_since_it_was_added(
    redis_url: str, client: redis.Redis
) -> None:
    oldest(redis_url, (86_400, {"jobId": "old"}), (4, {}))
    client.hset("bull:video:old", mapping={"stc": 1, "ats": 1})
    assert oldest(redis_url).oldest_waiting_s == pytest.approx(4, abs=SLACK_S)


def test_yesterdays_job_retried_by_hand_is_not_a_day_late(url: str) -> None:
    async def scenario() -> QueueStats:
        async with connected(url) as connection:
            await failed_jobs(connection, "video", ["old"])
            day = round(time.time() * 1000) - 86_400_000
            await connection.client.hset("bull:video:old", "timestamp", day)
            await Failures(connection, "video").retry("old")
            (found,) = await read_stats(connection, ["video"])
            return found

    found = asyncio.run(scenario())
    assert (found.waiting, found.oldest_waiting_s) == (1, None)


def test_what_is_not_known_is_not_shown() -> None:
    """Jobs wait, and none of their moments is known: neither 0 nor any other number."""
    stats = QueueStats(
        queue="video", exists=True, waiting=3, active=0, delayed=0, prioritized=0,
        waiting_children=0, completed=0, failed=0, paused=0, is_paused=False,
        oldest_waiting_s=None, workers=1, retention=None,
    )  # fmt: skip
    registry = CollectorRegistry()
    QueueGauges(registry).show([stats])
    found = samples(generate_latest(registry).decode())
    assert ("simqueue_oldest_waiting_age_seconds", ("video",)) not in found
    assert found["simqueue_queue_depth", ("video", "waiting")] == 3


@pytest.mark.parametrize("odd", ["nan", "inf", "1e400", "soon", ""])
def test_a_time_that_is_none_is_passed_over(odd: str, redis_url: str, client: redis.Redis) -> None:
    oldest(redis_url, (50, {"jobId": "odd"}), (7, {}))
    client.hset("bull:video:odd", "timestamp", odd)
    assert oldest(redis_url).oldest_waiting_s == pytest.approx(7, abs=SLACK_S)


def test_a_long_queue_is_read_in_a_moment(redis_url: str, client: redis.Redis) -> None:
    jobs = [(50 - i / 1000, {"priority": i % 7 + 1} if i % 2 else {}) for i in range(6_000)]

    async def scenario() -> QueueStats:
        async with connected(redis_url) as connection:
            now = round(time.time() * 1000)
            await Queue("video", connection.options()).addBulk(
                [{"name": "x", "data": {}, "opts": {"timestamp": now - round(age * 1000), **more}}
                 for age, more in jobs]
            )  # fmt: skip
            client.slowlog_reset()
            client.config_set("slowlog-log-slower-than", 0)
            (found,) = await read_stats(connection, ["video"])
            client.config_set("slowlog-log-slower-than", 10_000)
            return found

    assert asyncio.run(scenario()).oldest_waiting_s == pytest.approx(50, abs=SLACK_S)
    slowest = max(entry["duration"] for entry in client.slowlog_get(128))
    assert slowest < 50_000, "microseconds that others had to wait"


# ---- workers


def test_workers_of_other_databases_are_not_ours(redis_url: str) -> None:
    """Nor those of other queues and prefixes, of Node or of Python."""
    elsewhere = redis_url.removesuffix("/0") + "/3"

    async def scenario() -> list[int | None]:
        counts, opened = [], []
        async with connected(redis_url) as here, connected(elsewhere) as there:
            for connection in (here, there):
                names = [
                    worker_connection_name("bull", "video"),
                    worker_connection_name("bull", "videos"),
                    worker_connection_name("other", "video"),
                    "bull:video:w:python",
                ]
                named = [connection.named(name) for name in names]
                for client in named:
                    await client.ping()
                counts.append((await read_stats(here, ["video"]))[0].workers)
                opened += named
            counts.append((await read_stats(there, ["video"]))[0].workers)
            for client in opened:
                await client.aclose()
        return counts

    # Of each database: one of Node's kind, and one Python worker with a name.
    assert asyncio.run(scenario()) == [2, 2, 2]


# ---- retries


def test_a_retry_without_backoff_is_counted_as_each_version_writes_it() -> None:
    for before in ("active", "failed"):
        totals = told(
            (1000, "waiting", "a", {}), (1000, "active", "a", {}),
            (1200, "waiting", "a", {"prev": before}), (1300, "active", "a", {}),
            (1500, "completed", "a", {}),
        )  # fmt: skip
        assert totals.attempts() == {"retried": 1, "completed": 1}, before
        assert totals("job_processing_seconds_sum") == pytest.approx(0.4)


def test_a_failed_job_put_back_by_hand_is_no_attempt() -> None:
    """The same words, of a job that does not run."""
    totals = told(
        (1000, "active", "a", {}), (1100, "failed", "a", {"failedReason": "no"}),
        (9000, "waiting", "a", {"prev": "failed"}),
    )  # fmt: skip
    assert totals.attempts() == {"failed": 1}


def test_a_retry_of_a_job_that_ran_before_we_looked_is_counted() -> None:
    totals = told((1000, "waiting", "a", {"prev": "failed"}), active=("a",))
    assert totals.attempts() == {"retried": 1}


# ---- alerts


def test_an_alert_comes_when_the_server_itself_is_gone() -> None:
    rules = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"][0]["rules"]
    assert any("up{" in rule["expr"] and "absent(" in rule["expr"] for rule in rules)


def test_stats_are_json_whatever_is_known(url: str) -> None:
    found = oldest(url, (1, {"delay": 10**9}))
    assert json.loads(json.dumps(found.as_json()))["oldest_waiting_s"] is None
