"""What a scenario brings to each queue over time, expected: before chance, and before any wait.

A run's own counts are noisy: the busiest of forty windows is busier than what was asked for. What
was asked for is known, so it is followed through the scenario as a fluid: arrivals, think times,
attempts and their backoffs, outages, follow-ups. A queue whose slots are all taken passes on no
more than they can do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from simqueue.record.attempt_log import Floats
from simqueue.results.parents import children_of
from simqueue.workload.arrivals import Customers, Follows
from simqueue.workload.children import mean_of
from simqueue.workload.distributions import Constant, Distribution
from simqueue.workload.expected import Expected, expected
from simqueue.workload.production import NO_OVERHEAD
from simqueue.workload.queues import QueueModel
from simqueue.workload.scenario import Scenario

#: Steps of the grid that a run is followed on, beside the moments at which something changes.
_STEPS = 1_500
#: Moments of the grid that are looked at together.
_AT_ONCE = 50
#: Points that stand for a uniform backoff.
_JITTERED = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
#: Jobs, as a share of all, that are not worth following any further.
_FEW = 1e-7


@dataclass(frozen=True)
class Offered:
    """The work that comes in, expected.

    Attributes
    ----------
    times_s
        Moments, ascending, from 0 to the end of arrivals.
    attempts
        For each queue, attempts that have become ready by then.
    jobs
        For each queue, jobs that have come by then.
    work, cpu, core
        For each queue, seconds for which the attempts that have become ready by then hold a slot,
        if nothing but their own cpu and io parts and the queue's own cost holds them up; those for
        which they hold the event loop; and those of their sandboxed cpu parts.
    work_s, cpu_s
        For each queue, the same of one attempt, on average; of the first where all are alike.
    hang
        Queues with outages in which attempts hang.
    """

    times_s: Floats
    attempts: Mapping[str, Floats]
    jobs: Mapping[str, Floats]
    work: Mapping[str, Floats]
    cpu: Mapping[str, Floats]
    core: Mapping[str, Floats]
    work_s: Mapping[str, float]
    cpu_s: Mapping[str, float]
    hang: frozenset[str]

    def load(self, queue: str, edges: Floats) -> Floats:
        """Slots' worth of work that comes in between each two edges, seconds a second."""
        return self._rate(self.work[queue], edges)

    def rate(self, queue: str, edges: Floats) -> Floats:
        """Attempts a second that become ready between each two edges."""
        return self._rate(self.attempts[queue], edges)

    def loops(self, queues: Sequence[str], edges: Floats) -> Floats:
        """Event loops' worth of cpu parts that come in to ``queues`` between each two edges."""
        loads = [self._rate(self.cpu[queue], edges) for queue in queues]
        return np.sum(loads, axis=0) if loads else np.zeros(len(edges) - 1)

    def cores(self, queues: Sequence[str], edges: Floats) -> Floats:
        """Cores' worth of sandboxed cpu parts that come in to ``queues`` between each two edges."""
        loads = [self._rate(self.core[queue], edges) for queue in queues]
        return np.sum(loads, axis=0) if loads else np.zeros(len(edges) - 1)

    def _rate(self, counted: Floats, edges: Floats) -> Floats:
        rate: Floats = np.diff(np.interp(edges, self.times_s, counted)) / np.diff(edges)
        return rate


def offered(scenario: Scenario, *, outages: bool = True) -> Offered:
    """Follow what a scenario brings.

    Parameters
    ----------
    scenario
        What is run. Requests that impatient clients repeat are not in it: how many there are
        depends on how long jobs wait.
    outages
        Whether attempts fail in outages; without, what would come if there were none.
    """
    return _Fluid(scenario, outages).offered()


@dataclass(frozen=True)
class Outlook:
    """What a scenario brings, worked out when first asked for.

    Attributes
    ----------
    scenario
        What is run.
    warmup_s
        What is left out of its measures, seconds.
    """

    scenario: Scenario
    warmup_s: float

    @cached_property
    def brought(self) -> Offered:
        """All that comes, outages and their retries included."""
        return offered(self.scenario)

    @cached_property
    def calm(self) -> Offered:
        """What would come if there were no outages."""
        if not any(queue.outages for queue in self.scenario.queues.values()):
            return self.brought
        return offered(self.scenario, outages=False)


