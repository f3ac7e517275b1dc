"""The work that a scenario offers to each queue, known before anything runs.

Mean rates follow the jobs through the tree of follow-ups.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from simqueue.results.theory import attempts_mean
from simqueue.workload.arrivals import Follows, Poisson, Profile, Regular, Trace
from simqueue.workload.production import NO_OVERHEAD
from simqueue.workload.scenario import Scenario


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
    rates = job_rates(scenario)
    work: dict[str, float] = {}
    cpu = together = 0.0
    cost = NO_OVERHEAD if scenario.in_process else scenario.bullmq.overhead
    for name, queue in scenario.queues.items():
        attempts = rates[name] * attempts_mean(
            queue.failure_rate, scenario.policy_of(name).attempts
        )
        own = cost.service_s + cost.loop_s
        work[name] = attempts * (queue.service.mean + queue.cpu.mean + own)
        if scenario.slots[name]:
            cpu += attempts * (queue.cpu.mean + cost.loop_s)
            together += attempts
    slots = scenario.slots
    return OfferedLoads(
        queues={name: work[name] / slots[name] if slots[name] else None for name in work},
        event_loop=cpu / scenario.event_loops,
        attempts_per_s=together,
    )


def job_rates(scenario: Scenario) -> dict[str, float]:
    """Mean rate at which jobs come to each queue, per second."""
    rates = dict.fromkeys(scenario.queues, 0.0)

    def bring(queue: str, rate: float) -> None:
        rates[queue] += rate
        for child, share in follow_up_shares(scenario, queue):
            bring(child, rate * share)

    for queue in scenario.arrivals:
        bring(queue, _arrival_rate(scenario, queue))
    return rates


def follow_up_shares(scenario: Scenario, name: str) -> Iterator[tuple[str, float]]:
    """Each queue that a job of ``name`` adds to, and how often it does; circles cannot be."""
    queue = scenario.queues[name]
    failed = queue.failure_rate ** scenario.policy_of(name).attempts
    for child in queue.follow_up.completed:
        yield child, 1 - failed
    for child in queue.follow_up.failed:
        yield child, failed


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
