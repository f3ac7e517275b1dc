"""A scenario in less time: everything in it happens so many times as fast."""

from __future__ import annotations

from typing import Any

from simqueue.workload.distributions import Empirical
from simqueue.workload.scenario import Scenario


def faster(scenario: Scenario, speed: float) -> Scenario:
    """The same scenario, and the same draws, with all its times divided by ``speed``.

    Only what the queue itself costs stays as it is: no machine becomes faster by this. So does its
    clock of whole milliseconds: times that lay apart may fall in one, and be a tie.

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
    table = _faster(scenario.model_dump(), speed)
    table["bullmq"]["overhead"] = scenario.bullmq.overhead
    return Scenario.model_validate(table)


def _faster(value: Any, speed: float) -> Any:
    """A table with its times, told by their names, divided, and its rates multiplied."""
    if isinstance(value, list):
        return [_faster(item, speed) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("distribution") == "empirical":
        value = {**value, "mean_s": Empirical.model_validate(value).mean}
    return {key: _one(key, item, speed) for key, item in value.items()}


def _one(key: str, value: Any, speed: float) -> Any:
    if value is None:
        return None
    if key in ("rate_per_s", "speed"):
        return value * speed
    if key == "profile":
        return [(start / speed, rate * speed) for start, rate in value]
    if key == "outages":
        return [(start / speed, end / speed) for start, end in value]
    if key.endswith(("_s", "_ms")):
        return value / speed
    return _faster(value, speed)
