"""The tables of a compiled run, made from a workload."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise, product
from typing import Any, NamedTuple

import numpy as np

from simqueue.simulation.bullmq.free_loops import FreeLoops
from simqueue.simulation.bullmq.gated_loops import GatedLoops
from simqueue.simulation.bullmq.held_loops import HeldLoops
from simqueue.simulation.bullmq.model import delays_of, loops_of, priorities_of
from simqueue.simulation.bullmq.one_loop import OneLoop
from simqueue.simulation.compiled import records, state
from simqueue.simulation.compiled.flows import CONTINUE_PARENT, FAIL_PARENT, LET_GO, WAIT
from simqueue.simulation.compiled.state import NONE, Records, State, ranges
from simqueue.simulation.compiled.wide import (
    add_children,
    add_cores,
    add_downstreams,
    add_families,
    add_schedulers,
    family,
)
from simqueue.simulation.packed import codes_of
from simqueue.workload.pools import Pool
from simqueue.workload.queues import QueueModel
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload

_LOOPS = {
    FreeLoops: state.FREE_LOOPS,
    OneLoop: state.ONE_LOOP,
    HeldLoops: state.HELD_LOOPS,
    GatedLoops: state.GATED_LOOPS,
}
_CHILD_FAILURES = {
    "wait": WAIT,
    "fail-parent": FAIL_PARENT,
    "continue-parent": CONTINUE_PARENT,
}


def tables(workload: Workload) -> State:
    """The tables of a run that has not begun; that of the rows is yet to get room."""
    found = _settings_of(workload).copy()
    for kind, delays in delays_of(workload).items():
        found["kinds"]["delays"][kind] = found.address(delays)
    for kind, priorities in priorities_of(workload).items():
        queue = found["queues"][found["kinds"]["queue"][kind]]
        known = found["lines"]["priority"][queue["first_line"] : queue["last_line"] + 1]
        lines = np.searchsorted(known, priorities)
        found["kinds"]["lines"][kind] = found.address(lines, np.int64)
    add_schedulers(found, workload)
    if workload.has_flows:
        add_children(found, workload)
    moments, arriving, numbers = workload.arrivals
    found["moments"] = moments.view(records.FLOAT)
    found["arriving"], found["numbers"] = (one.view(records.INTEGER) for one in (arriving, numbers))
    found.world["replication"], found.world["arrival_count"] = workload.replication, len(moments)
    return found


def _settings_of(workload: Workload) -> State:
    last = _LAST[0]
    if last is None or last[0] is not workload.scenario:
        last = _LAST[0] = workload.scenario, _settings(workload)
    return last[1]


#: The scenario that was run last, and what its replications have in common.
_LAST: list[tuple[Scenario, State] | None] = [None]


def _settings(workload: Workload) -> State:
    """The tables of all replications of a workload's scenario."""
    scenario, kinds = workload.scenario, workload.kinds
    lines = [_priorities(settings) for settings in scenario.queues.values()]
    parts = [part for queue in scenario.queues.values() for _, part in queue.parts]
    attempts = 2 + max(part.attempts for part in parts)
    follow_ups = [
        [one.number for one in workload.follow_ups(kind.number, outcome)]
        for kind in kinds
        for outcome in ("completed", "failed")
    ]
    families = [[*family(workload, kind.number)] for kind in kinds]
    outages = [scenario.queues[kind.queue].outage_windows for kind in kinds]
    hired, planned = _hired(scenario), list(_planned(scenario))
    lookers = len(hired.workers) * len(lines)
    spare = 4 * (len(hired.slots) + lookers + len(kinds)) + 64 + len(planned)
    spare_jobs = len(kinds) + 64  # an end delays its job, or adds those that follow
    calls = any(one.downstream is not None for one in scenario.queues.values())
    sandboxes = any(one.sandbox for one in scenario.queues.values())
    wide = workload.has_flows or workload.scheduled or calls or sandboxes
    found = State.zeros(
        records.WIDE_WORLD if wide else records.WORLD,
        queues=len(lines),
        lines=sum(map(len, lines)),
        kinds=len(kinds),
        follow_ups=sum(map(len, follow_ups)),
        families=sum(map(len, families)),
        outages=sum(map(len, outages)),
        blocks=len(kinds) * attempts,
        hits=sum(map(len, outages)) * attempts,
        crews=len(hired.crews),
        workers=len(hired.workers),
        stays=len(hired.workers),
        slots=len(hired.slots),
        calls=len(hired.slots) if calls else 0,
        downstreams=len(scenario.downstreams),
        sandboxes=len(hired.slots) if sandboxes else 0,
        cores=len(hired.crews),
        shares=len(hired.slots) if sandboxes else 0,
        lookers=lookers,
        openings=len(hired.openings),
        planned=len(planned),
        jobs=2 * spare_jobs,
        relations=2 * spare_jobs if workload.has_flows else 0,
        events=2 * spare,
        buckets=2 * spare_jobs,
        chains=chains_for(2 * spare_jobs),
        dues=2 * spare_jobs * len(lines),
    )
    _add_queues(found, scenario, lines)
    _add_kinds(found, workload, follow_ups, outages)
    add_families(found, families)
    _add_workers(found, hired)
    add_downstreams(found, scenario)
    add_cores(found, scenario, hired.workers)
    _fill(found["planned"], planned, ("at", "what", "who", "count"))
    found["chains"]["bucket"] = NONE
    world = found.world[0]
    _add_costs(world, scenario)
    world["flows"], world["calls"] = workload.has_flows, calls
    world["sandboxes"] = sandboxes
    world["attempts"], world["kind_count"] = attempts, len(kinds)
    world["queue_count"], world["chain_count"] = len(lines), len(found["chains"])
    world["opening_count"], world["crew_count"] = len(hired.openings), len(hired.crews)
    world["planned_count"] = len(planned)
    world["pause_count"] = sum(what != state.STEP for _, what, *_ in planned)
    world["spare"], world["event_room"] = spare, 2 * spare
    world["spare_jobs"], world["spare_rows"] = spare_jobs, len(kinds) if world["flows"] else 1
    for name in ("job", "bucket", "dues"):
        world[f"{name}_room"] = 2 * spare_jobs
    return found


