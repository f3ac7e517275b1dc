"""A scenario: everything that defines a run, checked as it is read.

This module says what a scenario is; `simqueue.workload.reading` gets one from a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self, get_args

import numpy as np
from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from simqueue.checked import Checked
from simqueue.jobs import EMAIL, QUEUES, emails_after, queue_name
from simqueue.policies import DEFAULT_CONCURRENCY, POLICIES, Finite, Outcome, QueuePolicy
from simqueue.workload.arrivals import ArrivalStream, Follows, Trace
from simqueue.workload.changes import changed, key_of, parse_changes
from simqueue.workload.checking import checked
from simqueue.workload.distributions import Constant, Distribution
from simqueue.workload.production import BullMQSettings, Crash, PositiveSeconds, Seconds
from simqueue.workload.size import (
    attempts_mean,
    check_attempts,
    check_kinds,
    check_looks,
    check_slots,
    kinds_each,
    longest_backoffs_s,
    most_each,
)

Probability = Annotated[Finite, Field(ge=0, le=1)]
Count = Annotated[int, Field(strict=True, ge=1, le=10_000)]
QueueName = Annotated[str, AfterValidator(queue_name)]
Mode = Literal["bull-queue", "in-process"]
#: Seconds, or a word; told apart before they are checked, so that an error is about the one meant.
Warmup = Annotated[
    Annotated[Seconds, Tag("seconds")] | Annotated[Literal["auto"], Tag("word")],
    Discriminator(lambda value: "word" if isinstance(value, str) else "seconds"),
]


class WorkerSettings(Checked):
    """The worker processes; each has its own event loop.

    Attributes
    ----------
    count
        Worker processes.
    concurrency
        Slots per queue of each.
    type
        The queue they work on, or ``all``.
    crashes
        When which of them dies; none by default.
    """

    count: Count = 1
    concurrency: Count = DEFAULT_CONCURRENCY
    type: QueueName = "all"
    crashes: Annotated[list[Crash], Field(max_length=10_000)] = []

    @property
    def kills(self) -> list[Crash]:
        """The crashes in which jobs are left behind."""
        return [crash for crash in self.crashes if not crash.drain]

    @model_validator(mode="after")
    def _die_one_at_a_time(self) -> Self:
        back: dict[int, float] = {}
        for crash in sorted(self.crashes, key=lambda crash: crash.at_s):
            if crash.worker >= self.count:
                raise ValueError(
                    f"crashes: there is no worker {crash.worker}; they are counted from 0 to "
                    f"{self.count - 1}"
                )
            if crash.at_s < back.get(crash.worker, 0.0):
                raise ValueError(
                    f"crashes: worker {crash.worker} cannot die at {crash.at_s:g} s: it is down "
                    f"until {back[crash.worker]:g} s"
                )
            back[crash.worker] = crash.at_s + crash.down_s
        return self


class CallerSettings(Checked):
    """The web process of in-process mode and how many requests it serves at once."""

    concurrency: Count = 1


class FollowUps(Checked):
    """Queues that get a job when one of this queue completes, or fails for good."""

    completed: list[QueueName] = []
    failed: list[QueueName] = []


class QueueModel(QueuePolicy):
    """One queue: its policy and how its jobs behave.

    Attributes
    ----------
    service
        The io part of an attempt's service time, which overlaps with other slots.
    cpu
        The cpu part, which comes first and holds the worker's one event loop.
    failure_rate
        Probability that an attempt fails, independent of all others.
    outages
        Windows [from, to) in seconds: every attempt that starts inside fails.
    follow_up
        What a final outcome adds.
    """

    service: Distribution = Constant(distribution="constant", mean_s=0.0)
    cpu: Distribution = Constant(distribution="constant", mean_s=0.0)
    failure_rate: Probability = 0.0
    outages: Annotated[list[tuple[Seconds, Seconds]], Field(max_length=10_000)] = []
    follow_up: FollowUps = FollowUps()

    @model_validator(mode="after")
    def _outages_last(self) -> Self:
        for start, end in self.outages:
            if end <= start:
                raise ValueError(f"outages: [{start:g}, {end:g}] should end after it starts")
        return self


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
    workers, caller
        Who does the jobs: worker processes, or in in-process mode the web process itself.
    arrivals, queues
        By the queue's name.
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
    caller: CallerSettings = CallerSettings()
    arrivals: Annotated[dict[QueueName, ArrivalStream], Field(min_length=1)]
    queues: Annotated[dict[QueueName, QueueModel], Field(min_length=1, max_length=1000)]
    bullmq: BullMQSettings = BullMQSettings()

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, value: Any) -> Any:
        """Fill in what the policies and the jobs say."""
        if not isinstance(value, dict):
            return value
        queues = value.get("queues")
        if isinstance(queues, dict):
            value = {**value, "queues": _with_defaults(queues)}
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
        if self.in_process and self.workers.crashes:
            raise ValueError("workers.crashes: in-process mode has no workers that could crash")
        for queue, stream in self.arrivals.items():
            if queue not in named:
                raise ValueError(
                    f"{key_of('arrivals', queue)}: there is no {key_of('queues', queue)}"
                )
            if stream.client is not None and self.in_process:
                raise ValueError(
                    f"{key_of('arrivals', queue, 'client')}: in-process mode answers at once"
                )
            leader = stream.follows if isinstance(stream, Follows) else None
            if leader is not None and isinstance(self.arrivals.get(leader), Follows | None):
                raise ValueError(
                    f"{key_of('arrivals', queue, 'follows')}: {leader!r} has no arrivals of its own"
                )
        if self.workers.type != "all" and self.workers.type not in named:
            raise ValueError(f"workers.type: there is no {key_of('queues', self.workers.type)}")
        for queue, model in self.queues.items():
            for outcome in ("completed", "failed"):
                self._check_follow_ups(queue, outcome, getattr(model.follow_up, outcome))
        return self

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
        workers, queues = self.workers, self.queues
        check_slots(workers.count, workers.concurrency, sum(map(self.works_on, queues)))
        kinds = kinds_each(self._follow_ups)
        check_kinds(sum(kinds[queue] * self._requests(queue) for queue in self.arrivals))
        attempts = {
            name: attempts_mean(queue.failure_rate, self.policy_of(name).attempts)
            for name, queue in queues.items()
        }
        check_attempts(self._total(attempts))
        if workers.crashes:
            work = {
                name: attempts[name] * (queue.service.mean + queue.cpu.mean)
                for name, queue in queues.items()
            }
            lasts_s = self._total(work) / (workers.count * workers.concurrency)
            jobs = self._total(dict.fromkeys(queues, 1.0))
            backoffs = [longest_backoffs_s(one, one.failure_rate, jobs) for one in queues.values()]
            check_looks(
                workers.count,
                min(self.bullmq.lock_duration_s / 4, self.bullmq.stalled_interval_s),
                max(self.duration_s, lasts_s) + sum(backoffs),
            )
        return self

    @property
    def _follow_ups(self) -> dict[str, tuple[list[str], list[str]]]:
        follow_ups = {name: queue.follow_up for name, queue in self.queues.items()}
        return {name: (one.completed, one.failed) for name, one in follow_ups.items()}

    def _requests(self, queue: str) -> int:
        """How often a client may ask for a job of ``queue``."""
        client = self.arrivals[queue].client
        return 1 + (client.retries if client else 0)

    def _expected(self, queue: str) -> float:
        """Arrivals that are expected in one replication."""
        stream = self.arrivals[queue]
        if isinstance(stream, Follows):
            return self._expected(stream.follows)
        return float(stream.expected(np.array([self.duration_s]), self.duration_s)[0])

    def _total(self, own: dict[str, float]) -> float:
        """What all jobs of one replication bring at most, if one of each queue brings ``own``."""
        each = most_each(self._follow_ups, own)
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
        """How many there are: one of each worker, or that of the web process."""
        return 1 if self.in_process else self.workers.count

    @property
    def slots(self) -> dict[str, int]:
        """Concurrent places for each queue's jobs, over all workers."""
        if self.in_process:
            return dict.fromkeys(self.queues, self.caller.concurrency)
        places = self.workers.count * self.workers.concurrency
        return {queue: places if self.works_on(queue) else 0 for queue in self.queues}

    def policy_of(self, queue: str) -> QueuePolicy:
        """The policy that a queue's jobs meet: in in-process mode nothing is tried again."""
        policy = self.queues[queue]
        return policy.model_copy(update={"attempts": 1}) if self.in_process else policy

    def works_on(self, queue: str) -> bool:
        """Whether the workers take jobs of ``queue``."""
        return self.workers.type in ("all", queue)

    def moment(self, seconds: float) -> str:
        """``seconds`` after the start in words: a clock time if the run follows a trace's clock."""
        trace = next(iter(self.traces), None)
        if trace is None:
            return f"{seconds:,.0f} s"
        start, end = trace.span
        at: datetime = start + timedelta(seconds=seconds * trace.speed)
        return f"{at:%H:%M}" if end - start <= timedelta(days=1) else f"{at:%a %d %b %H:%M}"


def _with_defaults(queues: dict[str, Any]) -> dict[str, Any]:
    """The tables of ``queues``, each on top of the shop's own policy and follow-ups."""
    filled = {}
    for name, given in queues.items():
        if not isinstance(given, dict) or name not in QUEUES:
            filled[name] = given
            continue
        policy = POLICIES[name].model_dump()
        table = {**policy, "follow_up": default_follow_ups(name, queues), **given}
        if isinstance(given.get("backoff"), dict):
            table["backoff"] = {**policy["backoff"], **given["backoff"]}
        filled[name] = table
    return filled


def default_follow_ups(queue: str, named: Any) -> dict[str, list[str]]:
    """What the shop's own jobs are followed by, as far as the scenario names the queue."""
    outcomes: tuple[Outcome, ...] = get_args(Outcome)
    return {
        outcome: [EMAIL] if EMAIL in named and emails_after(queue, outcome) else []
        for outcome in outcomes
    }
