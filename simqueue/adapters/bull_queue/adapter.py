"""``WORKER_MODE=bull-queue``: adding a job puts it into BullMQ's queue."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from simqueue.adapters.bull_queue.connection import Connection
from simqueue.adapters.bull_queue.known_ids import KnownIds
from simqueue.adapters.bull_queue.options import (
    check_name,
    check_policy,
    check_queue,
    child_options,
    job_data,
    job_of,
    job_options,
    node_differences,
    shown,
)
from simqueue.adapters.bull_queue.pausing import heed_old_pauses
from simqueue.errors import InputError
from simqueue.jobs import Job, parse_payload
from simqueue.policies import POLICIES, QueuePolicy
from simqueue.work import FailedJob

if TYPE_CHECKING:
    from bullmq import Queue

    from simqueue.adapters.bull_queue.bulk import BulkScripts

#: Jobs that one round trip adds.
_BULK = 500

_log = logging.getLogger(__name__)


class HeldJob(NamedTuple):
    """A parent that waits for children; ``added_s`` is Unix time."""

    queue: str
    job_id: str
    added_s: float


class BullQueueAdapter:
    """Puts jobs into the queues that workers take them from.

    A job whose id is in its queue already, waiting, running or kept after its end, is not added
    again. An id that Redis knows and that no list holds stands for no job: it is let go, and the
    job is added.

    Parameters
    ----------
    connection
        The Redis that holds the queues.
    policies
        The policies of the queues.
    check
        Raises an `InputError` for a job that no worker could do.
    options
        Further options of a job, such as ``priority``.

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
        options: Callable[[Job], Mapping[str, Any]] = lambda _job: {},
    ) -> None:
        self._connection = connection
        self._policies = policies
        self._check = check
        self._options = options
        self._known_ids = KnownIds(connection.client, connection.prefix)
        self._queues: dict[str, Queue] = {}
        self._bulk: dict[str, BulkScripts] = {}
        #: Ids of the failed jobs of each queue that are not ours, or that nobody can read.
        self._strange: dict[str, set[str]] = {}
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

        A job that has children is added with them, all or none, and waits for them.

        Raises
        ------
        InputError, JobError
            See `add`.
        """
        jobs = list(jobs)
        trees = [self._tree(job, asked_at) for job in jobs if job.children]
        checked = [(job.queue, self._entry(job, asked_at)) for job in jobs if not job.children]
        checked.sort(key=lambda pair: pair[0])
        with self._connection.asking():
            for tree in trees:
                await self._add_tree(tree)
            for name, entries in groupby(checked, key=lambda pair: pair[0]):
                for some in _batches([entry for _, entry in entries]):
                    await self._add(name, some)

    async def _add(self, name: str, entries: Sequence[dict[str, Any]]) -> None:
        """What upstream's ``addBulk`` does, and in the same transaction ids are let go."""
        ids = [entry["opts"]["jobId"] for entry in entries]
        async with self._connection.client.pipeline(transaction=True) as pipe:
            await self._known_ids.let_go(pipe, name, ids)
            await self._bulk_scripts(name).add(entries, pipe)
            lost, *_ = await pipe.execute()
        self._say_lost(name, lost)

    async def _add_tree(self, tree: Sequence[tuple[str, dict[str, Any], bool]]) -> None:
        """What upstream's ``FlowProducer`` does; each parent comes before its children."""
        ids: dict[str, list[str]] = {}
        for name, entry, _ in tree:
            ids.setdefault(name, []).append(entry["opts"]["jobId"])
        async with self._connection.client.pipeline(transaction=True) as pipe:
            for name, of_queue in ids.items():
                await self._known_ids.let_go(pipe, name, of_queue)
            for name, entry, is_parent in tree:
                await self._script(name, entry, pipe, is_parent)
            answers = await pipe.execute()
        for name, lost in zip(ids, answers, strict=False):
            self._say_lost(name, lost)

    async def _script(
        self, name: str, entry: Mapping[str, Any], pipe: Any, is_parent: bool = False
    ) -> None:
        """Have a pipeline add a job."""
        from bullmq.job import Job as BullJob

        queue = self.queue(name)
        options = entry["opts"]
        job = BullJob(queue, entry["name"], entry["data"], options, options["jobId"])
        scripts = queue.backend.scripts
        await (scripts.addParentJob if is_parent else scripts.addJob)(job, pipe)

    def _say_lost(self, name: str, lost: Sequence[str]) -> None:
        if lost:
            _log.warning(
                "queue %s: %d jobs were known to Redis and in no list, so they would never have "
                "run (the first: %s); they are added anew", name, len(lost), shown(lost[0]),
            )  # fmt: skip

    def _entry(self, job: Job, asked_at: float | None) -> dict[str, Any]:
        policy = self._policies.get(job.queue)
        if policy is None:
            known = ", ".join(self._policies)
            raise InputError(
                f"job {shown(job.id)}: there is no queue {shown(job.queue)}; known are {known}"
            )
        check_name(job)
        data = job_data(job)
        self._check(job)
        options = {**job_options(policy, job.id), **self._options(job)}
        if asked_at is not None:
            options["timestamp"] = round(asked_at * 1000)
        return {"name": job.name, "data": data, "opts": options}

    def _tree(
        self, job: Job, asked_at: float | None, parent: Job | None = None
    ) -> list[tuple[str, dict[str, Any], bool]]:
        """A job and its descendants, parents first: queue, entry, whether it has children."""
        entry = self._entry(job, asked_at)
        if parent is not None:
            entry["opts"] |= child_options(
                self._policies[parent.queue],
                parent.id,
                f"{self._connection.prefix}:{parent.queue}",
            )
        below = [self._tree(child, asked_at, job) for child in job.children]
        return [(job.queue, entry, bool(below)), *chain.from_iterable(below)]

    def queue(self, name: str) -> Queue:
        """BullMQ's own object for a queue."""
        from bullmq import Queue

        if name not in self._queues:
            queue = self._queues[name] = Queue(name, self._connection.options())
            heed_old_pauses(queue)
        return self._queues[name]

    def _bulk_scripts(self, name: str) -> BulkScripts:
        from simqueue.adapters.bull_queue.bulk import BulkScripts

        if name not in self._bulk:
            self._bulk[name] = BulkScripts(self.queue(name))
        return self._bulk[name]

    async def failed(self, queue: str) -> Sequence[FailedJob]:
        """The jobs that failed for good and are kept.

        Those that are not ours, or that nobody can read, are passed over, and each is named once.

        Raises
        ------
        JobError
            If Redis cannot be reached.
        """
        base = f"{self._connection.prefix}:{queue}:"
        client: Any = self._connection.client
        with self._connection.asking():
            kept = await client.zrevrange(
                f"{base}failed", 0, self._policies[queue].keep_failed, withscores=True
            )
            pipe = client.pipeline(transaction=False)
            for job_id, _ in kept:
                pipe.hmget(f"{base}{job_id}", "name", "data")
            rows = await pipe.execute(raise_on_error=False) if kept else []
        found = []
        strange = set()
        for (job_id, failed_ms), row in zip(kept, rows, strict=True):
            try:
                found.append(FailedJob(_job(queue, job_id, row), round(failed_ms)))
            except InputError as error:
                strange.add(job_id)
                if job_id not in self._strange.get(queue, ()):
                    _log.warning(str(error))
        self._strange[queue] = strange
        return found

    async def unfinished(self) -> int:
        """How many jobs are waiting, running or delayed in all queues; raises `JobError`.

        Parents that wait for children are none of them: where nothing else is left to be done,
        they wait for ever.
        """
        states = ("waiting", "paused", "active", "delayed", "prioritized")
        total = 0
        with self._connection.asking():
            for name in self._policies:
                counts = await self.queue(name).getJobCounts(*states)
                total += sum(counts.values())
        return total

    async def held(self) -> list[HeldJob]:
        """The parents that wait for children, in all queues; raises `JobError`."""
        client: Any = self._connection.client
        found = []
        with self._connection.asking():
            for name in self._policies:
                key = f"{self._connection.prefix}:{name}:waiting-children"
                for job_id, added_ms in await client.zrange(key, 0, -1, withscores=True):
                    found.append(HeldJob(name, job_id, added_ms / 1000))
        return found

    async def close(self) -> None:
        """Close the connections to Redis."""
        await self._connection.close()


def _job(queue: str, job_id: str, row: Any) -> Job:
    """The job of this name and data; raises `InputError`."""
    try:
        name, data = row
        return job_of(queue, name, job_id, json.loads(data))
    except (TypeError, ValueError, RecursionError) as error:
        why = shown(str(row if isinstance(row, Exception) else error))
        raise InputError(
            f"failed job {shown(job_id)} of queue {queue}: nobody can read it: {why}"
        ) from error


def _batches(entries: list[dict[str, Any]]) -> Iterable[list[dict[str, Any]]]:
    return (entries[i : i + _BULK] for i in range(0, len(entries), _BULK))
