"""Everything that a scenario may say, at random and together: what must hold, holds.

Each feature has tests of its own. Here are those that only show where two of them meet.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from simqueue.experiments.run import simulate
from simqueue.record.attempt_log import COMPLETED, FAILED, LOST, NOT_DONE, UNFINISHED, AttemptLog
from simqueue.results.comparison.same_draws import check_log
from simqueue.simulation.engines import ENGINES
from simqueue.workload.queues import QueueModel
from simqueue.workload.reading import build_scenario
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload

ENDS = (COMPLETED, FAILED, UNFINISHED, *NOT_DONE)
NAMES = ("a", "b", "c")
TINY_S = 1e-9


def times(chance: random.Random, mean_s: float) -> dict[str, Any]:
    return chance.choice(
        [
            {"distribution": "exponential", "mean_s": mean_s},
            {"distribution": "constant", "mean_s": mean_s},
            {"distribution": "uniform", "low_s": 0.0, "high_s": 2 * mean_s},
            {"distribution": "weibull", "mean_s": mean_s, "cv": 1.3},
            {"distribution": "hyperexponential", "mean_s": mean_s, "cv": 2.0},
        ]
    )


def keys(chance: random.Random) -> dict[str, Any]:
    """Each key that a queue may have beside its service, with some value."""
    slow = times(chance, 0.5)
    outage = {"from_s": 5, "to_s": 10, "rate": 0.5, "attempt_takes_s": slow}
    classes = {
        "vip": {"share": 0.3, "priority": 2},
        "bulk": {"share": 0.7, "service": slow, "attempts": 3, "failure_rate": 0.2, "delay": slow},
    }
    return {
        "cpu": times(chance, 0.02),
        "attempts": chance.choice([2, 4]),
        "backoff": chance.choice(
            [
                {"type": "fixed", "delay_ms": chance.choice([0, 200])},
                {"type": "exponential", "delay_ms": 100, "jitter": 0.5},
                {"type": "list", "delays_ms": [100, 500]},
            ]
        ),
        "failure_rate": chance.choice([0.1, 0.6]),
        "fatal_rate": 0.3,
        "failure_service": slow,
        "timeout_s": chance.choice([0.1, 1.0]),
        "outages": chance.choice([[[5, 10]], [outage]]),
        "later_attempts": [{"service": slow}],
        "lifo": True,
        "priority": chance.choice([1, 3]),
        "delay": slow,
        "classes": classes,
        "limiter": {"max": chance.choice([1, 5]), "duration_s": chance.choice([0.2, 1])},
        "global_concurrency": chance.choice([1, 4]),
        "paused": [[3, 6], [20, 21]],
        "child_failure": chance.choice(["wait", "fail-parent", "continue-parent"]),
        "keep_failed": chance.choice([0, 1000]),
        chance.choice(["sandbox", "downstream"]): True,
    }


def queue(chance: random.Random, later: tuple[str, ...]) -> dict[str, Any]:
    own = {key: value for key, value in keys(chance).items() if chance.random() < 0.25}
    if "downstream" in own:
        own["downstream"] = "gateway"
    found = {"service": times(chance, chance.choice([0.05, 0.3])), "follow_up": {}, **own}
    if later and chance.random() < 0.4:
        found["children"] = {chance.choice(later): chance.choice([1, 3])}
    for outcome in ("completed", "failed"):
        if later and chance.random() < 0.3:
            found["follow_up"][outcome] = [chance.choice(later)]
    return found


def arrivals(chance: random.Random) -> dict[str, Any]:
    found = chance.choice(
        [
            {"rate_per_s": 2.0},
            {"rate_per_s": 1.0, "batch": 3},
            {"profile": [[0, 1.0], [10, 3.0]], "repeat_s": 15},
            {"calm": {"rate_per_s": 1, "mean_s": 9}, "burst": {"rate_per_s": 4, "mean_s": 3}},
            {"customers": 5, "think": times(chance, 2.0)},
            {"rate_per_s": 2.0, "client": {"timeout_s": 2, "retries": 2}},
            {"every_s": 0.5, "offset_s": chance.choice([0, 2])},
        ]
    )
    if "every_s" in found:
        return found
    return {**found, "max_waiting": 3} if chance.random() < 0.2 else found


def at_random(seed: int) -> Scenario:
    chance = random.Random(seed)
    queues = {name: queue(chance, NAMES[place + 1 :]) for place, name in enumerate(NAMES)}
    stream = arrivals(chance)
    if "every_s" in stream:  # what its template cannot say
        for key in ("children", "delay", "classes"):
            queues["a"].pop(key, None)
    called = any("downstream" in one for one in queues.values())
    gateway = {"places": chance.choice([1, 20]), "when_full": chance.choice(["wait", "fail"])}
    crash = {"at_s": 8, "down_s": 3, "drain": chance.random() < 0.5}
    bullmq = {
        "overhead": "measured",
        "client": chance.choice(["python", "node"]),
        "max_stalled": chance.choice([0, 1]),
        "lock_duration_s": 2.0,
        "stalled_interval_s": 2.0,
    }
    return build_scenario(
        {
            "seed": seed,
            "duration_s": 30,
            "workers": {
                "count": chance.choice([1, 2]),
                "concurrency": chance.choice([1, 4, 20]),
                "cores": chance.choice([1, 3]),
                "crashes": [crash] if chance.random() < 0.25 else [],
            },
            "arrivals": {"a": stream},
            "queues": queues,
            "downstreams": {"gateway": gateway} if called else {},
            "bullmq": {key: bullmq[key] for key in bullmq if chance.random() < 0.3},
        }
    )


def check_jobs(log: AttemptLog) -> None:
    """Each job ends once, and nobody starts before he is ready or ends before he starts."""
    rows = log.rows
    ends = rows["job"][np.isin(rows["outcome"], ENDS)]
    assert sorted(ends) == sorted(set(rows["job"].tolist()))
    ran = rows[np.isfinite(rows["started_s"])]
    assert (ran["started_s"] >= ran["ready_s"] - TINY_S).all()
    over = ran[np.isfinite(ran["finished_s"])]
    assert (over["finished_s"] >= over["started_s"] - TINY_S).all()


def check_gates(
    log: AttemptLog, name: str, settings: QueueModel, way_s: float, *, exact: bool
) -> None:
    """Pauses, the limiter and the concurrency of all workers are kept.

    Who was told of a job as a pause began is ``way_s`` on the way to it.
    """
    rows = log.select(name).rows
    ran = rows[np.isfinite(rows["started_s"]) & np.isfinite(rows["finished_s"])]
    started = np.sort(ran["started_s"])
    for start, end in settings.paused:
        assert not ((started > start + way_s + TINY_S) & (started < end - TINY_S)).any()
    if settings.limiter is not None:
        # Two windows that follow each other may have all their starts where they meet.
        within = np.searchsorted(started, started + settings.limiter.duration_s - TINY_S)
        assert (within - np.arange(len(started)) <= 2 * settings.limiter.max).all()
    if settings.global_concurrency is not None and exact:
        done = np.searchsorted(np.sort(ran["finished_s"]), started + TINY_S, "right")
        assert (np.arange(1, len(started) + 1) - done <= settings.global_concurrency).all()


def check(seed: int, mode: str) -> None:
    scenario = at_random(seed)
    if "every_s" in scenario.table()["arrivals"]["a"] and mode == "in-process":
        scenario = scenario.replace({"arrivals.a": {"interval_s": 0.5}})
    scenario = scenario.replace({"mode": mode})
    assert build_scenario(scenario.table()) == scenario
    workload = Workload(scenario)
    log = ENGINES["simpy"](workload).log

    run = simulate(scenario, replications=2)
    assert log.rows.tobytes() == run.log.replication(0).rows.tobytes()
    check_jobs(log)
    if not (workload.next_requests or workload.resends or workload.scheduled):
        check_log(log, workload, f"seed {seed}")
    if not scenario.in_process:
        assert not (log.rows["outcome"] == LOST).any()
        exact = not scenario.workers.crashes and scenario.bullmq.overhead.loop_s == 0
        for name in log.queues:
            cost = scenario.bullmq.overhead
            way_s = max(cost.pickup_s, cost.retry_s)
            check_gates(log, name, scenario.queues[name], way_s, exact=exact)
    assert run.document()["queues"]
    assert run.finding()
    run.warnings()


@pytest.mark.parametrize("mode", ["bull-queue", "in-process"])
@pytest.mark.parametrize("seed", range(12))
def test_what_must_hold_holds(seed: int, mode: str) -> None:
    check(seed, mode)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["bull-queue", "in-process"])
def test_what_must_hold_holds_of_many(mode: str) -> None:
    for seed in range(100, 250):
        check(seed, mode)
