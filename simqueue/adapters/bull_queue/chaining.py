"""BullMQ's worker, completing a job and taking the next in one round trip, as Node's does.

Upstream's Python worker asks for the next job in a round trip of its own, and starts a task for
each of the two steps. Here a slot keeps its task and goes on from job to job.
"""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import count
from typing import Any

from bullmq import Worker
from bullmq.job import Job
from bullmq.timer import Timer

from simqueue.adapters.bull_queue.pausing import heed_old_pauses
from simqueue.adapters.bull_queue.pipelining import PipelinedScript, Pipelines
from simqueue.adapters.bull_queue.strange_jobs import (
    SOUND_COUNTS,
    sound_fields,
    sound_options,
    unsound_fields,
)
from simqueue.clock import Clock, SystemClock

#: A limited worker looks again after so long, to promote jobs that are due (Node's
#: ``maximumRateLimitDelay``), seconds.
_MAXIMUM_RATE_LIMIT_DELAY_S = 30.0


class ChainingWorker(Worker):  # type: ignore[misc]
    """A worker whose slots take their next job from the answer to the completion.

    Only a completion fetches, and only while the worker goes on: what fails, is delayed or is cut
    off is handled by upstream's own code, and then the slot asks for a job as upstream does.

    Parameters
    ----------
    name, processor, opts
        As upstream's.
    clock
        What waits and starts are measured on.
    pipelines
        What sends the scripts of all slots together; by default each goes by itself.

    Notes
    -----
    A worker that was told that the queue's limiter lets nobody start sleeps until it does, as
    Node's does; upstream's waits for the next marker, or five seconds.

    Two traits of upstream's loop (``worker.py``, 3.4.4) would make this unsafe and are cured too:
    it starts jobs fetched while it closes after `close` has counted what to wait for, and it
    stops renewing locks when the first of several running jobs ends during a close. Here whoever
    fetches a job also does it, in the task that `close` waits for, and the locks are renewed
    until the last task has ended.
    """

    running: bool
    waiting: asyncio.Future[Any] | None

    def __init__(
        self,
        name: str,
        processor: Any,
        opts: dict[str, Any],
        clock: Clock | None = None,
        pipelines: Pipelines | None = None,
    ) -> None:
        # Without ``autorun`` nothing may run before the fields below are there.
        super().__init__(name, processor, {**opts, "autorun": False})
        heed_old_pauses(self)
        if pipelines is not None:
            commands = self.backend.connection.commands
            for script, plain in commands.items():
                commands[script] = PipelinedScript(plain, pipelines)
        # Its waiting connection has a name already; the others are shared with other queues.
        self._client_name_set = True
        self._changed = asyncio.Event()
        self._answers: dict[str, tuple[list[Any], float]] = {}
        self._clock = clock or SystemClock()
        self.looked_at = 0.0
        self._looking = False
        self._limited_until = 0.0
        self._sound_counts = self.backend.conn.register_script(SOUND_COUNTS)
        self._complete = self.backend.moveToCompleted
        self.backend.moveToCompleted = self._complete_and_fetch

    async def run(self) -> None:
        """Keep the slots busy until the worker is closed and the last job has ended."""
        if self.running:
            raise RuntimeError("the worker is already running")
        await self._ensure_client_names()
        self.lockManager.start()
        self.stalledCheckTimer = Timer(
            self.opts["stalledInterval"] / 1000, self.runStalledJobsCheck, self.emit
        )
        self.running = True
        numbers = count(1)
        try:
            while not self.closing:
                if self.paused:
                    await self.resume_event.wait()
                    continue
                self._changed.clear()
                # One slot at most looks for a job, as in Node; when it has one, the next may look.
                # Were all to look at once, each job that comes alone would cost four vain ways.
                if not self._looking and len(self.processing) < self.opts["concurrency"]:
                    self._looking = True
                    slot = asyncio.ensure_future(self._slot(f"{self.id}:{next(numbers)}"))
                    self.processing.add(slot)
                    slot.add_done_callback(self._ended)
                await self._changed.wait()
            while self.processing:
                await asyncio.wait(self.processing)
        finally:
            self.running = False
            if not self.closing:
                await self._abandon()
            self.stalledCheckTimer.stop()
            await self.lockManager.close()

    async def _abandon(self) -> None:
        """Somebody cancelled the loop itself: end what it started."""
        if self.waiting is not None:
            self.waiting.cancel()
        slots = list(self.processing)
        for slot in slots:
            slot.cancel()
        await asyncio.gather(*slots, return_exceptions=True)

    async def _slot(self, token: str) -> None:
        """Do jobs until none is at hand; ``token`` owns the lock of whichever is being done."""
        try:
            job = await self.retryIfFailed(
                partial(self.getNextJob, token),
                {"delay_in_ms": self.opts["runRetryDelay"], "only_emit_error": True},
            )
        finally:
            self._looking = False
        if job is not None:
            self._changed.set()
        while job is not None:
            await self.processJob(job, token)
            job = await self._fetched(token)

    async def getNextJob(self, token: str) -> Job | None:  # noqa: N802
        """Wait for a job; while the limiter is closed, for its opening first."""
        left = self._limited_until - self._clock.now()
        if left <= 0:
            return await super().getNextJob(token)
        # Whoever closes the worker cancels what it waits for.
        sleep = self._clock.sleep(min(left, _MAXIMUM_RATE_LIMIT_DELAY_S))
        self.waiting = waiting = asyncio.ensure_future(sleep)
        try:
            await waiting
        except asyncio.CancelledError:
            if not self.paused and not self.closing:
                raise
            return None
        finally:
            self.waiting = None
        job = await self.moveToActive(token)
        if job is not None:
            self.emit("active", job, "waiting")
        return job

    async def moveToActive(self, token: str) -> Job | None:  # noqa: N802
        """Ask for the next job, and note when: that is when its wait ends."""
        asked_at = self._clock.now()
        job = await super().moveToActive(token)
        if job is not None:
            job.asked_at = asked_at
        return job

    async def nextJobFromJobData(  # noqa: N802
        self,
        job_data: dict[str, str] | None = None,
        job_id: str | None = None,
        limit_until: int = 0,
        delay_until: int = 0,
        token: str | None = None,
    ) -> Job | None:
        """Read a job that was taken; one that cannot be read is still a job, to be failed at once.

        Its attribute ``unreadable`` says why; it has neither its payload nor its options.
        """
        self._limited_until = self._clock.now() + limit_until / 1000 if limit_until > 0 else 0.0
        if not job_data or job_id is None:
            return await super().nextJobFromJobData(
                job_data, job_id, limit_until, delay_until, token
            )
        if unsound := unsound_fields(job_data):
            job_data = {name: job_data[name] for name in job_data if name not in unsound}
            await self.backend.conn.hdel(self.backend.toKey(job_id), *unsound)
        try:
            job = await super().nextJobFromJobData(
                job_data, job_id, limit_until, delay_until, token
            )
            job.unreadable = ""
        except (TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
            self.drained = False
            job = Job.fromJSON(self, sound_fields(job_data, job_id), job_id)
            job.token = token
            job.unreadable = f"{type(error).__name__}: {error}"
        job.opts = {"attempts": 0, **sound_options(job.opts)}
        job.attempts = job.opts["attempts"]  # the script that ends a job compares it
        return job

    async def runStalledJobsCheck(self) -> None:  # noqa: N802
        """Put stalled jobs back, and note when: somebody may start one before we hear of it."""
        self.looked_at = self._clock.now()
        # One count that is none would end the script, and nobody's job would be put back.
        try:
            await self._sound_counts(keys=[self.backend.toKey("")])
        except Exception as error:
            self.emit("error", error)
        await super().runStalledJobsCheck()

    def _ended(self, slot: asyncio.Task[None]) -> None:
        self.processing.discard(slot)
        self._changed.set()
        if not slot.cancelled() and (error := slot.exception()) is not None:
            self.emit("error", error)

    async def _complete_and_fetch(
        self, job: Job, value: Any, keep: Any, token: str, fetch_next: bool = False
    ) -> Any:
        fetch_next = not (self.closing or self.paused)
        asked_at = self._clock.now()
        done = await self._complete(job, value, keep, token, fetch_next=fetch_next)
        if fetch_next:
            self._answers[token] = done["result"], asked_at
        return done

    async def _fetched(self, token: str) -> Job | None:
        """The job that came with the completion, if there was one and it brought one."""
        answer, asked_at = self._answers.pop(token, (None, 0.0))
        if answer is None:
            return None
        data, job_id, limit_until, delay_until = answer
        job = await self.nextJobFromJobData(data, job_id, limit_until or 0, delay_until or 0, token)
        if job is not None:
            job.asked_at = asked_at
            self.emit("active", job, "waiting")
        return job
