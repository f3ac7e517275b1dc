"""Which scenarios a real queue can run."""

from __future__ import annotations

from simqueue.adapters.bull_queue.options import check_queue
from simqueue.errors import InputError
from simqueue.validation.server import Server
from simqueue.workload.arrivals import Customers
from simqueue.workload.changes import key_of
from simqueue.workload.scenario import Scenario


def check_runnable(scenario: Scenario) -> None:
    """Raise an `InputError` for a scenario that no real queue could run, saying what to do."""
    name = scenario.name
    if scenario.mode != "bull-queue":
        raise InputError(
            f"scenario {name}: mode: validate runs BullMQ, and {scenario.mode} mode has no queue; "
            "try --set mode=bull-queue"
        )
    for queue in scenario.queues:
        check_queue(queue, f"scenario {name}: queue")
    impatient = [queue for queue, stream in scenario.arrivals.items() if stream.client is not None]
    if impatient:
        raise InputError(
            f"scenario {name}: arrivals.{impatient[0]}.client: impatient clients exist in the "
            "model only; leave the table out"
        )
    for queue, stream in scenario.arrivals.items():
        if isinstance(stream, Customers):
            raise InputError(
                f"scenario {name}: {key_of('arrivals', queue, 'customers')}: customers who wait "
                "for the end of a job exist in the model only; try a rate_per_s"
            )
        if stream.max_waiting is not None:
            raise InputError(
                f"scenario {name}: {key_of('arrivals', queue, 'max_waiting')}: producers who look "
                "before they add exist in the model only; leave the key out"
            )
    for pool, settings in scenario.pools.items():
        if settings.autoscale is not None:
            raise InputError(
                f"scenario {name}: {key_of('pools', pool, 'autoscale')}: there is no Kubernetes "
                "here that would scale real workers; autoscalers exist in the model only: give the "
                "pool a count or a schedule"
            )
    _check_backoffs(scenario)
    idle = [queue for queue in _queues_with_jobs(scenario) if not scenario.slots_from(queue)[-1][1]]
    if idle and scenario.pools:
        raise InputError(
            f"scenario {name}: pools: nobody would take the jobs of queue {idle[0]} to the end, "
            "and the run would never end; give a pool slots for it, and workers to the end"
        )
    if idle:
        raise InputError(
            f"scenario {name}: workers.type: nobody would take the jobs of queue {idle[0]}, and "
            "the run would never end; try --set workers.type=all"
        )


def _check_backoffs(scenario: Scenario) -> None:
    if scenario.bullmq.client == "node":
        return
    for queue, settings in scenario.queues.items():
        for name, one in settings.classes.items():
            if one.backoff is not None:
                raise InputError(
                    f"scenario {scenario.name}: {key_of('queues', queue, 'classes', name)}.backoff:"
                    " our workers wait as their queue's policy says; leave it out, or try --set "
                    "bullmq.client=node"
                )


def check_server(scenario: Scenario, server: Server) -> None:
    """Raise an `InputError` for a scenario that this Redis cannot run."""
    check_reachable(scenario.bullmq.client, server)
    if server.embedded and (scenario.crashes or not scenario.constant):
        key = "pools" if scenario.pools else "workers.crashes"
        raise InputError(
            f"scenario {scenario.name}: {key}: with fakeredis all workers are in one "
            "process, and none can be killed or told to end; install redis-server, or name a Redis "
            "with --redis"
        )


def check_reachable(client: str, server: Server) -> None:
    """Raise an `InputError` if no worker of ``client`` can reach this Redis."""
    if client == "node" and server.embedded:
        raise InputError(
            "bullmq.client = node: fakeredis is in this process, and Node's workers are not; "
            "install redis-server, or name a Redis with --redis"
        )


def _queues_with_jobs(scenario: Scenario) -> set[str]:
    """The queues that jobs arrive at, and those that get follow-ups or children of these."""
    found: set[str] = set()
    todo = list(scenario.arrivals)
    while todo:
        queue = todo.pop()
        if queue not in found:
            found.add(queue)
            follow_up = scenario.queues[queue].follow_up
            todo += [*follow_up.completed, *follow_up.failed, *scenario.queues[queue].children]
    return found
