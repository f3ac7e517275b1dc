"""Which autoscaler is judged, and what else there could be in its place."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from simqueue.errors import InputError
from simqueue.workload.autoscale import Autoscale
from simqueue.workload.changes import key_of
from simqueue.workload.pools import Pool
from simqueue.workload.scenario import Scenario

#: What the workers of ``[workers]`` are called as a pool.
WORKERS = "workers"
#: How many times the target, and which shares of the static answer as minimum, are tried.
_TARGETS, _MINIMA = (2.0, 1.0, 0.5, 0.25), (0.25, 0.5, 0.75, 1.0)
_STARTS = (0.5, 0.25, 0.0)
_NEEDED = "expected [pools.NAME.autoscale], or metric, target and max of one"


def with_autoscaler(
    scenario: Scenario, pool: str | None, setting: Mapping[str, Any], start_s: float | None
) -> tuple[Scenario, str]:
    """The scenario with the autoscaler that is judged, and the name of its pool.

    Parameters
    ----------
    scenario
        One with pools, or with ``[workers]``, which become a pool.
    pool
        Which; by default the only one that has an autoscaler, or the only one.
    setting
        Keys of ``[pools.NAME.autoscale]`` and their values, over what the scenario says.
    start_s
        The start-up time, over what the scenario says.

    Raises
    ------
    InputError
        If there is no such pool, or its autoscaler is none that there can be.
    """
    if scenario.in_process:
        raise InputError(f"scenario {scenario.name}: mode = 'in-process' has no workers to scale")
    scenario = _with_pools(scenario)
    name = _chosen(scenario, pool)
    now = scenario.pools[name]
    if now.autoscale is None and not {"target", "max"} <= setting.keys():
        raise InputError(
            f"scenario {scenario.name}: {key_of('pools', name)} has no autoscaler: {_NEEDED}"
        )
    old = {"metric": "ready"}
    if now.autoscale is not None:
        old = now.autoscale.model_dump(mode="json", exclude_unset=True)
    more = {} if start_s is None else {"start_s": start_s}
    return with_pool(scenario, name, autoscale={**old, **setting}, **more), name


def _with_pools(scenario: Scenario) -> Scenario:
    if scenario.pools:
        return scenario
    pool = scenario.worker_pools[""]
    if not pool.queues:
        raise InputError(f"scenario {scenario.name}: its workers work on no queue")
    table = pool.model_dump(mode="json", exclude_none=True)
    kept = {key: table[key] for key in ("queues", "count", "crashes", "cores") if key in table}
    return scenario.replace({"workers": {}, key_of("pools", WORKERS): kept})


def _chosen(scenario: Scenario, pool: str | None) -> str:
    names = ", ".join(scenario.pools)
    if pool is not None:
        if pool not in scenario.pools:
            raise InputError(
                f"pool {pool!r}: scenario {scenario.name} has none of this name; there are {names}"
            )
        return pool
    scaled = [name for name, one in scenario.pools.items() if one.autoscale]
    for some in (scaled, list(scenario.pools)):
        if len(some) == 1:
            return some[0]
    raise InputError(f"scenario {scenario.name}: which pool is judged? --pool says one of {names}")


def with_pool(scenario: Scenario, pool: str, **changes: Any) -> Scenario:
    """The scenario with another way for a pool to have workers; what else it says stays.

    Parameters
    ----------
    scenario, pool
        Which.
    changes
        Keys of ``[pools.NAME]``, among them ``count`` or ``autoscale``.
    """
    old = scenario.pools[pool].model_dump(mode="json", exclude_unset=True)
    kept = {key: old[key] for key in old if key not in ("count", "schedule", "autoscale")}
    return scenario.replace({key_of("pools", pool): {**kept, **changes}})


def setting_of(scenario: Scenario, pool: str) -> Autoscale:
    """A pool's autoscaler."""
    found = scenario.pools[pool].autoscale
    assert found is not None  # its pool was chosen for it
    return found


def with_changes(scenario: Scenario, pool: str, changes: Mapping[str, Any]) -> Scenario:
    """The scenario with other values for some keys of a pool's autoscaler, or its ``start_s``."""
    setting = setting_of(scenario, pool).model_dump(mode="json", exclude_unset=True)
    start = {key: value for key, value in changes.items() if key == "start_s"}
    rest = {key: value for key, value in changes.items() if key != "start_s"}
    return with_pool(scenario, pool, autoscale={**setting, **rest}, **start)


def alternatives(setting: Autoscale, enough: int) -> list[dict[str, Any]]:
    """Other settings that are worth a look: what each changes.

    Parameters
    ----------
    setting
        The autoscaler as it is.
    enough
        Workers that are enough all day. Where the autoscaler may not have so many, it may here.
    """
    most = max(setting.max, enough)
    targets = dict.fromkeys(_as_large(setting, times) for times in _TARGETS)
    minima = [setting.min, *(math.ceil(share * enough) for share in _MINIMA)]
    whole = {"max": most} if most > setting.max else {}
    found: list[dict[str, Any]] = []
    for least in dict.fromkeys(one for one in minima if setting.min <= one <= most):
        for target in targets:
            changes: dict[str, Any] = {} if least == setting.min else {"min": least}
            changes |= {} if target == setting.target else {"target": target}
            if setting.min == 0 and least and setting.said("polling_s", "cooldown_s", "activation"):
                continue  # these are KEDA's, which has no say where there always is a worker
            if changes or whole:
                found.append({**changes, **whole})
    return found


def _as_large(setting: Autoscale, times: float) -> float:
    """So many times the target: a share is 1 at most, a list's length for KEDA a whole number."""
    target = setting.target * times
    if setting.metric == "utilisation":
        return min(target, 1.0)
    if setting.metric == "wait_list" and setting.target.is_integer():
        return float(max(round(target), 1))
    return target


def quicker_starts(pool: Pool) -> list[float]:
    """Start-up times that are worth a look, the longest first; none where workers start at once."""
    return [share * pool.start_s for share in _STARTS] if pool.start_s else []


def setting_words(pool: Pool) -> str:
    """How an autoscaler is set, short.

    >>> scaler = {"metric": "ready", "target": 20, "min": 2, "max": 9}
    >>> setting_words(Pool(queues={"web": 1}, autoscale=scaler, start_s=40))
    'ready 20 for each worker, 2 to 9 workers, which start in 40 s'
    """
    setting = pool.autoscale
    assert setting is not None  # it is what is judged
    each = " for each worker" if setting.shared else ""
    words = f"{setting.metric} {setting.target:g}{each}, {setting.min:,} to {setting.max:,} workers"
    return words + (f", which start in {pool.start_s:g} s" if pool.start_s else "")
