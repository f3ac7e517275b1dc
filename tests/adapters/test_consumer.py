"""The consumer on a real Redis: the two defects cured, and what must not silence a worker."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pytest

from simqueue.adapters.bull_queue import BullQueueAdapter, connect
from simqueue.errors import InputError, JobError
from simqueue.jobs import Job, order_job
from simqueue.policies import Backoff, Outcome, QueuePolicy
from simqueue.record.worker_events import Event, merge_events
from simqueue.workers.process import WorkerProcess


@dataclass
class Script:
    """Work by a function of (job, attempt); what it returns or raises is the outcome."""

    play: Callable[[Job, int], Any]
    handled: list[tuple[str, int]] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)

    async def handle(self, job: Job, attempt: int) -> str:
        self.handled.append((job.id, attempt))
        result = self.play(job, attempt)
        return await result if asyncio.iscoroutine(result) else result

    async def give_up(self, job: Job) -> str:
        self.given_up.append(job.id)
        return "failed"

    def follow_ups(self, job: Job, outcome: Outcome, result: str) -> Sequence[Job]:
        return []


@dataclass
class Bench:
    adapter: BullQueueAdapter
    worker: WorkerProcess
    events: list[Event]
    changed: asyncio.Condition

    async def wait_for(self, done: Callable[[list[Event]], bool]) -> None:
        async with asyncio.timeout(100), self.changed:
            await self.changed.wait_for(lambda: done(self.events))

    async def ends(self, number: int) -> pd.DataFrame:
        """The log once so many attempts have ended."""
        await self.wait_for(lambda es: sum(e.kind == "end" for e in es) >= number)
        return merge_events(self.events).frame()


@asynccontextmanager
async def bench(
    url: str, script: Script, policy: QueuePolicy, **options: Any
) -> AsyncIterator[Bench]:
    events: list[Event] = []
    changed = asyncio.Condition()

    async def notify() -> None:
        async with changed:
            changed.notify_all()

    def watch(event: Event) -> None:
        events.append(event)
        asyncio.get_running_loop().create_task(notify())

    connection = await connect(url)
    adapter = BullQueueAdapter(connection, {"order": policy})
    worker = WorkerProcess(
        connection, adapter, script, queues=["order"], policies={"order": policy},
        watchers=[watch], name="w", bullmq=options,
    )  # fmt: skip
    await worker.start()
    try:
        yield Bench(adapter, worker, events, changed)
    finally:
        await worker.stop(grace_s=5)
        await adapter.close()


def always_fails(job: Job, attempt: int) -> str:
    raise JobError(f"attempt {attempt} fails")


async def waits_of(url: str, policy: QueuePolicy) -> list[float]:
    """What a worker that is otherwise idle really waits between attempts, seconds."""
    async with bench(url, Script(always_fails), policy) as running:
        await asyncio.sleep(0.2)  # let it become idle: that is where the defects show
        await running.adapter.add(order_job("1"))
        frame = await running.ends(policy.attempts)
    gaps = frame["started_s"].to_numpy()[1:] - frame["finished_s"].to_numpy()[:-1]
    return [float(gap) for gap in gaps]


def test_an_idle_worker_fires_a_short_backoff_in_time(redis_url: str) -> None:
    """Upstream rounds 50 ms up to a second: the worker does not know what Redis can do."""
    policy = QueuePolicy(attempts=6, backoff=Backoff(delay_ms=50))
    waits = asyncio.run(waits_of(redis_url, policy))

    assert min(waits) >= 0.045
    # Upstream takes 1 s each time. The median, because a busy machine may delay one of them.
    assert sorted(waits)[2] < 0.5


@pytest.mark.slow
def test_an_idle_worker_fires_a_long_backoff_at_all(redis_url: str) -> None:
    """Upstream loses a retry of 5 s or more: the client gives up on a silent socket after 5 s."""
    waits = asyncio.run(
        waits_of(redis_url, QueuePolicy(attempts=3, backoff=Backoff(delay_ms=5000)))
    )

    assert len(waits) == 2
    assert min(waits) > 4.99
    assert max(waits) < 7.5, "it was found when the worker looked again, 5 s later"


def test_jitter_and_cap_are_obeyed_by_our_worker(redis_url: str) -> None:
    """BullMQ's Python worker knows neither; draws are fixed at 0.5."""
    backoff = Backoff(type="exponential", delay_ms=100, max_ms=160, jitter=0.5)
    policy = QueuePolicy(attempts=3, backoff=backoff)

    async def play() -> list[float]:
        script = Script(always_fails)
        async with bench(redis_url, script, policy) as running:
            for consumer in running.worker.consumers:
                consumer.draw = lambda _job, _attempt: 0.5
            await running.adapter.add(order_job("1"))
            frame = await running.ends(3)
        return [
            float(a - b) for a, b in zip(frame["ready_s"][1:], frame["finished_s"], strict=False)
        ]

    waits = asyncio.run(play())
    assert waits == [pytest.approx(0.075, abs=0.002), pytest.approx(0.12, abs=0.002)]


def outcomes(
    url: str, play: Callable[[Job, int], Any], jobs: int = 1
) -> tuple[Script, pd.DataFrame]:
    """Run jobs with three attempts and no backoff until each has ended for good."""

    async def all_of_it() -> pd.DataFrame:
        async with bench(url, script, QueuePolicy(attempts=3)) as running:
            await running.adapter.add_bulk(order_job(str(n)) for n in range(1, jobs + 1))
            await running.wait_for(
                lambda es: sum(e.outcome in ("completed", "failed") for e in es) >= jobs
            )
            async with asyncio.timeout(100):
                while await running.adapter.unfinished():
                    await asyncio.sleep(0.01)
            return merge_events(running.events).frame()

    script = Script(play)
    return script, asyncio.run(all_of_it())


