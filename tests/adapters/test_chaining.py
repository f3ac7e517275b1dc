"""Completing with fetch-next: no job is lost or done twice where the chain of jobs ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from simqueue.adapters.bull_queue import Connection, connect
from simqueue.adapters.bull_queue.chaining import ChainingWorker

Handler = Callable[[Any, str], Awaitable[Any]]


class Counted:
    """How often a worker sent each kind of command; and, if asked, what to do before the answer."""

    def __init__(self, worker: ChainingWorker) -> None:
        self.sent: list[str] = []
        self.then: Callable[[str], Awaitable[None]] | None = None
        for name in ("moveToActive", "moveToFinished"):
            worker.scripts.commands[name] = self._wrapped(name, worker.scripts.commands[name])

    def _wrapped(self, name: str, command: Callable[..., Awaitable[Any]]) -> Any:
        async def send(*args: Any, **options: Any) -> Any:
            self.sent.append(name)
            answer = await command(*args, **options)
            if self.then is not None:
                await self.then(name)
            return answer

        return send


@asynccontextmanager
async def queue_and_worker(
    url: str, handler: Handler, **options: Any
) -> AsyncIterator[tuple[Any, ChainingWorker, asyncio.Task[None]]]:
    from bullmq import Queue

    connection: Connection = await connect(url)
    queue = Queue("order", connection.options())
    worker = ChainingWorker("order", handler, {**connection.options(), **options})
    await worker.blockingRedisConnection.getRedisVersion()
    task = asyncio.ensure_future(worker.run())
    try:
        yield queue, worker, task
    finally:
        await worker.close(force=True)
        await asyncio.wait([task], timeout=5)
        task.cancel()
        await connection.close()


async def add(queue: Any, *names: str, **options: Any) -> None:
    options = {"removeOnComplete": False, **options}
    await queue.addBulk(
        [{"name": name, "data": {}, "opts": {**options, "jobId": name}} for name in names]
    )


async def until(condition: Callable[[], Awaitable[object]], seconds: float = 100) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.01)


async def empty(queue: Any) -> bool:
    counts = await queue.getJobCounts("waiting", "active", "delayed")
    return sum(counts.values()) == 0


def test_a_full_queue_costs_one_round_trip_a_job(redis_url: str) -> None:
    async def play() -> list[str]:
        done: list[str] = []

        async def handler(job: Any, token: str) -> str:
            done.append(job.id)
            return "done"

        async with queue_and_worker(redis_url, handler, concurrency=1) as (queue, worker, _):
            counted = Counted(worker)
            await until(lambda: asyncio.sleep(0, worker.waiting is not None))
            counted.sent.clear()
            await add(queue, *(f"job-{n}" for n in range(50)))
            await until(lambda: empty(queue))
        assert done == [f"job-{n}" for n in range(50)]
        return counted.sent

    sent = asyncio.run(play())
    assert sent.count("moveToFinished") == 50
    assert sent.count("moveToActive") <= 3


def test_one_job_at_hand_rouses_the_other_slots(redis_url: str) -> None:
    async def play() -> int:
        running = most = 0
        all_at_work = asyncio.Event()

        async def handler(job: Any, token: str) -> str:
            nonlocal running, most
            running += 1
            most = max(most, running)
            if running == 4:
                all_at_work.set()
            await all_at_work.wait()
            await asyncio.sleep(0.01)
            running -= 1
            return "done"

        async with queue_and_worker(redis_url, handler, concurrency=4) as (queue, worker, _):
            await until(lambda: asyncio.sleep(0, worker.waiting is not None))
            await add(queue, *(f"job-{n}" for n in range(20)))
            await until(lambda: empty(queue))
        return most

    assert asyncio.run(play()) == 4


def test_a_failure_in_the_chain_is_retried_and_the_others_go_on(redis_url: str) -> None:
    async def play() -> list[str]:
        done: list[str] = []

        async def handler(job: Any, token: str) -> str:
            done.append(job.id)
            if job.id == "job-3" and job.attemptsMade < 2:
                raise RuntimeError("not yet")
            return "done"

        async with queue_and_worker(redis_url, handler, concurrency=2) as (queue, _, _):
            await add(
                queue, *(f"job-{n}" for n in range(10)), attempts=3,
                backoff={"type": "fixed", "delay": 50},
            )  # fmt: skip
            await until(lambda: empty(queue))
            assert await queue.getCompletedCount() == 10
        return done

    done = asyncio.run(play())
    assert sorted(done) == sorted([f"job-{n}" for n in range(10)] + ["job-3"] * 2)


def test_a_job_fetched_while_the_worker_closes_is_done_before_it_is_closed(redis_url: str) -> None:
    """The answer to a completion brings the next job just after `close` was called."""

    async def play() -> tuple[list[str], int, int]:
        done: list[str] = []

        async def handler(job: Any, token: str) -> str:
            await asyncio.sleep(0.05)
            done.append(job.id)
            return "done"

        async with queue_and_worker(redis_url, handler, concurrency=1) as (queue, worker, task):
            counted = Counted(worker)
            closing: list[asyncio.Task[None]] = []

            async def close_before_the_answer(name: str) -> None:
                if name == "moveToFinished" and not closing:
                    closing.append(asyncio.ensure_future(worker.close()))
                    await asyncio.sleep(0.01)

            counted.then = close_before_the_answer
            await add(queue, "job-0", "job-1", "job-2")
            async with asyncio.timeout(100):
                await task
                await closing[0]
            return done, await queue.getJobCountByTypes("active"), await queue.getWaitingCount()

    assert asyncio.run(play()) == (["job-0", "job-1"], 0, 1)


def test_the_same_where_the_job_was_asked_for_alone(redis_url: str) -> None:
    async def play() -> tuple[list[str], int]:
        done: list[str] = []

        async def handler(job: Any, token: str) -> str:
            await asyncio.sleep(0.05)
            done.append(job.id)
            return "done"

        async with queue_and_worker(redis_url, handler, concurrency=1) as (queue, worker, task):
            await until(lambda: asyncio.sleep(0, worker.waiting is not None))
            counted = Counted(worker)
            closing: list[asyncio.Task[None]] = []

            async def close_before_the_answer(name: str) -> None:
                if name == "moveToActive" and not closing:
                    closing.append(asyncio.ensure_future(worker.close()))
                    await asyncio.sleep(0.01)

            counted.then = close_before_the_answer
            await add(queue, "job-0")
            async with asyncio.timeout(100):
                await task
                await closing[0]
            return done, await queue.getJobCountByTypes("active")

    assert asyncio.run(play()) == (["job-0"], 0)


def test_locks_are_renewed_while_a_close_waits_for_running_jobs(redis_url: str) -> None:
    """Upstream stops renewing when the first of them ends; another worker then takes the rest."""

    async def play() -> None:
        running: set[str] = set()
        may_end = {"long": asyncio.Event(), "short": asyncio.Event()}

        async def handler(job: Any, token: str) -> str:
            running.add(job.id)
            await may_end[job.id].wait()
            return "done"

        often = {"lockRenewTime": 50, "concurrency": 2}
        async with queue_and_worker(redis_url, handler, **often) as (queue, worker, task):
            await add(queue, *may_end)
            await until(lambda: asyncio.sleep(0, len(running) == 2))
            closing = asyncio.ensure_future(worker.close())
            may_end["short"].set()
            await until(lambda: queue.getCompletedCount())
            lock = "bull:order:long:lock"
            assert await queue.client.pexpire(lock, 20_000)
            await until(lambda: renewed(queue.client, lock, 20_000))
            may_end["long"].set()
            await closing
            await task
            assert await empty(queue)

    asyncio.run(play())


async def renewed(client: Any, lock: str, left_ms: int) -> bool:
    """Whether a lock that was to end has longer to live than that."""
    return int(await client.pttl(lock)) > left_ms


def test_a_lost_lock_is_an_error_event_and_the_chain_goes_on(redis_url: str) -> None:
    async def play() -> tuple[list[str], list[str]]:
        done: list[str] = []
        errors: list[str] = []

        async def handler(job: Any, token: str) -> str:
            done.append(job.id)
            if job.id == "job-0":
                await worker.client.delete(f"bull:order:{job.id}:lock")
            return "done"

        async with queue_and_worker(redis_url, handler, concurrency=1) as (queue, worker, _):
            worker.on("error", lambda error, *_: errors.append(str(error)))
            await add(queue, "job-0", "job-1", "job-2")
            await until(lambda: asyncio.sleep(0, len(done) == 3))
        return done, errors

    done, errors = asyncio.run(play())
    assert done == ["job-0", "job-1", "job-2"]
    assert errors
    assert "lock" in errors[0].lower()


def test_a_job_that_cannot_be_read_does_not_end_the_slot(redis_url: str) -> None:
    async def play() -> list[tuple[str, bool]]:
        done: list[tuple[str, bool]] = []

        async def handler(job: Any, token: str) -> str:
            done.append((job.id, bool(job.unreadable)))
            return "done"

        async with queue_and_worker(redis_url, handler, concurrency=1) as (queue, worker, _):
            await until(lambda: asyncio.sleep(0, worker.waiting is not None))
            await queue.pause()
            await add(queue, "job-0", "job-1", "job-2")
            await worker.client.hset("bull:order:job-1", "data", "{no json")
            await queue.resume()
            await until(lambda: asyncio.sleep(0, len(done) == 3))
        return done

    assert asyncio.run(play()) == [("job-0", False), ("job-1", True), ("job-2", False)]


def test_a_paused_queue_ends_the_chain_and_resuming_starts_it(redis_url: str) -> None:
    async def play() -> tuple[int, int]:
        done: list[str] = []

        async def handler(job: Any, token: str) -> str:
            done.append(job.id)
            if len(done) == 3:
                await queue.pause()
            return "done"

        async with queue_and_worker(redis_url, handler, concurrency=1) as (queue, _, _):
            await add(queue, *(f"job-{n}" for n in range(10)))
            await until(lambda: asyncio.sleep(0, len(done) >= 3))
            await asyncio.sleep(0.2)
            held = len(done)
            await queue.resume()
            await until(lambda: asyncio.sleep(0, len(done) == 10))
        return held, len(done)

    assert asyncio.run(play()) == (3, 10)


def test_closing_a_worker_leaves_the_others_their_connections(redis_url: str) -> None:
    """They share one pool; upstream's close would end what others are waiting for."""

    async def play() -> None:
        async def handler(job: Any, token: str) -> str:
            return "done"

        connection = await connect(redis_url)

        async def blocked() -> set[str]:
            clients = await connection.client.client_list()
            return {client["id"] for client in clients if client["cmd"] == "blpop"}

        worker = ChainingWorker("order", handler, connection.options())
        waiting = asyncio.ensure_future(connection.client.blpop(["somewhere"], timeout=100))
        await until(blocked)
        before = await blocked()
        await worker.close()
        await asyncio.sleep(0.1)
        assert await blocked() == before
        await connection.client.rpush("somewhere", "there")
        await waiting
        await connection.close()

    asyncio.run(play())
