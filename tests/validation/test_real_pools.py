"""Pools on the real queue: each has its processes, its queues and its slots, and its schedule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from redis_servers import RedisServer

from simqueue.validation.both import validate
from simqueue.validation.server import open_server
from simqueue.workload.reading import build_scenario

#: How late a busy machine may be, seconds.
SLACK_S = 0.5
POOLS: dict[str, Any] = {
    "name": "pools",
    "duration_s": 4,
    "arrivals": {"invoices": {"rate_per_s": 8}, "webhooks": {"rate_per_s": 6}},
    "queues": {
        "invoices": {"service": {"distribution": "constant", "mean_s": 0.3}},
        "webhooks": {"service": {"distribution": "constant", "mean_s": 0.1}},
    },
    "pools": {
        "web": {
            "schedule": [[0, 1], [1.5, 2], [3, 1]],
            "queues": {"invoices": 1, "webhooks": 2},
        },
        "bulk": {"count": 1, "queues": {"invoices": 2}},
    },
}


def test_pools_run_on_the_real_queue_as_in_the_model(redis_server: RedisServer) -> None:
    with open_server(redis_server.url) as server:
        found = validate(build_scenario(POOLS), replace(server, prefix=f"{server.prefix}:pools"))
    real, model = found.real.log.frame(), found.model.frame()

    assert real["outcome"].eq("completed").all()
    assert len(real) == len(model)
    assert set(real["worker"]) == set(model["worker"]) == {"web-0", "web-1", "bulk-0"}
    webhooks = real[real["queue"] == "webhooks"]
    assert set(webhooks["worker"]) <= {"web-0", "web-1"}
    assert set(webhooks["slot"]) <= {0, 1}
    assert set(real.loc[real["worker"] == "bulk-0", "slot"]) == {0, 1}
    second = real.loc[real["worker"] == "web-1", "started_s"]
    assert second.between(1.5 - 0.01, 3 + SLACK_S).all()
    for queue in POOLS["queues"]:
        means = [
            (log["started_s"] - log["ready_s"])[log["queue"] == queue].mean()
            for log in (real, model)
        ]
        assert means[0] == pytest.approx(means[1], abs=SLACK_S)