def chains_for(buckets: int) -> int:
    """How many chains to find so many buckets by: a power of two."""
    return int(1 << (2 * buckets).bit_length())


def _fill(records: Records, rows: Sequence[tuple[float, ...]], names: Sequence[str]) -> None:
    """Write rows into records, whose fields of some names they have."""
    for name, column in zip(names, zip(*rows, strict=True), strict=bool(rows)):
        records[name] = column


def _add_costs(world: Any, scenario: Scenario) -> None:
    """What the queue itself costs, and what it depends on."""
    cost = scenario.bullmq.overhead
    for name in ("loop_s", "service_s", "failure_s", "pickup_s", "retry_s"):
        world[name] = getattr(cost, name)
    world["patience_s"] = scenario.bullmq.lock_duration_s / 4
    world["redis_wakes"] = scenario.bullmq.client == "node" and cost.retry_s > 0
    world["computes"] = any(one.computes or one.gated for one in scenario.queues.values())
    world["free_bucket"] = world["free_job"] = NONE


def _priorities(settings: QueueModel) -> list[int]:
    """The priorities of a queue's lines: that of the plain list, then those of its jobs."""
    return sorted({0, *(part.priority for _, part in settings.parts)})


def _add_queues(found: State, scenario: Scenario, lines: list[list[int]]) -> None:
    """The queues, and their lines."""
    last = -1
    for its, priorities, (name, settings) in zip(
        found["queues"], lines, scenario.queues.items(), strict=True
    ):
        its["loops"] = _LOOPS[loops_of(scenario, name)]
        its["lifo"] = settings.lifo
        its["first_line"], last = last + 1, last + len(priorities)
        its["last_line"] = last
        if settings.limiter is not None:
            its["limit"], its["limit_s"] = settings.limiter.max, settings.limiter.duration_s
        its["at_most"] = settings.global_concurrency or 0
        its["child_failure"] = _CHILD_FAILURES.get(settings.child_failure, LET_GO)
        its["keep_failed"] = settings.keep_failed
        its["wakes"] = settings.gated and scenario.bullmq.client == "python"
    found["lines"]["priority"] = [*chain.from_iterable(lines)]
    for name in ("idle_head", "idle_tail", "line_head", "line_tail", "kept_head"):
        found["queues"][name] = NONE
    found["queues"]["look_at"] = math.inf
    found["queues"]["window_ends"] = found["queues"]["limited_until"] = -math.inf


