"""One queue, two languages: Node's BullMQ does what Python added, and the other way round."""

import asyncio
import json
import os
import subprocess
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import pytest
from node_packages import HERE
from redis_servers import RedisServer

from simqueue.adapters.bull_queue import BullQueueAdapter, connect
from simqueue.errors import JobError
from simqueue.jobs import EMAIL, ORDER, PAYMENT, Job, job_id, order_job, payment_job
from simqueue.policies import POLICIES, Backoff, Outcome, QueuePolicy
from simqueue.record.worker_events import Event, merge_events
from simqueue.workers.process import WorkerProcess

#: How much later than due an attempt may start on a busy machine, and how much earlier by
#: rounding to milliseconds, seconds.
LATE_S, EARLY_S = 0.4, 0.005


class Node:
    """Runs the programs beside this file."""

    def __init__(self, modules: Path, server: RedisServer, bullmq: str = "bullmq") -> None:
        self._environment = {**os.environ, "NODE_PATH": str(modules), "BULLMQ": bullmq}
        self._port = str(server.port)

    def queue(self, name: str, **asked: Any) -> dict[str, Any]:
        """Add jobs to a queue, or look at them."""
        done = subprocess.run(
            ["node", HERE / "queue.js", self._port, name], env=self._environment,
            input=json.dumps(asked), capture_output=True, text=True, check=True, timeout=30,
        )  # fmt: skip
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def run(self, script: Path, *arguments: str) -> str:
        """What a program prints."""
        return subprocess.run(
            ["node", script, *arguments], env=self._environment,
            capture_output=True, text=True, check=True, timeout=30,
        ).stdout  # fmt: skip

    @contextmanager
    def worker(self, *queues: str, failures: int = 0) -> Iterator["NodeWorker"]:
        """A worker whose handler fails so many times for each job."""
        command = ["node", str(HERE / "worker.js"), self._port, str(failures), *queues]
        with NodeWorker(command, self._environment) as worker:
            worker.wait_for("ready", 1)
            yield worker


