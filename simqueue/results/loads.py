"""What a scenario lets one know beforehand: the loads that it brings in the long run.

Mean rates follow the jobs through the tree of follow-ups; nothing here looks at a run.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from simqueue.results.event_loops import loop_groups
from simqueue.results.offered import Outlook
from simqueue.results.wording import percent
from simqueue.workload.arrivals import ArrivalStream, Customers, Follows, Scheduler
from simqueue.workload.changes import key_of
from simqueue.workload.children import mean_of
from simqueue.workload.distributions import Constant
from simqueue.workload.expected import expected, fails_for_good
from simqueue.workload.production import NO_OVERHEAD, measured_overhead
from simqueue.workload.queues import QueueModel
from simqueue.workload.scenario import Scenario
from simqueue.workload.streams import Open, Varied

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
    why = (
        "no pool has slots for them"
        if scenario.pools
        else f"workers.type = {scenario.workers.type!r}"
    )
    found = [
        f"no worker takes {queue} jobs ({why}): they only wait"
        for queue in scenario.queues
        if slots[queue] == 0 and rates[queue] > 0
    ]
    comes = outlook.calm
    # By its last tenth a run has what it will have of retries and of payments that come later.
    last = np.array([0.9, 1.0]) * scenario.duration_s
    steady = {
        queue
        for queue in scenario.queues
        if _constant(scenario, queue) and not _held_back(scenario, queue)
    }
    loads: list[tuple[str, float, bool]] = []
    any_varies = any(varies(scenario, queue) for queue in scenario.queues)
    if scenario.in_process:
        if steady == set(scenario.queues):
            together = sum(float(comes.load(queue, last)[0]) for queue in scenario.queues)
            loads.append(("the caller", together / scenario.caller.callers, any_varies))
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
        groups = [(group, group.load(comes, last)) for group in loop_groups(scenario)]
        loads += [
            (f"the event loop of each {group.process}", float(load[0]) / group.loops, any_varies)
            for group, load in groups
        ]
        loads += [
            (
                f"each core of the {group.pool} workers" if group.pool else "each core",
                float(group.core_load(comes, last)[0]) / group.cores,
                any_varies,
            )
            for group, _ in groups
            if group.cores is not None
        ]
    return (
        found
        + _too_late(scenario)
        + _unseen_cost(outlook)
        + [
            f"no steady state: {who} has a load of {load:.3g} (1 is all it can do), so the backlog "
            "grows; the figures describe this run only: the longer the run, the longer the waits"
            for who, load, random in loads
            if load > 1 + _TINY or (random and load >= 1 - _TINY)
        ]
    )


def _too_late(scenario: Scenario) -> list[str]:
    """What is said of moments at which arrivals have stopped."""
    end, found = scenario.duration_s, []
    for queue, stream in scenario.arrivals.items():
        if isinstance(stream, Open) and (jobs := stream.sent_late(end)):
            found.append(
                f"{key_of('arrivals', queue, 'sent')}: {jobs:,} jobs are sent when arrivals have "
                f"stopped, at duration_s = {end:g} or later: they are done, and no number counts "
                "them"
            )
        if isinstance(stream, Varied) and stream.factor and stream.factor[-1][0] >= end:
            found.append(
                f"{key_of('arrivals', queue, 'factor')}: what begins at duration_s = {end:g} or "
                "later changes nothing"
            )
    return found


def _unseen_cost(outlook: Outlook) -> list[str]:
    """Whether the queue itself has so much to do that leaving its cost out is wrong."""
    scenario = outlook.scenario
    if scenario.in_process or scenario.bullmq.overhead != NO_OVERHEAD:
        return []
    counted = outlook.calm.attempts
    served = [queue for queue in scenario.queues if scenario.works_on(queue)]
    attempts_per_s = sum(float(counted[queue][-1]) for queue in served) / scenario.duration_s
    loop_s = measured_overhead(scenario.bullmq.client).loop_s
    share = attempts_per_s * loop_s / scenario.event_loops
    if share < _MUCH:
        return []
    return [
        f"{attempts_per_s:,.0f} attempts a second: the queue itself would take about "
        f"{percent(share)} of each worker's event loop ({1000 * loop_s:g} ms an attempt), "
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
    """Each queue that a job of ``name`` adds to, and how often it does; circles cannot be.

    Its children are among them: they are added with it.
    """
    queue = scenario.queues[name]
    failed = fails_for_good(queue, single=scenario.in_process)
    for child in queue.follow_up.completed:
        yield child, 1 - failed
    for child in queue.follow_up.failed:
        yield child, failed
    for child, number in queue.children.items():
        yield child, mean_of(number)


def fed_by_others(scenario: Scenario, queue: str) -> bool:
    """Whether other queues' jobs are followed by jobs of this one, or have children in it."""
    return any(
        queue == child for parent in scenario.queues for child, _ in _follow_ups(scenario, parent)
    )


def varies(scenario: Scenario, queue: str) -> bool:
    """Whether chance makes some jobs come sooner or take longer than others."""
    settings = scenario.queues[queue]
    regular = not any(stream.random for stream in scenario.arrivals.values())
    return not (regular and not settings.classes and _always_alike(settings))


def _always_alike(queue: QueueModel) -> bool:
    """Whether all jobs of a queue take the same time, and end alike."""
    times = [one for each in queue.different_times for one in each]
    more = queue.failure_service, queue.delay
    attempts = range(1, 1 + len(queue.different_times))
    ends = [expected(queue, attempt) for attempt in attempts]
    sure = all(one.fails in (0.0, 1.0) and one.fatal in (0.0, 1.0) for one in ends)
    constant = all(isinstance(one, Constant) for one in (*times, *filter(None, more)))
    return sure and constant


def _arrival_rate(scenario: Scenario, queue: str) -> float:
    stream, end = scenario.arrivals[queue], scenario.duration_s
    if isinstance(stream, Follows):
        sent = float(stream.sent_by(np.array([end]))[0])
        return _arrival_rate(scenario, stream.follows) + sent / end
    return float(stream.coming(np.array([end]), end)[0]) / end


def is_steady(scenario: Scenario) -> bool:
    """Whether all that comes to any queue comes at one rate."""
    return all(_constant(scenario, queue) for queue in scenario.queues)


def _constant(scenario: Scenario, queue: str) -> bool:
    """Whether all that comes to ``queue``, through whatever other queues, comes at one rate."""
    return all(
        scenario.arrivals[one.follows].steady and not one.sent
        if isinstance(one, Follows)
        else one.steady
        for one in _reaching(scenario, queue)
    )


def _held_back(scenario: Scenario, queue: str) -> bool:
    """Whether less comes to ``queue`` where it cannot keep up: its backlog has an end."""
    if isinstance(scenario.arrivals.get(queue), Scheduler):
        return True
    return any(
        isinstance(one, Customers) or (one.max_waiting is not None and not scenario.in_process)
        for one in _reaching(scenario, queue)
    )


def _reaching(scenario: Scenario, queue: str) -> Iterator[ArrivalStream]:
    """The arrivals that jobs of ``queue`` descend from, through whatever other queues."""

    def reaches(start: str) -> bool:
        return start == queue or any(reaches(child) for child, _ in _follow_ups(scenario, start))

    return (stream for start, stream in scenario.arrivals.items() if reaches(start))