def test_a_handler_that_raises_cancelled_error_does_not_silence_the_worker(redis_url: str) -> None:
    def cancels_once(job: Job, attempt: int) -> str:
        if attempt == 1:
            raise asyncio.CancelledError
        return "processing"

    _, frame = outcomes(redis_url, cancels_once, jobs=8)

    counts = frame["outcome"].value_counts()
    assert counts[counts > 0].to_dict() == {"retried": 8, "completed": 8}


@pytest.mark.parametrize(
    "value", [object(), float("nan"), {1, 2}, None], ids=["object", "nan", "set", "none"]
)
def test_what_json_cannot_hold_does_not_repeat_the_effect(redis_url: str, value: Any) -> None:
    script, frame = outcomes(redis_url, lambda _job, _attempt: value)

    assert script.handled == [("order-1", 1)]
    assert frame["outcome"].tolist() == ["completed"]


def test_what_cannot_be_done_is_not_tried_again(redis_url: str) -> None:
    def impossible(job: Job, attempt: int) -> str:
        raise InputError("no such order")

    script, frame = outcomes(redis_url, impossible)

    assert script.handled == [("order-1", 1)]
    assert frame["outcome"].tolist() == ["failed"]
    assert script.given_up == ["order-1"]


def test_an_error_of_any_kind_is_a_failed_attempt(redis_url: str) -> None:
    def breaks_twice(job: Job, attempt: int) -> str:
        return "processing" if attempt == 3 else str(1 / 0)

    _, frame = outcomes(redis_url, breaks_twice)

    assert frame["outcome"].tolist() == ["retried", "retried", "completed"]


def test_slots_are_as_many_as_the_concurrency(redis_url: str) -> None:
    busy = 0
    most = 0
    all_at_work = asyncio.Event()

    async def some_time(job: Job, attempt: int) -> str:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        if busy == 5:
            all_at_work.set()
        await all_at_work.wait()
        await asyncio.sleep(0.02)
        busy -= 1
        return "processing"

    _, frame = outcomes(redis_url, some_time, jobs=20)

    assert most == 5
    assert sorted(frame["slot"].unique()) == [0, 1, 2, 3, 4]


def test_a_strangers_job_is_refused_and_the_others_go_on(redis_url: str) -> None:
    async def play() -> tuple[list[tuple[str, int]], int]:
        script = Script(lambda _job, _attempt: "processing")
        async with bench(redis_url, script, QueuePolicy(attempts=3)) as running:
            await running.adapter.queue("order").add("tea", {"milk": True}, {"attempts": 3})
            await running.adapter.add(order_job("1"))
            await running.ends(1)
            async with asyncio.timeout(100):
                while await running.adapter.unfinished():
                    await asyncio.sleep(0.01)
            failed = await running.adapter.queue("order").getFailedCount()
        return script.handled, failed

    assert asyncio.run(play()) == ([("order-1", 1)], 1)


def test_stopping_waits_for_running_jobs(redis_url: str) -> None:
    async def play() -> tuple[list[Job], pd.DataFrame]:
        async def some_time(job: Job, attempt: int) -> str:
            await asyncio.sleep(0.3)
            return "processing"

        async with bench(redis_url, Script(some_time), QueuePolicy()) as running:
            await running.adapter.add(order_job("1"))
            await running.wait_for(bool)
            left = await running.worker.stop(grace_s=5)
            return left, merge_events(running.events).frame()

    left, frame = asyncio.run(play())
    assert left == []
    assert frame["outcome"].tolist() == ["completed"]


def test_what_the_grace_period_cuts_off_is_named_and_recovered(redis_url: str) -> None:
    """The second worker finds the job stalled and does it; its attempt number stays."""
    # A lock is renewed in time on a busy machine, too.
    quick = {"lockDuration": 2000, "stalledInterval": 500}

    async def play() -> tuple[list[str], pd.DataFrame]:
        hangs = True

        async def may_hang(job: Job, attempt: int) -> str:
            if hangs:
                await asyncio.sleep(60)
            return "processing"

        script = Script(may_hang)
        async with bench(redis_url, script, QueuePolicy(), **quick) as first:
            await first.adapter.add(order_job("1"))
            await first.wait_for(bool)
            left = await first.worker.stop(grace_s=0.1)
            hangs = False
            async with bench(redis_url, script, QueuePolicy(), **quick) as second:
                await second.ends(1)
                return [job.id for job in left], merge_events(first.events + second.events).frame()

    left, frame = asyncio.run(play())
    assert left == ["order-1"]
    assert frame["outcome"].tolist() == ["stalled", "completed"]
    assert frame["attempt"].tolist() == [1, 1]
    assert frame["run"].tolist() == [1, 2]


def test_a_watcher_that_fails_costs_nobody_a_job(redis_url: str) -> None:
    """A disk that is full under the event file: the jobs are done all the same."""

    async def play() -> list[tuple[str, int]]:
        def full(event: Event) -> None:
            raise OSError(28, "No space left on device")

        script = Script(lambda _job, _attempt: "processing")
        async with bench(redis_url, script, QueuePolicy(attempts=3)) as running:
            running.worker.watchers.insert(0, full)
            await running.adapter.add(order_job("1"))
            await running.ends(1)
            return script.handled

    assert asyncio.run(play()) == [("order-1", 1)]


def test_an_error_that_utf8_cannot_hold(redis_url: str) -> None:
    """Redis could not store it, and the job would stay active until it stalled."""

    def bad(job: Job, attempt: int) -> str:
        raise ValueError("\ud800")

    _, frame = outcomes(redis_url, bad)

    assert frame["outcome"].tolist() == ["retried", "retried", "failed"]
