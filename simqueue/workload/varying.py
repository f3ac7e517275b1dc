"""Keys that vary: whether a scenario has what they name."""

from __future__ import annotations

from simqueue.errors import InputError
from simqueue.workload.changes import key_of, path_of
from simqueue.workload.scenario import Scenario


def check_varies(scenario: Scenario, key: str) -> None:
    """Refuse a key of a queue or pool that there is not: a slip must not make a new one.

    Raises
    ------
    InputError
        The text names those that there are.
    """
    first, second = (*path_of(key), "", "")[:2]
    pools = ", ".join(key_of("pools", name, "count") for name in scenario.pools)
    if first == "workers" and pools:
        raise InputError(f"{key}: scenario {scenario.name} has pools: expected {pools}")
    there: dict[str, list[str]] = {"queues": [*scenario.queues], "pools": [*scenario.pools]}
    if second and second not in there.get(first, [second]):
        names = ", ".join(there[first]) or "none"
        raise InputError(f"{key}: the scenario has no {key_of(first, second)}; there are {names}")
