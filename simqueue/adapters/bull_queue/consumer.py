"""The consuming side of BullMQ: takes the jobs of one queue and has them done."""

from __future__ import annotations

import asyncio
import heapq
import logging
import random
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from simqueue.adapters.base import Adapter
from simqueue.adapters.bull_queue.connection import Connection, worker_connection_name
from simqueue.adapters.bull_queue.options import job_of
from simqueue.adapters.bull_queue.trouble import Trouble
from simqueue.clock import Clock, SystemClock
from simqueue.errors import InputError, JobError
from simqueue.jobs import Job
from simqueue.policies import QueuePolicy
from simqueue.record.worker_events import Event, start_event
from simqueue.safe_text import cut, redacted
from simqueue.work import Work

if TYPE_CHECKING:
    from simqueue.adapters.bull_queue.chaining import ChainingWorker

_log = logging.getLogger("simqueue.worker")

#: BullMQ waits this long after a lost connection before it tries again; its own 15 s are long.
_RECONNECT_MS = 1000
_CLOSE_POLL_S = 0.05
#: How long closing may take when nobody is waited for any more.
_CLOSE_S = 0.5
#: A backoff up to this long is ended by our own clock, milliseconds.
_SHORT_MS = 2000
#: Of the text of an error so many characters are kept with the job.
_LONGEST_REASON = 10_000


class Watcher(Protocol):
    """Whoever wants to know what happens to attempts: an event file, metrics."""

    def __call__(self, event: Event, /) -> None:
        """Take note of an event."""


