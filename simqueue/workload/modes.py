"""What the mode of a scenario has no use for.

One scenario may be run in both modes, so what describes the other one is no error: it is named.
"""

from __future__ import annotations

from collections.abc import Iterator

from simqueue.checked import Checked
from simqueue.policies import POLICIES, QueuePolicy
from simqueue.workload.changes import key_of
from simqueue.workload.scenario import Scenario

#: Keys of a queue that say who is next, or when; and those of a class that need a queue.
_WHO_IS_NEXT = ("priority", "delay", "limiter", "global_concurrency", "paused")
_OF_A_CLASS = ("priority", "attempts", "backoff", "delay")


def unused_keys(scenario: Scenario) -> list[str]:
    """The keys that say something other than their defaults, and that this mode does not use."""
    return list(_of_the_queue(scenario) if scenario.in_process else _of_callers(scenario))


def unused_warnings(scenario: Scenario) -> list[str]:
    """One line that names the keys which the mode does not use; none if there are none."""
    keys = unused_keys(scenario)
    if not keys:
        return []
    why = "no workers, queue or retries" if scenario.in_process else "no callers"
    verb = "is" if len(keys) == 1 else "are"
    return [f"{scenario.mode} mode has {why}: {', '.join(keys)} {verb} not used"]


def _of_callers(scenario: Scenario) -> Iterator[str]:
    return _said("caller", scenario.caller, type(scenario.caller)())


def _of_the_queue(scenario: Scenario) -> Iterator[str]:
    yield from _said("workers", scenario.workers, type(scenario.workers)())
    for name, stream in scenario.arrivals.items():
        if stream.max_waiting is not None:
            yield key_of("arrivals", name, "max_waiting")
    yield from (key_of("pools", name) for name in scenario.pools)
    for name, queue in scenario.queues.items():
        place, usual = key_of("queues", name), POLICIES.get(name, QueuePolicy())
        yield from (key for key in _said(place, queue, usual) if key != f"{place}.child_failure")
        if queue.sandbox:
            yield f"{place}.sandbox"
        if queue.later_attempts:
            yield f"{place}.later_attempts"
        if queue.fatal_rate:  # where nothing is tried again, each failure is final
            yield f"{place}.fatal_rate"
        yield from (f"{place}.{key}" for key in _WHO_IS_NEXT if getattr(queue, key))
        for group, one in queue.classes.items():
            inner = key_of("queues", name, "classes", group)
            yield from (f"{inner}.{key}" for key in _OF_A_CLASS if getattr(one, key) is not None)
    yield from _said("bullmq", scenario.bullmq, type(scenario.bullmq)())


def _said(place: str, table: Checked, usual: Checked) -> Iterator[str]:
    """The keys of ``usual`` that ``table`` has other values for."""
    for key in type(usual).model_fields:
        if getattr(table, key) != getattr(usual, key):
            yield f"{place}.{key}"
