"""How a model is built: as `simulate` builds it for a scenario in which the changes are written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from simqueue.live.changes import Change, Pause, Workers
from simqueue.workload.changes import key_of
from simqueue.workload.duration import LONGEST_S
from simqueue.workload.reading import build_scenario
from simqueue.workload.scenario import Scenario

#: What a pool is called that had no name, once its workers come and go.
POOL = "worker"
#: A window at the end of time: it is there, and never comes.
_NEVER = [LONGEST_S - 1, LONGEST_S]


def structured(scenario: Scenario, changes: Iterable[Change]) -> Scenario:
    """A scenario whose model can do ``changes``.

    A queue that is paused some time has a gate from the start, and where the number of workers
    changes nobody may rely on there being one: so the models of BullMQ have it, because who hears
    of a job then is another question.
    """
    changes = list(changes)
    paused = {one.queue for one in changes if isinstance(one, Pause)}
    missing = [name for name in paused if not scenario.queues[name].gated]
    if missing:
        scenario = scenario.replace(
            {key_of("queues", name, "paused"): [_NEVER] for name in missing}
        )
    if any(isinstance(one, Workers) for one in changes):
        scenario = with_schedules(scenario, {})
    return scenario


def with_schedules(scenario: Scenario, steps: dict[str, list[tuple[float, int]]]) -> Scenario:
    """A scenario whose pools have schedules: their own, and then ``steps`` by pool."""
    table = scenario.table()
    pools: dict[str, Any] = {}
    for name, pool in scenario.worker_pools.items():
        own = pool.model_dump(mode="json", exclude_defaults=True)
        if pool.autoscale is None:
            own.pop("count", None)
            own["schedule"] = [*pool.steps, *steps.get(name, [(LONGEST_S, pool.steps[-1][1])])]
        pools[name or POOL] = own
    table.pop("workers", None)
    return build_scenario({**table, "pools": pools}, f"scenario {scenario.name}")
