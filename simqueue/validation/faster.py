"""A scenario in less time: everything in it happens so many times as fast."""

from __future__ import annotations

from simqueue.workload.scenario import Scenario
from simqueue.workload.tempo import at_speed


def faster(scenario: Scenario, speed: float) -> Scenario:
    """The same scenario, and the same draws, with all its times divided by ``speed``.

    Only what the queue itself costs stays as it is: no machine becomes faster by this. So does its
    clock of whole milliseconds: times that lay apart may fall in one, and be a tie. An idle worker
    still looks every 5 s.

    >>> from simqueue.workload.reading import build_scenario
    >>> slow = build_scenario({
    ...     "duration_s": 60, "arrivals": {"order": {"rate_per_s": 2}}, "queues": {"order": {}},
    ... })
    >>> quick = faster(slow, 10)
    >>> quick.duration_s, quick.arrivals["order"].rate_per_s
    (6.0, 20.0)
    >>> quick.queues["order"].backoff.delay_ms
    200.0
    """
    if speed == 1:
        return scenario
    table = at_speed(scenario.model_dump(), speed)
    table["bullmq"]["overhead"] = scenario.bullmq.overhead
    return Scenario.model_validate(table)
