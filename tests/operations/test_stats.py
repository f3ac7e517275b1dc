"""Counts of anybody's queues, on a real Redis and on an embedded one."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from bullmq import Queue, Worker
from queues import connected

from simqueue.errors import InputError
from simqueue.operations.queues import operators_connection, queue_names
from simqueue.operations.stats import QueueStats, read_stats, stats_json


@pytest.fixture(params=["redis", "embedded"])
def url(request: pytest.FixtureRequest) -> str:
    """An empty Redis of each kind."""
    if request.param == "embedded":
        return "embedded://"
    found: str = request.getfixturevalue("redis_url")
    return found


async def idle(job: Any, token: str) -> None:
    """Never called: the worker is not started."""


def test_states_are_counted_whatever_the_jobs_are(url: str) -> None:
    async def scenario() -> QueueStats:
        async with connected(url, "theirs") as connection:
            queue = Queue("video", connection.options())
            await queue.addBulk(
                [{"name": "cut", "data": [1, None, "ü"], "opts": {}} for _ in range(1000)]
            )
            await queue.add("later", 3, {"delay": 60_000})
            await queue.add("first", {}, {"priority": 2})
            taker = Worker("video", idle, {**connection.options(), "autorun": False})
            await taker.getNextJob("token")
            (found,) = await read_stats(connection, ["video"])
            return found

    found = asyncio.run(scenario())

    assert found.exists
    assert (found.waiting, found.active, found.delayed, found.prioritized) == (999, 1, 1, 1)
    assert (found.completed, found.failed, found.paused, found.is_paused) == (0, 0, 0, False)
    assert found.retention is None


def test_a_queue_that_never_was_says_so(url: str) -> None:
    async def scenario() -> dict[str, Any]:
        async with connected(url) as connection:
            return stats_json(await read_stats(connection, ["order"]))

    found = asyncio.run(scenario())

    assert found["queues"]["order"] == {
        "exists": False, "waiting": 0, "active": 0, "delayed": 0, "prioritized": 0,
        "waiting_children": 0, "completed": 0, "failed": 0, "paused": 0, "is_paused": False,
        "oldest_waiting_s": None, "workers": 0,
        "retention": {"kept_completed": 100, "kept_failed": 50}, "error": None,
    }  # fmt: skip
    assert "no totals" in found["note"]


def test_the_shops_retention_is_not_claimed_for_other_prefixes(url: str) -> None:
    async def scenario() -> QueueStats:
        async with connected(url, "other") as connection:
            (found,) = await read_stats(connection, ["order"])
            return found

    assert asyncio.run(scenario()).retention is None


def test_the_jobs_of_a_paused_queue_are_paused_not_waiting(url: str) -> None:
    async def scenario() -> list[QueueStats]:
        async with connected(url) as connection:
            queue = Queue("video", connection.options())
            await queue.add("cut", {}, {})
            await queue.pause()
            (paused,) = await read_stats(connection, ["video"])
            # BullMQ before 5.x renamed the list.
            await connection.client.rename("bull:video:wait", "bull:video:paused")
            (renamed,) = await read_stats(connection, ["video"])
            await queue.resume()
            (resumed,) = await read_stats(connection, ["video"])
            return [paused, renamed, resumed]

    found = asyncio.run(scenario())

    assert [(one.waiting, one.paused, one.is_paused) for one in found] == [
        (0, 1, True), (0, 1, True), (1, 0, False)
    ]  # fmt: skip


def test_the_oldest_waiting_job_is_found_at_either_end(url: str) -> None:
    async def scenario() -> list[float | None]:
        now = round(time.time() * 1000)
        async with connected(url) as connection:
            queue = Queue("video", connection.options())
            ages = []
            for options in ({"timestamp": now - 5_000}, {"timestamp": now - 60_000, "lifo": True},
                            {"timestamp": now - 90_000, "priority": 1}):  # fmt: skip
                await queue.add("cut", {}, options)
                ages.append((await read_stats(connection, ["video"]))[0].oldest_waiting_s)
            return ages

    for age, expected in zip(asyncio.run(scenario()), (5, 60, 90), strict=True):
        assert age == pytest.approx(expected, abs=3)


def test_markers_of_old_versions_are_no_jobs(url: str) -> None:
    async def scenario() -> QueueStats:
        async with connected(url) as connection:
            await Queue("video", connection.options()).add("cut", {}, {"timestamp": 1000})
            await connection.client.rpush("bull:video:wait", "0:0")
            (found,) = await read_stats(connection, ["video"])
            return found

    found = asyncio.run(scenario())

    assert found.waiting == 1
    assert found.oldest_waiting_s is not None
    assert found.oldest_waiting_s > 1e9


def test_reading_takes_one_command_a_queue_and_no_payload(redis_url: str) -> None:
    async def scenario() -> dict[str, Any]:
        async with connected(redis_url) as connection:
            queue = Queue("video", connection.options())
            await queue.addBulk([{"name": "cut", "data": {}, "opts": {}} for _ in range(1000)])
            await connection.client.config_resetstat()
            await read_stats(connection, ["video", "sound"])
            said: dict[str, Any] = await connection.client.info("commandstats")
            return said

    calls = {name: said["calls"] for name, said in asyncio.run(scenario()).items()}

    assert calls["cmdstat_eval"] == 2
    assert calls["cmdstat_client|list"] == 1
    # Of a thousand jobs at most, and only what tells how long they have been ready.
    assert calls["cmdstat_hmget"] <= 1000
    assert not {"cmdstat_hgetall", "cmdstat_hget"} & set(calls)


def test_workers_are_counted_by_process(redis_url: str) -> None:
    async def scenario() -> list[int | None]:
        counts = []
        async with (
            connected(redis_url, "w") as eyes,
            connected(redis_url, "w") as one,
            connected(redis_url, "w") as two,
        ):
            counts.append((await read_stats(eyes, ["video"]))[0].workers)
            for connection, name in ((one, None), (two, "two")):
                named = {"name": name} if name else {}
                made = Worker("video", idle, {**connection.options(), "autorun": False, **named})
                await made.backend.setName(made.clientName)
                counts.append((await read_stats(eyes, ["video"]))[0].workers)
            # As Node names a worker's blocking connection.
            await eyes.client.client_setname("w:dmlkZW8=")
            counts.append((await read_stats(eyes, ["video", "vide"]))[0].workers)
            return counts

    assert asyncio.run(scenario()) == [0, 1, 2, 3]


def test_keys_that_are_not_bullmqs_are_an_error(redis_url: str) -> None:
    async def scenario() -> QueueStats:
        async with operators_connection(redis_url, "strange") as connection:
            await connection.client.set("strange:video:wait", "text")
            (found,) = await read_stats(connection, ["video"])
            return found

    error = asyncio.run(scenario()).error
    assert error is not None
    assert "WRONGTYPE" in error
    assert "are these keys BullMQ's?" in error


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (None, "QUEUE_REDIS_URL is not set"),
        ("embedded://", "embedded queue lives inside the process"),
    ],
)
def test_without_a_redis_to_share_the_error_says_so(url: str | None, said: str) -> None:
    async def scenario() -> None:
        async with operators_connection(url, "bull"):
            raise AssertionError("connected")

    with pytest.raises(InputError, match=said):
        asyncio.run(scenario())


@pytest.mark.parametrize("name", ["", "a:b"])
def test_a_name_that_bullmq_cannot_have_is_an_error(name: str) -> None:
    with pytest.raises(InputError, match="--queue"):
        queue_names([name])


def test_the_page_is_packaged() -> None:
    import simqueue.operations

    static = Path(simqueue.operations.__file__).parent / "static"
    names = {file.name for file in static.iterdir()}

    assert names == {"page.html", "page.css", "page.js", "chart.js", "icon.svg"}
