"""What a scenario brings to each queue over time, expected: before chance, and before any wait.

A run's own counts are noisy: the busiest of forty windows is busier than what was asked for. What
was asked for is known, so it is followed through the scenario as a fluid: arrivals, think times,
attempts and their backoffs, outages, follow-ups. A queue whose slots are all taken passes on no
more than they can do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from simqueue.record.attempt_log import Floats
from simqueue.workload.arrivals import Follows
from simqueue.workload.distributions import Constant
from simqueue.workload.production import NO_OVERHEAD
from simqueue.workload.scenario import Scenario

#: Steps of the grid that a run is followed on, beside the moments at which something changes.
_STEPS = 1_500
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
    work_s, cpu_s
        For each queue, mean seconds that an attempt holds a slot, if nothing but its own cpu and
        io parts and the queue's own cost holds it up; and those for which it holds the event loop.
    """

    times_s: Floats
    attempts: Mapping[str, Floats]
    jobs: Mapping[str, Floats]
    work_s: Mapping[str, float]
    cpu_s: Mapping[str, float]

    def load(self, queue: str, edges: Floats) -> Floats:
        """Slots' worth of work that comes in between each two edges, seconds a second."""
        return self._rate(self.attempts[queue], edges) * self.work_s[queue]

    def rate(self, queue: str, edges: Floats) -> Floats:
        """Attempts a second that become ready between each two edges."""
        return self._rate(self.attempts[queue], edges)

    def loops(self, queues: Sequence[str], edges: Floats) -> Floats:
        """Event loops' worth of cpu parts that come in to ``queues`` between each two edges."""
        loads = [self.rate(queue, edges) * self.cpu_s[queue] for queue in queues]
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
        self.windows = {
            name: queue.outages if outages else [] for name, queue in scenario.queues.items()
        }
        self.times = self._grid()
        self.middles = (self.times[1:] + self.times[:-1]) / 2
        zero = np.zeros(len(self.times))
        self.attempts = {name: zero.copy() for name in scenario.queues}
        self.jobs = {name: zero.copy() for name in scenario.queues}
        cost = scenario.bullmq.overhead if scenario.mode == "bull-queue" else NO_OVERHEAD
        self.cpu_s = {name: queue.cpu.mean + cost.loop_s for name, queue in scenario.queues.items()}
        self.work_s = {
            name: queue.service.mean + self.cpu_s[name] + cost.service_s
            for name, queue in scenario.queues.items()
        }

    def offered(self) -> Offered:
        # Parents before children: what comes to a queue is complete before it passes anything on.
        arrivals = {name: np.zeros(len(self.times)) for name in self.scenario.queues}
        for queue in self.scenario.arrivals:
            arrivals[queue] += self._arrivals(queue)
        for queue in self._parents_first():
            self.jobs[queue] += arrivals[queue]
            completed, failed = self._attempted(queue, arrivals[queue])
            follow_up = self.scenario.queues[queue].follow_up
            for child in follow_up.completed:
                arrivals[child] += completed
            for child in follow_up.failed:
                arrivals[child] += failed
        return Offered(self.times, self.attempts, self.jobs, self.work_s, self.cpu_s)

    def _grid(self) -> Floats:
        end = self.scenario.duration_s
        moments = [np.linspace(0.0, end, _STEPS + 1)]
        moments += [stream.steps_s(end) for stream in self.scenario.arrivals.values()]
        moments += [np.ravel(windows) for windows in self.windows.values() if windows]
        for crash in self.scenario.workers.crashes:
            moments.append(np.array([crash.at_s, crash.at_s + crash.down_s]))
        grid: Floats = np.unique(np.concatenate(moments))
        return grid[(grid >= 0) & (grid <= end)]

    def _parents_first(self) -> list[str]:
        order: list[str] = []

        def visit(queue: str) -> None:
            if queue in order:
                return
            for parent, settings in self.scenario.queues.items():
                if queue in (*settings.follow_up.completed, *settings.follow_up.failed):
                    visit(parent)
            order.append(queue)

        for queue in self.scenario.queues:
            visit(queue)
        return order

    def _arrivals(self, queue: str) -> Floats:
        stream = self.scenario.arrivals[queue]
        if not isinstance(stream, Follows):
            return stream.expected(self.times, self.scenario.duration_s)
        leader = self._arrivals(stream.follows)
        if isinstance(stream.think, Constant):
            return self._later(leader, stream.think.mean_s)
        # Every root's follower has come with the probability that its think time is over.
        ages = self.times[:, np.newaxis] - self.middles[np.newaxis, :]
        come: Floats = np.where(ages > 0, stream.think.cdf(np.maximum(ages, 0.0)), 0.0)
        return come @ np.diff(leader)

    def _attempted(self, queue: str, arrived: Floats) -> tuple[Floats, Floats]:
        """Jobs that have completed, and those that have failed for good, by each moment."""
        policy = self.scenario.policy_of(queue)
        fails = np.full(len(self.middles), self.scenario.queues[queue].failure_rate)
        for start, end in self.windows[queue]:
            fails[(self.middles >= start) & (self.middles < end)] = 1.0
        completed = np.zeros(len(self.times))
        tried, least = arrived, _FEW * arrived[-1]
        for attempt in range(1, policy.attempts + 1):
            self.attempts[queue] += tried
            done = np.diff(tried)
            completed += _summed(done * (1 - fails))
            failed = _summed(done * fails)
            if attempt == policy.attempts or failed[-1] <= least:
                break
            draws = _JITTERED if policy.backoff.jitter else (0.0,)
            waits = [policy.backoff.wait_s(attempt, draw) + self.work_s[queue] for draw in draws]
            tried = np.mean([self._later(failed, wait) for wait in waits], axis=0)
        return self._passed_on(queue, completed), self._passed_on(queue, failed)

    def _passed_on(self, queue: str, ended: Floats) -> Floats:
        """What leaves a queue that can do no more than its slots allow."""
        work = self.work_s[queue]
        if self.scenario.in_process or not work or not ended[-1]:
            return self._later(ended, work)
        share = ended[-1] / max(self.attempts[queue][-1], 1e-300)
        most = share * self.scenario.slots[queue] / work * self.times
        behind = np.minimum.accumulate(np.minimum(ended - most, 0.0))
        return self._later(np.minimum(ended, most + behind), work)

    def _later(self, counted: Floats, seconds: float) -> Floats:
        """The same count, so much later."""
        return np.interp(self.times - seconds, self.times, counted, left=0.0)


def _summed(counts: Floats) -> Floats:
    return np.concatenate([[0.0], np.cumsum(counts)])
