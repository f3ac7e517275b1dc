"""A session as a scenario: what was done by hand becomes what a file can say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from simqueue.errors import InputError
from simqueue.live import hands
from simqueue.live.changes import (
    Arrivals,
    Change,
    Gateway,
    Pause,
    Send,
    Set,
    Slots,
    Worker,
    Workers,
)
from simqueue.live.structure import with_schedules
from simqueue.workload.arrivals import Follows
from simqueue.workload.changes import key_of
from simqueue.workload.scenario import Scenario
from simqueue.workload.streams import Open


def exported(scenario: Scenario, changes: Iterable[Change]) -> Scenario:
    """A scenario in which the changes are written.

    They become outages, pauses, crashes and schedules of workers; jobs that were sent, and factors
    of arrivals.

    What `simulate` makes of it is the log of the session, row by row. Where the number of workers
    changes, they are called by their pool: ``0`` becomes ``worker-0``.

    Raises
    ------
    InputError
        Names the first change that a scenario cannot say.
    """
    pauses: dict[str, list[list[float]]] = defaultdict(list)
    steps: dict[str, list[tuple[float, int]]] = defaultdict(list)
    coming: dict[str, list[tuple[float, float]]] = defaultdict(list)
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
            case Send():
                coming[_key_of(scenario, change, "sent")].append((change.at_s, change.jobs))
            case Arrivals():
                coming[_key_of(scenario, change, "factor")].append((change.at_s, change.times))
            case Set() | Slots():
                what = "slots" if isinstance(change, Slots) else change.key.replace("_", " ")
                raise InputError(
                    f"at {change.at_s:.3f} s: {change.words}: a scenario has {what} for the whole "
                    "run, and cannot say that they change on the way; save the session instead, "
                    "which plays again to the same end"
                )
    _check_ended(scenario, pauses, deaths)
    if steps:
        scenario = with_schedules(scenario, _of_pools(scenario, steps))
    written = {
        key_of("queues", name, "paused"): [*scenario.queues[name].paused, *windows]
        for name, windows in pauses.items()
    }
    return scenario.replace({**written, **coming, **deaths.written(scenario)})


def _key_of(scenario: Scenario, change: Send | Arrivals, key: str) -> str:
    """The key that says what comes beside a queue's own arrivals."""
    leader = _leader(scenario, change.queue)
    for name, stream in scenario.arrivals.items():
        if not isinstance(stream, Open):
            continue
        if (stream.sent or getattr(stream, "factor", None)) and _leader(scenario, name) == leader:
            why = f"the scenario says already what comes beside the arrivals of {name}"
        elif isinstance(change, Send) and any(at_s == change.at_s for at_s, _ in stream.sent):
            # In a file the order of the queues says who is first, in a session the scenario is.
            why = f"the scenario sends jobs to {name} at this very moment"
        else:
            continue
        raise InputError(
            f"at {change.at_s:.3f} s: {change.words}: {why}, and what both bring cannot be said in "
            "one; save the session instead, which plays again to the same end"
        )
    return key_of("arrivals", change.queue, key)


def _leader(scenario: Scenario, queue: str) -> str:
    """The queue that numbers the jobs of a queue: its own arrivals, or those that they follow."""
    stream = scenario.arrivals[queue]
    return stream.follows if isinstance(stream, Follows) else queue


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
