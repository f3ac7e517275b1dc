"""The tables of what only a wide world has: see `simqueue.simulation.compiled.records`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np

from simqueue.simulation.compiled.state import NONE, State, ranges
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload


def add_schedulers(found: State, workload: Workload) -> None:
    """The job schedulers, and when their slots are."""
    for kind, scheduler in workload.scheduled.items():
        its, times = found["kinds"][kind], workload.streams[workload.kinds[kind].queue].times_s
        slots = times[np.isfinite(times)]
        its["slots"], its["slot_count"] = found.address(slots), len(slots)
        its["first_ms"], its["every_ms"] = scheduler.first_ms, scheduler.every_ms


def add_children(found: State, workload: Workload) -> None:
    """Which jobs have which children, where not all have all."""
    for kind in workload.kinds:
        for child, has in workload.having(kind.number):
            found["kinds"]["has"][child.number] = found.address(has, np.uint8)


def family(workload: Workload, kind: int) -> Iterator[int]:
    """The kinds of the children of a kind of jobs, each with those below it."""
    for child in workload.children(kind):
        yield child.number
        yield from family(workload, child.number)


def add_families(found: State, families: list[list[int]]) -> None:
    """The kinds of jobs below each kind."""
    kinds = found["kinds"]
    kinds["family_from"], kinds["family_to"] = ranges(families)
    found["families"]["kind"] = [*chain.from_iterable(families)]


def add_downstreams(found: State, scenario: Scenario) -> None:
    """What jobs call, and which queues' jobs do."""
    downstreams, queues, names = found["downstreams"], found["queues"], [*scenario.downstreams]
    its = scenario.downstreams.values()
    downstreams["free"] = [one.places for one in its]
    downstreams["waits"] = [one.when_full == "wait" for one in its]
    downstreams["head"] = NONE
    queues["downstream"], queues["timeout_s"] = NONE, math.inf
    for queue, settings in zip(queues, scenario.queues.values(), strict=True):
        if settings.downstream is not None:
            queue["downstream"] = names.index(settings.downstream)
            if settings.timeout_s is not None:
                queue["timeout_s"] = settings.timeout_s


def add_cores(found: State, scenario: Scenario, workers: Sequence[tuple[int, int, int]]) -> None:
    """The cores that each pool's child processes share, and which queues have those.

    ``workers``: where the slots of each begin and end, and its pool.
    """
    cores, slots = found["cores"], [0] * len(found["cores"])
    for first, last, crew in workers:
        slots[crew] += last - first
    cores["first_share"] = np.cumsum([0, *slots])[:-1]
    cores["count"] = [pool.cores or 1 for pool in scenario.worker_pools.values()]
    cores["due"] = math.inf
    found["queues"]["sandbox"] = [one.sandbox for one in scenario.queues.values()]
