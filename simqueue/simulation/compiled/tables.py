"""The tables of a compiled run, made from a workload."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise, product
from typing import Any

import numpy as np

from simqueue.simulation.bullmq.free_loops import FreeLoops
from simqueue.simulation.bullmq.gated_loops import GatedLoops
from simqueue.simulation.bullmq.held_loops import HeldLoops
from simqueue.simulation.bullmq.model import delays_of, loops_of, priorities_of
from simqueue.simulation.bullmq.one_loop import OneLoop
from simqueue.simulation.compiled import state
from simqueue.simulation.compiled.state import NONE, Records, State
from simqueue.simulation.packed import codes_of
from simqueue.workload.pools import Pool
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload

_LOOPS = {
    FreeLoops: state.FREE_LOOPS,
    OneLoop: state.ONE_LOOP,
    HeldLoops: state.HELD_LOOPS,
    GatedLoops: state.GATED_LOOPS,
}


def tables(workload: Workload) -> State:
    """The tables of a run that has not begun; buckets, draws and events are yet to get room."""
    scenario = workload.scenario
    queues, lines = _queues(scenario)
    kinds, follow_ups, outages = _kinds(workload)
    moments, arriving, numbers = workload.arrivals
    parts = [part for queue in scenario.queues.values() for _, part in queue.parts]
    attempts = 2 + max(part.attempts for part in parts)
    found = State(_world(scenario))
    found["kinds"], found["follow_ups"], found["outages"] = kinds, follow_ups, outages
    found["queues"], found["lines"] = queues, lines
    _add_settings_of_jobs(found, workload)
    _add_workers(found, scenario)
    found["planned"] = _planned(scenario)
    found["moments"] = moments.view(state.FLOAT)
    found["arriving"], found["numbers"] = (one.view(state.INTEGER) for one in (arriving, numbers))
    found["blocks"] = np.zeros(len(kinds) * attempts, state.BLOCK)
    found["hits"] = np.zeros(len(outages) * attempts, state.HIT)
    for empty in ("jobs", "events", "chains", "buckets", "dues", "rows"):
        found[empty] = np.zeros(0, state.TABLES[empty])
    world = found.world[0]
    world["attempts"], world["kind_count"] = attempts, len(kinds)
    world["replication"] = workload.replication
    world["arrival_count"], world["queue_count"] = len(moments), len(queues)
    world["opening_count"], world["crew_count"] = len(found["openings"]), len(found["crews"])
    world["planned_count"] = len(found["planned"])
    world["pause_count"] = np.count_nonzero(found["planned"]["what"] != state.STEP)
    world["spare"] = 4 * (len(found["slots"]) + len(found["lookers"]) + len(kinds)) + 64
    # An end delays its job, or adds those that follow.
    world["spare_jobs"] = len(kinds) + 64
    return found


def _world(scenario: Scenario) -> Records:
    world = np.zeros(1, state.WORLD)
    cost = scenario.bullmq.overhead
    for name in ("loop_s", "service_s", "failure_s", "pickup_s", "retry_s"):
        world[name] = getattr(cost, name)
    world["patience_s"] = scenario.bullmq.lock_duration_s / 4
    world["redis_wakes"] = scenario.bullmq.client == "node" and cost.retry_s > 0
    world["computes"] = any(one.computes or one.gated for one in scenario.queues.values())
    world["free_bucket"] = world["free_job"] = NONE
    return world


def _queues(scenario: Scenario) -> tuple[Records, Records]:
    """The queues, and their lines."""
    queues = np.zeros(len(scenario.queues), state.QUEUE)
    lines: list[int] = []
    for its, (name, settings) in zip(queues, scenario.queues.items(), strict=True):
        its["loops"] = _LOOPS[loops_of(scenario, name)]
        its["lifo"] = settings.lifo
        its["first_line"] = len(lines)
        lines += sorted({0, *(part.priority for _, part in settings.parts)})
        its["last_line"] = len(lines) - 1
        its["look_at"], its["window_ends"], its["limited_until"] = math.inf, -math.inf, -math.inf
        if settings.limiter is not None:
            its["limit"], its["limit_s"] = settings.limiter.max, settings.limiter.duration_s
        its["at_most"] = settings.global_concurrency or 0
        its["wakes"] = settings.gated and scenario.bullmq.client == "python"
        for name in ("idle_head", "idle_tail", "line_head", "line_tail"):
            its[name] = NONE
    found = np.zeros(len(lines), state.LINE)
    found["priority"] = lines
    return queues, found


def _kinds(workload: Workload) -> tuple[Records, Records, Records]:
    """The kinds of jobs, what follows them, and the outages of their queues."""
    kinds = np.zeros(len(workload.kinds), state.KIND)
    codes = codes_of(workload)
    for name in codes._fields:
        kinds[name] = getattr(codes, name)
    follow_ups: list[int] = []
    outages: list[tuple[float, float]] = []
    for its, kind in zip(kinds, workload.kinds, strict=True):
        for outcome in ("completed", "failed"):
            first = len(follow_ups)
            follow_ups += [one.number for one in workload.follow_ups(kind.number, outcome)]
            its[f"{outcome}_from"], its[f"{outcome}_to"] = first, len(follow_ups)
        first = len(outages)
        outages += workload.scenario.queues[kind.queue].outage_windows
        its["outages_from"], its["outages_to"] = first, len(outages)
    return kinds, np.array(follow_ups, state.FOLLOW_UP), np.array(outages, state.OUTAGE)


def _add_settings_of_jobs(found: State, workload: Workload) -> None:
    """What is known beforehand of each job of a kind: its delay, and its line."""
    kinds, queues, lines = found["kinds"], found["queues"], found["lines"]
    for kind, delays in delays_of(workload).items():
        kinds["delays"][kind] = found.address(delays)
    for kind, priorities in priorities_of(workload).items():
        queue = queues[kinds["queue"][kind]]
        known = lines["priority"][queue["first_line"] : queue["last_line"] + 1]
        kinds["lines"][kind] = found.address(np.searchsorted(known, priorities), np.int64)


def _add_workers(found: State, scenario: Scenario) -> None:
    """Workers pool by pool, as many as may ever be there, and their slots.

    Which of them open in which order as the run begins; consumers are those of each stay.
    """
    names = list(scenario.queues)
    crews: list[tuple[float, ...]] = []
    workers: list[tuple[int, ...]] = []
    slots: list[tuple[int, ...]] = []
    openings: list[tuple[int, int, int]] = []
    for pool in scenario.worker_pools.values():
        begins_with = pool.steps[0][1]
        crews.append((pool.start_s, len(workers), begins_with))
        most = max((slots for slots in pool.queues.values()), default=0)
        for place in range(asked_for(pool)):
            first = len(slots)
            for number, (queue, name) in product(range(most), enumerate(names)):
                if number < pool.slots_for(name):
                    if place < begins_with:
                        openings.append((number, len(workers), len(slots)))
                    slots.append((queue, len(workers), number))
            workers.append((first, len(slots)))
    found["crews"] = _filled(state.CREW, crews, ("start_s", "first_worker", "begins_with"))
    found["crews"]["newest"] = NONE
    found["workers"] = _filled(state.WORKER, workers, ("first_slot", "last_slot"))
    found["workers"]["number"] = found["workers"]["stay"] = NONE
    found["slots"] = _filled(state.SLOT, slots, ("queue", "worker", "number"))
    found["slots"]["job"] = found["slots"]["next"] = NONE
    found["openings"] = np.array([slot for *_, slot in sorted(openings)], state.OPENING)
    found["stays"] = np.zeros(len(workers), state.STAY)
    lookers = np.zeros(len(workers) * len(names), state.LOOKER)
    lookers["queue"] = np.tile(np.arange(len(names)), len(workers))
    for name in ("worker", "idle_head", "idle_tail", "next", "before", "known"):
        lookers[name] = NONE
    lookers["drained"], lookers["heard"] = True, math.inf
    found["lookers"] = lookers


def asked_for(pool: Pool) -> int:
    """How many workers of a pool are asked for in a run, those included with which it begins."""
    counts = [count for _, count in pool.steps]
    return counts[0] + sum(max(after - before, 0) for before, after in pairwise(counts))


def _filled(dtype: np.dtype[Any], rows: list[Any], names: tuple[str, ...]) -> Records:
    found = np.zeros(len(rows), dtype)
    for place, name in enumerate(names):
        found[name] = [row[place] for row in rows]
    return found


def _planned(scenario: Scenario) -> Records:
    """What is to happen, in the order in which the model in SimPy plans it: pauses, then steps."""

    def all_of_it() -> Iterator[tuple[float, int, int, float]]:
        for number, queue in enumerate(scenario.queues.values()):
            for start, end in queue.paused:
                yield start, state.PAUSE, number, 0.0
                yield end, state.RESUME, number, 0.0
        for crew, pool in enumerate(scenario.worker_pools.values()):
            for moment, count in pool.steps[1:]:
                yield moment, state.STEP, crew, float(count)

    return np.array(list(all_of_it()), state.PLANNED)
