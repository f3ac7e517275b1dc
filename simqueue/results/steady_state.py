"""What a scenario lets one know beforehand: its loads, and the waits that a formula gives exactly.

Mean rates follow the jobs through the tree of follow-ups; nothing here looks at a run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from simqueue.results.theory import (
    NoSteadyState,
    attempts_mean,
    erlang_c,
    mg1_wait_mean,
    mmc_wait_mean,
    retry_rate,
)
from simqueue.workload.arrivals import Follows, Poisson, Profile, Regular, Trace
from simqueue.workload.distributions import Exponential
from simqueue.workload.production import MEASURED, NO_OVERHEAD
from simqueue.workload.scenario import Scenario

#: A share of the event loop that nobody would call small.
_MUCH = 0.2

#: One theory entry of a result: ``model``, ``wait_mean_s``, ``p_wait``.
Theory = dict[str, str | float]


@dataclass(frozen=True)
class OfferedLoads:
    """Work that comes in, as a share of what can be done; 1 or more is too much.

    Attributes
    ----------
    queues
        For each queue, per slot; ``None`` if it has no slot. In in-process mode all queues share
        the caller's slots, and each has its share of the load.
    attempts_per_s
        Attempts that start in all queues together that workers take.
    event_loop
        For the one event loop of each process, by the cpu part of the attempts.
    """

    queues: dict[str, float | None]
    event_loop: float
    attempts_per_s: float

    @property
    def together(self) -> float:
        """All queues on shared slots: the load of in-process mode's caller."""
        return sum(load or 0.0 for load in self.queues.values())


def offered_loads(scenario: Scenario) -> OfferedLoads:
    """Mean loads of a scenario over its duration, outages and crashes left out."""
    rates = _job_rates(scenario)
    work: dict[str, float] = {}
    cpu = together = 0.0
    cost = scenario.bullmq.overhead if scenario.mode == "bull-queue" else NO_OVERHEAD
    for name, queue in scenario.queues.items():
        attempts = rates[name] * attempts_mean(queue.failure_rate, _attempts(scenario, name))
        own = cost.service_s + cost.loop_s
        work[name] = attempts * (queue.service.mean + queue.cpu.mean + own)
        if scenario.slots[name]:
            cpu += attempts * (queue.cpu.mean + cost.loop_s)
            together += attempts
    slots = scenario.slots
    loops = 1 if scenario.mode == "in-process" else scenario.workers.count
    return OfferedLoads(
        queues={name: work[name] / slots[name] if slots[name] else None for name in work},
        event_loop=cpu / loops,
        attempts_per_s=together,
    )


def load_warnings(scenario: Scenario) -> list[str]:
    """One line for each load of 1 or more that constant input brings, and each queue without slots.

    Input that changes over the run (a trace, a profile) may exceed the slots for a while: whether
    it did is for the run itself to say.
    """
    loads, rates = offered_loads(scenario), _job_rates(scenario)
    found = [
        f"no worker takes {queue} jobs (workers.type = {scenario.workers.type!r}): they only wait"
        for queue, load in loads.queues.items()
        if load is None and rates[queue] > 0
    ]
    steady = {queue for queue in scenario.queues if _constant(scenario, queue)}
    too_much: list[tuple[str, float]] = []
    if scenario.mode == "in-process":
        if steady == set(scenario.queues):
            too_much.append(("the caller", loads.together))
    else:
        too_much += [
            (f"the {queue} queue", load)
            for queue, load in loads.queues.items()
            if load is not None and queue in steady
        ]
    if steady == set(scenario.queues):
        too_much.append(("the event loop of each process", loads.event_loop))
    found += _unseen_cost(scenario, loads)
    return found + [
        f"no steady state: {who} has a load of {load:.3g} (1 is all it can do), so the backlog "
        "grows; the figures describe this run only: the longer the run, the longer the waits"
        for who, load in too_much
        if load >= 1
    ]


def _unseen_cost(scenario: Scenario, loads: OfferedLoads) -> list[str]:
    """Whether the queue itself has so much to do that leaving its cost out is wrong."""
    if scenario.mode != "bull-queue" or scenario.bullmq.overhead != NO_OVERHEAD:
        return []
    share = loads.attempts_per_s * MEASURED.loop_s / scenario.workers.count
    if share < _MUCH:
        return []
    return [
        f"{loads.attempts_per_s:,.0f} attempts a second: the queue itself would take about "
        f"{share:.0%} of each worker's event loop ({1000 * MEASURED.loop_s:g} ms an attempt), "
        "which is left out here; --set bullmq.overhead=measured takes it into account"
    ]


