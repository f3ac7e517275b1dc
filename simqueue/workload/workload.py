"""The workload: one sample path of a scenario, as arrays.

Whatever runs it, in virtual time or for real, meets the same jobs. Nothing in it depends on how
many workers there are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from simqueue.jobs import EMAIL, emails_after, job_id, root_name
from simqueue.policies import Outcome, next_step
from simqueue.workload.arrivals import Arrivals, Follows
from simqueue.workload.distributions import Floats
from simqueue.workload.draws import generator
from simqueue.workload.production import Client
from simqueue.workload.scenario import Scenario

Ids = Callable[[NDArray[np.int64]], Sequence[str]]


@dataclass(frozen=True)
class Kind:
    """One kind of job in a scenario; with the number of its root arrival it names one job.

    Attributes
    ----------
    number
        Its position in `Workload.kinds`.
    queue, name
        Where such jobs go, and what they are called.
    stream
        The queue whose arrivals they descend from.
    parent
        Position of the kind whose outcome adds them; -1 for jobs that a request adds.
    """

    number: int
    queue: str
    name: str
    stream: str
    parent: int


@dataclass(frozen=True)
class Resend:
    """What a client does about a kind of job that it has waited for in vain.

    ``root`` is the kind of its first request, ``again`` that of the next; ``None``: it gives up.
    """

    client: Client
    root: int
    again: int | None


class Attempts(NamedTuple):
    """What the attempts of one number bring, an element for each root arrival.

    ``cpu_s`` and ``io_s`` are seconds; ``fails`` is 0 or 1; ``jitter`` is uniform in [0, 1).
    Memory views, because reading one number from them is twice as fast as from an array.
    """

    cpu_s: memoryview
    io_s: memoryview
    fails: memoryview
    jitter: memoryview


class Workload:
    """One replication of a scenario.

    Attributes
    ----------
    scenario, replication
        What it was drawn from. Replications of one scenario are independent.
    kinds
        All kinds of jobs, parents before children.
    resends
        For the kinds that a client waits for: what it does when it loses patience.
    """

    def __init__(self, scenario: Scenario, replication: int = 0) -> None:
        self.scenario = scenario
        self.replication = replication
        self.kinds: list[Kind] = []
        self.resends: dict[int, Resend] = {}
        self._children: dict[tuple[int, Outcome], tuple[Kind, ...]] = {}
        for queue, stream in scenario.arrivals.items():
            root = stream.follows if isinstance(stream, Follows) else queue
            first = self._add_kind(queue, root_name(queue), root, -1)
            if stream.client is not None:
                self._add_resends(first, stream.client)
        self._attempts: dict[tuple[int, int], Attempts] = {}
        self._waits: dict[tuple[int, int], memoryview] = {}

    def _add_kind(self, queue: str, name: str, stream: str, parent: int) -> Kind:
        kind = Kind(len(self.kinds), queue, name, stream, parent)
        self.kinds.append(kind)
        outcomes: tuple[Outcome, ...] = get_args(Outcome)
        for outcome in outcomes:
            self._children[kind.number, outcome] = tuple(
                self._add_kind(child, _child_name(kind, outcome, child), stream, kind.number)
                for child in getattr(self.scenario.queues[queue].follow_up, outcome)
            )
        return kind

    def _add_resends(self, first: Kind, client: Client) -> None:
        chain = [first.number]
        for number in range(1, client.retries + 1):
            name = f"{first.name}-again-{number}"
            chain.append(self._add_kind(first.queue, name, first.stream, first.number).number)
        for kind, again in zip(chain, [*chain[1:], None], strict=True):
            self.resends[kind] = Resend(client, first.number, again)

    def follow_ups(self, kind: int, outcome: Outcome) -> tuple[Kind, ...]:
        """The kinds of the jobs that this outcome of a job of ``kind`` adds."""
        return self._children[kind, outcome]

    @cached_property
    def streams(self) -> dict[str, Arrivals]:
        """The arrivals of each queue that has some; those that follow another are in its order."""
        drawn: dict[str, Arrivals] = {}
        for queue, stream in self.scenario.arrivals.items():
            if not isinstance(stream, Follows):
                drawn[queue] = stream.draw(
                    partial(self._generator, queue, ""), self.scenario.duration_s
                )
        for queue, stream in self.scenario.arrivals.items():
            if isinstance(stream, Follows):
                leader = drawn[stream.follows]
                think = stream.think.draw(self._generator(queue, "", "think"), len(leader.times_s))
                drawn[queue] = Arrivals(leader.times_s + think, leader.keys)
        return drawn

    @cached_property
    def arrivals(self) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
        """All jobs that requests add, in order: moments in seconds, kinds, numbers of roots."""
        roots = [kind for kind in self.kinds if kind.parent < 0]
        times = [self.streams[kind.queue].times_s for kind in roots]
        kinds = [np.full(len(t), kind.number) for t, kind in zip(times, roots, strict=True)]
        numbers = [np.arange(len(t)) for t in times]
        # Numbers are put in order of time: a payment with a short think time may come first.
        all_times, all_kinds, all_numbers = map(np.concatenate, (times, kinds, numbers))
        order = np.lexsort((all_numbers, all_kinds, all_times))
        return all_times[order], all_kinds[order], all_numbers[order]

    def size(self, kind: Kind) -> int:
        """How many root arrivals the stream of ``kind`` has."""
        return len(self.streams[kind.stream].times_s)

    def attempts(self, kind: int, attempt: int) -> Attempts:
        """What the ``attempt``-th attempts (from 1) of jobs of ``kind`` bring.

        Drawn when first asked for: most jobs have no second attempt.
        """
        found = self._attempts.get((kind, attempt))
        if found is None:
            found = self._attempts[kind, attempt] = self._draw(self.kinds[kind], attempt)
        return found

    def waits_s(self, kind: int, attempt: int) -> memoryview:
        """How long each job waits if its ``attempt``-th attempt fails, seconds; NaN: for good.

        Computed when first asked for: most attempts do not fail.
        """
        found = self._waits.get((kind, attempt))
        if found is None:
            policy = self.scenario.policy_of(self.kinds[kind].queue)
            jitter = np.asarray(self.attempts(kind, attempt).jitter)
            waits = next_step(policy, attempt, "failed", jitter)
            waits = np.full(len(jitter), np.nan) if waits is None else waits
            found = self._waits[kind, attempt] = waits.data
        return found

    def _draw(self, kind: Kind, attempt: int) -> Attempts:
        queue = self.scenario.queues[kind.queue]
        n = self.size(kind)

        def source(purpose: str) -> np.random.Generator:
            return self._generator(kind.queue, kind.name, purpose, attempt)

        fails = source("failure").random(n) < queue.failure_rate
        return Attempts(
            cpu_s=queue.cpu.draw(source("cpu"), n).data,
            io_s=queue.service.draw(source("io"), n).data,
            fails=fails.view(np.uint8).data,
            jitter=source("jitter").random(n).data,
        )

    def _generator(
        self, queue: str, kind: str, purpose: str, attempt: int = 0
    ) -> np.random.Generator:
        return generator(self.scenario.seed, self.replication, queue, kind, purpose, attempt)

    @cached_property
    def _ids(self) -> JobIds:
        keys = {stream: arrivals.keys for stream, arrivals in self.streams.items()}
        return JobIds(tuple(self.kinds), keys)

    def ids(self) -> Ids:
        """What turns the keys of jobs in an attempt log into their ids."""
        return self._ids

    def job_id(self, kind: Kind, number: int) -> str:
        """Id of the job of ``kind`` that descends from root arrival ``number``."""
        return self._ids.of(kind, number)

    def flow(self, kind: Kind, number: int) -> str:
        """Id of the job that the root arrival itself added."""
        return job_id(kind.stream, self._ids.order(kind, number))


def _child_name(parent: Kind, outcome: Outcome, queue: str) -> str:
    """The shop's own name for a follow-up, or one that tells which path led to it."""
    if parent.parent >= 0:
        return f"{parent.name}-{parent.queue}-{outcome}"
    if queue == EMAIL and (emails := emails_after(parent.queue, outcome)):
        return emails[0]
    return f"{parent.name}-{outcome}"


@dataclass(frozen=True)
class JobIds:
    """Ids of jobs from their keys, ``number * len(kinds) + kind``, without the whole workload.

    Attributes
    ----------
    kinds
        Those of the workload.
    keys
        The orders' numbers of each stream; ``None``: counted from 1.
    """

    kinds: tuple[Kind, ...]
    keys: dict[str, list[str] | None]

    def __call__(self, keys: NDArray[np.int64]) -> list[str]:
        """The ids of ``keys``."""
        numbers, kinds = np.divmod(keys, len(self.kinds))
        return [
            self.of(self.kinds[kind], number)
            for kind, number in zip(kinds.tolist(), numbers.tolist(), strict=True)
        ]

    def of(self, kind: Kind, number: int) -> str:
        """Id of the job of ``kind`` that descends from root arrival ``number``."""
        name = None if kind.parent < 0 else kind.name
        return job_id(kind.queue, self.order(kind, number), name)

    def order(self, kind: Kind, number: int) -> str:
        """The order's number as people know it: the recorded one, else counted from 1."""
        keys = self.keys[kind.stream]
        return str(number + 1) if keys is None else keys[number]
