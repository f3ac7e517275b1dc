"""``WORKER_MODE=bull-queue``: adding a job puts it into BullMQ's queue."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from simqueue.adapters.bull_queue.connection import Connection
from simqueue.adapters.bull_queue.options import (
    check_name,
    check_policy,
    check_queue,
    job_data,
    job_of,
    job_options,
    node_differences,
    shown,
)
from simqueue.errors import InputError
from simqueue.jobs import Job, parse_payload
from simqueue.policies import POLICIES, QueuePolicy
from simqueue.work import FailedJob

if TYPE_CHECKING:
    from bullmq import Queue

#: Jobs that one round trip adds.
_BULK = 500

_log = logging.getLogger(__name__)


class BullQueueAdapter:
    """Puts jobs into the queues that workers take them from.

    A job whose id is in its queue already, waiting, running or kept after its end, is not added
    again.

    Parameters
    ----------
    connection
        The Redis that holds the queues.
    policies
        The policies of the queues.
    check
        Raises an `InputError` for a job that no worker could do.

    Raises
    ------
    InputError
        If BullMQ cannot hold a queue's name or policy.
    """

    def __init__(
        self,
        connection: Connection,
        policies: Mapping[str, QueuePolicy] = POLICIES,
        check: Callable[[Job], object] = parse_payload,
    ) -> None:
        self._connection = connection
        self._policies = policies
        self._check = check
        self._queues: dict[str, Queue] = {}
        for name, policy in policies.items():
            check_queue(name)
            check_policy(name, policy)
            for line in node_differences(name, policy):
                _log.warning(line)

    async def add(self, job: Job, *, asked_at: float | None = None) -> None:
        """Put a job into its queue; see `Adapter.add`.

        Raises
        ------
        InputError
            If the job is not what its queue takes; nothing is stored then.
        JobError
            If Redis cannot be reached.
        """
        await self.add_bulk([job], asked_at=asked_at)

    async def add_bulk(self, jobs: Iterable[Job], *, asked_at: float | None = None) -> None:
        """Put jobs into their queues, many in a round trip; all are checked before any is stored.

        Raises
        ------
        InputError, JobError
            See `add`.
        """
        checked = [(job.queue, self._entry(job, asked_at)) for job in jobs]
        checked.sort(key=lambda pair: pair[0])
        with self._connection.asking():
            for name, entries in groupby(checked, key=lambda pair: pair[0]):
                for some in _batches([entry for _, entry in entries]):
                    await self.queue(name).addBulk(some)

    def _entry(self, job: Job, asked_at: float | None) -> dict[str, object]:
        policy = self._policies.get(job.queue)
        if policy is None:
            known = ", ".join(self._policies)
            raise InputError(
                f"job {shown(job.id)}: there is no queue {shown(job.queue)}; known are {known}"
            )
        check_name(job)
        data = job_data(job)
        self._check(job)
        options = job_options(policy, job.id)
        if asked_at is not None:
            options["timestamp"] = round(asked_at * 1000)
        return {"name": job.name, "data": data, "opts": options}

    def queue(self, name: str) -> Queue:
        """BullMQ's own object for a queue."""
        from bullmq import Queue

        if name not in self._queues:
            self._queues[name] = Queue(name, self._connection.options())
        return self._queues[name]

    async def failed(self, queue: str) -> Sequence[FailedJob]:
        """The jobs that failed for good and are kept; those that are not ours are passed over.

        Raises
        ------
        JobError
            If Redis cannot be reached.
        """
        found = []
        with self._connection.asking():
            all_kept = await self.queue(queue).getFailed(0, self._policies[queue].keep_failed)
        for kept in all_kept:
            try:
                job = job_of(queue, kept.name, kept.id, kept.data)
                found.append(FailedJob(job, kept.finishedOn))
            except InputError as error:
                _log.warning(str(error))
        return found

    async def unfinished(self) -> int:
        """How many jobs are waiting, running or delayed in all queues; raises `JobError`."""
        states = ("waiting", "active", "delayed", "prioritized", "waiting-children")
        total = 0
        with self._connection.asking():
            for name in self._policies:
                counts = await self.queue(name).getJobCounts(*states)
                total += sum(counts.values())
        return total

    async def close(self) -> None:
        """Close the connections to Redis."""
        await self._connection.close()


def _batches(entries: list[dict[str, object]]) -> Iterable[list[dict[str, object]]]:
    return (entries[i : i + _BULK] for i in range(0, len(entries), _BULK))