class _Fluid:
    def __init__(self, scenario: Scenario, outages: bool) -> None:
        self.scenario = scenario
        self.outages = {
            name: queue.outage_tables if outages else [] for name, queue in scenario.queues.items()
        }
        #: By the class of jobs, which the scenario keeps alive, and the attempt.
        self.ends: dict[tuple[int, int], Expected] = {}
        self.times = self._grid()
        self.middles = (self.times[1:] + self.times[:-1]) / 2
        zero = np.zeros(len(self.times))
        self.attempts = {name: zero.copy() for name in scenario.queues}
        self.jobs = {name: zero.copy() for name in scenario.queues}
        self.work = {name: zero.copy() for name in scenario.queues}
        self.cpu = {name: zero.copy() for name in scenario.queues}
        self.core = {name: zero.copy() for name in scenario.queues}
        self.cost = scenario.bullmq.overhead if scenario.mode == "bull-queue" else NO_OVERHEAD

    def offered(self) -> Offered:
        # Parents before children: what comes to a queue is complete before it passes anything on.
        arrivals = {name: np.zeros(len(self.times)) for name in self.scenario.queues}
        for queue in self.scenario.arrivals:
            arrivals[queue] += self._arrivals(queue)
        for queue in self._parents_first():
            asked_for, settings = arrivals[queue], self.scenario.queues[queue]
            self.jobs[queue] += asked_for
            for child, number in settings.children.items():
                arrivals[child] += mean_of(number) * asked_for
            if settings.children:
                lag, share = self._children_of(queue)
                asked_for = share * self._later(asked_for, lag)
            completed, failed = self._attempted(queue, asked_for)
            follow_up = settings.follow_up
            for child in follow_up.completed:
                arrivals[child] += completed
            for child in follow_up.failed:
                arrivals[child] += failed
        work_s = {name: self._mean_s(name, self.work[name], self._work_s) for name in self.work}
        cpu_s = {name: self._mean_s(name, self.cpu[name], self._cpu_s) for name in self.cpu}
        hang = frozenset(
            name for name, ones in self.outages.items() if any(one.hang is not None for one in ones)
        )
        return Offered(
            self.times, self.attempts, self.jobs, self.work, self.cpu, self.core, work_s, cpu_s,
            hang,
        )  # fmt: skip

    def _core_s(self, queue: QueueModel, attempt: int) -> float:
        """Of the sandboxed cpu part; a web process has no sandbox."""
        sandboxed = queue.sandbox and not self.scenario.in_process
        return queue.times_of(attempt).cpu.mean if sandboxed else 0.0

    def _cpu_s(self, queue: QueueModel, attempt: int) -> float:
        own = queue.times_of(attempt).cpu.mean - self._core_s(queue, attempt)
        return own + self.cost.loop_s

    def _work_s(self, queue: QueueModel, attempt: int) -> float:
        io_s, cpu_s = self._ends(queue, attempt).io_s, self._cpu_s(queue, attempt)
        return io_s + cpu_s + self._core_s(queue, attempt) + self.cost.service_s

    def _ends(self, queue: QueueModel, attempt: int) -> Expected:
        key = id(queue), min(attempt, 1 + len(queue.later_attempts))
        if key not in self.ends:
            self.ends[key] = expected(queue, attempt)
        return self.ends[key]

    def _first(self, queue: str, each: Callable[[QueueModel, int], float]) -> float:
        """Of the first attempt, on average over the classes of a queue's jobs."""
        return sum(share * each(part, 1) for share, part in self.scenario.queues[queue].parts)

    def _mean_s(self, queue: str, total: Floats, each: Callable[[QueueModel, int], float]) -> float:
        """Seconds of one attempt, on average; of the first where all are alike, or none comes."""
        attempts = float(self.attempts[queue][-1])
        settings = self.scenario.queues[queue]
        if not ((settings.later_attempts or settings.classes) and attempts):
            return self._first(queue, each)
        return float(total[-1]) / attempts

    def _children_of(self, queue: str) -> tuple[float, float]:
        """When a parent is ready, and how probable that is; see `children_of`."""
        takes_s = {name: self._first(name, self._first_over_s) for name in self.scenario.queues}
        return children_of(self.scenario, queue, takes_s)

    def _first_over_s(self, queue: QueueModel, attempt: int) -> float:
        """When the first attempt at a job that never waits for a slot is over, expected seconds."""
        delay = None if self.scenario.in_process else queue.delay
        return self._work_s(queue, attempt) + (delay.mean if delay else 0.0)

    def _grid(self) -> Floats:
        end = self.scenario.duration_s
        moments = [np.linspace(0.0, end, _STEPS + 1)]
        moments += [stream.changes_s(end) for stream in self.scenario.arrivals.values()]
        moments += [
            np.array([one.from_s, one.to_s]) for ones in self.outages.values() for one in ones
        ]
        for crash in self.scenario.crashes:
            moments.append(np.array([crash.at_s, crash.at_s + crash.down_s]))
        if not self.scenario.constant:
            for queue in self.scenario.queues:
                moments.append(np.array([at for at, _ in self.scenario.slots_from(queue)]))
        grid: Floats = np.unique(np.concatenate(moments))
        return grid[(grid >= 0) & (grid <= end)]

    def _parents_first(self) -> list[str]:
        order: list[str] = []

        def visit(queue: str) -> None:
            if queue in order:
                return
            for parent, settings in self.scenario.queues.items():
                follow_up = settings.follow_up
                if queue in (*follow_up.completed, *follow_up.failed, *settings.children):
                    visit(parent)
            order.append(queue)

        for queue in self.scenario.queues:
            visit(queue)
        return order

    def _arrivals(self, queue: str) -> Floats:
        stream = self.scenario.arrivals[queue]
        if isinstance(stream, Customers):
            # As often as they would ask if nobody had to wait.
            answer_s = (self._request_s if self.scenario.in_process else self._job_s)(queue)
            return stream.customers / (stream.think.mean + answer_s) * self.times
        if not isinstance(stream, Follows):
            return stream.coming(self.times, self.scenario.duration_s)
        leader = self._arrivals(stream.follows)
        if self.scenario.in_process:  # the customer thinks after the answer
            leader = self._later(leader, self._request_s(stream.follows))
        return self._after(leader, stream.think) + stream.sent_by(self.times)

    def _after(self, counted: Floats, takes: Distribution) -> Floats:
        """The same count, each so much later: with the probability that its time is over."""
        if isinstance(takes, Constant):
            return self._later(counted, takes.mean_s)
        come, over = np.diff(counted), np.zeros(len(self.times))
        # A few moments at a time, and what has come before them: the whole table fits no cache.
        for begin in range(0, len(over), _AT_ONCE):
            end = min(begin + _AT_ONCE, len(over))
            ages = self.times[begin:end, np.newaxis] - self.middles[: end - 1]
            shares = np.where(ages > 0, takes.cdf(np.maximum(ages, 0.0)), 0.0)
            over[begin:end] = shares @ come[: end - 1]
        return over

    def _request_s(self, queue: str) -> float:
        """What a request and all that follows take in a web process, expected seconds."""
        settings = self.scenario.queues[queue]
        follow_up = settings.follow_up
        fails = self._first(queue, lambda part, attempt: self._ends(part, attempt).fails)
        completed, failed = (
            sum(map(self._request_s, ones)) for ones in (follow_up.completed, follow_up.failed)
        )
        children = sum(self._request_s(one) * mean_of(n) for one, n in settings.children.items())
        share = self._children_of(queue)[1] if children else 1.0
        own = self._first(queue, self._work_s) + (1 - fails) * completed + fails * failed
        return share * own + children

    def _job_s(self, queue: str) -> float:
        """What a job takes in a queue in which it never waits, backoff included, expected seconds.

        As good as nothing comes of attempts that fewer than a few jobs reach.
        """
        settings = self.scenario.queues[queue]
        lag, share = self._children_of(queue) if settings.children else (0.0, 1.0)
        return lag + share * sum(part * self._alone_s(one) for part, one in settings.parts)

    def _alone_s(self, queue: QueueModel) -> float:
        total, reached = queue.delay.mean if queue.delay else 0.0, 1.0
        for attempt in range(1, queue.attempts + 1):
            total += reached * self._work_s(queue, attempt)
            reached *= self._ends(queue, attempt).retried
            if attempt == queue.attempts or reached <= _FEW:
                break
            total += reached * queue.backoff.wait_s(attempt, 0.5)
        return total

    def _attempted(self, queue: str, arrived: Floats) -> tuple[Floats, Floats]:
        """Jobs that have completed, and those that have failed for good, by each moment."""
        completed, failed = np.zeros(len(self.times)), np.zeros(len(self.times))
        for share, part in self.scenario.queues[queue].parts:
            come = share * arrived
            if part.delay is not None and not self.scenario.in_process:
                come = self._after(come, part.delay)
            done, lost = self._tried(queue, part, come)
            completed += done
            failed += lost
        return self._passed_on(queue, completed), self._passed_on(queue, failed)

    def _tried(self, queue: str, part: QueueModel, tried: Floats) -> tuple[Floats, Floats]:
        """The same of one class of its jobs, the first attempts of which are counted."""
        most = 1 if self.scenario.in_process else part.attempts
        completed, given_up = np.zeros(len(self.times)), np.zeros(len(self.times))
        least = _FEW * tried[-1]
        for attempt in range(1, most + 1):
            work_s = self._work_s(part, attempt)
            fails, retried, hangs_s = self._endings(queue, part, attempt)
            self.attempts[queue] += tried
            self.work[queue] += tried * work_s
            self.cpu[queue] += tried * self._cpu_s(part, attempt)
            self.core[queue] += tried * self._core_s(part, attempt)
            done = np.diff(tried)
            completed += _summed(done * (1 - fails))
            given_up += _summed(done * (fails - retried))
            self.work[queue] += _summed(done * hangs_s)
            failed = _summed(done * retried)
            if attempt == most or failed[-1] <= least:
                break
            draws = _JITTERED if part.backoff.jitter else (0.0,)
            waits = [part.backoff.wait_s(attempt, draw) + work_s for draw in draws]
            tried = np.mean([self._later(failed, wait) for wait in waits], axis=0)
        return completed, failed + given_up

    def _endings(self, queue: str, part: QueueModel, attempt: int) -> tuple[Floats, Floats, Floats]:
        """Between each two moments: shares that fail, and that may be tried again; extra seconds.

        The seconds are those that an attempt lasts longer in an outage in which it hangs.
        """
        calm = self._ends(part, attempt)
        n = len(self.middles)
        fails, retried, hangs_s = np.full(n, calm.fails), np.full(n, calm.retried), np.zeros(n)
        unhit = np.ones(n, bool)
        for one in self.outages[queue]:
            inside = (self.middles >= one.from_s) & (self.middles < one.to_s) & unhit
            unhit &= ~inside
            ends = calm.hit(one, part.timeout_s)
            fails[inside], retried[inside] = ends.fails, ends.retried
            hangs_s[inside] = ends.io_s - calm.io_s
        return fails, retried, hangs_s

    def _passed_on(self, queue: str, ended: Floats) -> Floats:
        """What leaves a queue that can do no more than its slots allow."""
        work = self._mean_s(queue, self.work[queue], self._work_s)
        if self.scenario.in_process or not work or not ended[-1]:
            return self._later(ended, work)
        share = ended[-1] / max(self.attempts[queue][-1], 1e-300)
        if self.scenario.constant:
            settings = self.scenario.queues[queue]
            can = min(self.scenario.slots[queue] / work, settings.lets_through(work))
            most = share * can * self.times
        else:
            most = share / work * self._slot_seconds(queue)
        behind = np.minimum.accumulate(np.minimum(ended - most, 0.0))
        return self._later(np.minimum(ended, most + behind), work)

    def _slot_seconds(self, queue: str) -> Floats:
        """Slots times seconds that a queue has had by each moment."""
        begins, slots = np.array(self.scenario.slots_from(queue), dtype=float).T
        had = np.concatenate([[0.0], np.cumsum(np.diff(begins) * slots[:-1])])
        step = np.searchsorted(begins, self.times, side="right") - 1
        return np.asarray(had[step] + (self.times - begins[step]) * slots[step])

    def _later(self, counted: Floats, seconds: float) -> Floats:
        """The same count, so much later."""
        return np.interp(self.times - seconds, self.times, counted, left=0.0)


def _summed(counts: Floats) -> Floats:
    return np.concatenate([[0.0], np.cumsum(counts)])
