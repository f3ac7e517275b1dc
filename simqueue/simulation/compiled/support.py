"""What the compiled engine cannot run, in words that name the key."""

from __future__ import annotations

from collections.abc import Iterator

from simqueue.simulation.recorded import RecordedWorkload
from simqueue.workload.arrivals import Customers
from simqueue.workload.changes import key_of
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload


def unsupported(workload: Workload) -> str | None:
    """What keeps the compiled engine from running a workload; ``None``: nothing does."""
    if isinstance(workload, RecordedWorkload):
        return "a recorded log is replayed by the model in SimPy alone"
    return cannot_run(workload.scenario)


def cannot_run(scenario: Scenario) -> str | None:
    """What keeps the compiled engine from running a scenario; ``None``: nothing does."""
    if scenario.in_process:
        return "mode: the compiled engine runs bull-queue mode alone"
    found = next(_unsupported_keys(scenario), None)
    return None if found is None else f"{found}: the compiled engine does not have it"


def _unsupported_keys(scenario: Scenario) -> Iterator[str]:
    for name, pool in scenario.worker_pools.items():
        place = ("pools", name) if name else ("workers",)
        for key in ("crashes", "autoscale"):
            if getattr(pool, key):
                yield key_of(*place, key)
    for name, stream in scenario.arrivals.items():
        for key in ("client", "max_waiting"):
            if getattr(stream, key) is not None:
                yield key_of("arrivals", name, key)
        if isinstance(stream, Customers):
            yield key_of("arrivals", name, "customers")
