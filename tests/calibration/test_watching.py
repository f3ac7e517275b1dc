"""Watching a live queue: every attempt is found, by a user that may only read, and nothing else."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from bullmq import Job, Queue
from pages import DOCS, fences
from queues import connected, until, worker
from redis_servers import RedisServer

from simqueue.calibration.attempts import day_of
from simqueue.calibration.calibrate import OBSERVATIONS, calibrate
from simqueue.calibration.seen import SeenFile, read_seen
from simqueue.calibration.watching import Watcher
from simqueue.errors import InputError, JobError

SECRET = "4111-1111-1111-1111"


@pytest.fixture
def reader(redis_server: RedisServer) -> Iterator[str]:
    """URL of an empty Redis for a user that may only read, as the page makes it."""
    redis_server.clear()
    (line,) = fences(DOCS / "calibrate.md", "text")
    with redis.Redis(port=redis_server.port) as client:
        client.execute_command(*line.replace("PASSWORD", "pw").split())
        yield redis_server.url.replace("redis://", "redis://watcher:pw@")
        client.execute_command("ACL", "DELUSER", "watcher")


async def play(url: str, jobs: int = 40, queue: str = "video") -> None:
    """Jobs of one queue, each the third of which fails once, and is not kept."""
    tried: set[str] = set()

    async def handle(job: Job, token: str) -> str:
        await asyncio.sleep(0.3)  # looked at in time on a busy machine, too
        if int(job.id) % 3 == 0 and job.id not in tried:
            tried.add(job.id)
            raise ValueError(f"card {SECRET}")
        return SECRET

    async with connected(url) as connection:
        bull = Queue(queue, connection.options())
        async with worker(connection, queue, handle, concurrency=10) as made:
            done = asyncio.create_task(until(made, "completed", jobs))
            for number in range(1, jobs + 1):
                options = {"attempts": 2, "backoff": 50, "removeOnComplete": True}
                options["jobId"] = str(number)
                await bull.add("encode", {"card": SECRET}, options)
                await asyncio.sleep(0.01)
            await done


async def watched(url: str, reader: str, file: Path, seconds: float = 6.0) -> None:
    """Watch while jobs are done."""
    out = SeenFile(file)
    async with connected(reader) as connection:
        watcher = Watcher(connection, ["video"], out)
        watching = asyncio.create_task(watcher.run(seconds, lambda *_: None))
        await asyncio.sleep(0.2)
        await play(url)
        await watching
    out.close()


def test_every_attempt_is_found_by_a_user_that_may_only_read(
    redis_server: RedisServer, reader: str, tmp_path: Path
) -> None:
    file = tmp_path / OBSERVATIONS
    asyncio.run(watched(redis_server.url, reader, file))
    seen = read_seen(file)
    day = day_of(seen)

    assert len(day.jobs) == 40
    assert [one.outcome for one in day.attempts].count("completed") == 40
    assert [one.outcome for one in day.attempts].count("retried") == 13
    assert day.without_head == 0
    assert {job.head.attempts for job in day.jobs.values() if job.head} == {2}
    assert len({one.worker for one in day.attempts} - {""}) == 1
    assert SECRET not in file.read_text()


def test_without_client_list_it_goes_on_with_less(
    redis_server: RedisServer, reader: str, tmp_path: Path
) -> None:
    with redis.Redis(port=redis_server.port) as client:
        client.execute_command("ACL", "SETUSER", "watcher", "-client|list")
    file = tmp_path / OBSERVATIONS
    asyncio.run(watched(redis_server.url, reader, file))
    seen = read_seen(file)

    assert seen.watches[0].cannot == ["CLIENT LIST"]
    assert len(day_of(seen).attempts) == 53


def test_a_user_that_may_not_look_at_all_is_told_so_at_once(
    redis_server: RedisServer, reader: str, tmp_path: Path
) -> None:
    asyncio.run(play(redis_server.url, 3))
    with redis.Redis(port=redis_server.port) as client:
        client.execute_command("ACL", "SETUSER", "watcher", "-hmget")

    with pytest.raises(JobError, match="hmget"):
        calibrate(reader, tmp_path / "out", minutes=1, queues=["video"])
    assert not (tmp_path / "out").exists()


def test_a_typo_is_no_empty_queue(redis_url: str, tmp_path: Path) -> None:
    asyncio.run(play(redis_url, 3))

    with pytest.raises(InputError, match=r"vido: no such queue .*there are video"):
        calibrate(redis_url, tmp_path / "out", minutes=1, queues=["vido"])
    assert not (tmp_path / "out").exists()


def test_a_redis_without_queues_is_told_from_one_that_is_not_there(
    redis_url: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="no BullMQ queue with the prefix bull"):
        calibrate(redis_url, tmp_path / "out", minutes=1)
    with pytest.raises(InputError, match=r"127\.0\.0\.1:1"):
        calibrate("redis://127.0.0.1:1/0", tmp_path / "out", minutes=1)
    assert not (tmp_path / "out").exists()


def test_a_queue_without_jobs_and_one_with_too_few_are_told(redis_url: str, tmp_path: Path) -> None:
    asyncio.run(play(redis_url, 3))

    with pytest.raises(InputError, match="no job was seen"):
        calibrate(redis_url, tmp_path / "out", minutes=0.01)
    with pytest.raises(InputError, match=r"is there already: --continue goes on"):
        calibrate(redis_url, tmp_path / "out", minutes=0.01)


def test_a_watch_goes_on_where_it_ended(redis_url: str, tmp_path: Path) -> None:
    """Even what happened in between counts, as long as the stream still holds it."""
    asyncio.run(play(redis_url, 1))
    with pytest.raises(InputError, match="no job was seen"):
        calibrate(redis_url, tmp_path / "out", minutes=0.01)
    asyncio.run(play(redis_url, 40))
    made = calibrate(redis_url, tmp_path / "out", minutes=0.01, goes_on=True)

    assert len(made.seen.watches) == 1
    assert sum(one.outcome == "completed" for one in made.day.attempts) >= 39


def test_a_notebook_has_a_loop_already(redis_url: str, tmp_path: Path) -> None:
    async def cell() -> None:
        calibrate(redis_url, tmp_path / "out", minutes=0.01)

    asyncio.run(play(redis_url, 3))
    with pytest.raises(InputError, match="no job was seen"):
        asyncio.run(cell())


def test_what_was_kept_is_little_and_says_so(redis_url: str, tmp_path: Path) -> None:
    async def keep() -> None:
        async def handle(job: Job, token: str) -> None:
            await asyncio.sleep(0.01)

        async with connected(redis_url) as connection:
            bull = Queue("video", connection.options())
            async with worker(connection, "video", handle, concurrency=2) as one:
                done = asyncio.create_task(until(one, "completed", 30))
                jobs: list[dict[str, Any]] = [{"name": "encode", "data": {}, "opts": {}}] * 30
                await bull.addBulk(jobs)
                await done

    asyncio.run(keep())
    made = calibrate(redis_url, tmp_path / "out", kept=True)

    assert len(made.day.attempts) == 30
    assert "Nothing was watched" in made.report()
    assert json.dumps(made.document(), allow_nan=False)
    assert made.scenario.queues["video"].attempts == 1
