"""simqueue's own program in the comparison of real queues; the others need packages of theirs."""

import sys
from dataclasses import replace

import pytest
import redis

from benchmarks.production import BARE, OURS, _rate


@pytest.mark.parametrize("queue", [OURS, BARE], ids=lambda queue: queue.work)
def test_it_adds_jobs_and_does_them_at_some_rate(queue, redis_server, redis_url):
    assert _rate(redis_server.port, replace(queue, jobs=1_000), sys.executable) > 0
    with redis.Redis.from_url(redis_url) as client:
        assert client.zcard("bull:order:completed") > 0
