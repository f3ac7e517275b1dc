"""``WORKER_MODE=in-process``, the training mode: adding a job does it, there and then."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Mapping
from math import nan

from simqueue.clock import Clock
from simqueue.errors import JobError, SimqueueError
from simqueue.jobs import Job
from simqueue.policies import POLICIES, Outcome, QueuePolicy
from simqueue.record.recorder import Recorder
from simqueue.work import Work

#: The web process does the work; there is only one.
_WORKER = "0"

_log = logging.getLogger(__name__)


class InProcessAdapter:
    """Does each job, and the jobs that follow it, in the caller, before ``add`` returns.

    There is one attempt at each. A failure is logged and reaches the caller as an exception, once
    everything that follows has been done: a job stays completed whatever becomes of those that
    follow it.

    The children of a job are done before it. If one fails, so does the job, without being run,
    unless its queue's policy lets it go on (``child_failure``).

    Parameters
    ----------
    work
        What is to be done for a job, and which jobs follow.
    clock
        What tells the time.
    recorder
        Where attempts are written down.
    policies
        The policies of the queues.
    """

    def __init__(
        self,
        work: Work,
        clock: Clock,
        recorder: Recorder | None = None,
        policies: Mapping[str, QueuePolicy] = POLICIES,
    ) -> None:
        self._work = work
        self._clock = clock
        self._recorder = recorder or Recorder("in-process")
        self._policies = policies
        self._free_slots: list[int] = []
        self._slots = 0

    async def add(self, job: Job, *, asked_at: float | None = None) -> None:
        """Do the job and all that follows; see `Adapter.add`.

        Raises
        ------
        Exception
            What the first handler that failed raised, with a note that names the job.
        """
        slot = heapq.heappop(self._free_slots) if self._free_slots else self._new_slot()
        failures: list[Exception] = []
        try:
            enqueued = self._clock.now() if asked_at is None else asked_at
            await self._do(job, enqueued, slot, failures)
        finally:
            heapq.heappush(self._free_slots, slot)
        if failures:
            raise failures[0]

    async def _do(
        self, job: Job, enqueued: float, slot: int, failures: list[Exception]
    ) -> tuple[Outcome, float]:
        """Do a job, its children before it and what follows after it; how and when it ended."""
        children = [await self._do(child, enqueued, slot, failures) for child in job.children]
        ready = children[-1][1] if children else enqueued
        started = self._clock.now()
        outcome: Outcome = "completed"
        try:
            if any(end == "failed" for end, _ in children) and not self._goes_on(job):
                started = nan
                raise JobError(f"a child of {job.id} failed")
            result = await self._work.handle(job, 1)
        except Exception as error:
            # Whatever a handler raises is a failed attempt: it is kept for the caller.
            outcome = "failed"
            error.add_note(f"job {job.id} ({job.name}) failed in the caller; it is not retried")
            failures.append(error)
            _log.error("job %s failed: %s", job.id, error, extra={"queue": job.queue})
            result = await self._give_up(job)
        finished = self._clock.now()
        self._recorder.add(
            job,
            attempt=1,
            outcome=outcome,
            result=result,
            times=(enqueued, ready, started, finished),
            worker=_WORKER,
            slot=slot,
        )
        for child in self._work.follow_ups(job, outcome, result):
            await self._do(child, finished, slot, failures)
        return outcome, finished

    def _goes_on(self, job: Job) -> bool:
        """Whether a job is run though a child of it has failed."""
        return self._policies[job.queue].child_failure not in ("wait", "fail-parent")

    async def _give_up(self, job: Job) -> str:
        """Do what a final failure asks for; the caller hears of the failure itself."""
        try:
            return await self._work.give_up(job)
        except Exception as error:
            bug = None if isinstance(error, SimqueueError) else error
            _log.error("job %s could not be given up: %s", job.id, error, exc_info=bug)
            return "failed"

    def _new_slot(self) -> int:
        self._slots += 1
        return self._slots - 1

    async def close(self) -> None:
        """There is nothing to let go of."""
