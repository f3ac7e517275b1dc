"""A scenario: everything that defines a run, checked as it is read.

This module says what a scenario is; `simqueue.workload.reading` gets one from a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Discriminator, Field, Tag, model_validator

from simqueue.checked import Checked
from simqueue.policies import QueuePolicy
from simqueue.workload.arrivals import ArrivalStream, Customers, Follows, Scheduler, Trace
from simqueue.workload.callers import CallerSettings
from simqueue.workload.changes import changed, key_of, parse_changes
from simqueue.workload.checking import checked
from simqueue.workload.children import most_of
from simqueue.workload.downstreams import Downstream, check_downstreams
from simqueue.workload.expected import attempts_of, expected, retried_at_most
from simqueue.workload.pools import Death, Pool, PoolName, worker_name
from simqueue.workload.production import (
    BullMQSettings,
    PositiveSeconds,
    Seconds,
    measured_overhead,
)
from simqueue.workload.queues import QueueModel, default_follow_ups, with_defaults
from simqueue.workload.schedulers import check_scheduled
from simqueue.workload.size import (
    check_attempts,
    check_callers,
    check_drawn_beside,
    check_kinds,
    check_looks,
    check_slots,
    check_syncs,
    kinds_each,
    longest_backoffs_s,
    most_each,
)
from simqueue.workload.streams import Open
from simqueue.workload.values import QueueName
from simqueue.workload.workers import WorkerSettings

Mode = Literal["bull-queue", "in-process"]
#: Seconds, or a word; told apart before they are checked, so that an error is about the one meant.
Warmup = Annotated[
    Annotated[Seconds, Tag("seconds")] | Annotated[Literal["auto"], Tag("word")],
    Discriminator(lambda value: "word" if isinstance(value, str) else "seconds"),
]


class Scenario(Checked):
    """Who arrives, what is done to them, by how many workers, for how long.

    Attributes
    ----------
    name
        What to call it.
    seed
        The one number that fixes every draw.
    duration_s
        Seconds after which arrivals stop; the run then drains. Default: the longest trace's.
    warmup_s
        Jobs enqueued before this are left out of the summary; ``auto``: found in the run (MSER-5).
    mode
        ``bull-queue``, or ``in-process``: each job runs to its end in the caller's request.
    workers, pools, caller
        Who does the jobs: worker processes of one kind, or of several; or in in-process mode the
        web processes themselves.
    arrivals, queues
        By the queue's name.
    downstreams
        What attempts call, by names that queues give as their ``downstream``.
    bullmq
        What BullMQ does beside running jobs, and what that costs.

    Examples
    --------
    >>> import simqueue as sq
    >>> friday = sq.read_scenario().replace({"workers.count": 3, "queues.order.attempts": 5})
    >>> friday.workers.count, friday.queues["order"].attempts, friday.slots["order"]
    (3, 5, 15)
    """

    name: str = "unnamed"
    seed: Annotated[int, Field(strict=True, ge=0, lt=2**63)] = 1
    duration_s: PositiveSeconds = 0.0
    warmup_s: Warmup = 0.0
    mode: Mode = "bull-queue"
    workers: WorkerSettings = WorkerSettings()
    pools: Annotated[dict[PoolName, Pool], Field(max_length=100)] = {}
    caller: CallerSettings = CallerSettings()
    arrivals: Annotated[dict[QueueName, ArrivalStream], Field(min_length=1)]
    queues: Annotated[dict[QueueName, QueueModel], Field(min_length=1, max_length=1000)]
    downstreams: Annotated[dict[QueueName, Downstream], Field(max_length=1000)] = {}
    bullmq: BullMQSettings = BullMQSettings()

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, value: Any) -> Any:
        """Fill in what the policies and the jobs say."""
        if not isinstance(value, dict):
            return value
        queues = value.get("queues")
        if isinstance(queues, dict):
            value = {**value, "queues": with_defaults(queues)}
        return value

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if self.duration_s == 0:
            if not self.traces:
                raise ValueError("duration_s: missing; only a trace lasts a time of its own")
            object.__setattr__(self, "duration_s", max(trace.duration_s for trace in self.traces))
        return self

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.fixed_warmup_s >= self.duration_s:
            raise ValueError(
                f"warmup_s: {self.fixed_warmup_s:g} should be less than duration_s, "
                f"{self.duration_s:g}"
            )
        named = set(self.queues)
        for queue, stream in self.arrivals.items():
            if queue not in named:
                raise ValueError(
                    f"{key_of('arrivals', queue)}: there is no {key_of('queues', queue)}"
                )
            leader = stream.follows if isinstance(stream, Follows) else None
            if leader is not None and isinstance(self.arrivals.get(leader), Follows | None):
                raise ValueError(
                    f"{key_of('arrivals', queue, 'follows')}: {leader!r} has no arrivals of its own"
                )
            if leader is not None and isinstance(self.arrivals[leader], Customers):
                raise ValueError(
                    f"{key_of('arrivals', queue, 'follows')}: the customers of {leader!r} wait for "
                    "its jobs to end, and then ask for the next one: nothing else follows"
                )
            _check_classes(queue, stream, self.queues[queue])
            if leader is not None and isinstance(self.arrivals[leader], Scheduler):
                raise ValueError(
                    f"{key_of('arrivals', queue, 'follows')}: a job scheduler brings the jobs of "
                    f"{leader!r}, and nobody who could ask for another one"
                )
            if isinstance(stream, Scheduler):
                check_scheduled(queue, stream, self.queues[queue], self.mode)
        check_downstreams(self.queues, self.downstreams)
        if self.pools and self.workers != WorkerSettings():
            first = key_of("pools", next(iter(self.pools)), "count")
            raise ValueError(
                "workers: a scenario has [workers] or [pools], not both; how many workers a pool "
                f"has is said by {first}, as in --set {first}=3"
            )
        self.workers.check_queues(self.queues)
        for name, pool in self.pools.items():
            pool.check_queues(name, self.queues)
        self._check_cores()
        for queue, model in self.queues.items():
            for outcome in ("completed", "failed"):
                self._check_follow_ups(queue, outcome, getattr(model.follow_up, outcome))
            for child in model.children:
                if child not in self.queues:
                    key = key_of("queues", queue, "children", child)
                    raise ValueError(f"{key}: there is no {key_of('queues', child)}")
        return self

    def _check_cores(self) -> None:
        sandboxed = [name for name, one in self.queues.items() if one.sandbox and one.has_cpu]
        for name, pool in self.worker_pools.items():
            served = [queue for queue in sandboxed if pool.slots_for(queue)]
            if served and pool.cores is None and not self.in_process:
                place = key_of("pools", name, "cores") if name else "workers.cores"
                raise ValueError(
                    f"{place}: missing; {key_of('queues', served[0], 'sandbox')} needs the number "
                    "of cores that sandboxed cpu parts share"
                )

    def _check_follow_ups(self, queue: str, outcome: str, children: list[str]) -> None:
        place = key_of("queues", queue, "follow_up", outcome)
        if len(set(children)) < len(children):
            raise ValueError(f"{place}: a queue is named twice")
        for child in children:
            if child not in self.queues:
                raise ValueError(f"{place}: there is no {key_of('queues', child)}")

    @model_validator(mode="after")
    def _can_be_run(self) -> Self:
        """Refuse what would fill all memory or last for ever; see `simqueue.workload.size`."""
        queues, pools = self.queues, self.worker_pools
        check_slots(
            {
                key_of("pools", name) if name else "workers": (pool.most, sum(pool.queues.values()))
                for name, pool in pools.items()
            }
        )
        check_callers(self.caller.processes, self.caller.concurrency)
        kinds = kinds_each(self._follow_ups, self._children)
        for queue, stream in self.arrivals.items():
            check_drawn_beside(queue, stream.drawn_beside(self.duration_s))
        check_kinds(sum(kinds[queue] * self._requests(queue) for queue in self.arrivals))
        retried = {name: retried_at_most(queue) for name, queue in queues.items()}
        attempts = {
            name: attempts_of(queue, single=self.in_process) for name, queue in queues.items()
        }
        check_attempts(self._total(attempts))
        autoscaled = {name: pool.autoscale for name, pool in pools.items() if pool.autoscale}
        if (self.crashes or autoscaled) and not self.in_process:
            lasts_s = self._may_last_s(attempts, retried)
            for name, settings in autoscaled.items():
                place = key_of("pools", name, "autoscale", "every_s")
                check_syncs(place, settings.every_s, lasts_s)
            if self.crashes:
                check_looks(
                    sum(pool.most for pool in pools.values()),
                    min(self.bullmq.lock_duration_s / 4, self.bullmq.stalled_interval_s),
                    lasts_s,
                )
        return self

    def _may_last_s(self, attempts: Mapping[str, float], retried: Mapping[str, float]) -> float:
        """How long a run may last, seconds; a job of each queue needs so many attempts."""
        queues = self.queues
        work = {name: attempts[name] * self._longest_s(name) for name in queues}
        lasts_s = self._total(work) / min(filter(None, self.slots.values()))
        jobs = self._total(dict.fromkeys(queues, 1.0))
        backoffs = [
            max(longest_backoffs_s(part, retried[name], jobs) for _, part in one.parts)
            for name, one in queues.items()
        ]
        return max(self.duration_s, lasts_s) + sum(backoffs)

    def _longest_s(self, queue: str) -> float:
        """What the longest of a job's attempts takes, expected seconds."""
        return max(
            expected(one, number).io_s + times.cpu.mean
            for _, one in self.queues[queue].parts
            for number, times in enumerate(one.different_times, start=1)
        )

    @property
    def _follow_ups(self) -> dict[str, tuple[list[str], list[str]]]:
        follow_ups = {name: queue.follow_up for name, queue in self.queues.items()}
        return {name: (one.completed, one.failed) for name, one in follow_ups.items()}

    @property
    def _children(self) -> dict[str, dict[str, int]]:
        return {
            name: {child: most_of(number) for child, number in queue.children.items()}
            for name, queue in self.queues.items()
        }

    def _requests(self, queue: str) -> int:
        """How often a client may ask for a job of ``queue``."""
        client = self.arrivals[queue].client
        return 1 + (client.retries if client else 0)

    def _expected(self, queue: str) -> float:
        """Arrivals that are expected in one replication."""
        stream, end = self.arrivals[queue], np.array([self.duration_s])
        if isinstance(stream, Follows):
            return self._expected(stream.follows) + sum(jobs for _, jobs in stream.sent)
        expected = float(stream.coming(end, self.duration_s)[0])
        if isinstance(stream, Open):
            expected += stream.sent_late(self.duration_s)
        return expected

    def _total(self, own: dict[str, float]) -> float:
        """What all jobs of one replication bring at most, if one of each queue brings ``own``."""
        each = most_each(self._follow_ups, own, self._children)
        return sum(
            each[queue] * self._requests(queue) * self._expected(queue) for queue in self.arrivals
        )

    def replace(self, changes: Mapping[str, Any]) -> Self:
        """The scenario with other values for some keys, checked as a file is.

        Parameters
        ----------
        changes
            By key. Keys are those of the file, with dots: ``workers.count``; names with dots or
            blanks stand in quotes: ``queues."a.b".attempts``. Values are what TOML can hold, or
            what a scenario is made of, such as a `Backoff`; a table replaces a whole table.

        Raises
        ------
        InputError
            If there is no such key, or its value is none that it can hold.

        Examples
        --------
        >>> import simqueue as sq
        >>> sq.read_scenario().replace({"duration_s": -5})
        Traceback (most recent call last):
        simqueue.errors.InputError: duration_s = -5: duration_s: should be greater than 0, not -5
        """
        said = parse_changes(changes)
        return checked(
            type(self), changed(self.table(), said), f"scenario {self.name}", changes=said
        )

    def table(self) -> dict[str, Any]:
        """What a file would hold that says this scenario; what is left to defaults is left out."""
        table = self.model_dump(mode="json", exclude_unset=True)
        for name, queue in table["queues"].items():
            if queue.get("follow_up") == default_follow_ups(name, self.queues):
                del queue["follow_up"]
        bullmq = self.bullmq
        measured = bullmq.overhead == measured_overhead(bullmq.client)
        if measured and "overhead" in bullmq.model_fields_set:
            # With other workers it is what was measured with those.
            table["bullmq"]["overhead"] = "measured"
        return table

    @property
    def traces(self) -> list[Trace]:
        """The arrival streams that come from a file."""
        return [stream for stream in self.arrivals.values() if isinstance(stream, Trace)]

    @property
    def fixed_warmup_s(self) -> float:
        """The warm-up that was given, seconds; 0 if it is to be found in the run."""
        return 0.0 if self.warmup_s == "auto" else self.warmup_s

    @property
    def in_process(self) -> bool:
        """Whether jobs run in the caller's request: no queue, one attempt, slots for all."""
        return self.mode == "in-process"

    @property
    def event_loops(self) -> int:
        """How many there are: one of each worker, or of each web process."""
        if self.in_process:
            return self.caller.processes
        return sum(pool.most for pool in self.worker_pools.values())

    @cached_property
    def computes(self) -> bool:
        """Whether any attempt at a job of any queue holds an event loop."""
        return any(queue.computes for queue in self.queues.values())

    @cached_property
    def worker_pools(self) -> dict[str, Pool]:
        """The pools of worker processes; that of ``[workers]`` has no name."""
        return self.pools or {"": self.workers.as_pool(self.queues)}

    @property
    def crashes(self) -> list[Death]:
        """The deaths of workers, pool by pool."""
        return [
            Death(worker_name(name, crash.worker), name, crash.at_s, crash.down_s, crash.drain)
            for name, pool in self.worker_pools.items()
            for crash in pool.crashes
        ]

    @property
    def kills(self) -> list[Death]:
        """The deaths in which jobs are left behind."""
        return [crash for crash in self.crashes if not crash.drain]

    @property
    def constant(self) -> bool:
        """Whether there are as many workers all the time, crashes aside."""
        return self.in_process or all(pool.constant for pool in self.worker_pools.values())

    @property
    def slots(self) -> dict[str, int]:
        """Concurrent places for each queue's jobs, over all workers; callers are for any queue.

        Where the number of workers changes, the most that there are to be at a time.
        """
        if self.in_process:
            return dict.fromkeys(self.queues, self.caller.callers)
        return {queue: max(count for _, count in self.slots_from(queue)) for queue in self.queues}

    def slots_from(self, queue: str) -> list[tuple[float, int]]:
        """Slots for a queue over all workers: from each moment on, seconds, so many.

        Where an autoscaler decides: the most that it may ask for.
        """
        pools = [pool for pool in self.worker_pools.values() if pool.slots_for(queue)]
        if all(len(pool.ready_from) == 1 for pool in pools):
            return [(0.0, sum(pool.ready_from[0][1] * pool.slots_for(queue) for pool in pools))]
        parts = [np.array(pool.ready_from) for pool in pools]
        moments = np.unique(np.concatenate([part[:, 0] for part in parts]))
        slots = np.zeros(len(moments), dtype=int)
        for pool, part in zip(pools, parts, strict=True):
            step = np.searchsorted(part[:, 0], moments, side="right") - 1
            slots += part[step, 1].astype(int) * pool.slots_for(queue)
        return list(zip(moments.tolist(), slots.tolist(), strict=True))

    def policy_of(self, queue: str) -> QueuePolicy:
        """The policy that a queue's jobs meet: in in-process mode nothing is tried again."""
        policy = self.queues[queue]
        return policy.model_copy(update={"attempts": 1}) if self.in_process else policy

    def works_on(self, queue: str) -> bool:
        """Whether the workers take jobs of ``queue``."""
        return any(pool.slots_for(queue) for pool in self.worker_pools.values())

    def moment(self, seconds: float) -> str:
        """``seconds`` after the start in words: a clock time if the run follows a trace's clock."""
        trace = next(iter(self.traces), None)
        if trace is None:
            return f"{seconds:,.0f} s"
        start, end = trace.span
        at: datetime = start + timedelta(seconds=seconds * trace.speed)
        return f"{at:%H:%M}" if end - start <= timedelta(days=1) else f"{at:%a %d %b %H:%M}"


def _check_classes(queue: str, stream: object, model: QueueModel) -> None:
    """Raise a `ValueError` if a trace names a class that its queue, which has some, has not."""
    if isinstance(stream, Trace) and model.classes:
        strange = [name for name in stream.classes if name not in model.classes]
        if strange:
            raise ValueError(
                f"{key_of('arrivals', queue, 'trace')}: {stream.trace.name} has the class "
                f"{strange[0]!r}; {key_of('queues', queue, 'classes')} has "
                f"{', '.join(model.classes)}"
            )
