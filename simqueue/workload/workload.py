"""The workload: one sample path of a scenario, as arrays.

Whatever runs it, in virtual time or for real, meets the same jobs. Nothing in it depends on how
many workers there are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from simqueue.jobs import EMAIL, emails_after, job_id, root_name
from simqueue.policies import Outcome, next_step
from simqueue.workload.arrivals import Arrivals, Customers, Follows, Scheduler
from simqueue.workload.attempts import Attempts, Brings, KindOutages, Source, ended
from simqueue.workload.children import Children, most_of, numbers_of
from simqueue.workload.distributions import Constant, Distribution, Floats
from simqueue.workload.draws import generator
from simqueue.workload.others import Others, with_others
from simqueue.workload.production import Client
from simqueue.workload.queues import QueueModel
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
        Position of the kind whose outcome adds them, or whose child they are; -1 for jobs that a
        request adds.
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


class NextRequest(NamedTuple):
    """What a customer asks for after an answer, an element for each root arrival that was answered.

    Attributes
    ----------
    kind
        That of the job.
    number
        The root arrival that it belongs to; -1: the customer asks for nothing.
    think_s
        How long the customer thinks first, seconds.
    until_s
        Who would ask from this moment on asks no more.
    turned_away_too
        Whether it comes after no answer, too: the job was turned away, or died with its process.
    """

    kind: int
    number: memoryview
    think_s: memoryview
    until_s: float = math.inf
    turned_away_too: bool = False


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
        self._follow_ups: dict[tuple[int, Outcome], tuple[Kind, ...]] = {}
        self._children: dict[int, tuple[Kind, ...]] = {}
        #: For each child of kinds whose jobs do not have all of them, which jobs have it.
        self._having: dict[int, list[tuple[Kind, memoryview]]] = {}
        for queue, stream in scenario.arrivals.items():
            root = stream.follows if isinstance(stream, Follows) else queue
            first = self._add_kind(queue, root_name(queue), root, -1)
            if stream.client is not None:
                self._add_resends(first, stream.client)
        self._attempts: dict[tuple[int, int], Attempts] = {}
        self._waits: dict[tuple[int, int], memoryview] = {}
        self._classes: dict[int, NDArray[np.intp]] = {}

    def _add_kind(self, queue: str, name: str, stream: str, parent: int) -> Kind:
        kind = Kind(len(self.kinds), queue, name, stream, parent)
        self.kinds.append(kind)
        outcomes: tuple[Outcome, ...] = get_args(Outcome)
        for outcome in outcomes:
            self._follow_ups[kind.number, outcome] = tuple(
                self._add_kind(child, _follow_up_name(kind, outcome, child), stream, kind.number)
                for child in getattr(self.scenario.queues[queue].follow_up, outcome)
            )
        for child, children in self.scenario.queues[queue].children.items():
            names = [_child_name(kind, number + 1) for number in range(most_of(children))]
            self._children[kind.number] = (
                *self._children.get(kind.number, ()),
                *(self._add_kind(child, name, stream, kind.number) for name in names),
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
        return self._follow_ups[kind, outcome]

    @property
    def has_flows(self) -> bool:
        """Whether some jobs wait for children."""
        return bool(self._children)

    def children(self, kind: int) -> tuple[Kind, ...]:
        """The kinds of the jobs that may be added with one of ``kind``, which then waits for them.

        Which come with which job, `children_of` says.
        """
        return self._children.get(kind, ())

    def children_of(self, kind: int, number: int) -> tuple[Kind, ...]:
        """The kinds of the children of the job of ``kind`` of root arrival ``number``."""
        having = self.having(kind)
        if not having:
            return self.children(kind)
        return tuple(child for child, has in having if has[number])

    def having(self, kind: int) -> list[tuple[Kind, memoryview]]:
        """Each kind of children, and which jobs of ``kind`` have it; nothing if all have all."""
        if not self.children(kind):
            return []
        found = self._having.get(kind)
        if found is None:
            said = self._children_said(kind).values()
            drawn = any(not isinstance(one, int) for one in said)
            found = self._having[kind] = list(self._draw_children(kind)) if drawn else []
        return found

    def _children_said(self, kind: int) -> dict[str, Children]:
        return self.scenario.queues[self.kinds[kind].queue].children

    def _draw_children(self, kind: int) -> Iterator[tuple[Kind, memoryview]]:
        """Each kind of children, and which jobs have it."""
        its, kinds = self.kinds[kind], iter(self._children[kind])
        for queue, children in self._children_said(kind).items():
            draws = self._generator(its.queue, its.name, f"children {queue}").random(self.size(its))
            numbers = numbers_of(children, draws)
            for place in range(most_of(children)):
                yield next(kinds), (numbers > place).data

    @cached_property
    def streams(self) -> dict[str, Arrivals]:
        """The arrivals of each queue that has some; those that follow another are in its order.

        These come a think time after the other arrival. In in-process mode they come that long
        after its answer, which only a run can tell: see `next_requests`.
        """
        drawn = {queue: one.arrivals for queue, one in self._others.items()}
        for queue, stream in self.scenario.arrivals.items():
            if isinstance(stream, Follows):
                leader = drawn[stream.follows]
                think = self._think(queue, stream, len(leader.times_s))
                times = leader.times_s + think
                numbers, moments = self._others[stream.follows].sent[queue]
                times[numbers] = moments
                drawn[queue] = Arrivals(times, leader.keys)
        return drawn

    @cached_property
    def _others(self) -> dict[str, Others]:
        """The arrivals that follow no others, with the jobs beside them."""
        scenario = self.scenario
        found = {}
        for queue, stream in scenario.arrivals.items():
            if not isinstance(stream, Follows):
                source, end = partial(self._generator, queue, ""), scenario.duration_s
                own = stream.draw(source, end)
                found[queue] = with_others(scenario.arrivals, queue, own, source, end)
        return found

    @cached_property
    def next_requests(self) -> dict[int, tuple[NextRequest, ...]]:
        """By kinds of jobs that a customer may wait for: what comes after the answer.

        In bull-queue mode, which answers as it takes the job, only what customers ask for who wait
        for its end: all else that requests add is in `arrivals`.
        """
        found: dict[int, tuple[NextRequest, ...]] = {}
        first = {kind.queue: kind for kind in self.kinds if kind.parent < 0}
        for queue, stream in self.scenario.arrivals.items():
            if isinstance(stream, Customers):
                kind = first[queue].number
                found[kind] = (*found.get(kind, ()), self._next_turn(kind, queue))
            elif isinstance(stream, Follows) and self.scenario.in_process:
                leader = first[stream.follows]
                think = self._think(queue, stream, self.size(leader)).data
                same = np.arange(len(think)).data
                own = NextRequest(first[queue].number, same, think)
                again = [
                    number for number, one in self.resends.items() if one.root == leader.number
                ]
                for number in {leader.number, *again}:
                    found[number] = (*found.get(number, ()), own)
        return found

    def _next_turn(self, kind: int, queue: str) -> NextRequest:
        turns = self.streams[queue].turns
        assert turns is not None
        following = turns.following
        think = np.where(following >= 0, turns.think_s[following], 0.0)
        end = self.scenario.duration_s
        return NextRequest(kind, following.data, think.data, end, turned_away_too=True)

    def _think(self, queue: str, stream: Follows, customers: int) -> Floats:
        return stream.think.draw(self._generator(queue, "", "think"), customers)

    @cached_property
    def arrivals(self) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
        """All jobs that requests add at moments that are known beforehand, in order.

        Moments in seconds, kinds, numbers of roots.
        """
        roots = [kind for kind in self.kinds if kind.parent < 0]
        numbers = [self._known_beforehand(kind) for kind in roots]
        drawn = [self.streams[kind.queue].times_s for kind in roots]
        times = [all_of[mine] for all_of, mine in zip(drawn, numbers, strict=True)]
        kinds = [np.full(len(t), kind.number) for t, kind in zip(times, roots, strict=True)]
        all_times, all_kinds, all_numbers = map(np.concatenate, (times, kinds, numbers))
        if (all_times[1:] > all_times[:-1]).all():
            return all_times, all_kinds, all_numbers
        order = np.argsort(all_times, kind="stable")
        in_order = all_times[order]
        if (in_order[1:] > in_order[:-1]).all():
            return in_order, all_kinds[order], all_numbers[order]
        others = [mine >= self._others[kind.stream].own
                  for mine, kind in zip(numbers, roots, strict=True)]  # fmt: skip
        # Numbers are put in order of time: a payment with a short think time may come first. Who
        # comes at the same moment as somebody who was sent comes before.
        order = np.lexsort((all_numbers, all_kinds, np.concatenate(others), all_times))
        return all_times[order], all_kinds[order], all_numbers[order]

    @cached_property
    def scheduled(self) -> dict[int, Scheduler]:
        """The job schedulers, by the kinds of their jobs; a job's number is that of its slot."""
        arrivals = self.scenario.arrivals
        return {
            kind.number: stream
            for kind in self.kinds
            if kind.parent < 0 and isinstance(stream := arrivals[kind.queue], Scheduler)
        }

    def _known_beforehand(self, kind: Kind) -> NDArray[np.int64]:
        """Numbers of the root arrivals whose moments no run has a say in."""
        drawn = self.streams[kind.queue]
        numbers = np.flatnonzero(np.isfinite(drawn.times_s))
        if kind.number in self.scheduled:
            return numbers[:0]
        if drawn.turns is not None:  # the first of each customer's
            return np.setdiff1d(numbers, drawn.turns.following)
        answered_late = isinstance(self.scenario.arrivals[kind.queue], Follows)
        if answered_late and self.scenario.in_process:
            return self._others[kind.stream].sent[kind.queue][0]
        return numbers

    def size(self, kind: Kind) -> int:
        """How many root arrivals the stream of ``kind`` has."""
        return len(self.streams[kind.stream].times_s)

    def attempts(self, kind: int, attempt: int) -> Attempts:
        """What the ``attempt``-th attempts (from 1) of jobs of ``kind`` bring.

        Drawn when first asked for: most jobs have no second attempt.
        """
        found = self._attempts.get((kind, attempt))
        if found is None:
            its = self.kinds[kind]
            queue, source = self.scenario.queues[its.queue], self._source(its, attempt)
            found = ended(self._draw(its, attempt), queue, source)
            self._attempts[kind, attempt] = found
        return found

    def brings(self, kind: int, number: int, attempt: int, started_s: float) -> Brings:
        """What one attempt brings that starts at a moment: outages have a say then."""
        drawn = self.attempts(kind, attempt)
        found = Brings(drawn.cpu_s[number], drawn.io_s[number], drawn.fails[number])
        outages = self.outages.get(kind)
        return found if outages is None else outages.brings(found, number, attempt, started_s)

    @cached_property
    def outages(self) -> dict[int, KindOutages]:
        """What outages do, by the kinds of jobs whose queues have some."""
        return {
            kind.number: KindOutages(
                self.scenario.queues[kind.queue],
                partial(self._source, kind),
                partial(self.size, kind),
            )
            for kind in self.kinds
            if self.scenario.queues[kind.queue].outages
        }

    def waits_s(self, kind: int, attempt: int) -> memoryview:
        """How long each job waits if its ``attempt``-th attempt fails, seconds; NaN: for good.

        Computed when first asked for: most attempts do not fail.
        """
        found = self._waits.get((kind, attempt))
        if found is None:
            its = self.kinds[kind]
            waits = self._of_each(its, lambda queue: self._waits_as(queue, its, attempt))
            found = self._waits[kind, attempt] = waits.data
        return found

    def _waits_as(self, queue: QueueModel, kind: Kind, attempt: int) -> Floats:
        policy = queue.model_copy(update={"attempts": 1}) if self.scenario.in_process else queue
        draws = self.jitter(kind.number, attempt) if policy.backoff.jitter else None
        waits = next_step(policy, attempt, "failed", draws)
        return np.broadcast_to(np.nan if waits is None else waits, self.size(kind))

    def jitter(self, kind: int, attempt: int) -> Floats:
        """What the backoff after each job's ``attempt``-th attempt uses: uniform in [0, 1)."""
        its = self.kinds[kind]
        return self._source(its, attempt)("jitter").random(self.size(its))

    def class_of(self, kind: Kind) -> NDArray[np.intp] | None:
        """The class of each job of ``kind``: its place in the queue's; ``None`` without classes."""
        classes = self.scenario.queues[kind.queue].classes
        if not classes:
            return None
        found = self._classes.get(kind.number)
        if found is None:
            edges = np.cumsum([one.share for one in classes.values()])[:-1]
            draws = self._generator(kind.queue, kind.name, "class").random(self.size(kind))
            found = np.searchsorted(edges, draws, side="right")
            said = self.streams[kind.stream].classes
            if said is not None and kind.queue == kind.stream and kind.parent < 0:
                place = {name: number for number, name in enumerate(classes)}
                recorded = np.array([place.get(name, -1) for name in said], dtype=np.intp)
                found = np.where(recorded >= 0, recorded, found)
            self._classes[kind.number] = found
        return found

    def priority_of(self, kind: Kind) -> NDArray[np.int64]:
        """The priority of each job of ``kind``."""
        n = self.size(kind)
        return self._of_each(kind, lambda queue: np.full(n, queue.priority, np.int64))

    def delay_s(self, kind: Kind) -> Floats:
        """How long after it was added each job is due: seconds, whole milliseconds."""
        n = self.size(kind)

        def drawn(queue: QueueModel) -> Floats:
            if queue.delay is None:
                return np.zeros(n)
            source = self._generator(kind.queue, kind.name, "delay")
            return np.round(1000 * queue.delay.draw(source, n)) / 1000

        return self._of_each(kind, drawn)

    def _of_each(self, kind: Kind, drawn: Callable[[QueueModel], NDArray[Any]]) -> NDArray[Any]:
        """What ``drawn`` gives for each job, whose class may say otherwise than its queue."""
        parts = self.scenario.queues[kind.queue].parts
        return self._picked(kind, [drawn(part) for _, part in parts])

    def of_each_class(self, kind: Kind, values: Sequence[Any]) -> NDArray[Any]:
        """For each job of ``kind`` the value of its class, of which there is one a class."""
        return self._picked(kind, [np.full(self.size(kind), value) for value in values])

    def _picked(self, kind: Kind, columns: Sequence[Any]) -> NDArray[Any]:
        """For each job of ``kind`` the element of its class's column."""
        classes = self.class_of(kind)
        if classes is None:
            return np.asarray(columns[0])
        return np.stack([np.asarray(column) for column in columns])[
            classes, np.arange(len(classes))
        ]

    def _draw(self, kind: Kind, attempt: int) -> Attempts:
        parts = self.scenario.queues[kind.queue].parts
        drawn = [self._draw_as(part, kind, attempt) for _, part in parts]
        if len(drawn) == 1:
            return drawn[0]
        return Attempts(*(self._picked(kind, columns).data for columns in zip(*drawn, strict=True)))

    def _draw_as(self, queue: QueueModel, kind: Kind, attempt: int) -> Attempts:
        n, times, fails_of = self.size(kind), queue.times_of(attempt), queue.fails_of(attempt)
        source = self._source(kind, attempt)
        fails = np.zeros(n, bool)
        if fails_of:
            np.less(source("failure").random(n), fails_of, out=fails)
        return Attempts(
            cpu_s=_durations(times.cpu, source, "cpu", n).data,
            io_s=_durations(times.service, source, "io", n).data,
            fails=fails.view(np.uint8).data,
        )

    def _source(self, kind: Kind, attempt: int) -> Source:
        return lambda purpose: self._generator(kind.queue, kind.name, purpose, attempt)

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


def _durations(takes: Distribution, source: Source, purpose: str, n: int) -> Floats:
    """Durations for a purpose; what is constant needs no memory for each, and no generator."""
    if isinstance(takes, Constant):
        return np.broadcast_to(takes.mean_s, n)
    return takes.draw(source(purpose), n)


def _child_name(parent: Kind, number: int) -> str:
    """``report-child-2``: the second child of a report in its queue."""
    path = f"{parent.name}-{parent.queue}" if parent.parent >= 0 else parent.name
    return f"{path}-child-{number}"


def _follow_up_name(parent: Kind, outcome: Outcome, queue: str) -> str:
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
