"""The worker processes of bull-queue mode."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Self

from pydantic import Discriminator, Field, Tag, model_validator

from simqueue.checked import Checked
from simqueue.policies import DEFAULT_CONCURRENCY
from simqueue.workload.changes import key_of
from simqueue.workload.pools import Pool
from simqueue.workload.production import Crash, check_deaths
from simqueue.workload.values import Count, QueueName

#: A number, or one for each queue; told apart first, so that an error is about the one meant.
Concurrency = Annotated[
    Annotated[Count, Tag("number")] | Annotated[dict[QueueName, Count], Tag("table")],
    Discriminator(lambda value: "table" if isinstance(value, dict) else "number"),
]


class WorkerSettings(Checked):
    """The worker processes; each has its own event loop: the short form of one pool.

    Attributes
    ----------
    count
        Worker processes.
    concurrency
        Slots of each for each queue: one number for all, or a number by queue.
    type
        The queue they work on, or ``all``.
    crashes
        When which of them dies; none by default.
    cores
        Of the machine that the processes share; sandboxed cpu parts compete for them.
    """

    count: Count = 1
    concurrency: Concurrency = DEFAULT_CONCURRENCY
    type: QueueName = "all"
    crashes: Annotated[list[Crash], Field(max_length=10_000)] = []
    cores: Count | None = None

    @property
    def kills(self) -> list[Crash]:
        """The crashes in which jobs are left behind."""
        return [crash for crash in self.crashes if not crash.drain]

    def works_on(self, queue: str) -> bool:
        """Whether the workers take jobs of ``queue``."""
        return self.type in ("all", queue)

    def slots_for(self, queue: str) -> int:
        """How many jobs of ``queue`` one worker does at a time."""
        if not self.works_on(queue):
            return 0
        return self.concurrency if isinstance(self.concurrency, int) else self.concurrency[queue]

    def as_pool(self, queues: Collection[str]) -> Pool:
        """The pool that they are, in a scenario with ``queues``."""
        slots = {queue: slots for queue in queues if (slots := self.slots_for(queue))}
        # All of it has been checked.
        return Pool.model_construct(
            queues=slots, count=self.count, crashes=self.crashes, cores=self.cores
        )

    def check_queues(self, queues: Collection[str]) -> None:
        """Refuse names of queues that the scenario does not have, and queues without a number.

        Raises
        ------
        ValueError
            Says which.
        """
        if self.type != "all" and self.type not in queues:
            raise ValueError(f"workers.type: there is no {key_of('queues', self.type)}")
        if isinstance(self.concurrency, int):
            return
        for queue in self.concurrency:
            if queue not in queues:
                raise ValueError(
                    f"{key_of('workers', 'concurrency', queue)}: there is no "
                    f"{key_of('queues', queue)}"
                )
        for queue in queues:
            if self.works_on(queue) and queue not in self.concurrency:
                raise ValueError(
                    f"workers.concurrency: {queue!r} is missing; a table names every queue that "
                    "the workers work on"
                )

    @model_validator(mode="after")
    def _die_one_at_a_time(self) -> Self:
        deaths = [(crash.worker, crash.at_s, crash.down_s) for crash in self.crashes]
        check_deaths("worker", self.count, deaths)
        return self