class NodeWorker:
    """A running ``worker.js``; its lines are read as they come."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.lines: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> "NodeWorker":
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(15)
        finally:
            self.process.kill()
            self._reader.join(5)

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stdout:
            for line in stdout:
                with self._changed:
                    self.lines.append(json.loads(line))
                    self._changed.notify_all()

    def told(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == event]

    def wait_for(self, event: str, times: int, seconds: float = 30) -> list[dict[str, Any]]:
        """The lines of an event once there are so many."""
        with self._changed:
            enough = self._changed.wait_for(lambda: len(self.told(event)) >= times, seconds)
            assert enough, f"not {times} times {event!r} in {self.lines[-5:]}"
            return self.told(event)

    def waits_s(self) -> dict[str, list[float]]:
        """Seconds between the attempts of each job."""
        starts = defaultdict(list)
        for line in self.told("started"):
            starts[line["id"]].append(line["at"])
        return {job: [late - early for early, late in pairwise(at)] for job, at in starts.items()}


@pytest.fixture
def node(node_modules: Path, redis_server: RedisServer) -> Node:
    redis_server.clear()
    return Node(node_modules, redis_server)


def shortened(policy: QueuePolicy, factor: float) -> QueuePolicy:
    """A policy with its waits made shorter."""
    delay = policy.backoff.delay_ms * factor
    return policy.model_copy(
        update={"backoff": policy.backoff.model_copy(update={"delay_ms": delay})}
    )


#: The shop's own three, so that a test need not wait for seconds.
SHORT = {
    ORDER: shortened(POLICIES[ORDER], 0.15),
    PAYMENT: shortened(POLICIES[PAYMENT], 0.1),
    EMAIL: shortened(POLICIES[EMAIL], 0.1),
}


def email_job(order_id: str) -> Job:
    kind = "order-confirmation"
    return Job(
        queue=EMAIL, name=kind, id=job_id(EMAIL, order_id, kind), flow=job_id(ORDER, order_id),
        parent_id=job_id(ORDER, order_id), payload={"order_id": order_id},
    )  # fmt: skip


def add(url: str, policies: Mapping[str, QueuePolicy], jobs: Sequence[Job]) -> None:
    """Add jobs as the shop does."""

    async def work() -> None:
        adapter = BullQueueAdapter(await connect(url), policies)
        await adapter.add_bulk(jobs)
        await adapter.close()

    asyncio.run(work())


def assert_waits(found: Sequence[float], wanted: Sequence[float]) -> None:
    assert len(found) == len(wanted)
    for wait, due in zip(found, wanted, strict=True):
        assert due - EARLY_S <= wait <= due + LATE_S, (found, wanted)


def test_node_obeys_the_three_policies(node: Node, redis_server: RedisServer) -> None:
    jobs = [order_job("1"), payment_job("1", Decimal(12)), email_job("1")]
    with node.worker(*SHORT, failures=99) as worker:
        add(redis_server.url, SHORT, jobs)
        worker.wait_for("failed", 3)
    waits = worker.waits_s()
    for job in jobs:
        assert_waits(waits[job.id], SHORT[job.queue].waits_s())
        found = node.queue(job.queue, look=[job.id])[job.id]
        assert found["state"] == "failed"
        assert found["attemptsMade"] == SHORT[job.queue].attempts
        assert found["failedReason"] == f"attempt {SHORT[job.queue].attempts} fails"


def test_node_reads_what_python_wrote_and_its_result_is_read(
    node: Node, redis_server: RedisServer
) -> None:
    job = email_job("536365")
    with node.worker(EMAIL, failures=1) as worker:
        add(redis_server.url, SHORT, [job])
        worker.wait_for("completed", 1)
    first, second = worker.told("started")
    assert first["name"] == "order-confirmation"
    assert first["data"] == {
        "payload": {"order_id": "536365"}, "flow": "order-536365", "parent_id": "order-536365",
    }  # fmt: skip
    assert [first["attempt"], second["attempt"]] == [1, 2]

    async def result() -> Any:
        from bullmq import Job as BullJob

        adapter = BullQueueAdapter(await connect(redis_server.url))
        try:
            return await BullJob.fromId(adapter.queue(EMAIL), job.id)
        finally:
            await adapter.close()

    assert asyncio.run(result()).returnvalue == "processing"


@pytest.mark.parametrize("kind", ["fixed", "exponential"])
def test_node_obeys_jitter_within_its_bounds(
    node: Node, redis_server: RedisServer, kind: Literal["fixed", "exponential"]
) -> None:
    backoff = Backoff(type=kind, delay_ms=300, jitter=0.8)
    policy = QueuePolicy(attempts=3, backoff=backoff)
    jobs = [order_job(str(n)) for n in range(20)]
    with node.worker(ORDER, failures=99) as worker:
        add(redis_server.url, {ORDER: policy}, jobs)
        worker.wait_for("failed", len(jobs))
    waits = worker.waits_s()
    for attempt in (1, 2):
        least, most = backoff.wait_s(attempt, draw=0.0), backoff.wait_s(attempt)
        found = sorted(waits[job.id][attempt - 1] for job in jobs)
        assert least - EARLY_S <= found[0]
        assert found[-1] <= most + LATE_S
        # Twenty draws all in one half of the range: once in half a million runs.
        assert found[0] < (least + most) / 2
        assert found[-1] > (least + most) / 2


def test_node_keeps_as_many_as_the_policy_says(node: Node, redis_server: RedisServer) -> None:
    policy = QueuePolicy(keep_completed=4)
    with node.worker(ORDER) as worker:
        add(redis_server.url, {ORDER: policy}, [order_job(str(n)) for n in range(12)])
        worker.wait_for("completed", 12)

    async def kept() -> int:
        adapter = BullQueueAdapter(await connect(redis_server.url))
        try:
            return int(await adapter.queue(ORDER).getCompletedCount())
        finally:
            await adapter.close()

    assert asyncio.run(kept()) == 4


class Script:
    """Work that fails so many times for each job."""

    def __init__(self, failures: int = 0) -> None:
        self._failures = failures
        self.seen: list[Job] = []

    async def handle(self, job: Job, attempt: int) -> str:
        self.seen.append(job)
        if attempt <= self._failures:
            raise JobError(f"attempt {attempt} fails")
        return "processing"

    async def give_up(self, job: Job) -> str:
        return "failed"

    def follow_ups(self, job: Job, outcome: Outcome, result: str) -> Sequence[Job]:
        return []


async def consumed(
    url: str,
    script: Script,
    policies: Mapping[str, QueuePolicy],
    enough: Callable[[Sequence[Event]], bool],
    meanwhile: Callable[[], object] = lambda: None,
) -> list[Event]:
    """The events of our own worker, from its start until there are enough."""
    events: list[Event] = []
    connection = await connect(url)
    adapter = BullQueueAdapter(connection, policies)
    worker = WorkerProcess(
        connection, adapter, script, queues=list(policies), policies=policies,
        watchers=[events.append], name="python",
    )  # fmt: skip
    await worker.start()
    try:
        await asyncio.to_thread(meanwhile)
        async with asyncio.timeout(30):
            while not enough(events):
                await asyncio.sleep(0.01)
            while await adapter.unfinished():
                await asyncio.sleep(0.01)
    finally:
        await worker.stop(grace_s=5)
        await adapter.close()
    return events


def from_node(job: Job, policy: QueuePolicy) -> dict[str, Any]:
    """A job as somebody who writes Node would add it for the shop's workers."""
    backoff = {"type": policy.backoff.type, "delay": policy.backoff.delay_ms}
    return {
        "name": job.name,
        "data": {"payload": job.payload, "flow": job.flow, "parent_id": job.parent_id},
        "opts": {"jobId": job.id, "attempts": policy.attempts, "backoff": backoff},
    }


