"""How a worker of Node's is started, and the files that tell it what to do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from simqueue.record.worker_events import FOLDER_SUFFIX
from simqueue.validation.node.installed import HERE, NodeBullMQ
from simqueue.validation.node.plan import plan_of
from simqueue.validation.sandbox import child_command
from simqueue.validation.scripted_worker import (
    WARM_UP,
    Config,
    sandboxed_slots,
    worker_options,
)
from simqueue.workload.pools import worker_name
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload


class Node:
    """Workers of an installed BullMQ.

    Parameters
    ----------
    installed
        Which.
    workload
        What they do.
    folder
        Where the plan goes, which all of them read.
    """

    def __init__(self, installed: NodeBullMQ, workload: Workload, folder: Path) -> None:
        self._installed, self._workload, self._folder = installed, workload, folder

    @cached_property
    def _plan(self) -> Path:
        file = self._folder / "plan.json"
        file.write_text(json.dumps(plan_of(self._workload), allow_nan=False), encoding="utf-8")
        return file

    def command(self, config: Config, folder: Path) -> Sequence[str]:
        """Start ``worker.mjs``."""
        table = {
            "modules": str(self._installed.modules),
            "plan": str(self._plan),
            "events": str(
                config.log.with_name(config.log.name + FOLDER_SUFFIX) / f"{config.file}.jsonl"
            ),
            "prefix": config.prefix,
            "file": config.file,
            "worker": worker_name(config.pool, config.number),
            "queues": {
                queue: node_options(config.scenario, slots)
                for queue, slots in config.scenario.worker_pools[config.pool].queues.items()
            },
            "gateway": config.gateway,
            "sandbox": _sandbox(config.scenario, config.pool),
            "warm_up": _warm_up(),
        }
        file = folder / f"worker-{config.file}.json"
        file.write_text(json.dumps(table), encoding="utf-8")
        return (self._installed.program, str(HERE / "worker.mjs"), str(file))


def _sandbox(scenario: Scenario, pool: str) -> dict[str, Any] | None:
    """How many child processes a worker has, and what starts one."""
    slots, cores = sandboxed_slots(scenario, pool), scenario.worker_pools[pool].cores
    return {"children": slots, "command": child_command(cores)} if slots and cores else None


@cache
def _warm_up() -> dict[str, Any]:
    slots = {"concurrency": WARM_UP.workers.slots_for("order")}
    return {"queues": dict.fromkeys(WARM_UP.queues, slots), "plan": plan_of(Workload(WARM_UP))}


def node_options(scenario: Scenario, slots: int) -> dict[str, Any]:
    """The options of BullMQ's `Worker` for a queue: they are handed on whatever they are.

    Notes
    -----
    Source: BullMQ ``src/interfaces/worker-options.ts``. Times are milliseconds there.
    """
    return {"concurrency": slots, **worker_options(scenario)}
