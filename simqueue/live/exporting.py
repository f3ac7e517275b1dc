"""A session as a scenario: what was done by hand becomes what a file can say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from simqueue.errors import InputError
from simqueue.live import hands
from simqueue.live.changes import Change, Gateway, Pause, Set, Worker, Workers
from simqueue.live.structure import with_schedules
from simqueue.workload.changes import key_of
from simqueue.workload.scenario import Scenario


def exported(scenario: Scenario, changes: Iterable[Change]) -> Scenario:
    """A scenario in which the changes are written: outages, pauses, crashes and schedules.

    What `simulate` makes of it is the log of the session, row by row. Where the number of workers
    changes, they are called by their pool: ``0`` becomes ``worker-0``.

    Raises
    ------
    InputError
        Names the first change that a scenario cannot say.
    """
    pauses: dict[str, list[list[float]]] = defaultdict(list)
    steps: dict[str, list[tuple[float, int]]] = defaultdict(list)
    deaths = _Deaths()
    for change in changes:
        match change:
            case Gateway():
                scenario = hands.settings_after(scenario, change)
            case Pause(paused=True):
                pauses[change.queue].append([change.at_s, -1.0])
            case Pause():
                pauses[change.queue][-1][1] = change.at_s
            case Workers():
                steps[change.pool].append((change.at_s, change.count))
            case Worker():
                deaths.add(change)
            case Set(at_s=0.0):
                scenario = hands.settings_after(scenario, change)
            case _:
                raise InputError(
                    f"at {change.at_s:.3f} s: {change.words}: a scenario cannot say that; "
                    "save the session instead, which plays again to the same end"
                )
    _check_ended(scenario, pauses, deaths)
    if steps:
        scenario = with_schedules(scenario, _of_pools(scenario, steps))
    written = {
        key_of("queues", name, "paused"): [*scenario.queues[name].paused, *windows]
        for name, windows in pauses.items()
    }
    return scenario.replace({**written, **deaths.written(scenario)})


class _Deaths:
    """Workers that were killed or told to end, until they were started."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], Worker] = {}
        self._crashes: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def add(self, change: Worker) -> None:
        key = change.pool, change.worker
        if change.do != "start":
            self._open[key] = change
            return
        death = self._open.pop(key, None)
        if death is None:
            raise InputError(f"at {change.at_s:.3f} s: worker {change.worker + 1} was not down")
        crash = {"at_s": death.at_s, "worker": death.worker, "down_s": change.at_s - death.at_s}
        self._crashes[change.pool].append({**crash, "drain": death.do == "drain"})

    @property
    def down(self) -> list[Worker]:
        """Those who are down at the end."""
        return list(self._open.values())

    def written(self, scenario: Scenario) -> dict[str, Any]:
        """The keys that say them."""
        found = {}
        for name, crashes in self._crashes.items():
            pool = name or next(iter(scenario.worker_pools))
            path = ("pools", pool, "crashes") if pool else ("workers", "crashes")
            own = [one.model_dump(mode="json") for one in scenario.worker_pools[pool].crashes]
            found[key_of(*path)] = [*own, *crashes]
        return found


def _of_pools(
    scenario: Scenario, steps: Mapping[str, list[tuple[float, int]]]
) -> dict[str, list[tuple[float, int]]]:
    """Steps by the names that the scenario has for pools; a change may leave out the only one."""
    first = next(iter(scenario.worker_pools))
    return {name or first: its for name, its in steps.items()}


def _check_ended(
    scenario: Scenario, pauses: Mapping[str, list[list[float]]], deaths: _Deaths
) -> None:
    """Refuse what is still going on: a scenario says when each of these ends."""
    for name, windows in pauses.items():
        if windows[-1][1] < 0:
            raise InputError(f"{name} is paused: let it go on first, then export")
    for death in deaths.down:
        raise InputError(f"worker {death.worker + 1} is down: start it first, then export")
    for name in scenario.queues:
        if hands.is_away(scenario, name):
            raise InputError(f"what {name} depends on is away: give it back first, then export")