def ended(number: int) -> Callable[[Sequence[Event]], bool]:
    """Whether so many jobs have reached their end."""
    return lambda events: sum(e.outcome in ("completed", "failed") for e in events) >= number


def test_our_worker_does_what_node_added_by_the_three_policies(
    node: Node, redis_server: RedisServer
) -> None:
    jobs = [order_job("1"), payment_job("1", Decimal(12)), email_job("1")]

    def adds() -> None:
        for job in jobs:
            node.queue(job.queue, add=[from_node(job, SHORT[job.queue])])

    script = Script(failures=99)
    events = asyncio.run(consumed(redis_server.url, script, SHORT, ended(3), adds))
    frame = merge_events(events).frame()
    for job in jobs:
        assert job in script.seen
        its = frame[frame["job_id"] == job.id].sort_values("attempt")
        assert its["outcome"].iloc[-1] == "failed"
        waits = its["started_s"].to_numpy()[1:] - its["finished_s"].to_numpy()[:-1]
        assert_waits(waits.tolist(), SHORT[job.queue].waits_s())
        found = node.queue(job.queue, look=[job.id])[job.id]
        last = SHORT[job.queue].attempts
        assert (found["state"], found["attemptsMade"]) == ("failed", last)
        assert found["failedReason"] == f"attempt {last} fails"


def test_node_sees_what_our_worker_made_of_its_job(node: Node, redis_server: RedisServer) -> None:
    job = order_job("7")
    node.queue(ORDER, add=[from_node(job, SHORT[ORDER])])
    only = {ORDER: SHORT[ORDER]}
    asyncio.run(consumed(redis_server.url, Script(failures=1), only, ended(1)))
    found = node.queue(ORDER, look=[job.id])[job.id]
    assert found["state"] == "completed"
    assert found["returnvalue"] == "processing"
    assert found["attemptsMade"] == 2


def test_workers_of_both_languages_share_a_queue(node: Node, redis_server: RedisServer) -> None:
    """Both take the next job with a completion; no job is done twice, none is left."""
    jobs = [order_job(str(n)) for n in range(2_000)]
    policies = {ORDER: QueuePolicy(keep_completed=len(jobs))}
    script = Script()
    with node.worker(ORDER) as worker:
        asyncio.run(
            consumed(
                redis_server.url, script, policies,
                lambda _: len(script.seen) + len(worker.told("completed")) >= len(jobs),
                lambda: add(redis_server.url, policies, jobs),
            )
        )  # fmt: skip
    theirs = [line["id"] for line in worker.told("started")]
    ours = [job.id for job in script.seen]
    assert sorted(theirs + ours) == sorted(job.id for job in jobs)
    assert theirs
    assert ours
    assert not worker.told("error")
