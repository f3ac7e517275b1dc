"""Failed jobs of anybody's queues: seen, run again with all their attempts, removed."""

import asyncio
from typing import Any

import pytest
from bullmq import Job, Queue
from queues import connected, failed_jobs, until, worker

from simqueue.adapters.bull_queue import Connection
from simqueue.errors import InputError
from simqueue.operations.failed import Failures, JobHeldError
from simqueue.operations.stats import read_stats


@pytest.fixture(params=["redis", "embedded"])
def url(request: pytest.FixtureRequest) -> str:
    """An empty Redis of each kind."""
    if request.param == "embedded":
        return "embedded://"
    found: str = request.getfixturevalue("redis_url")
    return found


def test_the_newest_failures_come_first_without_their_payload(url: str) -> None:
    async def scenario() -> tuple[list[Any], int]:
        async with connected(url, "theirs") as connection:
            await failed_jobs(connection, "video", ["a", "b/c d"], attempts=2)
            await failed_jobs(connection, "video", ["c"], attempts=1)
            jobs = Failures(connection, "video")
            return list(await jobs.list(2)), await jobs.count()

    found, count = asyncio.run(scenario())

    assert count == 3
    assert [job.id for job in found] == ["c", "b/c d"]
    assert (found[1].name, found[1].attempts_made, found[1].attempts) == ("send", 2, 2)
    assert found[1].error == "<b>no</b> route for b/c d\n\x1b[2Jat send"
    assert found[1].failed_at >= found[1].added_at > 1e9
    assert "payload" not in found[1].as_json()


def test_all_of_a_job_is_shown(url: str) -> None:
    async def scenario() -> dict[str, Any]:
        async with connected(url) as connection:
            await failed_jobs(connection, "video", ["a"], attempts=3, data={"card": "4111"})
            return await Failures(connection, "video").show("a")

    found = asyncio.run(scenario())

    assert found["payload"] == {"card": "4111"}
    assert found["options"]["attempts"] == 3
    assert len(found["stacktrace"]) == 3
    assert "RuntimeError" in found["stacktrace"][0]


def test_a_retried_job_has_all_its_attempts_again(url: str) -> None:
    async def scenario() -> tuple[list[int], int]:
        async with connected(url) as connection:
            await failed_jobs(connection, "video", ["a"], attempts=3)
            jobs = Failures(connection, "video")
            runs = []

            async def fail_again(job: Job, token: str) -> None:
                runs.append(job.attemptsMade)
                raise RuntimeError("again")

            async with worker(connection, "video", fail_again) as made:
                done = asyncio.create_task(until(made, "failed", 3))
                await asyncio.sleep(0)
                await jobs.retry("a")
                await done
            (job,) = await jobs.list()
            return runs, job.attempts_made

    assert asyncio.run(scenario()) == ([0, 1, 2], 3)


def test_a_job_that_failed_by_stalling_may_stall_again(url: str) -> None:
    async def scenario() -> str | None:
        async with connected(url) as connection:
            await failed_jobs(connection, "video", ["a"])
            await connection.client.hset("bull:video:a", "stc", 2)
            await Failures(connection, "video").retry("a")
            stalls: str | None = await connection.client.hget("bull:video:a", "stc")
            return stalls

    assert asyncio.run(scenario()) is None


async def keeps_its_place(connection: Connection) -> dict[str, Any]:
    queue = Queue("video", connection.options())
    await failed_jobs(connection, "video", ["a"])
    await queue.add("send", {}, {"jobId": "waits"})
    return {"jobs": Failures(connection, "video"), "queue": queue}


@pytest.mark.parametrize("verb", ["retry", "remove", "show"])
@pytest.mark.parametrize("job_id", ["nobody", "waits"])
def test_only_failed_jobs_are_touched(url: str, verb: str, job_id: str) -> None:
    async def scenario() -> None:
        async with connected(url) as connection:
            made = await keeps_its_place(connection)
            with pytest.raises(InputError, match=f"queue video: no failed job '{job_id}'"):
                await getattr(made["jobs"], verb)(job_id)
            (found,) = await read_stats(connection, ["video"])
            assert (found.waiting, found.failed) == (1, 1)

    asyncio.run(scenario())


def test_a_removed_job_is_gone(url: str) -> None:
    async def scenario() -> tuple[int, Any]:
        async with connected(url) as connection:
            made = await keeps_its_place(connection)
            await made["jobs"].remove("a")
            return await made["jobs"].count(), await made["queue"].getJob("a")

    assert asyncio.run(scenario()) == (0, None)


def test_a_job_that_somebody_holds_stays(url: str) -> None:
    """A lock outlives its worker by 30 s; a job whose lock is held is not BullMQ's to remove."""

    async def scenario() -> int:
        async with connected(url) as connection:
            await failed_jobs(connection, "video", ["a"])
            await connection.client.set("bull:video:a:lock", "somebody")
            failures = Failures(connection, "video")
            with pytest.raises(JobHeldError, match="'a' cannot be removed: a worker holds its l"):
                await failures.remove("a")
            return await failures.count()

    assert asyncio.run(scenario()) == 1


def test_a_job_with_a_broken_payload_can_be_handled(url: str) -> None:
    async def scenario() -> Any:
        async with connected(url) as connection:
            await failed_jobs(connection, "video", ["a"])
            await connection.client.hset(
                "bull:video:a", mapping={"data": "{", "opts": "[", "atm": "x"}
            )
            jobs = Failures(connection, "video")
            (listed,) = await jobs.list()
            assert (listed.attempts_made, listed.attempts) == (0, None)
            shown = await jobs.show("a")
            await jobs.retry("a")
            assert await jobs.count() == 0
            return shown["payload"]

    assert asyncio.run(scenario()) == "{"