def theory(scenario: Scenario) -> dict[str, Theory | None]:
    """The wait that a formula gives for each queue; ``None`` unless it truly holds there.

    It holds for Poisson input at one rate from one stream (payments that follow such orders after
    independent times are Poisson again), no cpu part, outage, crash or overhead, first come first
    served, in ``bull-queue`` mode: M/M/c for exponential service, with retries after any backoff
    (see `simqueue.results.theory.retry_rate`); M/G/1 and M/D/1 for one slot without retries. Never
    for follow-ups such as email, whose input is the output of other queues.
    """
    return {queue: _theory(scenario, queue) for queue in scenario.queues}


def _theory(scenario: Scenario, name: str) -> Theory | None:
    queue, slots = scenario.queues[name], scenario.slots[name]
    rate = _poisson_rate(scenario, name)
    if (
        rate is None
        or scenario.mode != "bull-queue"
        or slots == 0
        or queue.outages
        or queue.lifo
        or scenario.workers.crashes
        or scenario.bullmq.overhead != NO_OVERHEAD
        or _loop_is_shared(scenario)
    ):
        return None
    service = queue.service
    try:
        if isinstance(service, Exponential):
            rate = retry_rate(rate, queue.failure_rate, queue.attempts)
            return {
                "model": f"M/M/{slots}",
                "wait_mean_s": mmc_wait_mean(rate, service.mean, slots),
                "p_wait": erlang_c(slots, rate * service.mean),
            }
        if slots == 1 and (queue.attempts == 1 or queue.failure_rate == 0):
            return {
                "model": "M/G/1" if service.scv else "M/D/1",
                "wait_mean_s": mg1_wait_mean(rate, service.mean, service.scv),
                "p_wait": rate * service.mean,
            }
    except NoSteadyState:
        return None
    return None


def _loop_is_shared(scenario: Scenario) -> bool:
    """Whether any job has a cpu part: it holds the event loop that all queues of a worker share."""
    rates = _job_rates(scenario)
    return any(
        queue.cpu.mean > 0 and rates[name] > 0 and scenario.works_on(name)
        for name, queue in scenario.queues.items()
    )


def _poisson_rate(scenario: Scenario, queue: str) -> float | None:
    """Jobs per second if they come from one Poisson process at one rate and from nowhere else."""
    if any(
        child == queue for parent in scenario.queues for child, _ in _follow_ups(scenario, parent)
    ):
        return None
    stream = scenario.arrivals.get(queue)
    if isinstance(stream, Follows):
        stream = scenario.arrivals[stream.follows]
    if not isinstance(stream, Poisson) or scenario.arrivals[queue].client is not None:
        return None
    return stream.rate_per_s


def _job_rates(scenario: Scenario) -> dict[str, float]:
    """Mean rate at which jobs come to each queue, per second."""
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
    failed = queue.failure_rate ** _attempts(scenario, name)
    for child in queue.follow_up.completed:
        yield child, 1 - failed
    for child in queue.follow_up.failed:
        yield child, failed


def _attempts(scenario: Scenario, queue: str) -> int:
    return 1 if scenario.mode == "in-process" else scenario.queues[queue].attempts


def _arrival_rate(scenario: Scenario, queue: str) -> float:
    stream, duration = scenario.arrivals[queue], scenario.duration_s
    match stream:
        case Follows():
            return _arrival_rate(scenario, stream.follows)
        case Poisson():
            return stream.rate_per_s
        case Regular():
            return 1 / stream.interval_s
        case Profile():
            starts, rates = np.array(stream.profile).T
            lasted = np.diff(np.minimum(np.append(starts, duration), duration))
            return float(rates @ lasted) / duration
        case Trace():
            # Recorded orders are counted; a scaled trace draws `scale` times as many on average.
            recorded = stream.model_copy(update={"scale": 1.0})
            times = recorded.draw(lambda _: np.random.default_rng(0), duration).times_s
            return len(times) * stream.scale / duration


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
