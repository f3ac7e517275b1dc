"""The four runs of the fair comparison: training mode, and three ways to use as many slots.

Each differs from its neighbour in one thing, so that what a step changes is what that thing does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from simqueue.errors import InputError
from simqueue.results.loads import job_rates
from simqueue.workload.arrivals import (
    Bursts,
    Customers,
    Follows,
    Hourly,
    Poisson,
    Profile,
    Regular,
    Scheduler,
    Trace,
)
from simqueue.workload.callers import CallerCrash
from simqueue.workload.changes import key_of, path_of
from simqueue.workload.expected import work_mean_s
from simqueue.workload.modes import unused_keys
from simqueue.workload.production import NO_OVERHEAD
from simqueue.workload.scenario import Scenario
from simqueue.workload.streams import Open

#: Keys that training mode has in its own way, or that only P is to have.
_TRANSLATED = {"count", "concurrency", "crashes", "attempts", "backoff", "overhead"}


def four_runs(scenario: Scenario) -> dict[str, Scenario]:
    """The scenarios of the four runs, by their letters.

    ``T``: training mode with as many callers as the queues have slots in all. ``B``: queues that
    share these slots by the work that comes to each, one attempt. ``S``: the split as configured,
    one attempt. ``P``: as configured.

    Raises
    ------
    InputError
        If the scenario says what one of the modes cannot have.
    """
    _refuse(scenario)
    crashes = _crashes(scenario)
    changes: dict[str, Any] = {"mode": "bull-queue"}
    if not _is_free(scenario):
        changes["bullmq.overhead"] = "none"
    if crashes and not scenario.workers.crashes:
        changes["workers.crashes"] = [
            {"at_s": one.at_s, "worker": one.process, "down_s": one.down_s} for one in crashes
        ]
    production = scenario.replace(changes)
    single = production.replace(dict.fromkeys(_attempts_keys(production), 1))
    balanced = single.replace({"workers.concurrency": balanced_slots(single)})
    caller = {
        **scenario.table().get("caller", {}),
        "processes": single.workers.count,
        "concurrency": slots_of_one(single),
        "crashes": [one.model_dump() for one in crashes],
    }
    training = single.replace({"mode": "in-process", "caller": caller})
    return {"T": training, "B": balanced, "S": single, "P": production}


def _attempts_keys(scenario: Scenario) -> Iterator[str]:
    """The keys that say how many attempts a job may have: of queues, and of classes with own."""
    for name, queue in scenario.queues.items():
        yield key_of("queues", name, "attempts")
        for group, one in queue.classes.items():
            if one.attempts is not None:
                yield key_of("queues", name, "classes", group, "attempts")


def _refuse(scenario: Scenario) -> None:
    """Refuse what has no counterpart in the other mode."""
    if scenario.pools:
        raise InputError(
            f"scenario {scenario.name}: pools: training mode has processes of one kind, and their "
            "places are to be as many as the queues' slots; expected [workers]"
        )
    if scenario.workers.type != "all":
        raise InputError(
            f"scenario {scenario.name}: workers.type = {scenario.workers.type!r} leaves other "
            "queues' jobs undone, and training mode does them all: expected 'all'"
        )
    for queue, stream in scenario.arrivals.items():
        if isinstance(stream, Customers):
            raise InputError(
                f"scenario {scenario.name}: {key_of('arrivals', queue, 'customers')}: who waits "
                "for the end of each job asks as often as that is, so that no two runs have the "
                "same requests: expected arrivals that do not wait"
            )
        if isinstance(stream, Scheduler):
            raise InputError(
                f"scenario {scenario.name}: {key_of('arrivals', queue, 'every_s')}: training mode "
                "has no job schedulers, so there is nothing to compare; expected another kind of "
                f"arrivals, such as interval_s = {stream.every_s:g}"
            )
        if stream.client is not None:
            raise InputError(
                f"scenario {scenario.name}: {key_of('arrivals', queue, 'client')}: who waits for "
                "the end of a queued job holds the line in both modes, and the modes are compared "
                "by who does not have to: expected no client"
            )


def _crashes(scenario: Scenario) -> list[CallerCrash]:
    """What kills processes: the workers', and web processes at the same moments."""
    kills = [
        CallerCrash(at_s=one.at_s, process=one.worker, down_s=one.down_s)
        for one in scenario.workers.kills
    ]
    given = scenario.caller.crashes
    if given and scenario.workers.crashes and given != kills:
        raise InputError(
            f"scenario {scenario.name}: caller.crashes and workers.crashes differ, and crashes are "
            "to be shared: expected one of them, or the same moments in both"
        )
    return kills or given


def _is_free(scenario: Scenario) -> bool:
    return scenario.bullmq.overhead == NO_OVERHEAD


def balanced_slots(scenario: Scenario) -> dict[str, int]:
    """The slots of one worker, split over the queues by the work that is expected for each.

    Work is the mean cpu and io time of a job, times the jobs that come, follow-ups included. Every
    queue gets one slot at least; of the rest each gets its share, rounded down, and what is left
    goes to the largest remainders.
    """
    rates = job_rates(scenario)
    work = {name: rates[name] * work_mean_s(queue) for name, queue in scenario.queues.items()}
    return split(slots_of_one(scenario), work)


