"""Counts from BullMQ's event stream: what each event means, and that each counts once."""

import asyncio
from typing import Any

import pytest
from bullmq import Job, Queue, Worker
from prometheus_client import CollectorRegistry, Counter
from queues import connected, until, worker
from redis_servers import RedisServer

from simqueue.adapters.bull_queue import Connection
from simqueue.metrics import AttemptCounters
from simqueue.operations.event_streams import EventReader, Ledger
from simqueue.tasks import call_off

Event = tuple[int, str, str, dict[str, str]]


class Totals:
    """The numbers of a queue, read back from the registry."""

    def __init__(self, queue: str = "video") -> None:
        self._queue = queue
        self.registry = CollectorRegistry()
        self.gaps, self.unreadable = (
            Counter(f"simqueue_{name}", name, ("queue",), registry=self.registry)
            for name in ("event_gaps", "events_unreadable")
        )
        self.counts = AttemptCounters(self.registry, [queue], "in a test")

    def __call__(self, name: str, **labels: str) -> float:
        value = self.registry.get_sample_value(f"simqueue_{name}", {"queue": self._queue, **labels})
        assert value is not None, name
        return value

    def attempts(self) -> dict[str, float]:
        """Attempts by outcome, where there were any."""
        outcomes = ("completed", "retried", "failed", "stalled")
        counted = {outcome: self("attempts_total", outcome=outcome) for outcome in outcomes}
        return {outcome: number for outcome, number in counted.items() if number}


def told(*events: Event, active: tuple[str, ...] = ()) -> Totals:
    """Totals after these events: (milliseconds, kind, job, further fields)."""
    totals = Totals()
    ledger = Ledger("video", totals.counts, active)
    for i, (at, kind, job, fields) in enumerate(events):
        ledger.take(f"{at}-{i}", {"event": kind, "jobId": job, **fields})
    ledger.settle()
    return totals


FROM_ACTIVE = {"prev": "active"}
FROM_DELAYED = {"prev": "delayed"}


def test_a_job_waits_then_runs_then_is_done() -> None:
    totals = told(
        (1000, "added", "a", {}),
        (1000, "waiting", "a", {}),
        (1500, "active", "a", {"prev": "waiting"}),
        (1750, "completed", "a", FROM_ACTIVE),
        (1750, "drained", "", {}),
    )

    assert totals.attempts() == {"completed": 1}
    assert totals("jobs_processed_total", outcome="completed") == 1
    assert totals("jobs_failed_total") == 0
    assert totals("job_wait_seconds_sum") == pytest.approx(0.5)
    assert totals("job_processing_seconds_sum") == pytest.approx(0.25)


def test_a_retry_waits_from_the_moment_it_is_due() -> None:
    totals = told(
        (1000, "waiting", "a", {}),
        (1000, "active", "a", {}),
        (1100, "delayed", "a", {"delay": "3100"}),
        # Promoted late, as no slot was free.
        (3900, "waiting", "a", FROM_DELAYED),
        (4000, "active", "a", {}),
        (4200, "failed", "a", {"failedReason": "no", **FROM_ACTIVE}),
        (4200, "retries-exhausted", "a", {"attemptsMade": "2"}),
    )

    assert totals.attempts() == {"retried": 1, "failed": 1}
    assert totals("jobs_failed_total") == 1
    assert totals("jobs_processed_total", outcome="failed") == 1
    assert totals("job_wait_seconds_sum") == pytest.approx(0.9)
    assert totals("job_processing_seconds_sum") == pytest.approx(0.3)


def test_a_job_added_with_a_delay_is_no_retry() -> None:
    totals = told(
        (1000, "added", "a", {}), (1000, "delayed", "a", {"delay": "2000"}),
        (1500, "delayed", "a", {"delay": "1600"}), (1700, "waiting", "a", FROM_DELAYED),
        (1700, "active", "a", {}),
    )  # fmt: skip

    assert totals.attempts() == {}
    assert totals("job_wait_seconds_sum") == pytest.approx(0.1)


def test_a_retry_without_backoff_is_told_from_a_stall() -> None:
    totals = told(
        (1000, "active", "a", {}), (1000, "active", "b", {}),
        (1200, "waiting", "a", FROM_ACTIVE),
        (1300, "waiting", "b", FROM_ACTIVE), (1300, "stalled", "b", {}),
    )  # fmt: skip

    assert totals.attempts() == {"retried": 1, "stalled": 1}
    assert totals("jobs_stalled_total") == 1


def test_a_job_that_stalled_too_often_fails_without_an_attempt() -> None:
    totals = told(
        (1000, "active", "a", {}),
        (1001, "failed", "a", {"failedReason": "job stalled more than allowable limit"}),
    )

    assert totals.attempts() == {}
    assert totals("jobs_failed_total") == 1
    assert totals("job_processing_seconds_count") == 0


def test_what_ran_before_we_looked_has_an_outcome_but_no_time() -> None:
    totals = told(
        (1000, "delayed", "a", {"delay": "2000"}), (1000, "completed", "b", {}), active=("a", "b")
    )

    assert totals.attempts() == {"retried": 1, "completed": 1}
    assert totals("job_processing_seconds_count") == 0


