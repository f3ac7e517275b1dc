"""What was run, in words: the heading of a report."""

from __future__ import annotations

from simqueue.data import is_packaged
from simqueue.results.wording import count
from simqueue.workload.callers import CallerSettings
from simqueue.workload.pools import Pool
from simqueue.workload.scenario import Scenario
from simqueue.workload.workers import WorkerSettings


def run_title(scenario: Scenario, replications: int = 1) -> str:
    """Who did the jobs, by which seed, and where real arrivals come from; a line each.

    >>> from simqueue.workload.reading import read_scenario
    >>> print(run_title(read_scenario("herd.toml"), replications=3))
    thundering herd: 2 workers x 25 slots per queue, seed 1, 3 replications
    """
    who = _callers(scenario.caller) if scenario.in_process else _who_works(scenario)
    words = f"{scenario.name}: {who}, seed {scenario.seed}"
    if replications > 1:
        words += f", {replications} replications"
    for trace in scenario.traces:
        start, end = trace.span
        # Of a file of the user's we know the stamps, and not what they are of.
        what = "real orders of" if is_packaged(trace.trace) else "as recorded in"
        words += f"\nArrivals: {what} {trace.trace.name}, {start:%d %b %Y %H:%M} to "
        words += f"{end:%H:%M}" if end.date() == start.date() else f"{end:%d %b %Y %H:%M}"
        if trace.scale != 1:
            words += f", scaled: {trace.scale:g} times as many as recorded"
        if trace.speed != 1:
            words += f", {trace.speed:g} times as fast"
    return words


def _who_works(scenario: Scenario) -> str:
    if not scenario.pools:
        return _workers(scenario.workers)
    return ", ".join(f"{name} {_pool(pool)}" for name, pool in scenario.pools.items())


def _pool(pool: Pool) -> str:
    number = count(pool.most, "worker")
    if pool.autoscale is not None:
        number = f"{pool.autoscale.min:,} to {number}, by {pool.autoscale.metric}"
    elif pool.schedule:
        number = f"up to {number}, by its schedule"
    slots = ", ".join(f"{queue} {slots}" for queue, slots in pool.queues.items())
    return f"({number} x slots for {slots})"


def _workers(workers: WorkerSettings) -> str:
    who = count(workers.count, "worker")
    if isinstance(workers.concurrency, int):
        return f"{who} x {workers.concurrency} slots per queue"
    slots = ", ".join(f"{queue} {number}" for queue, number in workers.concurrency.items())
    return f"{who} x slots for {slots}"


def _callers(caller: CallerSettings) -> str:
    if caller.processes == 1:
        return f"in-process, {caller.concurrency} caller(s)"
    return f"in-process, {caller.processes} processes x {caller.concurrency} caller(s)"
