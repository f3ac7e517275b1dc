"""Which formula holds for a queue of a scenario, and what it says.

A formula is printed only if each of its conditions holds: they all are here, in `CONDITIONS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simqueue.results.loads import fed_by_others, job_rates
from simqueue.results.offered import Outlook
from simqueue.results.relaxation import deficit, mg1_relaxation_s, mmc_relaxation_s
from simqueue.results.theory import erlang_c, mg1_wait_mean, mmc_wait_mean, retry_rate
from simqueue.results.wording import duration, percent
from simqueue.workload.arrivals import Follows, Poisson
from simqueue.workload.distributions import Exponential
from simqueue.workload.expected import expected, retries
from simqueue.workload.production import NO_OVERHEAD
from simqueue.workload.queues import QueueModel
from simqueue.workload.scenario import Scenario

#: One theory entry of a result: ``model``, ``wait_mean_s``, ``p_wait``.
Theory = dict[str, str | float]

#: The mean wait that a run may show may differ by so much from that of steady state, because
#: not all that is to come has come (think times, backoffs); and because it began empty.
NOT_YET_COME, BEGAN_EMPTY = 0.02, 0.10
_WINDOWS = 24


@dataclass(frozen=True)
class Case:
    """One queue of a scenario, about which a formula may say something."""

    outlook: Outlook
    name: str

    @property
    def scenario(self) -> Scenario:
        """The whole of it."""
        return self.outlook.scenario

    @property
    def queue(self) -> QueueModel:
        """Its settings."""
        return self.scenario.queues[self.name]

    @property
    def slots(self) -> int:
        """Its concurrent places, all workers together."""
        return self.scenario.slots[self.name]

    @property
    def retried(self) -> bool:
        """Whether any job comes again."""
        return retries(self.queue)

    @property
    def root_rate(self) -> float | None:
        """Jobs a second, if they come from one Poisson process at one rate."""
        stream = self.scenario.arrivals.get(self.name)
        if isinstance(stream, Follows) and not stream.sent:
            stream = self.scenario.arrivals[stream.follows]
        if isinstance(stream, Poisson) and stream.alone and stream.batch == 1:
            return stream.rate_per_s
        return None

    @property
    def bounded(self) -> bool:
        """Whether some of its jobs are turned away, or those that they would follow."""
        arrivals = self.scenario.arrivals
        own = arrivals[self.name]
        leader = arrivals[own.follows] if isinstance(own, Follows) else own
        return own.max_waiting is not None or leader.max_waiting is not None

    @property
    def rate(self) -> float:
        """Attempts a second in steady state."""
        rate = self.root_rate or 0.0
        return retry_rate(rate, expected(self.queue).retried, self.queue.attempts)

    @property
    def load(self) -> float:
        """Work that comes in, per slot, in steady state."""
        return self.rate * self.queue.service.mean / self.slots

    @property
    def exponential(self) -> bool:
        """Whether service has no memory."""
        return isinstance(self.queue.service, Exponential)

    def wait_mean_s(self, rate: float) -> float:
        """The mean wait at ``rate`` attempts a second, in steady state."""
        service = self.queue.service
        if self.exponential:
            return mmc_wait_mean(rate, service.mean, self.slots)
        return mg1_wait_mean(rate, service.mean, service.scv)

    @property
    def relaxation_s(self) -> float:
        """How long it takes to forget an empty start, seconds."""
        service = self.queue.service
        if self.exponential and self.slots > 1:
            return mmc_relaxation_s(self.rate, service.mean, self.slots)
        second = service.mean**2 * (1 + service.scv)
        return mg1_relaxation_s(self.rate, service.mean, second, service.third)

    @property
    def deficit(self) -> float:
        """Share by which the run's mean wait stays below steady state, because it began empty."""
        window = self.outlook.warmup_s, self.scenario.duration_s
        return deficit(self.relaxation_s, window)

    @property
    def wait_mean_of_the_run_s(self) -> float:
        """The mean wait at the rates that the run has, window by window."""
        edges = np.linspace(self.outlook.warmup_s, self.scenario.duration_s, _WINDOWS + 1)
        rates = self.outlook.brought.rate(self.name, edges)
        waits = [self.wait_mean_s(min(float(rate), self.rate)) for rate in rates]
        return float(np.average(waits, weights=rates)) if rates.any() else 0.0


@dataclass(frozen=True)
class Condition:
    """Something that has to be so for a formula to hold.

    Attributes
    ----------
    name
        What it is.
    holds
        Whether it is so.
    """

    name: str
    holds: Callable[[Case], bool]


