"""KEDA: whether there is to be any worker at all.

As documented in https://keda.sh/docs/latest/reference/scaledobject-spec/ (``pollingInterval``,
``cooldownPeriod``) and https://keda.sh/docs/latest/concepts/scaling-deployments/ (*Activating and
Scaling thresholds*). Between one and the maximum the HorizontalPodAutoscaler decides.
"""

from __future__ import annotations

from simqueue.workload.autoscale import Autoscale


class Keda:
    """What it remembers: when there was last something to do.

    Parameters
    ----------
    settings
        How it is set.
    """

    def __init__(self, settings: Autoscale) -> None:
        self._settings = settings
        self._active_s = 0.0

    def poll(self, now: float, metric: float, current: int) -> int:
        """How many workers there are to be: the first, none any more, or as many as there are.

        Parameters
        ----------
        now
            The time, seconds.
        metric
            What the trigger finds: it is active above the activation threshold.
        current
            Workers that were asked for.
        """
        if metric > self._settings.activation:
            self._active_s = now
            return current or 1
        return 0 if now - self._active_s >= self._settings.cooldown_s else current
