"""Kubernetes' HorizontalPodAutoscaler: from a metric to a number of workers.

As documented in https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/
(*Algorithm details*, *Scaling policies*, *Stabilization window*), and where the page leaves it open
as `pkg/controller/podautoscaler/replica_calculator.go` and `horizontal.go` have it. Metrics are
external ones, of one kind: totals have a target of type *AverageValue*, levels one of type *Value*.
"""

from __future__ import annotations

import math

from simqueue.workload.autoscale import Autoscale, Steps

#: Rounding: 30 jobs at 10 for each are 3 workers' worth, however that was computed.
_TINY = 1e-9


def desired(settings: Autoscale, metric: float, current: int, ready: int) -> int:
    """The number of workers that a metric asks for, before any window, limit or bound.

    A total asks for ``ceil(total / target)``: so many for each worker, started or not. A level asks
    for ``ceil(workers * level / target)``, where the workers are those that are ready (for external
    metrics the controller leaves out pods that are still starting). Near enough to the target
    nothing changes.

    Parameters
    ----------
    settings
        Metric, target and tolerance.
    metric
        Its value.
    current, ready
        Workers that were asked for, and those of them that take jobs.

    Examples
    --------
    The documentation's own: a level of twice its target doubles.

    >>> level = Autoscale(metric="oldest_s", target=100, max=10)
    >>> desired(level, 200, current=3, ready=3), desired(level, 50, current=4, ready=4)
    (6, 2)
    """
    per_worker = current if settings.shared else 1
    ratio = metric / (settings.target * per_worker)
    if abs(1.0 - ratio) <= settings.tolerance + _TINY:
        return current
    return math.ceil(ratio * (per_worker if settings.shared else ready) - _TINY)


class HorizontalPodAutoscaler:
    """What it remembers between two looks: its recommendations, and what it changed.

    Parameters
    ----------
    settings
        How it is set.
    """

    def __init__(self, settings: Autoscale) -> None:
        self._settings = settings
        self._recommended: list[tuple[float, int]] = []
        self._changed: list[tuple[float, int]] = []

    def look(self, now: float, metric: float | None, current: int, ready: int) -> int:
        """How many workers there are to be from now on.

        Parameters
        ----------
        now
            The time, seconds.
        metric
            What it finds; ``None``: the metric is missing, and nothing changes.
        current, ready
            Workers that were asked for, and those of them that take jobs.
        """
        if current == 0 or metric is None:  # with none it is switched off: KEDA brings the first
            return current
        wanted = self._settled(now, desired(self._settings, metric, current, ready), current)
        new = self._limited(now, wanted, current)
        if new != current:
            self._changed.append((now, new - current))
        return new

    def _settled(self, now: float, wanted: int, current: int) -> int:
        """Wait with what has not been recommended all through its stabilisation window."""
        settings = self._settings
        longest = max(settings.up_after_s, settings.down_after_s)
        self._recommended = [one for one in self._recommended if one[0] > now - longest]
        lowest = min([wanted, *self._since(now, settings.up_after_s)])
        highest = max([wanted, *self._since(now, settings.down_after_s)])
        self._recommended.append((now, wanted))
        return min(max(current, lowest), highest)

    def _since(self, now: float, seconds: float) -> list[int]:
        return [count for at, count in self._recommended if at > now - seconds]

    def _limited(self, now: float, wanted: int, current: int) -> int:
        """Keep within minimum and maximum, and take no more than the steps that are allowed."""
        settings = self._settings
        if wanted > current:
            limit = max(self._furthest(now, settings.up, current, 1), current)
            return min(wanted, limit, max(settings.max, current))
        if wanted < current:
            limit = min(self._furthest(now, settings.down, current, -1), current)
            return max(wanted, limit, min(settings.least, current))
        return min(max(wanted, settings.least), settings.max)

    def _furthest(self, now: float, steps: Steps, current: int, way: int) -> int:
        """The most (or fewest) workers that a policy allows, the widest of them."""
        before = current - sum(by for at, by in self._changed if at > now - steps.per_s)
        found = []
        if steps.percent is not None:
            moved = before * (1 + way * steps.percent / 100)
            found.append(math.ceil(moved - _TINY) if way > 0 else math.floor(moved + _TINY))
        if steps.processes is not None:
            found.append(before + way * steps.processes)
        return max(found) if way > 0 else min(found)