#: In the order in which they are looked at: a later one may rest on those before it.
CONDITIONS: tuple[Condition, ...] = (
    Condition("jobs wait in queues of their own", lambda case: case.scenario.mode == "bull-queue"),
    Condition("some slot takes them", lambda case: case.slots > 0),
    Condition("they come at random, at one rate", lambda case: case.root_rate is not None),
    Condition("they wait for no children", lambda case: not case.queue.children),
    Condition("from one stream", lambda case: not fed_by_others(case.scenario, case.name)),
    Condition("nobody asks twice", lambda case: case.scenario.arrivals[case.name].client is None),
    Condition("nobody is turned away", lambda case: not case.bounded),
    Condition("first come, first served", lambda case: not case.queue.lifo),
    Condition("no class or priority goes first", lambda case: not case.queue.classes),
    Condition("no job is delayed", lambda case: case.queue.delay is None),
    Condition("whoever is idle may start", lambda case: not case.queue.gated),
    Condition("no outage", lambda case: not case.queue.outages),
    Condition("no time-out", lambda case: case.queue.timeout_s is None),
    Condition("a failure takes as long", lambda case: case.queue.failure_service is None),
    Condition("nobody else's places are needed", lambda case: case.queue.downstream is None),
    Condition("no worker dies", lambda case: not case.scenario.crashes),
    Condition("as many workers all the time", lambda case: case.scenario.constant),
    Condition("the queue costs nothing", lambda case: case.scenario.bullmq.overhead == NO_OVERHEAD),
    Condition("nobody holds the event loop", lambda case: not _loop_is_held(case.scenario)),
    Condition(
        "no cores are shared", lambda case: not (case.queue.sandbox and case.queue.cpu.mean > 0)
    ),
    Condition(
        "service without memory, or one slot", lambda case: case.exponential or case.slots == 1
    ),
    Condition("retries of such service only", lambda case: case.exponential or not case.retried),
    Condition("all attempts alike", lambda case: not (case.retried and case.queue.later_attempts)),
    Condition("less work than the slots can do", lambda case: case.load < 1),
    Condition("all that is to come has come", lambda case: _has_come(case)),
    Condition(
        "it is known how long a start is felt", lambda case: math.isfinite(case.relaxation_s)
    ),
    Condition("the run is long", lambda case: case.deficit <= BEGAN_EMPTY),
)


def broken(case: Case) -> Condition | None:
    """The first condition that does not hold; ``None``: a formula holds."""
    return next((one for one in CONDITIONS if not one.holds(case)), None)


def formulas(outlook: Outlook) -> dict[str, Theory | None]:
    """The wait that a formula gives for each queue; ``None`` unless it truly holds there.

    M/M/c for exponential service, with retries after any backoff (see
    `simqueue.results.theory.retry_rate`); M/G/1 and M/D/1 for one slot without retries.
    """
    return {queue: _theory(Case(outlook, queue)) for queue in outlook.scenario.queues}


def _theory(case: Case) -> Theory | None:
    if broken(case) is not None:
        return None
    service = case.queue.service
    if case.exponential:
        return {
            "model": f"M/M/{case.slots}",
            "wait_mean_s": case.wait_mean_s(case.rate),
            "p_wait": erlang_c(case.slots, case.rate * service.mean),
        }
    return {
        "model": "M/G/1" if service.scv else "M/D/1",
        "wait_mean_s": case.wait_mean_s(case.rate),
        "p_wait": case.load,
    }


def _has_come(case: Case) -> bool:
    """Whether think times and backoffs are short beside the run: the rates are those to stay."""
    steady = case.wait_mean_s(case.rate)
    return abs(case.wait_mean_of_the_run_s - steady) <= NOT_YET_COME * steady


def _loop_is_held(scenario: Scenario) -> bool:
    """Whether any job has a cpu part: it holds the event loop that all queues of a worker share."""
    rates = job_rates(scenario)
    return any(
        queue.computes and rates[name] > 0 and scenario.works_on(name)
        for name, queue in scenario.queues.items()
    )


def short_run_warnings(outlook: Outlook) -> list[str]:
    """One line for each queue of which a formula would hold if the run were longer."""
    found = []
    for name in outlook.scenario.queues:
        case = Case(outlook, name)
        condition = broken(case)
        if condition is None or condition.name != "the run is long":
            continue
        found.append(
            f"the run is short for the {name} queue: at a load of {case.load:.3g} it takes about "
            f"{duration(3 * case.relaxation_s)} to forget that it began empty, so the mean wait "
            f"is expected about {percent(case.deficit)} below the "
            f"{duration(case.wait_mean_s(case.rate))} of steady state"
        )
    return found
