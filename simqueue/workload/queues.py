"""A queue of a scenario: its policy, how its jobs behave, and what follows them."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Annotated, Any, NamedTuple, Self, get_args

from pydantic import Field, model_validator

from simqueue.checked import Checked
from simqueue.jobs import EMAIL, QUEUES, emails_after
from simqueue.policies import POLICIES, Outcome, QueuePolicy
from simqueue.workload.children import Children
from simqueue.workload.classes import (
    ClassName,
    JobClass,
    Limiter,
    Priority,
    Windows,
    check_pauses,
    check_shares,
)
from simqueue.workload.distributions import Constant, Distribution
from simqueue.workload.outages import AnyOutages, Outage, as_tables, check_outages
from simqueue.workload.production import PositiveSeconds
from simqueue.workload.values import Probability, QueueName


class FollowUps(Checked):
    """Queues that get a job when one of this queue completes, or fails for good."""

    completed: list[QueueName] = []
    failed: list[QueueName] = []


class LaterAttempt(Checked):
    """What an attempt after the first takes, and how often it fails; ``None``: as the first.

    Attributes
    ----------
    service, cpu
        Its io part and its cpu part.
    failure_rate
        Probability that it fails.
    """

    service: Distribution | None = None
    cpu: Distribution | None = None
    failure_rate: Probability | None = None


class AttemptTimes(NamedTuple):
    """How long one attempt takes: its cpu part, which comes first, and its io part."""

    cpu: Distribution
    service: Distribution

    @property
    def mean_s(self) -> float:
        """Both together, expected seconds."""
        return self.cpu.mean + self.service.mean


class QueueModel(QueuePolicy):
    """One queue: its policy and how its jobs behave.

    Attributes
    ----------
    service
        The io part of an attempt's service time, which overlaps with other slots.
    cpu
        The cpu part, which comes first and holds the worker's one event loop.
    later_attempts
        What the second attempt takes, the third, and so on, and how often each fails; the last one
        stands for all after it. By default they are as the first.
    failure_rate
        Probability that an attempt fails, independent of all others.
    fatal_rate
        Share of these failures that is not tried again: no further attempt could succeed.
    failure_service
        The io part of an attempt that fails by chance; default: as of any other.
    timeout_s
        An attempt whose io part is not over after so many seconds is cut off, and has failed.
    outages
        Windows in which attempts fail that start inside: ``[from, to)`` in seconds, or a table.
    downstream
        What the io part calls, by its name in `Scenario.downstreams`: it takes one of its places.
    follow_up
        What a final outcome adds.
    priority
        0: none, ahead of all others; then 1 is ahead of 2. First come, first served within one.
    delay
        How long after it was added a job is due, in whole milliseconds; its wait counts from then.
    classes
        Of jobs, by name: each with its share, and what differs from the queue's own keys.
    limiter
        How many jobs may start in a while, over all workers.
    global_concurrency
        How many jobs may be done at once, over all workers.
    paused
        Windows [from, to) in seconds in which no job starts.
    children
        A flow: how many jobs of which queues are added with each job of this one, which is ready
        when they have completed; or the shares of the jobs that have so many.
    sandbox
        Whether the cpu part runs in a child process: it holds no event loop, and shares the
        machine's cores with all others of its kind.
    """

    service: Distribution = Constant(distribution="constant", mean_s=0.0)
    cpu: Distribution = Constant(distribution="constant", mean_s=0.0)
    later_attempts: Annotated[list[LaterAttempt], Field(max_length=1000)] = []
    failure_rate: Probability = 0.0
    fatal_rate: Probability = 0.0
    failure_service: Distribution | None = None
    timeout_s: PositiveSeconds | None = None
    outages: AnyOutages = []
    downstream: str | None = None
    follow_up: FollowUps = FollowUps()
    priority: Priority = 0
    delay: Distribution | None = None
    classes: Annotated[dict[ClassName, JobClass], Field(max_length=100)] = {}
    limiter: Limiter | None = None
    global_concurrency: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] | None = None
    paused: Windows = []
    children: dict[QueueName, Children] = {}
    sandbox: Annotated[bool, Field(strict=True)] = False

    def times_of(self, attempt: int) -> AttemptTimes:
        """How long the ``attempt``-th attempt takes, counted from 1."""
        later = self._later(attempt)
        return AttemptTimes(later.cpu or self.cpu, later.service or self.service)

    def fails_of(self, attempt: int) -> float:
        """How probable it is that the ``attempt``-th attempt, counted from 1, fails by chance."""
        rate = self._later(attempt).failure_rate
        return self.failure_rate if rate is None else rate

    def _later(self, attempt: int) -> LaterAttempt:
        """What the ``attempt``-th attempt has of its own."""
        if attempt == 1 or not self.later_attempts:
            return LaterAttempt()
        return self.later_attempts[min(attempt - 2, len(self.later_attempts) - 1)]

    @property
    def different_times(self) -> list[AttemptTimes]:
        """How long attempts take, those that there may be: the first, the second, and so on."""
        last = min(self.attempts, 1 + len(self.later_attempts))
        return [self.times_of(attempt) for attempt in range(1, last + 1)]

    @property
    def has_cpu(self) -> bool:
        """Whether any attempt has a cpu part."""
        return any(times.cpu.mean > 0 for _, one in self.parts for times in one.different_times)

    @property
    def computes(self) -> bool:
        """Whether any attempt has a cpu part that holds a worker's event loop."""
        return self.has_cpu and not self.sandbox

    @model_validator(mode="after")
    def _calls_from_its_loop(self) -> Self:
        if self.sandbox and self.downstream is not None:
            raise ValueError(
                "sandbox: the model has no child processes that call a downstream; expected one of "
                "sandbox and downstream"
            )
        return self

    @model_validator(mode="after")
    def _outages_last(self) -> Self:
        check_outages(self.outages)
        return self

    @property
    def outage_tables(self) -> list[Outage]:
        """The outages, each in its long form."""
        return as_tables(self.outages)

    @property
    def outage_windows(self) -> list[tuple[float, float]]:
        """From and to of each outage, seconds."""
        return [(one.from_s, one.to_s) for one in self.outage_tables]

    @model_validator(mode="after")
    def _rules_make_sense(self) -> Self:
        check_shares(self.classes)
        check_pauses(self.paused)
        return self

    @cached_property
    def by_class(self) -> dict[str, QueueModel]:
        """The queue as the jobs of each class see it."""
        return {
            name: self.model_copy(update={"classes": {}, **one.own})
            for name, one in self.classes.items()
        }

    @property
    def parts(self) -> list[tuple[float, QueueModel]]:
        """The share of each class, and the queue as its jobs see it; all of it without classes."""
        if not self.classes:
            return [(1.0, self)]
        return [(self.classes[name].share, one) for name, one in self.by_class.items()]

    def classes_with_own(self, key: str) -> list[str]:
        """The classes that say for themselves what ``key`` says of the queue."""
        return [name for name, one in self.classes.items() if key in one.own]

    @property
    def prioritized(self) -> bool:
        """Whether any job has a priority."""
        return any(one.priority for _, one in self.parts)

    def lets_through(self, work_s: float) -> float:
        """Attempts a second that limiter and global concurrency let start; infinite without any.

        ``work_s``: how long an attempt takes on average, seconds.
        """
        most = math.inf if self.limiter is None else self.limiter.max / self.limiter.duration_s
        if self.global_concurrency is None or not work_s:
            return most
        return min(most, self.global_concurrency / work_s)

    @property
    def gated(self) -> bool:
        """Whether a job may have to wait although some slot is idle."""
        return bool(self.limiter or self.global_concurrency or self.paused)


def with_defaults(queues: dict[str, Any]) -> dict[str, Any]:
    """The tables of ``queues``, each on top of the shop's own policy and follow-ups."""
    filled = {}
    for name, given in queues.items():
        if not isinstance(given, dict) or name not in QUEUES:
            filled[name] = given
            continue
        policy = POLICIES[name].model_dump()
        table = {**policy, "follow_up": default_follow_ups(name, queues), **given}
        if isinstance(given.get("backoff"), dict):
            table["backoff"] = _backoff(policy["backoff"], given["backoff"])
        filled[name] = table
    return filled


def _backoff(usual: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """A table of a backoff on top of the shop's own, whose delay is no part of a list."""
    if given.get("type") == "list":
        usual = {key: value for key, value in usual.items() if key != "delay_ms"}
    return {**usual, **given}


def default_follow_ups(queue: str, named: Any) -> dict[str, list[str]]:
    """What the shop's own jobs are followed by, as far as the scenario names the queue."""
    outcomes: tuple[Outcome, ...] = get_args(Outcome)
    return {
        outcome: [EMAIL] if EMAIL in named and emails_after(queue, outcome) else []
        for outcome in outcomes
    }
