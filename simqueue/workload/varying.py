"""Keys that vary: whether a scenario has what they name."""

from __future__ import annotations

from simqueue.errors import InputError
from simqueue.workload.changes import key_of, path_of
from simqueue.workload.queues import QueueModel
from simqueue.workload.scenario import Scenario


def check_varies(scenario: Scenario, key: str) -> None:
    """Refuse a key of a queue or pool that there is not, or that no job of the queue goes by.

    A slip must not make a new one; and what all classes say for themselves changes nothing.

    Raises
    ------
    InputError
        The text names those to take.
    """
    first, second, *inner = (*path_of(key), "", "")
    pools = ", ".join(key_of("pools", name, "count") for name in scenario.pools)
    if first == "workers" and pools:
        raise InputError(f"{key}: scenario {scenario.name} has pools: expected {pools}")
    there: dict[str, list[str]] = {"queues": [*scenario.queues], "pools": [*scenario.pools]}
    if second and second not in there.get(first, [second]):
        names = ", ".join(there[first]) or "none"
        raise InputError(f"{key}: the scenario has no {key_of(first, second)}; there are {names}")
    if first == "queues" and second:
        _check_used(scenario.queues[second], key, second, inner[0])


def _check_used(queue: QueueModel, key: str, name: str, varied: str) -> None:
    own = queue.classes_with_own(varied)
    if own and len(own) == len(queue.classes):
        where = ", ".join(key_of("queues", name, "classes", one, varied) for one in own)
        raise InputError(f"{key}: no job goes by it, for each class has its own: {where}")
