"""Scenarios that no real queue can run are refused in a line that says what to do."""

from typing import Any

import pytest

from simqueue.errors import InputError
from simqueue.validation.runnable import check_runnable, check_server
from simqueue.validation.server import Server
from simqueue.workload.reading import build_scenario

ONE_S = {"distribution": "constant", "mean_s": 1}
PLAIN: dict[str, Any] = {
    "duration_s": 1,
    "arrivals": {"order": {"rate_per_s": 1}},
    "queues": {"order": {}, "email": {}},
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mode": "in-process"}, "mode: .*--set mode=bull-queue"),
        (
            {"arrivals": {"order": {"rate_per_s": 1, "client": {"timeout_s": 1.0}}}},
            r"arrivals\.order\.client: .*leave the table out",
        ),
        (
            {"arrivals": {"order": {"rate_per_s": 1, "max_waiting": 3}}},
            r"arrivals\.order\.max_waiting: .*leave the key out",
        ),
        (
            {"arrivals": {"order": {"customers": 3, "think": ONE_S}}},
            r"arrivals\.order\.customers: .*try a rate_per_s",
        ),
        (
            {
                "queues": {
                    "order": {"classes": {"a": {"share": 1, "backoff": {"delay_ms": 5}}}},
                    "email": {},
                }
            },
            r"queues\.order\.classes\.a\.backoff: .*--set bullmq.client=node",
        ),
        ({"workers": {"type": "order"}}, "queue email, .*--set workers.type=all"),
    ],
)
def test_what_cannot_be_run_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        check_runnable(build_scenario({**PLAIN, **change}))


def test_workers_of_one_queue_are_enough_where_it_has_all_jobs() -> None:
    table = {**PLAIN, "workers": {"type": "order"}}
    check_runnable(build_scenario({**table, "queues": {"order": {"follow_up": {}}, "email": {}}}))


def test_nobody_can_be_killed_in_one_process() -> None:
    crashing = build_scenario({**PLAIN, "workers": {"crashes": [{"at_s": 0.5, "down_s": 0.1}]}})

    with pytest.raises(InputError, match=r"workers\.crashes: .*--redis"):
        check_server(crashing, Server("embedded://", "2", "embedded", "x"))
    check_server(crashing, Server("redis://x", "7", "given", "x"))


SCALER = {"metric": "ready", "target": 1, "max": 2}
BOTH = {"order": 1, "email": 1}


@pytest.mark.parametrize(
    ("pools", "words"),
    [
        (
            {"web": {"queues": BOTH, "autoscale": SCALER}},
            r"pools\.web\.autoscale: .*give the pool a count or a schedule",
        ),
        ({"web": {"queues": {"order": 1}}}, "pools: nobody would take the jobs of queue email"),
        (
            {"web": {"queues": BOTH, "schedule": [[0, 1], [5, 0]]}},
            "pools: nobody would take the jobs of queue (order|email) to the end",
        ),
    ],
)
def test_pools_that_no_real_queue_could_run_are_refused(pools: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        check_runnable(build_scenario({**PLAIN, "pools": pools}))


def test_a_schedule_needs_processes() -> None:
    pools = {"web": {"queues": BOTH, "schedule": [[0, 1], [5, 2]]}}
    scheduled = build_scenario({**PLAIN, "pools": pools})

    check_runnable(scheduled)
    with pytest.raises(InputError, match=r"pools: .*--redis"):
        check_server(scheduled, Server("embedded://", "2", "embedded", "x"))
    check_server(scheduled, Server("redis://x", "7", "given", "x"))
