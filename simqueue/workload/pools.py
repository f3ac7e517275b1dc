"""Pools: several kinds of worker processes side by side."""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from simqueue.checked import Checked
from simqueue.policies import Finite
from simqueue.workload.autoscale import Autoscale
from simqueue.workload.changes import key_of
from simqueue.workload.production import Crash, Seconds, check_deaths
from simqueue.workload.values import Count, QueueName

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")


def pool_name(name: str) -> str:
    """A pool's name, which its workers' names begin with.

    Raises
    ------
    ValueError
        If it is none.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(
            "a pool's name begins with a letter and has letters, digits, - and _, 63 at most"
        )
    return name


PoolName = Annotated[str, AfterValidator(pool_name)]
#: A moment, and how many worker processes there are to be from then on.
Step = tuple[Seconds, Annotated[int, Field(strict=True, ge=0, le=10_000)]]


@dataclass(frozen=True)
class Death:
    """A worker that is away for a while, by the name that logs have for it.

    Attributes
    ----------
    worker, pool
        Its name, and its pool's; the pool of ``[workers]`` has none.
    at_s, down_s, drain
        As in `simqueue.workload.production.Crash`.
    """

    worker: str
    pool: str
    at_s: float
    down_s: float
    drain: bool


def worker_name(pool: str, number: int) -> str:
    """The name of a worker in logs.

    >>> worker_name("web", 0), worker_name("", 1)
    ('web-0', '1')
    """
    return f"{pool}-{number}" if pool else str(number)


class Pool(Checked):
    """Worker processes of one kind; each has its own event loop, which all its queues share.

    Attributes
    ----------
    queues
        The slots of each worker for each queue that they work on.
    count, schedule, autoscale
        How many workers there are: so many; from each moment on, seconds, so many; or as an
        autoscaler has it. One of them.
    start_s
        Seconds from when a worker is asked for until it takes jobs. Those with which the run
        begins are up.
    cores
        How many cores of the machine the pool's sandboxed cpu parts share.
    cost_per_hour
        What a worker costs, in any currency; default: nobody asks.
    crashes
        When which of them dies; none by default.
    """

    queues: Annotated[dict[QueueName, Count], Field(min_length=1, max_length=1000)]
    count: Count = 1
    schedule: Annotated[list[Step], Field(max_length=10_000)] = []
    autoscale: Autoscale | None = None
    start_s: Seconds = 0.0
    cores: Count | None = None
    cost_per_hour: Annotated[Finite, Field(ge=0, le=1e9)] | None = None
    crashes: Annotated[list[Crash], Field(max_length=10_000)] = []

    @property
    def constant(self) -> bool:
        """Whether there are as many workers all the time."""
        return not self.schedule and self.autoscale is None

    @property
    def steps(self) -> list[tuple[float, int]]:
        """When there are to be how many workers, as far as that is known beforehand."""
        if self.autoscale is not None:
            return [(0.0, self.autoscale.min)]
        return self.schedule or [(0.0, self.count)]

    @property
    def ready_from(self) -> list[tuple[float, int]]:
        """How many workers take jobs, from when on: who is asked for has to start first.

        Where an autoscaler decides: the most that it may ask for.
        """
        steps = self.steps
        if self.autoscale is not None:
            return [(0.0, self.autoscale.max)]
        if not self.start_s or len(steps) == 1:
            return steps
        starts, counts = [at for at, _ in steps], [count for _, count in steps]
        # Whoever takes jobs has been wanted since it was asked for: the newest leave first.
        return [
            (now, min(counts[bisect(starts, now - self.start_s, 1) - 1 : bisect(starts, now)]))
            for now in sorted({*starts, *(at + self.start_s for at in starts[1:])})
        ]

    @property
    def most(self) -> int:
        """The most workers that there are to be at a time."""
        if self.autoscale is not None:
            return self.autoscale.max
        return max(count for _, count in self.steps)

    def slots_for(self, queue: str) -> int:
        """How many jobs of ``queue`` one worker does at a time."""
        return self.queues.get(queue, 0)

    def check_queues(self, name: str, queues: Collection[str]) -> None:
        """Refuse names of queues that the scenario does not have.

        Raises
        ------
        ValueError
            Says which.
        """
        for queue in self.queues:
            if queue not in queues:
                place = key_of("pools", name, "queues", queue)
                raise ValueError(f"{place}: there is no {key_of('queues', queue)}")
        if self.autoscale is None:
            return
        place = key_of("pools", name, "autoscale", "of")
        for queue in self.autoscale.of:
            if queue not in queues:
                raise ValueError(f"{place}: there is no {key_of('queues', queue)}")
            if self.autoscale.metric in ("busy", "utilisation") and queue not in self.queues:
                raise ValueError(f"{place}: the pool has no slots for {queue} that could be busy")

    @model_validator(mode="after")
    def _has_one_number(self) -> Self:
        said = self.said("count", "schedule", "autoscale")
        if len(said) > 1:
            raise ValueError(f"{' and '.join(said)}: expected one of count, schedule, autoscale")
        if self.schedule:
            self._check_schedule()
        return self

    def _check_schedule(self) -> None:
        if self.schedule[0][0] != 0:
            raise ValueError("schedule: should begin at 0 s, such as [[0, 2], [3600, 6]]")
        for (before, _), (after, _) in pairwise(self.schedule):
            if after <= before:
                raise ValueError(
                    f"schedule: moments should go up; {after:g} s follows {before:g} s"
                )
        if not self.most:
            raise ValueError("schedule: there is never a worker")

    @model_validator(mode="after")
    def _die_one_at_a_time(self) -> Self:
        deaths = [(crash.worker, crash.at_s, crash.down_s) for crash in self.crashes]
        check_deaths("worker", self.most, deaths)
        return self
