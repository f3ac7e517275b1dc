"""What the queue itself costs, as far as the day shows it: pick-ups, and slots between two jobs."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from simqueue.calibration.days import Attempt, Day
from simqueue.calibration.workers import SeenWorkers

Floats = NDArray[np.float64]

#: So many of a kind tell its mean; of these the largest part is somebody else's doing.
_ENOUGH, _LOWEST = 50, 0.9


def overhead_of(day: Day, workers: Mapping[str, SeenWorkers]) -> dict[str, float]:
    """Figures of a scenario's ``bullmq.overhead`` that were seen often enough, seconds.

    ``workers`` are those of each queue in which idle slots take what waits: none whose jobs wait
    for something else.

    An attempt is counted from the event of its start to that of its end here, so the round trips in
    between are part of it, and ``loop_s`` is none of its own.
    """
    found: dict[str, list[float]] = {}
    for name, its in workers.items():
        slots = its.slots
        attempts = [one for one in day.of_queue(name) if not math.isnan(one.started_s)]
        _pick_ups(attempts, slots, found)
        _between(attempts, found)
    means = {key: _mean(values) for key, values in found.items() if len(values) >= _ENOUGH}
    if "failure_s" in means:
        means["failure_s"] = max(0.0, means["failure_s"] - means.get("service_s", 0.0))
    return {key: round(value, 5) for key, value in means.items()}


def _mean(values: list[float]) -> float:
    ordered = np.sort(values)
    return float(ordered[: math.ceil(_LOWEST * len(ordered))].mean())


def _pick_ups(attempts: list[Attempt], slots: int, found: dict[str, list[float]]) -> None:
    """How long jobs waited that found nobody waiting, and a slot idle."""
    started = np.sort([one.started_s for one in attempts])
    ended = np.sort([one.finished_s for one in attempts if not math.isnan(one.finished_s)])
    ready = np.sort([one.ready_s for one in attempts])
    for one in attempts:
        if one.carried or one.run > 1:
            continue
        at = one.ready_s
        begun = int(np.searchsorted(started, at, side="left"))
        running = begun - int(np.searchsorted(ended, at, side="left"))
        waiting = int(np.searchsorted(ready, at, side="left")) - begun
        if waiting == 0 and running < slots:
            late = one.attempt > 1 or one.ready_s > one.enqueued_s
            found.setdefault("retry_s" if late else "pickup_s", []).append(one.started_s - at)


def _between(attempts: list[Attempt], found: dict[str, list[float]]) -> None:
    """How long a worker's slot was idle from an end to the next start, while a job waited."""
    by_worker: dict[str, list[Attempt]] = {}
    for one in attempts:
        if one.worker and not math.isnan(one.finished_s):
            by_worker.setdefault(one.worker, []).append(one)
    for mine in by_worker.values():
        free: list[Attempt] = []
        ends = sorted(mine, key=lambda one: one.finished_s)
        place = 0
        for one in sorted(mine, key=lambda one: (one.started_s, one.finished_s)):
            while place < len(ends) and ends[place].finished_s <= one.started_s:
                free.append(ends[place])
                place += 1
            if free:
                last = free.pop()
                if one.ready_s <= last.finished_s:
                    key = "service_s" if last.outcome == "completed" else "failure_s"
                    found.setdefault(key, []).append(one.started_s - last.finished_s)
