"""What a scenario lets one know beforehand: the loads that it brings in the long run.

Mean rates follow the jobs through the tree of follow-ups; nothing here looks at a run.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from simqueue.results.offered import Outlook
from simqueue.results.wording import percent
from simqueue.workload.arrivals import Follows, Poisson, Regular
from simqueue.workload.distributions import Constant
from simqueue.workload.production import MEASURED, NO_OVERHEAD
from simqueue.workload.scenario import Scenario

#: A share of the event loop that nobody would call small.
_MUCH = 0.2
#: Rounding of sums of floats.
_TINY = 1e-9


def load_warnings(outlook: Outlook) -> list[str]:
    """One line for each load that constant input brings and that is too much, and so on.

    Input that changes over the run (a trace, a profile) may exceed the slots for a while: whether
    it did is for the run itself to say. What counts is what comes within the run: a retry that is
    due after its end is no load of this run.
    """
    scenario = outlook.scenario
    rates = job_rates(scenario)
    slots = scenario.slots
    found = [
        f"no worker takes {queue} jobs (workers.type = {scenario.workers.type!r}): they only wait"
        for queue in scenario.queues
        if slots[queue] == 0 and rates[queue] > 0
    ]
    comes = outlook.calm
    # By its last tenth a run has what it will have of retries and of payments that come later.
    last = np.array([0.9, 1.0]) * scenario.duration_s
    steady = {queue for queue in scenario.queues if _constant(scenario, queue)}
    loads: list[tuple[str, float, bool]] = []
    any_varies = any(varies(scenario, queue) for queue in scenario.queues)
    if scenario.in_process:
        if steady == set(scenario.queues):
            together = sum(float(comes.load(queue, last)[0]) for queue in scenario.queues)
            loads.append(("the caller", together / scenario.caller.concurrency, any_varies))
    else:
        loads += [
            (
                f"the {queue} queue",
                float(comes.load(queue, last)[0]) / slots[queue],
                varies(scenario, queue),
            )
            for queue in scenario.queues
            if queue in steady and slots[queue]
        ]
    if steady == set(scenario.queues):
        served = [queue for queue in scenario.queues if slots[queue]]
        loops = scenario.event_loops
        loop = float(comes.loops(served, last)[0]) / loops
        loads.append(("the event loop of each process", loop, any_varies))
    return (
        found
        + _unseen_cost(outlook)
        + [
            f"no steady state: {who} has a load of {load:.3g} (1 is all it can do), so the backlog "
            "grows; the figures describe this run only: the longer the run, the longer the waits"
            for who, load, random in loads
            if load > 1 + _TINY or (random and load >= 1 - _TINY)
        ]
    )


def _unseen_cost(outlook: Outlook) -> list[str]:
    """Whether the queue itself has so much to do that leaving its cost out is wrong."""
    scenario = outlook.scenario
    if scenario.in_process or scenario.bullmq.overhead != NO_OVERHEAD:
        return []
    counted = outlook.calm.attempts
    served = [queue for queue in scenario.queues if scenario.works_on(queue)]
    attempts_per_s = sum(float(counted[queue][-1]) for queue in served) / scenario.duration_s
    share = attempts_per_s * MEASURED.loop_s / scenario.workers.count
    if share < _MUCH:
        return []
    return [
        f"{attempts_per_s:,.0f} attempts a second: the queue itself would take about "
        f"{percent(share)} of each worker's event loop ({1000 * MEASURED.loop_s:g} ms an attempt), "
        "which is left out here; --set bullmq.overhead=measured takes it into account"
    ]


def job_rates(scenario: Scenario) -> dict[str, float]:
    """Mean rate at which jobs come to each queue in the long run, per second."""
    rates = dict.fromkeys(scenario.queues, 0.0)

    def bring(queue: str, rate: float) -> None:
        rates[queue] += rate
        for child, share in _follow_ups(scenario, queue):
            bring(child, rate * share)

    for queue in scenario.arrivals:
        bring(queue, _arrival_rate(scenario, queue))
    return rates


def _follow_ups(scenario: Scenario, name: str) -> Iterator[tuple[str, float]]:
    """Each queue that a job of ``name`` adds to, and how often it does; circles cannot be."""
    queue = scenario.queues[name]
    failed = queue.failure_rate ** scenario.policy_of(name).attempts
    for child in queue.follow_up.completed:
        yield child, 1 - failed
    for child in queue.follow_up.failed:
        yield child, failed


def fed_by_others(scenario: Scenario, queue: str) -> bool:
    """Whether other queues' jobs are followed by jobs of this one."""
    return any(
        queue == child for parent in scenario.queues for child, _ in _follow_ups(scenario, parent)
    )


def varies(scenario: Scenario, queue: str) -> bool:
    """Whether chance makes some jobs come sooner or take longer than others."""
    settings = scenario.queues[queue]
    constant = isinstance(settings.service, Constant) and isinstance(settings.cpu, Constant)
    regular = all(isinstance(one, Regular) for one in scenario.arrivals.values())
    return not (constant and regular and settings.failure_rate in (0.0, 1.0))


def _arrival_rate(scenario: Scenario, queue: str) -> float:
    stream, end = scenario.arrivals[queue], scenario.duration_s
    if isinstance(stream, Follows):
        return _arrival_rate(scenario, stream.follows)
    return float(stream.expected(np.array([end]), end)[0]) / end


def is_steady(scenario: Scenario) -> bool:
    """Whether all that comes to any queue comes at one rate."""
    return all(_constant(scenario, queue) for queue in scenario.queues)


def _constant(scenario: Scenario, queue: str) -> bool:
    """Whether all that comes to ``queue``, through whatever other queues, comes at one rate."""

    def reaches(start: str) -> bool:
        return start == queue or any(reaches(child) for child, _ in _follow_ups(scenario, start))

    for start, stream in scenario.arrivals.items():
        if isinstance(stream, Follows):
            stream = scenario.arrivals[stream.follows]
        if not isinstance(stream, Poisson | Regular) and reaches(start):
            return False
    return True
