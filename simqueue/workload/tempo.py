"""Tables of a scenario at another speed: all times in them, told by their names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simqueue.workload.distributions import Empirical


def at_speed(value: Any, speed: float) -> Any:
    """A table with its times, told by their names, divided, and its rates multiplied."""
    if isinstance(value, list):
        return [at_speed(item, speed) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("distribution") == "empirical":
        value = {**value, "mean_s": Empirical.model_validate(value).mean}
    return {key: _one(key, item, speed) for key, item in value.items()}


def _one(key: str, value: Any, speed: float) -> Any:
    if value is None:
        return None
    if key in ("children", "concurrency"):  # numbers by the names of queues
        return value
    if key in ("rate_per_s", "speed"):
        return value * speed
    if key in ("schedule", "sent", "factor"):
        return [(start / speed, count) for start, count in value]
    if key == "profile":
        return [(start / speed, rate * speed) for start, rate in value]
    if key in ("outages", "paused"):
        return [
            at_speed(one, speed) if isinstance(one, dict) else _each(one, speed) for one in value
        ]
    if key.endswith(("_s", "_ms")) and not isinstance(value, dict):
        return _each(value, speed) if isinstance(value, list) else value / speed
    return at_speed(value, speed)


def _each(times: Sequence[float], speed: float) -> list[float]:
    return [time / speed for time in times]
