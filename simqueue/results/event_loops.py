"""Who shares event loops: the queues of one pool do, two pools do not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from simqueue.record.attempt_log import Floats
from simqueue.results.offered import Offered
from simqueue.workload.scenario import Scenario


@dataclass(frozen=True)
class LoopGroup:
    """Processes that are alike.

    Attributes
    ----------
    pool
        Their pool; empty if it has no name.
    loops
        How many there are, where their number changes at most: each has one event loop.
    shares
        For each of their queues, the share of its jobs that they take: as of its slots.
    cores
        How many cores their sandboxed cpu parts share; ``None``: there are none.
    """

    pool: str
    loops: int
    shares: Mapping[str, float]
    cores: int | None = None

    @property
    def process(self) -> str:
        """What to call one of them."""
        return f"{self.pool} worker" if self.pool else "process"

    def load(self, comes: Offered, edges: Floats) -> Floats:
        """Event loops' worth of cpu parts that come in to them between each two edges."""
        if all(share == 1.0 for share in self.shares.values()):
            return comes.loops(list(self.shares), edges)
        loads = [share * comes.loops([queue], edges) for queue, share in self.shares.items()]
        return np.asarray(np.sum(loads, axis=0))

    def core_load(self, comes: Offered, edges: Floats) -> Floats:
        """Cores' worth of sandboxed cpu parts that come in to them between each two edges."""
        loads = [share * comes.cores([queue], edges) for queue, share in self.shares.items()]
        return np.asarray(np.sum(loads, axis=0))


def loop_groups(scenario: Scenario) -> list[LoopGroup]:
    """The processes that do a scenario's jobs: workers by pool, or web processes."""
    if scenario.in_process:
        return [LoopGroup("", scenario.caller.processes, dict.fromkeys(scenario.queues, 1.0))]
    pools = scenario.worker_pools
    slots = {
        queue: sum(pool.most * pool.slots_for(queue) for pool in pools.values())
        for queue in scenario.queues
    }
    return [
        LoopGroup(
            name,
            pool.most,
            {
                queue: pool.most * pool.slots_for(queue) / slots[queue]
                for queue in scenario.queues
                if pool.slots_for(queue)
            },
            pool.cores,
        )
        for name, pool in pools.items()
    ]