def slots_of_one(scenario: Scenario) -> int:
    """Slots that one worker process has for all queues together."""
    return sum(map(scenario.workers.slots_for, scenario.queues))


def split(places: int, work: Mapping[str, float]) -> dict[str, int]:
    """So many places in proportion to ``work``, one each at least.

    >>> split(15, {"order": 2.0, "payment": 1.0, "email": 0.8})
    {'order': 8, 'payment': 4, 'email': 3}
    >>> split(5, {"order": 2.0, "payment": 0.0, "email": 0.1})
    {'order': 3, 'payment': 1, 'email': 1}
    """
    found: dict[str, int] = {}
    rest = dict(work)
    while rest:
        total = sum(rest.values())
        left = places - sum(found.values())
        quotas = {
            name: left * one / total if total else left / len(rest) for name, one in rest.items()
        }
        small = [name for name, quota in quotas.items() if quota < 1]
        if not small:
            break
        found |= dict.fromkeys(small, 1)
        rest = {name: one for name, one in rest.items() if name not in small}
    if rest:
        found |= {name: math.floor(quota) for name, quota in quotas.items()}
        over = sorted(rest, key=lambda name: found[name] - quotas[name])
        for name in over[: places - sum(found.values())]:
            found[name] += 1
    return {name: found[name] for name in work}


# ---- loads


def own_load(scenario: Scenario) -> float:
    """How many times the load at 1x a scenario brings: the scale of its traces, or 1.

    Raises
    ------
    InputError
        If two traces have different ones.
    """
    scales = {stream.scale for stream in scenario.traces}
    if len(scales) > 1:
        raise InputError(
            f"scenario {scenario.name}: traces with scales of {_listed(scales)} have no one load; "
            "expected one scale"
        )
    return scales.pop() if scales else 1.0


def at_load(scenario: Scenario, load: float) -> Scenario:
    """The scenario with so many times the arrivals that it has at 1x.

    At 1x a trace brings the orders that were recorded, each within its minute; any other load is
    a Poisson process of the recorded shape, see `simqueue.workload.arrivals.Trace`. A rate, an
    interval or a profile is at 1x what the scenario says, or, beside a trace, that over its scale.
    Of the jobs that are sent at a moment there are as many times as many.
    """
    times = load / own_load(scenario)
    if times == 1:
        return scenario
    changes: dict[str, Any] = {}
    for queue, stream in scenario.arrivals.items():
        match stream:
            case Trace():
                changes[key_of("arrivals", queue, "scale")] = load
            case Poisson():
                changes[key_of("arrivals", queue, "rate_per_s")] = stream.rate_per_s * times
            case Regular():
                changes[key_of("arrivals", queue, "interval_s")] = stream.interval_s / times
            case Profile():
                steps = [[start, rate * times] for start, rate in stream.profile]
                changes[key_of("arrivals", queue, "profile")] = steps
            case Hourly():
                counts = [number * times for number in stream.per_hour]
                changes[key_of("arrivals", queue, "per_hour")] = counts
            case Bursts():
                for state in ("calm", "burst"):
                    rate = getattr(stream, state).rate_per_s * times
                    changes[key_of("arrivals", queue, state, "rate_per_s")] = rate
            case Follows() | Customers() | Scheduler():
                pass
        if isinstance(stream, Open) and stream.sent:
            changes[key_of("arrivals", queue, "sent")] = _as_many(stream.sent, times)
    return scenario.replace(changes)


def _as_many(sent: Sequence[tuple[float, int]], times: float) -> list[tuple[float, int]]:
    """So many times the jobs that are sent: by each moment to the nearest whole job.

    >>> _as_many([(0.0, 1), (1.0, 1), (2.0, 1), (3.0, 1)], 0.5)
    [(1.0, 1), (2.0, 1)]
    """
    found, before, there = [], 0, 0
    for at_s, jobs in sent:
        there += jobs
        by_then = round(there * times)
        if by_then > before:
            found.append((at_s, by_then - before))
        before = by_then
    return found


# ---- what is said of it


def unused(scenario: Scenario) -> list[str]:
    """Keys that the scenario sets and that some of the four runs cannot have, a sentence each."""
    return list(_unused(scenario))


def _unused(scenario: Scenario) -> Iterator[str]:
    training = four_runs(scenario)["T"]
    if not _is_free(scenario):
        yield "bullmq.overhead is left out of all four: training mode has no queue that costs."
    keys = [key for key in unused_keys(training) if path_of(key)[-1] not in _TRANSLATED]
    if keys:
        yield f"{', '.join(keys)}: not for T, which has no queue and no locks."
    if any(crash.drain for crash in scenario.workers.crashes):
        yield "workers.crashes with drain: not for T, whose web processes are killed or run."
    said = scenario.table().get("caller", {})
    for key in ("processes", "concurrency"):
        number = getattr(training.caller, key)
        if key in said and said[key] != number:
            yield f"caller.{key} is {number} in T, not {said[key]}: as many places in all four."
    if scenario.caller.max_waiting is not None:
        yield (
            f"caller.max_waiting = {scenario.caller.max_waiting}: for T only; queues turn nobody "
            "away."
        )


def _listed(numbers: set[float]) -> str:
    return " and ".join(f"{number:g}" for number in sorted(numbers))
