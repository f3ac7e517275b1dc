"""Whether a scenario has a steady state, and the waits that a formula gives for it.

Nothing here looks at a run.
"""

from __future__ import annotations

from simqueue.results.offered_load import OfferedLoads, follow_up_shares, job_rates, offered_loads
from simqueue.results.theory import (
    NoSteadyState,
    erlang_c,
    mg1_wait_mean,
    mmc_wait_mean,
    retry_rate,
)
from simqueue.workload.arrivals import Follows, Poisson, Regular
from simqueue.workload.distributions import Exponential
from simqueue.workload.production import MEASURED, NO_OVERHEAD
from simqueue.workload.scenario import Scenario

#: A share of the event loop that nobody would call small.
_MUCH = 0.2

#: One theory entry of a result: ``model``, ``wait_mean_s``, ``p_wait``.
Theory = dict[str, str | float]


def load_warnings(scenario: Scenario) -> list[str]:
    """One line for each load of 1 or more that constant input brings, and each queue without slots.

    Input that changes over the run (a trace, a profile) may exceed the slots for a while: whether
    it did is for the run itself to say.
    """
    loads, rates = offered_loads(scenario), job_rates(scenario)
    found = [
        f"no worker takes {queue} jobs (workers.type = {scenario.workers.type!r}): they only wait"
        for queue, load in loads.queues.items()
        if load is None and rates[queue] > 0
    ]
    steady = {queue for queue in scenario.queues if _constant(scenario, queue)}
    too_much: list[tuple[str, float]] = []
    if scenario.in_process:
        if steady == set(scenario.queues):
            too_much.append(("the caller", loads.together))
    else:
        too_much += [
            (f"the {queue} queue", load)
            for queue, load in loads.queues.items()
            if load is not None and queue in steady
        ]
    if steady == set(scenario.queues):
        too_much.append(("the event loop of each process", loads.event_loop))
    found += _unseen_cost(scenario, loads)
    return found + [
        f"no steady state: {who} has a load of {load:.3g} (1 is all it can do), so the backlog "
        "grows; the figures describe this run only: the longer the run, the longer the waits"
        for who, load in too_much
        if load >= 1
    ]


def _unseen_cost(scenario: Scenario, loads: OfferedLoads) -> list[str]:
    """Whether the queue itself has so much to do that leaving its cost out is wrong."""
    if scenario.in_process or scenario.bullmq.overhead != NO_OVERHEAD:
        return []
    share = loads.attempts_per_s * MEASURED.loop_s / scenario.workers.count
    if share < _MUCH:
        return []
    return [
        f"{loads.attempts_per_s:,.0f} attempts a second: the queue itself would take about "
        f"{share:.0%} of each worker's event loop ({1000 * MEASURED.loop_s:g} ms an attempt), "
        "which is left out here; --set bullmq.overhead=measured takes it into account"
    ]


def formulas(scenario: Scenario) -> dict[str, Theory | None]:
    """The wait that a formula gives for each queue; ``None`` unless it truly holds there.

    It holds for Poisson input at one rate from one stream (payments that follow such orders after
    independent times are Poisson again), no cpu part, outage, crash or overhead, first come first
    served, in ``bull-queue`` mode: M/M/c for exponential service, with retries after any backoff
    (see `simqueue.results.theory.retry_rate`); M/G/1 and M/D/1 for one slot without retries. Never
    for follow-ups such as email, whose input is the output of other queues.
    """
    return {queue: _formula(scenario, queue) for queue in scenario.queues}


def _formula(scenario: Scenario, name: str) -> Theory | None:
    queue, slots = scenario.queues[name], scenario.slots[name]
    rate = _poisson_rate(scenario, name)
    if (
        rate is None
        or scenario.in_process
        or slots == 0
        or queue.outages
        or queue.lifo
        or scenario.workers.crashes
        or scenario.bullmq.overhead != NO_OVERHEAD
        or _loop_is_shared(scenario)
    ):
        return None
    service = queue.service
    try:
        if isinstance(service, Exponential):
            rate = retry_rate(rate, queue.failure_rate, queue.attempts)
            return {
                "model": f"M/M/{slots}",
                "wait_mean_s": mmc_wait_mean(rate, service.mean, slots),
                "p_wait": erlang_c(slots, rate * service.mean),
            }
        if slots == 1 and (queue.attempts == 1 or queue.failure_rate == 0):
            return {
                "model": "M/G/1" if service.scv else "M/D/1",
                "wait_mean_s": mg1_wait_mean(rate, service.mean, service.scv),
                "p_wait": rate * service.mean,
            }
    except NoSteadyState:
        return None
    return None


def _loop_is_shared(scenario: Scenario) -> bool:
    """Whether any job has a cpu part: it holds the event loop that all queues of a worker share."""
    rates = job_rates(scenario)
    return any(
        queue.cpu.mean > 0 and rates[name] > 0 and scenario.works_on(name)
        for name, queue in scenario.queues.items()
    )


def _poisson_rate(scenario: Scenario, queue: str) -> float | None:
    """Jobs per second if they come from one Poisson process at one rate and from nowhere else."""
    if any(
        child == queue
        for parent in scenario.queues
        for child, _ in follow_up_shares(scenario, parent)
    ):
        return None
    stream = scenario.arrivals.get(queue)
    if isinstance(stream, Follows):
        stream = scenario.arrivals[stream.follows]
    if not isinstance(stream, Poisson) or scenario.arrivals[queue].client is not None:
        return None
    return stream.rate_per_s


def _constant(scenario: Scenario, queue: str) -> bool:
    """Whether all that comes to ``queue``, through whatever other queues, comes at one rate."""

    def reaches(start: str) -> bool:
        return start == queue or any(
            reaches(child) for child, _ in follow_up_shares(scenario, start)
        )

    for start, stream in scenario.arrivals.items():
        if isinstance(stream, Follows):
            stream = scenario.arrivals[stream.follows]
        if not isinstance(stream, Poisson | Regular) and reaches(start):
            return False
    return True