@dataclass
class Consumer:
    """Does the jobs of one queue, several at a time.

    Three kinds of end are told apart. A word that the work returns completes the job. An
    `InputError` is final: no further attempt can succeed. Whatever else is raised is a failed
    attempt, and tried again by the policy; after the last one the work gives up.

    Attributes
    ----------
    queue
        Its name.
    policy
        When a failed job is tried again.
    connection
        The Redis with the queue.
    adapter
        Where follow-up jobs go.
    work
        What is to be done.
    concurrency
        Slots.
    worker
        The name of the worker process.
    watchers
        Who is told of every event.
    draw
        Gives the uniform number for a retry's jitter.
    bullmq
        Further options of BullMQ's worker, such as ``lockDuration``.
    """

    queue: str
    policy: QueuePolicy
    connection: Connection
    adapter: Adapter
    work: Work
    concurrency: int
    worker: str
    watchers: list[Watcher] = field(default_factory=list)
    clock: Clock = field(default_factory=SystemClock)
    draw: Callable[[Job, int], float] = lambda _job, _attempt: random.random()
    bullmq: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.running: dict[str, Job] = {}
        self._slots = list(range(self.concurrency))
        self._worker: ChainingWorker | None = None
        self.task: asyncio.Task[None] | None = None
        self._trouble = Trouble()

    async def start(self) -> None:
        """Begin to take jobs.

        Notes
        -----
        BullMQ's Python worker asks for the server's version only when told to; without it an idle
        worker rounds a 50 ms backoff up to a second (``worker.py``, ``canDoubleTimeout``).
        """
        from simqueue.adapters.bull_queue.chaining import ChainingWorker
        from simqueue.adapters.bull_queue.pipelining import Pipelines

        options = {
            **self.connection.options(),
            "concurrency": self.concurrency,
            "runRetryDelay": _RECONNECT_MS,
            "name": self.worker,
            **self.bullmq,
        }
        pipelines = None if self.connection.embedded else Pipelines(self.connection.client)
        worker = self._worker = ChainingWorker(
            self.queue, self._process, options, self.clock, pipelines
        )
        blocking = worker.blockingRedisConnection
        if not self.connection.embedded:
            blocking.conn = self.connection.named(
                worker_connection_name(self.connection.prefix, self.queue)
            )
        await self._learn_version(blocking)
        worker.on("error", self._on_error)
        worker.on("stalled", self._on_stalled)
        worker.on("failed", self._on_failed)
        self.task = asyncio.ensure_future(worker.run())

    async def _learn_version(self, blocking: Any) -> None:
        """Have a connection know what its Redis can do."""
        from redis.exceptions import NoPermissionError

        if self.connection.embedded:
            blocking.capabilities = {"canBlockFor1Ms": True, "canDoubleTimeout": True}
            return
        try:
            with warnings.catch_warnings():
                # The eviction policy is looked at, and spoken of, when the process starts.
                warnings.simplefilter("ignore")
                await blocking.getRedisVersion()
        except NoPermissionError:
            # Where INFO is forbidden: what every version can that BullMQ works with.
            blocking.capabilities = {"canBlockFor1Ms": False, "canDoubleTimeout": True}

    async def stop(self, grace_s: float) -> list[Job]:
        """Take no more jobs, wait for the running ones; the jobs that ``grace_s`` cut off.

        A Redis that does not answer holds this up for no more than a moment after that.
        """
        worker = self._worker
        if worker is None:
            return []
        closing = asyncio.ensure_future(worker.close())
        until = self.clock.now() + grace_s
        # BullMQ waits for the jobs that it knew of when it was told to close; one that it was just
        # fetching is in `jobs` as well.
        while (not closing.done() or worker.jobs) and self.clock.now() < until:
            # A worker that began to wait for a job just as it was closed would sit it out.
            if worker.waiting is not None:
                worker.waiting.cancel()
            await asyncio.sleep(min(_CLOSE_POLL_S, grace_s))
        left = list(self.running.values())
        if not closing.done() or worker.jobs:
            forced = asyncio.ensure_future(worker.close(force=True))
            await asyncio.wait([closing, forced], timeout=_CLOSE_S)
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task], timeout=_CLOSE_S)
        return left

    async def _process(self, taken: Any, token: str) -> str:  # noqa: ARG002
        from bullmq.custom_errors import UnrecoverableError

        attempt = taken.attemptsMade + 1
        if taken.name is None:
            # A list held the id, and nothing else is left of the job. Were it kept as failed, its
            # id would stay known, and whoever has the job written down could not add it again.
            taken.opts["removeOnFail"] = True
            text = f"job {taken.id}: its data are gone from Redis; removed, to be added anew"
            _log.error(text, extra={"queue": self.queue, "job_id": taken.id})
            raise UnrecoverableError(_storable(text))
        try:
            if taken.unreadable:
                raise InputError(f"job {taken.id} cannot be read: {taken.unreadable}")
            job = job_of(self.queue, taken.name, taken.id, taken.data)
        except InputError as error:
            text = _storable(error)
            _log.error("job refused", extra={"queue": self.queue, "error": text})
            raise UnrecoverableError(text) from error
        slot = heapq.heappop(self._slots)
        self.running[job.id] = job
        try:
            return await self._attempt(job, attempt, slot, taken)
        finally:
            self.running.pop(job.id, None)
            heapq.heappush(self._slots, slot)

    async def _attempt(self, job: Job, attempt: int, slot: int, taken: Any) -> str:
        from bullmq.custom_errors import UnrecoverableError

        # A wait ends when a slot asks for the job. The way from Redis and the queue for the event
        # loop belong to the attempt, as they do in BullMQ's own `processedOn`.
        started = taken.asked_at
        self._tell(
            start_event(
                job,
                at=started,
                enqueued=taken.timestamp / 1000,
                due=_first_due(taken),
                attempt=attempt,
                worker=self.worker,
                slot=slot,
            )
        )
        about = {"queue": job.queue, "job_id": job.id, "attempt": attempt}
        _log.info("job started", extra=about)
        try:
            word = await self._handle(job, attempt)
            await self._check_children(job)
            for child in self.work.follow_ups(job, "completed", word):
                await self.adapter.add(child)
        except Exception as error:
            final = isinstance(error, InputError) or attempt >= (taken.opts.get("attempts") or 1)
            await self._failed(job, attempt, slot, started, error, final, taken)
            text = _storable(error)
            if final and isinstance(error, InputError):
                raise UnrecoverableError(text) from error
            if text != str(error):
                # What Redis cannot store would leave the job active, to be run again as a stall;
                # what it stores is open to many eyes.
                raise JobError(text) from None
            raise
        self._trouble.over()
        self._tell(self._end(job, attempt, slot, "completed", word))
        took = round(self.clock.now() - started, 3)
        _log.info("job completed", extra={**about, "result": word, "duration_s": took})
        return word

    async def _check_children(self, job: Job) -> None:
        """Fail an attempt that BullMQ would not let complete: its job depends on some child.

        A job is done before its children only where its queue says so.
        """
        if self.policy.child_failure != "continue-parent":
            return
        client: Any = self.connection.client
        key = f"{self.connection.prefix}:{self.queue}:{job.id}:dependencies"
        if pending := await client.scard(key):
            raise JobError(f"{pending} children of {job.id} are pending")

    async def _handle(self, job: Job, attempt: int) -> str:
        """Do the work; what would silence BullMQ's worker becomes a failed attempt."""
        try:
            word = await self.work.handle(job, attempt)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise  # we are being stopped
            raise JobError(f"the handler of {job.id} raised CancelledError") from None
        if not isinstance(word, str):
            # BullMQ would turn what JSON cannot hold into a failure, and repeat the effect.
            _log.warning("job %s returned %r, not a word", job.id, type(word).__name__)
            return str(word)
        return word

    async def _failed(
        self,
        job: Job,
        attempt: int,
        slot: int,
        started: float,
        error: Exception,
        final: bool,
        taken: Any,
    ) -> None:
        ended = self.clock.now()
        about: dict[str, Any] = {
            "queue": job.queue,
            "job_id": job.id,
            "attempt": attempt,
            "duration_s": round(ended - started, 3),
            "error": f"{type(error).__name__}: {error}",
        }
        if final:
            word = await self._give_up(job)
            _log.error("job failed for good", extra={**about, "result": word})
            self._tell(self._end(job, attempt, slot, "failed", word))
            return
        # Whether there is a next attempt is for the job's own options to say: it may be foreign.
        wait = self.policy.backoff.wait_s(attempt, self.draw(job, attempt))
        # The built-in types of BullMQ's Python worker know neither jitter nor cap: it is told the
        # wait that our rule gives, as a fixed one. Redis keeps the job's options as they were.
        taken.opts["backoff"] = {"type": "fixed", "delay": round(wait * 1000)}
        # The wait begins with the attempt's end, not when that has been written down.
        end = self._end(job, attempt, slot, "retried", "", ended + wait)
        self._tell(end._replace(at=ended))
        _log.warning("job failed, will be retried", extra={**about, "wait_s": wait})

    async def _give_up(self, job: Job) -> str:
        """Do what a final failure asks for; if that fails too, the reconciler will do it."""
        try:
            word = await self.work.give_up(job)
            for child in self.work.follow_ups(job, "failed", word):
                await self.adapter.add(child)
        except Exception as error:
            _log.error(
                "giving up failed, will be tried again",
                extra={"queue": job.queue, "job_id": job.id, "error": str(error)},
            )
            return "failed"
        return word

    def _end(
        self, job: Job, attempt: int, slot: int, outcome: str, result: str, due: float | None = None
    ) -> Event:
        return Event(
            "end", self.clock.now(), job.queue, job.id, attempt, self.worker, slot,
            outcome=outcome, result=result, due=due,
        )  # fmt: skip

    def _tell(self, event: Event) -> None:
        for watcher in self.watchers:
            try:
                watcher(event)
            except Exception as error:
                # A disk that is full must not cost anybody an order.
                self._on_error(error)

    def _on_stalled(self, job_id: str, *_: Any) -> None:
        _log.warning("job stalled, put back", extra={"queue": self.queue, "job_id": job_id})
        at = self.clock.now() if self._worker is None else self._worker.looked_at
        self._tell(Event("stalled", at, self.queue, job_id))

    def _on_failed(self, taken: Any, error: Exception, *_: Any) -> None:
        """See to a failed attempt that BullMQ has put away.

        A job that stalled too often, or whose child failed, fails without its handler; the
        reconciler gives it up.
        """
        if taken.delay and not taken.finishedOn and taken.delay <= _SHORT_MS:
            seconds = (taken.delay + 1) / 1000
            asyncio.get_running_loop().call_later(seconds, self._wake_up)
        if getattr(taken, "deferredFailure", None):
            extra = {"queue": self.queue, "job_id": taken.id, "error": str(error)}
            _log.error("job failed for good without a handler", extra=extra)
            data = taken.data if isinstance(taken.data, dict) else {}
            self._tell(
                Event(
                    "end", self.clock.now(), self.queue, taken.id, taken.attemptsMade, self.worker,
                    name=taken.name or "", flow=str(data.get("flow") or ""),
                    parent_id=str(data.get("parent_id") or ""), enqueued=taken.timestamp / 1000,
                    outcome="failed",
                )
            )  # fmt: skip

    def _wake_up(self) -> None:
        """Have an idle worker look for jobs that are due.

        An idle Redis looks at its clock ten times a second (its setting ``hz``), so a wait that it
        is to end can last 0.1 s too long. The marker is what BullMQ's scripts leave for a new job
        (``addBaseMarkerIfNeeded.lua``); where nothing is due, a worker looks in vain, once.
        """
        if self._worker is not None and not self._worker.closing and not self.connection.embedded:
            marker = self._worker.keys["marker"]
            waking = asyncio.ensure_future(self.connection.client.zadd(marker, {"0": 0}))
            waking.add_done_callback(lambda task: task.cancelled() or task.exception())

    def _on_error(self, error: Exception, *_: Any) -> None:
        """Say each trouble once: a lost server would fill the disk with the same lines."""
        text = f"{type(error).__name__}: {error}"
        if self._trouble.is_new(text):
            _log.warning("trouble with the queue", extra={"queue": self.queue, "error": text})


def _first_due(taken: Any) -> float | None:
    """When a job that was added with a delay was due, Unix time."""
    delay = taken.opts.get("delay")
    return (taken.timestamp + delay) / 1000 if isinstance(delay, int | float) and delay else None


def _storable(error: object) -> str:
    """The text of an error, fit to be kept as the reason of a failure.

    Whoever can open a page of the queues reads it, and Redis takes UTF-8 only.
    """
    text = redacted(cut(str(error), _LONGEST_REASON))
    return text.encode(errors="backslashreplace").decode()
