"""Jobs that failed for good and are kept: to look at, to run again, to remove.

Works on any BullMQ queue: a job's payload is never interpreted, and only read to be shown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from simqueue.adapters.bull_queue.pausing import heed_old_pauses
from simqueue.errors import InputError, SimqueueError
from simqueue.operations.queues import number
from simqueue.safe_text import redacted, said

if TYPE_CHECKING:
    from bullmq import Queue

    from simqueue.adapters.bull_queue.connection import Connection

#: Python's JSON goes some hundred levels deep.
_DEEPEST = 100
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')
_FIELDS = ("name", "atm", "attemptsMade", "opts", "failedReason", "timestamp", "finishedOn")
#: Signs of an error or a name in a list; `Failures.show` has all of them.
LONGEST_ERROR, _LONGEST_NAME = 1000, 200

#: The newest failed jobs, with no more of each field than a list shows: an error may be of any
#: length, and lists are read again and again. What is very long is not even looked at: Redis would
#: copy all of it.
_LIST = """
local found = {}
for _, id in ipairs(redis.call('ZREVRANGE', KEYS[1] .. 'failed', 0, ARGV[1] - 1)) do
  local error, row = '', {}
  for i = 3, #ARGV do
    local length = redis.pcall('HSTRLEN', KEYS[1] .. id, ARGV[i])
    if type(length) == 'table' then
      error = length.err
    elseif length > 65536 then
      row[i - 2] = '(' .. length .. ' bytes: failed show has them)'
    else
      local text = redis.call('HGET', KEYS[1] .. id, ARGV[i])
      row[i - 2] = text and string.sub(text, 1, tonumber(ARGV[2]))
    end
  end
  found[#found + 1] = {id, error, row}
end
return found
"""


class JobHeldError(SimqueueError):
    """A failed job is there, but BullMQ does not let go of it now."""


@dataclass(frozen=True)
class Failure:
    """A job that failed for good, without its payload.

    Attributes
    ----------
    queue, id, name
        Which job it is.
    attempts_made
        Attempts that ended; a job that stalled may have started more.
    attempts
        Attempts that it was given, if its options say.
    added_at, failed_at
        Unix time, seconds.
    error
        What the last attempt raised; in a list, its first 1,000 signs.
    """

    queue: str
    id: str
    name: str
    attempts_made: int
    attempts: int | None
    added_at: float | None
    failed_at: float | None
    error: str

    def as_json(self) -> dict[str, Any]:
        """The same, for JSON."""
        return asdict(self)


class Failures:
    """The failed jobs of one queue.

    Parameters
    ----------
    connection
        The Redis that holds it.
    queue
        Its name.
    """

    def __init__(self, connection: Connection, queue: str) -> None:
        self.queue = queue
        self._connection = connection
        self._client: Any = connection.client
        self._base = f"{connection.prefix}:{queue}:"
        self._bull: Queue | None = None

    async def count(self) -> int:
        """How many there are."""
        return int(await self._client.zcard(f"{self._base}failed"))

    async def ids(self) -> list[str]:
        """All their ids, the longest failed first."""
        found: list[str] = await self._client.zrange(f"{self._base}failed", 0, -1)
        return found

    async def list(self, limit: int = 50) -> Sequence[Failure]:
        """The newest, at most ``limit``; one round trip, no payload, and errors cut short."""
        # A sign is at most four bytes.
        arguments = (limit, 4 * LONGEST_ERROR, *_FIELDS)
        rows = await self._client.eval(_LIST, 1, self._base, *arguments)
        return [_short(_summary(self.queue, *row)) for row in self._named(rows)]

    def _named(self, rows: Sequence[Any]) -> Iterator[tuple[str, dict[str, str | None]]]:
        for job_id, error, row in rows:
            fields = _unreadable(error) if error else dict(zip(_FIELDS, row, strict=True))
            yield job_id, fields

    async def show(self, job_id: str) -> dict[str, Any]:
        """All that is kept of a failed job: its payload, options, stack traces and log too.

        Raises
        ------
        InputError
            If the queue has no failed job of this id.
        """
        await self.require([job_id])
        pipe = self._client.pipeline(transaction=False)
        pipe.hgetall(f"{self._base}{job_id}")
        pipe.lrange(f"{self._base}{job_id}:logs", 0, -1)
        fields, logs = await pipe.execute(raise_on_error=False)
        fields = _unreadable(fields) if isinstance(fields, Exception) else fields
        logs = [] if isinstance(logs, Exception) else logs
        started = number(fields.get("processedOn"))
        return {
            **_summary(self.queue, job_id, fields).as_json(),
            "started_at": None if started is None else started / 1000,
            "progress": _json(fields.get("progress")),
            "options": _json(fields.get("opts")),
            "payload": _json(fields.get("data")),
            "stacktrace": _json(fields.get("stacktrace")) or [],
            "logs": logs,
        }

    async def missing(self, ids: Sequence[str]) -> Sequence[str]:
        """Those of ``ids`` that are not failed jobs of this queue."""
        pipe = self._client.pipeline(transaction=False)
        for job_id in ids:
            pipe.zscore(f"{self._base}failed", job_id)
        scores = await pipe.execute() if ids else []
        return [job_id for job_id, score in zip(ids, scores, strict=True) if score is None]

    async def require(self, ids: Sequence[str]) -> None:
        """See that all of these are failed jobs.

        Raises
        ------
        InputError
            If one is not; the text names those that are not.
        """
        if missing := await self.missing(ids):
            raise InputError(f"queue {self.queue}: no failed job {', '.join(map(repr, missing))}")

    async def retry(self, job_id: str) -> None:
        """Put a failed job back to wait, with all its attempts before it again.

        The count of its stalls starts again too: or else a job that failed by stalling would
        fail at its next stall, however many are allowed.

        Raises
        ------
        InputError
            If it is no failed job, or no longer.
        JobHeldError
            If BullMQ cannot move it: its list knows it, but what it holds is gone.

        Notes
        -----
        Source: BullMQ ``reprocessJob-9.lua``, which moves a job only if it is failed, and clears
        ``atm`` (attempts made) and ``ats`` (started) if asked to, but not ``stc`` (stalls).
        """
        from bullmq.job import Job
        from redis.exceptions import RedisError

        await self.require([job_id])
        key = f"{self._base}{job_id}"
        if not await self._client.exists(key):
            raise InputError(
                f"queue {self.queue}: of job {job_id!r} nothing but its id is left; expected "
                "remove, after which it can be added anew"
            )
        options = _json(await self._client.hget(key, "opts"))
        lifo = isinstance(options, dict) and bool(options.get("lifo"))
        await self._client.hdel(key, "stc")
        job = Job(self._queue(), "", None, {"lifo": lifo}, job_id=job_id)
        try:
            await job.retry("failed", {"resetAttemptsMade": True, "resetAttemptsStarted": True})
        except Exception as error:
            # BullMQ raises bare exceptions; those of Redis are not about the job.
            if await self.missing([job_id]):
                raise InputError(f"queue {self.queue}: no failed job {job_id!r}") from error
            if isinstance(error, (RedisError, OSError)):
                raise
            raise JobHeldError(
                f"queue {self.queue}: job {job_id!r} cannot be retried: {said(error)}"
            ) from error

    async def remove(self, job_id: str) -> None:
        """Remove a failed job for good; the jobs that it was added with stay.

        Raises
        ------
        InputError
            If it is no failed job.
        JobHeldError
            If BullMQ does not let go of it.
        """
        await self.require([job_id])
        removed = await self._queue().remove(job_id, {"removeChildren": False})
        if removed != 1:
            why = "it belongs to a job scheduler" if removed == -8 else "a worker holds its lock"
            raise JobHeldError(f"queue {self.queue}: job {job_id!r} cannot be removed: {why}")

    def _queue(self) -> Queue:
        from bullmq import Queue

        if self._bull is None:
            self._bull = Queue(self.queue, self._connection.options())
            heed_old_pauses(self._bull)
        return self._bull


def _summary(queue: str, job_id: str, fields: dict[str, str | None]) -> Failure:
    options = _json(fields.get("opts"))
    attempts = number(options.get("attempts")) if isinstance(options, dict) else None
    added, failed = number(fields.get("timestamp")), number(fields.get("finishedOn"))
    return Failure(
        queue=queue,
        id=job_id,
        name=fields.get("name") or "",
        # BullMQ before version 5 wrote the whole word.
        attempts_made=int(number(fields.get("atm") or fields.get("attemptsMade")) or 0),
        # Not given, or 0: BullMQ runs it once.
        attempts=None if attempts is None else max(1, int(attempts)),
        added_at=None if added is None else added / 1000,
        failed_at=None if failed is None else failed / 1000,
        # Whoever can open the page reads it; `show` has the stack traces as they are.
        error=redacted(fields.get("failedReason") or ""),
    )


def _short(job: Failure) -> Failure:
    return replace(job, name=_cut(job.name, _LONGEST_NAME), error=_cut(job.error, LONGEST_ERROR))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _unreadable(error: object) -> dict[str, str | None]:
    """What is said of a job whose hash is none."""
    return {"failedReason": f"Redis cannot read this job: {error}"}


def _json(text: str | None) -> Any:
    """What a field of a job's hash holds; what is not JSON, or nested too deep, stays text."""
    if text is None:
        return None
    depth = 0
    for sign in _BRACKETS.finditer(text):
        depth += (sign[0] in "[{") - (sign[0] in "]}")
        if depth > _DEEPEST:
            return text
    try:
        return json.loads(text)
    except ValueError:
        return text
