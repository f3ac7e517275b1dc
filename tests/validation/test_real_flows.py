"""Flows for real: the real log of parents says what the model's says."""

import asyncio
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from redis_servers import RedisServer

from simqueue.record.attempt_log import AttemptLog
from simqueue.tasks import first
from simqueue.validation.both import validate, with_measured_cost
from simqueue.validation.sandbox import Sandbox
from simqueue.validation.server import Server, open_server
from simqueue.workers.loop import run_loop
from simqueue.workload.reading import build_scenario

REPORTS: dict[str, Any] = {
    "name": "reports",
    "seed": 5,
    "duration_s": 2.5,
    "workers": {"count": 2, "concurrency": 6},
    "arrivals": {"report": {"rate_per_s": 6}},
    "queues": {
        "report": {
            "children": {"part": {"1": 0.5, "2": 0.5}, "page": 1},
            "service": {"distribution": "exponential", "mean_s": 0.05},
            "follow_up": {"completed": ["mail"]},
        },
        "part": {
            "service": {"distribution": "exponential", "mean_s": 0.1},
            "failure_rate": 0.3,
            "attempts": 2,
            "backoff": {"delay_ms": 60},
        },
        "page": {},
        "mail": {"children": {"page": 1}},
    },
}


@pytest.fixture(scope="module")
def server(redis_server: RedisServer) -> Iterator[Server]:
    with open_server(redis_server.url) as opened:
        yield opened


@pytest.mark.parametrize("option", ["wait", "fail-parent", "continue-parent"])
def test_the_real_log_and_the_model_tell_the_same(server: Server, option: str) -> None:
    """Also of parents that wait for ever or that fail unrun, of which no worker sees a start."""
    scenario = build_scenario(REPORTS).replace({"queues.report.child_failure": option})
    done = validate(with_measured_cost(scenario), replace(server, prefix=f"flows-{option}"))

    model, real = (
        log.select("report").frame().sort_values(["job_id", "attempt"], ignore_index=True)
        for log in (done.model, done.real.log)
    )
    assert set(real["job_id"]) == set(model["job_id"])
    if option == "wait":
        assert (model["outcome"] == "").any(), "no parent waited for ever: nothing was tested"
    if option != "continue-parent":  # there it is a matter of who is quicker
        assert list(real["outcome"]) == list(model["outcome"])
        assert list(real["ready_s"].isna()) == list(model["ready_s"].isna())
    assert real["enqueued_s"].notna().all()
    # Whatever the machine did meanwhile: a parent is ready when its children let it go.
    whole = done.real.log.frame()
    ended = whole[whole["outcome"].isin(["completed", "failed"])]
    for parent in real[(real["attempt"] == 1) & real["ready_s"].notna()].itertuples():
        mine = ended[(ended["parent_id"] == parent.job_id) & (ended["queue"] != "mail")]
        failed = mine.loc[mine["outcome"] == "failed", "finished_s"]
        at = mine["finished_s"].max() if failed.empty else failed.min()
        later = parent.finished_s if np.isnan(parent.started_s) else parent.started_s
        assert parent.ready_s == pytest.approx(min(at, later), abs=1e-6)


def test_a_killed_worker_leaves_no_child(server: Server) -> None:
    """Sandboxed jobs, and a worker that dies while it has some: the other does them again."""
    scenario = build_scenario(
        {
            "name": "sandboxed",
            "seed": 3,
            "duration_s": 2,
            "workers": {
                "count": 2,
                "concurrency": 1,
                "cores": 1,
                "crashes": [{"at_s": 1.0, "worker": 0, "down_s": 0.5}],
            },
            "arrivals": {"image": {"interval_s": 0.3}},
            "queues": {
                "image": {
                    "sandbox": True,
                    "cpu": {"distribution": "constant", "mean_s": 0.05},
                    "service": {"distribution": "constant", "mean_s": 0.3},
                }
            },
            "bullmq": {"lock_duration_s": 1.0, "stalled_interval_s": 1.0},
        }
    )
    done = validate(with_measured_cost(scenario), replace(server, prefix="sandboxed"))

    real = done.real.log.frame()
    assert (real["outcome"] == "completed").sum() == len(scenario_jobs(done.model))
    ended = real[real["outcome"] == "completed"]
    assert (ended["finished_s"] - ended["started_s"]).min() >= 0.35 - 0.01
    assert children() == []


def scenario_jobs(log: AttemptLog) -> set[str]:
    return set(log.frame()["job_id"])


def children() -> list[str]:
    """Command lines of sandboxed children that nobody has."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_text().split("\0")
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if "simqueue.validation.sandbox" in words and parent == "1":
            found.append(" ".join(words))
    return found


def test_a_sandbox_computes_elsewhere_and_holds_no_event_loop() -> None:
    """While a child uses its core, the loop goes on, and this process uses next to none."""

    async def main() -> tuple[float, int]:
        sandbox = Sandbox(1)
        try:
            await sandbox.prepare(2)
            before = time.process_time()
            ticks = 0

            async def tick() -> None:
                nonlocal ticks
                while True:
                    await asyncio.sleep(0.01)
                    ticks += 1

            await first(sandbox.burn(0.3), tick())
            return time.process_time() - before, ticks
        finally:
            await sandbox.close()

    used, ticks = run_loop(main())
    assert used < 0.2
    assert ticks >= 5


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no choice of cores here")
def test_two_parts_on_one_core_take_the_time_of_both() -> None:
    """Whatever else the machine does: what both use is no less than the time that passes."""

    async def main() -> float:
        sandbox = Sandbox(1)
        try:
            await sandbox.prepare(2)
            began = time.perf_counter()
            await asyncio.gather(sandbox.burn(0.2), sandbox.burn(0.2))
            return time.perf_counter() - began
        finally:
            await sandbox.close()

    assert run_loop(main()) >= 0.4
