"""A job with children becomes in Redis what BullMQ's own ``FlowProducer`` makes of it."""

import asyncio
import json
from typing import Any

import pytest
import redis

from simqueue.adapters.bull_queue import BullQueueAdapter, connect
from simqueue.errors import InputError
from simqueue.jobs import Job
from simqueue.policies import QueuePolicy

OPTIONS = {
    "wait": None,
    "fail-parent": "failParentOnFailure",
    "continue-parent": "continueParentOnFailure",
    "ignore-dependency": "ignoreDependencyOnFailure",
    "remove-dependency": "removeDependencyOnFailure",
}


def job(queue: str, name: str, *children: Job, parent: str | None = None) -> Job:
    return Job(
        queue=queue, name=name, id=f"{queue}-{name}", flow="report-1", parent_id=parent,
        children=children,
    )  # fmt: skip


TREE = job(
    "report",
    "one",
    job("part", "one", job("page", "one", parent="part-one"), parent="report-one"),
    job("part", "two", parent="report-one"),
)


def policies(child_failure: str) -> dict[str, QueuePolicy]:
    own = QueuePolicy.model_validate({"child_failure": child_failure, "attempts": 2})
    return {"report": own, "part": own, "page": QueuePolicy(attempts=2)}


async def by_us(url: str, child_failure: str) -> None:
    connection = await connect(url)
    adapter = BullQueueAdapter(connection, policies(child_failure), check=lambda _: None)
    await adapter.add(TREE, asked_at=1000.0)
    held = await adapter.held()
    assert [(one.queue, one.job_id, one.added_s) for one in held] == [
        ("report", "report-one", 1000.0),
        ("part", "part-one", 1000.0),
    ]
    assert await adapter.unfinished() == 2  # those without children
    await adapter.close()


async def by_bullmq(url: str, child_failure: str) -> None:
    from bullmq import FlowProducer

    def node(one: Job, below: str | None) -> dict[str, Any]:
        options: dict[str, Any] = {
            "jobId": one.id,
            "attempts": 2,
            "removeOnComplete": {"count": 100},
            "removeOnFail": {"count": 50},
            "timestamp": 1_000_000,
        }
        if below and OPTIONS[below]:
            options[OPTIONS[below] or ""] = True
        return {
            "name": one.name,
            "queueName": one.queue,
            "data": {"payload": {}, "flow": one.flow, "parent_id": one.parent_id},
            "opts": options,
            "children": [node(child, child_failure) for child in one.children],
        }

    producer = FlowProducer({"connection": url, "prefix": "bull"})
    await producer.add(node(TREE, None))
    await producer.close()


def contents(url: str) -> dict[str, Any]:
    """What a Redis holds, without what counts or tells of events."""
    found: dict[str, Any] = {}
    with redis.Redis.from_url(url, decode_responses=True) as client:
        for key in client.scan_iter():
            kind = client.type(key)
            if kind == "hash" and not key.endswith(":meta"):
                of_job: dict[str, Any] = client.hgetall(key)  # type: ignore[assignment]
                for field in ("opts", "parent", "data"):
                    if field in of_job:
                        of_job[field] = json.loads(of_job[field])
                found[key] = of_job
            elif kind == "list":
                found[key] = client.lrange(key, 0, -1)
            elif kind == "set":
                found[key] = client.smembers(key)
            elif kind == "zset" and not key.endswith(":marker"):
                found[key] = client.zrange(key, 0, -1, withscores=True)
        client.flushall()
    return found


@pytest.mark.parametrize("child_failure", OPTIONS)
def test_a_tree_is_added_as_bullmq_adds_it(redis_url: str, child_failure: str) -> None:
    asyncio.run(by_us(redis_url, child_failure))
    ours = contents(redis_url)
    asyncio.run(by_bullmq(redis_url, child_failure))
    theirs = contents(redis_url)

    assert "bull:report:report-one:dependencies" in ours
    assert ours == theirs


def test_all_of_a_tree_is_checked_before_any_is_added(redis_url: str) -> None:
    async def main() -> None:
        connection = await connect(redis_url)
        adapter = BullQueueAdapter(connection, policies("wait"), check=lambda _: None)
        with pytest.raises(InputError, match="there is no queue nowhere"):
            await adapter.add(job("report", "one", job("nowhere", "one")))
        assert await adapter.held() == []
        await adapter.close()

    asyncio.run(main())
