"""An autoscaler of worker processes, as Kubernetes' HorizontalPodAutoscaler and KEDA are set.

Defaults are theirs:
https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/ and
https://keda.sh/docs/latest/reference/scaledobject-spec/.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from simqueue.checked import Checked
from simqueue.policies import Finite
from simqueue.workload.production import Period
from simqueue.workload.values import Count, QueueName

Metric = Literal["ready", "wait_list", "busy", "oldest_s", "utilisation"]
#: Metrics that more workers share; the others are levels, which are the same for all.
TOTALS = ("ready", "wait_list", "busy")
#: What KEDA alone looks at, and only where there may be no worker at all.
_FROM_ZERO = ("polling_s", "cooldown_s", "activation")


class Steps(Checked):
    """How far a number of workers may move within some time; the widest of what is given counts.

    Attributes
    ----------
    percent
        Of the workers at the beginning of that time.
    processes
        So many workers.
    per_s
        That time, seconds.
    """

    percent: Annotated[Finite, Field(gt=0, le=1e6)] | None = None
    processes: Count | None = None
    per_s: Annotated[Finite, Field(ge=1, le=1800)] = 15.0

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.percent is None and self.processes is None:
            raise ValueError("expected percent, processes, or both")
        return self


class Autoscale(Checked):
    """How many workers a pool should have, by what there is to do.

    Attributes
    ----------
    metric
        ``ready``: jobs that wait and could start. ``wait_list``: those of them in BullMQ's plain
        list, all that a trigger on ``LLEN bull:QUEUE:wait`` sees: neither prioritized nor delayed
        jobs. ``busy``: busy slots. ``oldest_s``: age of the job that has waited longest, seconds.
        ``utilisation``: busy share of the slots.
    of
        The queues that are looked at; by default all of the pool.
    target
        For a total (``ready``, ``wait_list``, ``busy``): so much for each worker. For a level
        (``oldest_s``, ``utilisation``): so much.
    min, max
        Workers that there are at least and at most. The run begins with ``min``.
    every_s
        Seconds between two looks (the controller's sync period).
    tolerance
        So near to its target, as a share, the metric changes nothing.
    up, down
        Steps.
    up_after_s, down_after_s
        Stabilisation windows, seconds: what counts is the lowest recommendation of the last
        ``up_after_s`` on the way up, the highest of the last ``down_after_s`` on the way down.
    polling_s, cooldown_s, activation
        KEDA's, where ``min`` is 0: seconds between two looks whether there should be any worker
        at all; how long nothing was to do until there is none; and above which value of the metric
        there is something to do.
    """

    metric: Metric
    of: Annotated[list[QueueName], Field(max_length=1000)] = []
    target: Annotated[Finite, Field(gt=0, le=1e9)]
    min: Annotated[int, Field(strict=True, ge=0, le=10_000)] = 1
    max: Count
    every_s: Annotated[Finite, Field(ge=1, le=86_400)] = 15.0
    tolerance: Annotated[Finite, Field(ge=0, le=1)] = 0.1
    up: Steps = Steps(percent=100, processes=4, per_s=15)
    up_after_s: Annotated[Finite, Field(ge=0, le=3600)] = 0.0
    down: Steps = Steps(percent=100, per_s=15)
    down_after_s: Annotated[Finite, Field(ge=0, le=3600)] = 300.0
    polling_s: Annotated[Period, Field(ge=1)] = 30.0
    cooldown_s: Annotated[Finite, Field(ge=0, le=86_400)] = 300.0
    activation: Annotated[Finite, Field(ge=0, le=1e9)] = 0.0

    @property
    def shared(self) -> bool:
        """Whether the metric is a total, of which each worker is to have ``target``."""
        return self.metric in TOTALS

    @property
    def least(self) -> int:
        """The fewest workers between which the HorizontalPodAutoscaler chooses; KEDA has the 0."""
        return self.min or 1

    @model_validator(mode="after")
    def _can_be(self) -> Self:
        if self.max < self.least:
            raise ValueError(f"max: should be min, {self.min}, or more, not {self.max}")
        if self.metric == "utilisation" and self.target > 1:
            raise ValueError(f"target: a utilisation is a share, to 1, not {self.target:g}")
        if self.min:
            for key in self.said(*_FROM_ZERO):
                raise ValueError(
                    f"{key}: only where min = 0: KEDA decides between none and one worker"
                )
        elif self.metric in ("busy", "utilisation"):
            raise ValueError(
                f"min: should be 1 or more with metric = {self.metric!r}: where there is no worker "
                "nothing is ever busy"
            )
        if len(set(self.of)) < len(self.of):
            raise ValueError("of: a queue is named twice")
        return self
