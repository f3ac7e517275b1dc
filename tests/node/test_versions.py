"""The versions of Node's BullMQ that are supported: each pauses, adds, works, retries beside us.

Which they are is in docs/deployment.md; package.json installs them side by side.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import pytest
import redis
from node_packages import VERSIONS
from pages import DOCS
from redis_servers import RedisServer
from test_node_interop import (
    SHORT,
    Node,
    Script,
    add,
    assert_waits,
    consumed,
    ended,
    from_node,
)

from simqueue.adapters.bull_queue.connection import connected
from simqueue.jobs import ORDER, Job, order_job
from simqueue.operations.failed import Failures
from simqueue.operations.stats import read_stats
from simqueue.record.worker_events import merge_events

ONLY = {ORDER: SHORT[ORDER]}


@pytest.fixture(params=VERSIONS)
def node(
    request: pytest.FixtureRequest,
    node_modules: Path,
    redis_server: RedisServer,
) -> Node:
    redis_server.clear()
    return Node(node_modules, redis_server, request.param)


@pytest.fixture
def client(redis_server: RedisServer) -> redis.Redis:
    return redis.Redis.from_url(redis_server.url, decode_responses=True)


async def retry(url: str, job_id: str) -> None:
    async with connected(url) as connection:
        await Failures(connection, ORDER).retry(job_id)


def failed_job(client: redis.Redis, job: Job) -> None:
    client.hset(
        f"bull:order:{job.id}",
        mapping={"name": job.name, "data": json.dumps(from_node(job, SHORT[ORDER])["data"]),
                 "opts": "{}", "timestamp": "1"},
    )  # fmt: skip
    client.zadd("bull:order:failed", {job.id: 1})


def done_by(node: Node, url: str, who: str, number: int) -> Sequence[str]:
    """Have a worker of Node's, or ours, do all there is; the ids of the jobs that were done."""
    if who == "node":
        with node.worker(ORDER) as worker:
            worker.wait_for("completed", number)
            return [line["id"] for line in worker.told("completed")]
    script = Script()
    asyncio.run(consumed(url, script, ONLY, ended(number)))
    return [job.id for job in script.seen]


@pytest.mark.parametrize("who", ["node", "python"])
def test_nothing_is_lost_over_a_pause(
    who: str, node: Node, redis_server: RedisServer, client: redis.Redis
) -> None:
    url = redis_server.url
    add(url, ONLY, [order_job("before")])
    failed_job(client, order_job("failed"))
    node.queue(ORDER, pause=True)
    add(url, ONLY, [order_job(str(number)) for number in range(20)])
    asyncio.run(retry(url, "order-failed"))
    node.queue(ORDER, add=[from_node(order_job("theirs"), SHORT[ORDER])])
    add(url, ONLY, [order_job("last")])
    node.queue(ORDER, resume=True)

    wanted = {f"order-{n}" for n in ["before", "failed", "theirs", "last", *range(20)]}
    assert set(done_by(node, url, who, len(wanted))) == wanted


def test_nothing_is_lost_over_a_pause_of_an_empty_queue(
    node: Node, redis_server: RedisServer
) -> None:
    url = redis_server.url
    node.queue(ORDER, pause=True)
    add(url, ONLY, [order_job("ours")])
    node.queue(ORDER, add=[from_node(order_job("theirs"), SHORT[ORDER])])
    node.queue(ORDER, resume=True)

    assert set(done_by(node, url, "node", 2)) == {"order-ours", "order-theirs"}


def test_node_does_what_we_added_and_retries_it(node: Node, redis_server: RedisServer) -> None:
    with node.worker(ORDER, failures=99) as worker:
        add(redis_server.url, ONLY, [order_job("1")])
        worker.wait_for("failed", 1)
    assert_waits(worker.waits_s()["order-1"], SHORT[ORDER].waits_s())


def test_we_do_what_node_added_and_retry_it(node: Node, redis_server: RedisServer) -> None:
    def adds() -> None:
        node.queue(ORDER, add=[from_node(order_job("1"), SHORT[ORDER])])

    script = Script(failures=99)
    events = asyncio.run(consumed(redis_server.url, script, ONLY, ended(1), adds))
    frame = merge_events(events).frame().sort_values("attempt")
    waits = frame["started_s"].to_numpy()[1:] - frame["finished_s"].to_numpy()[:-1]
    assert_waits(waits.tolist(), SHORT[ORDER].waits_s())
    assert node.queue(ORDER, look=["order-1"])["order-1"]["state"] == "failed"


def test_the_page_names_the_versions() -> None:
    page = (DOCS / "deployment.md").read_text()
    installed = {**VERSIONS, "Python": version("bullmq")}
    assert [name for name, number in installed.items() if number not in page] == []


async def stats(url: str) -> int | None:
    async with connected(url) as connection:
        (found,) = await read_stats(connection, [ORDER])
        return found.workers


def test_it_counts_our_workers(node: Node, redis_server: RedisServer) -> None:
    """As Bull Board does, which says "no workers" of a queue whose workers it does not find."""
    seen: list[int] = []

    def look() -> None:
        seen.append(node.queue(ORDER, workers=True)["workers"])
        seen.append(asyncio.run(stats(redis_server.url)) or 0)
        add(redis_server.url, ONLY, [order_job("1")])

    asyncio.run(consumed(redis_server.url, Script(), ONLY, ended(1), look))
    assert seen == [1, 1]


def test_its_workers_are_counted(node: Node, redis_server: RedisServer) -> None:
    with node.worker(ORDER):
        assert asyncio.run(stats(redis_server.url)) == 1
