"""The reconciler: a job that has failed for good has its effects, however it failed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

from simqueue.adapters.bull_queue.trouble import Trouble
from simqueue.clock import Clock
from simqueue.errors import InputError, InTheWayError, JobError, SimqueueError
from simqueue.jobs import QUEUES, Job
from simqueue.work import FailedJob, Work
from simqueue.workers.rounds import rounds

_log = logging.getLogger(__name__)


class FailedJobs(Protocol):
    """What the reconciler needs of the queues."""

    async def failed(self, queue: str) -> Sequence[FailedJob]:
        """The jobs of a queue that failed for good and are kept."""

    async def add(self, job: Job) -> None:
        """Put a job into its queue, unless its id is there."""


class Reconciler:
    """Gives up the jobs that have failed.

    A worker gives a job up after its last attempt. But a job that stalls too often fails without
    its handler being called, a worker may die before it gives up, and the gateway may be down when
    it does: the payment would hang for ever. So the failed jobs are read and given up (again),
    which is harmless: giving up twice changes nothing.

    Parameters
    ----------
    work
        What the jobs stand for.
    queues
        The adapter of the queues.
    clock
        What the wait between rounds is measured on.
    names
        The queues to look after.
    """

    def __init__(
        self, work: Work, queues: FailedJobs, clock: Clock, names: Sequence[str] = QUEUES
    ) -> None:
        self._work = work
        self._queues = queues
        self._clock = clock
        self._names = names
        self._trouble = Trouble()
        #: What has been given up, by this process; forgotten when the queue forgets it.
        self._done: set[tuple[str, int]] = set()
        #: What is in the way of a queue's failed jobs, as it was said.
        self._in_the_way: dict[str, str] = {}

    async def reconcile(self) -> int:
        """Give up each failed job that was not yet given up here; returns how many.

        A job whose effects cannot be had now, because the gateway is down, is tried again the
        next time.

        Raises
        ------
        JobError
            If Redis is in trouble.
        """
        failed = [job for name in self._names for job in await self._failed(name)]
        self._done.intersection_update((job.id, finished_ms) for job, finished_ms in failed)
        count = 0
        postponed: list[tuple[Job, Exception]] = []
        for job, finished_ms in failed:
            if (job.id, finished_ms) in self._done:
                continue
            try:
                await self._give_up(job)
            except InputError as error:
                # Nobody can do this job, now or later.
                _log.error("reconciler: %s", error, extra={"queue": job.queue, "job_id": job.id})
            except Exception as error:
                postponed.append((job, error))
                continue
            self._done.add((job.id, finished_ms))
            count += 1
        if not postponed:
            self._trouble.over()
        elif self._trouble.is_new(str(postponed[0][1])):
            first, why = postponed[0]
            _log.warning(
                "reconciler: %d failed jobs cannot be given up yet (%s: %s); trying again",
                len(postponed),
                first.id,
                why,
                exc_info=None if isinstance(why, SimqueueError) else why,
            )
        return count

    async def run(self, stop: asyncio.Event, every_s: float = 10.0) -> None:
        """Reconcile every so many seconds until ``stop``; an outage is logged once."""
        await rounds("reconciler", self.reconcile, self._clock, stop, every_s)

    async def _failed(self, queue: str) -> Sequence[FailedJob]:
        """The failed jobs of a queue; none if something is in their way, which is said once."""
        try:
            found = await self._queues.failed(queue)
        except Exception as error:
            if isinstance(error, JobError) and not isinstance(error, InTheWayError):
                raise
            if self._in_the_way.get(queue) != str(error):
                self._in_the_way[queue] = str(error)
                bug = None if isinstance(error, SimqueueError) else error
                _log.error("reconciler: queue %s: %s; the others go on", queue, error, exc_info=bug)
            return []
        self._in_the_way.pop(queue, None)
        return found

    async def _give_up(self, job: Job) -> None:
        word = await self._work.give_up(job)
        for child in self._work.follow_ups(job, "failed", word):
            await self._queues.add(child)
