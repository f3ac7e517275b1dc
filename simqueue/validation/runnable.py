"""Which scenarios a real queue can run."""

from __future__ import annotations

from simqueue.adapters.bull_queue.options import check_queue
from simqueue.errors import InputError
from simqueue.validation.server import Server
from simqueue.workload.scenario import Scenario


def check_runnable(scenario: Scenario) -> None:
    """Raise an `InputError` for a scenario that no real queue could run, saying what to do."""
    name = scenario.name
    if scenario.mode != "bull-queue":
        raise InputError(
            f"scenario {name}: mode: validate runs BullMQ, and {scenario.mode} mode has no queue; "
            "try --set mode=bull-queue"
        )
    if scenario.bullmq.client != "python":
        raise InputError(
            f"scenario {name}: bullmq.client: the workers that validate starts are Python's; "
            "expected python"
        )
    for queue in scenario.queues:
        check_queue(queue, f"scenario {name}: queue")
    impatient = [queue for queue, stream in scenario.arrivals.items() if stream.client is not None]
    if impatient:
        raise InputError(
            f"scenario {name}: arrivals.{impatient[0]}.client: impatient clients exist in the "
            "model only; leave the table out"
        )
    idle = [queue for queue in _queues_with_jobs(scenario) if not scenario.works_on(queue)]
    if idle:
        raise InputError(
            f"scenario {name}: workers.type: nobody would take the jobs of queue {idle[0]}, and "
            "the run would never end; try --set workers.type=all"
        )


def check_server(scenario: Scenario, server: Server) -> None:
    """Raise an `InputError` for a scenario that this Redis cannot run."""
    if server.embedded and scenario.workers.crashes:
        raise InputError(
            f"scenario {scenario.name}: workers.crashes: with fakeredis all workers are in one "
            "process, and none can be killed; install redis-server, or name a Redis with --redis"
        )


def _queues_with_jobs(scenario: Scenario) -> set[str]:
    """The queues that jobs arrive at, and those that get follow-ups of these."""
    found: set[str] = set()
    todo = list(scenario.arrivals)
    while todo:
        queue = todo.pop()
        if queue not in found:
            found.add(queue)
            follow_up = scenario.queues[queue].follow_up
            todo += [*follow_up.completed, *follow_up.failed]
    return found