def test_strange_events_do_no_harm() -> None:
    totals = told(
        (1000, "delayed", "a", {"delay": "soon"}), (1000, "removed", "b", {}),
        (1000, "from a later version", "c", {}), (1000, "waiting", "", {}),
        (1000, "paused", "", {}),
    )  # fmt: skip

    assert totals.attempts() == {}


async def some_fail(job: Job, token: str) -> str:
    if "bad" in job.id:
        raise RuntimeError("no")
    return "yes"


def entry(job_id: str, **options: Any) -> dict[str, Any]:
    return {"name": "cut", "data": {}, "opts": {"jobId": job_id, **options}}


async def twelve_jobs(connection: Connection, name: str) -> None:
    """10 that complete and 2 that fail three times; 16 attempts."""
    queue = Queue("video", connection.options())
    async with worker(connection, "video", some_fail, concurrency=3) as made:
        good = asyncio.create_task(until(made, "completed", 10))
        bad = asyncio.create_task(until(made, "failed", 6))
        await asyncio.sleep(0)
        # Removed as soon as it is done: the stream is all that is left of it.
        await queue.addBulk([entry(f"{name}-{i}", removeOnComplete=True) for i in range(10)])
        await queue.addBulk(
            [entry(f"{name}-bad-{i}", attempts=3,
                   backoff={"type": "fixed", "delay": 5 if i else 0}) for i in range(2)]
        )  # fmt: skip
        await asyncio.gather(good, bad)


@pytest.mark.parametrize("kind", ["redis", "embedded"])
def test_real_workers_are_counted(kind: str, request: pytest.FixtureRequest) -> None:
    url = "embedded://" if kind == "embedded" else request.getfixturevalue("redis_url")

    async def scenario() -> Totals:
        totals = Totals()
        async with connected(url, "theirs") as connection:
            await twelve_jobs(connection, "before")
            reader = EventReader(
                connection, ["video"], totals.counts, totals.gaps, totals.unreadable
            )
            await reader.start()
            await twelve_jobs(connection, "seen")
            while await reader.catch_up():
                pass
        return totals

    totals = asyncio.run(scenario())

    assert totals.attempts() == {"completed": 10, "retried": 4, "failed": 2}
    assert totals("jobs_failed_total") == 2
    assert totals("job_processing_seconds_count") == 16
    assert totals("job_wait_seconds_count") == 16
    assert totals("event_gaps_total") == 0


def test_a_stalled_job_is_counted(redis_url: str) -> None:
    async def scenario() -> Totals:
        totals = Totals()
        async with connected(redis_url) as connection:
            reader = EventReader(
                connection, ["video"], totals.counts, totals.gaps, totals.unreadable
            )
            await reader.start()
            await Queue("video", connection.options()).addBulk([entry("a")])
            silent = Worker("video", some_fail, {**connection.options(), "autorun": False})
            await silent.getNextJob("token")
            await connection.client.delete("bull:video:a:lock")
            for _ in range(2):
                await connection.client.delete("bull:video:stalled-check")
                await silent.runStalledJobsCheck()
            await reader.catch_up()
        return totals

    totals = asyncio.run(scenario())

    assert totals("jobs_stalled_total") == 1
    assert totals.attempts() == {"stalled": 1}


def test_each_event_counts_once_when_redis_goes_away_and_comes_back() -> None:
    async def scenario() -> Totals:
        totals = Totals()
        async with connected(server.url) as watching, connected(server.url) as working:
            reader = EventReader(watching, ["video"], totals.counts, totals.gaps, totals.unreadable)
            await reader.start()
            following = asyncio.create_task(reader.run())
            for name in ("one", "two", "three"):
                await twelve_jobs(working, name)
                # Every connection is cut, the reader's blocking one too.
                await working.client.client_kill_filter(_type="normal", skipme=True)
            server.kill()
            server.start()
            await twelve_jobs(working, "four")
            (last,) = await working.client.xrevrange("bull:video:events", count=1)
            async with asyncio.timeout(100):
                while reader.last["bull:video:events"] != last[0]:
                    await asyncio.sleep(0.01)
            await call_off([following])  # one cancellation may get lost: see there
        return totals

    server = RedisServer("--appendonly", "yes", "--appendfsync", "always")
    try:
        totals = asyncio.run(scenario())
    finally:
        server.stop()

    assert totals.attempts() == {"completed": 40, "retried": 16, "failed": 8}
    assert totals("event_gaps_total") == 0


def test_events_that_were_cut_off_unread_are_owned_up_to(redis_url: str) -> None:
    async def scenario() -> Totals:
        totals = Totals()
        async with connected(redis_url) as connection:
            await twelve_jobs(connection, "before")
            reader = EventReader(
                connection, ["video"], totals.counts, totals.gaps, totals.unreadable
            )
            await reader.start()
            await twelve_jobs(connection, "lost")
            await connection.client.xtrim("bull:video:events", maxlen=3, approximate=False)
            for _ in range(2):
                await reader.catch_up()
        return totals

    totals = asyncio.run(scenario())

    assert totals("event_gaps_total") == 1
    assert sum(totals.attempts().values()) < 16
