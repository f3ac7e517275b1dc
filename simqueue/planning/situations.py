"""Situations that a plan is made for: more traffic, longer jobs, workers that die."""

from __future__ import annotations

from typing import Any

import numpy as np

from simqueue.errors import InputError
from simqueue.experiments.four_runs import at_load, own_load
from simqueue.results.offered import Outlook
from simqueue.results.windows import window_edges
from simqueue.workload.arrivals import Customers, Scheduler
from simqueue.workload.changes import key_of
from simqueue.workload.duration import Duration
from simqueue.workload.scenario import Scenario
from simqueue.workload.tempo import at_speed


def with_traffic(scenario: Scenario, times: float) -> Scenario:
    """The scenario with so many times its arrivals, the shape of the day kept.

    Raises
    ------
    InputError
        If it is no factor.
    """
    if not 0 < times < float("inf"):
        raise InputError(f"traffic = {times!r}: expected a factor above 0, such as 3")
    if times == 1:
        return scenario
    for queue, stream in scenario.arrivals.items():
        if isinstance(stream, Customers):
            raise InputError(
                f"traffic = {times:g}: {key_of('arrivals', queue, 'customers')}: who waits for "
                "each answer asks as often as the queue lets them; change the number of customers"
            )
    if not has_traffic(scenario):
        raise InputError(
            f"traffic = {times:g}: {key_of('arrivals', next(iter(scenario.arrivals)), 'every_s')}: "
            "a job scheduler's clock is no traffic; change every_s"
        )
    return at_load(scenario, own_load(scenario) * times)


def has_traffic(scenario: Scenario) -> bool:
    """Whether there could be more of what comes.

    Customers who wait for each answer bring no traffic of their own, and a job scheduler's clock
    goes as it goes.
    """
    streams = scenario.arrivals.values()
    closed = any(isinstance(stream, Customers) for stream in streams)
    return not (closed or all(isinstance(stream, Scheduler) for stream in streams))


def with_longer_jobs(scenario: Scenario, times: float) -> Scenario:
    """The scenario with every service and cpu time so many times as long."""
    changes: dict[str, Any] = {}
    for name, queue in scenario.queues.items():
        place = ("queues", name)
        for part in ("service", "cpu", "failure_service"):
            changes[key_of(*place, part)] = getattr(queue, part)
        for group, one in queue.classes.items():
            for part in ("service", "cpu"):
                changes[key_of(*place, "classes", group, part)] = getattr(one, part)
        if queue.later_attempts:
            later = [one.model_dump(exclude_none=True) for one in queue.later_attempts]
            changes[key_of(*place, "later_attempts")] = at_speed(later, 1 / times)
    longer = {
        key: at_speed(value.model_dump(exclude_none=True), 1 / times)
        if isinstance(value, Duration)
        else value
        for key, value in changes.items()
        if value is not None
    }
    return scenario.replace(longer)


def with_deaths(scenario: Scenario, dead: int, down_s: float, pool: str = "") -> Scenario:
    """The scenario with so many workers that die as by ``kill -9`` when most is to be done.

    Parameters
    ----------
    scenario
        Without them.
    dead
        How many, the first ones.
    down_s
        How long each is away, seconds.
    pool
        Of which pool, in a scenario with pools.

    Raises
    ------
    InputError
        If there are pools, and this is none of them.
    """
    if not dead:
        return scenario
    if pool not in scenario.worker_pools:
        raise InputError(
            f"scenario {scenario.name}: which workers are to die? There are pools; expected to "
            f"vary {key_of('pools', next(iter(scenario.pools)), 'count')} or another pool's"
        )
    settings, at_s = scenario.worker_pools[pool], busiest_s(scenario)
    new = [
        {"at_s": at_s, "worker": worker, "down_s": down_s}
        for worker in range(min(dead, settings.most))
    ]
    crashes = [one.model_dump() for one in settings.crashes]
    key = key_of("pools", pool, "crashes") if pool else "workers.crashes"
    return scenario.replace({key: [*crashes, *new]})


def busiest_s(scenario: Scenario) -> float:
    """When the busiest time of a scenario begins, seconds."""
    calm = Outlook(scenario, scenario.fixed_warmup_s).calm
    edges = window_edges(scenario.fixed_warmup_s, scenario.duration_s)
    load = np.sum([calm.load(queue, edges) for queue in scenario.queues], axis=0)
    return float(edges[int(np.argmax(load))])


def needed_at_least(scenario: Scenario) -> int:
    """Worker processes that can keep up with the busiest time, by the work that it brings."""
    calm = Outlook(scenario, scenario.fixed_warmup_s).calm
    edges = window_edges(scenario.fixed_warmup_s, scenario.duration_s)
    needs = [
        float(calm.load(queue, edges).max()) / scenario.workers.slots_for(queue)
        for queue in scenario.queues
        if not scenario.pools and scenario.works_on(queue)
    ]
    return max(1, int(np.ceil(max(needs, default=1.0))))