def _add_kinds(
    found: State,
    workload: Workload,
    follow_ups: list[list[int]],
    outages: list[list[tuple[float, float]]],
) -> None:
    """The kinds of jobs, what follows them, and the outages of their queues."""
    kinds = found["kinds"]
    kinds["last"] = NONE
    codes = codes_of(workload)
    for name in codes._fields:
        kinds[name] = getattr(codes, name)
    for place, name in enumerate(("completed", "failed")):
        kinds[f"{name}_from"], kinds[f"{name}_to"] = ranges(follow_ups)[:, place::2]
    kinds["outages_from"], kinds["outages_to"] = ranges(outages)
    found["follow_ups"]["kind"] = [*chain.from_iterable(follow_ups)]
    _fill(found["outages"], [*chain.from_iterable(outages)], ("from_s", "to_s"))


class _Hired(NamedTuple):
    """Workers pool by pool, as many as may ever be there, and their slots.

    ``crews``: how long workers of a pool take to start, its first worker, and with how many it
    begins. ``workers``: where their slots begin and end, and their pool. ``slots``: queue, worker
    and number. ``openings``: the slots that open as the run begins, in order.
    """

    crews: list[tuple[float, int, int]]
    workers: list[tuple[int, int, int]]
    slots: list[tuple[int, int, int]]
    openings: list[int]


def _hired(scenario: Scenario) -> _Hired:
    names = list(scenario.queues)
    found, openings = _Hired([], [], [], []), []
    for crew, pool in enumerate(scenario.worker_pools.values()):
        begins_with = pool.steps[0][1]
        found.crews.append((pool.start_s, len(found.workers), begins_with))
        most = max((slots for slots in pool.queues.values()), default=0)
        for place in range(asked_for(pool)):
            first = len(found.slots)
            for number, (queue, name) in product(range(most), enumerate(names)):
                if number < pool.slots_for(name):
                    if place < begins_with:
                        openings.append((number, len(found.workers), len(found.slots)))
                    found.slots.append((queue, len(found.workers), number))
            found.workers.append((first, len(found.slots), crew))
    return found._replace(openings=[slot for *_, slot in sorted(openings)])


def asked_for(pool: Pool) -> int:
    """How many workers of a pool are asked for in a run, those included with which it begins."""
    counts = [count for _, count in pool.steps]
    return counts[0] + sum(max(after - before, 0) for before, after in pairwise(counts))


def _add_workers(found: State, hired: _Hired) -> None:
    """Workers and their slots; consumers are those of each stay."""
    _fill(found["crews"], hired.crews, ("start_s", "first_worker", "begins_with"))
    found["crews"]["newest"] = NONE
    _fill(found["workers"], hired.workers, ("first_slot", "last_slot", "crew"))
    found["workers"]["number"] = found["workers"]["stay"] = NONE
    _fill(found["slots"], hired.slots, ("queue", "worker", "number"))
    found["slots"]["job"] = found["slots"]["next"] = NONE
    found["openings"]["slot"] = hired.openings
    lookers, queues = found["lookers"], len(found["queues"])
    lookers["queue"] = np.arange(len(lookers)) % queues
    for name in ("worker", "idle_head", "idle_tail", "next", "before", "known"):
        lookers[name] = NONE
    lookers["drained"], lookers["heard"] = True, math.inf


def _planned(scenario: Scenario) -> Iterator[tuple[float, int, int, float]]:
    """What is to happen, in the order in which the model in SimPy plans it: pauses, then steps."""
    for number, queue in enumerate(scenario.queues.values()):
        for start, end in queue.paused:
            yield start, state.PAUSE, number, 0.0
            yield end, state.RESUME, number, 0.0
    for crew, pool in enumerate(scenario.worker_pools.values()):
        for moment, count in pool.steps[1:]:
            yield moment, state.STEP, crew, float(count)
