"""What was run, in words: the heading of a report."""

from __future__ import annotations

from simqueue.data import is_packaged
from simqueue.workload.scenario import Scenario


def run_title(scenario: Scenario, replications: int = 1) -> str:
    """Who did the jobs, by which seed, and where real arrivals come from; a line each.

    >>> from simqueue.workload.reading import read_scenario
    >>> print(run_title(read_scenario("herd.toml"), replications=3))
    thundering herd: 2 workers x 25 slots per queue, seed 1, 3 replications
    """
    if scenario.mode == "in-process":
        who = f"in-process, {scenario.caller.concurrency} caller(s)"
    else:
        workers, slots = scenario.workers.count, scenario.workers.concurrency
        who = f"{workers} worker{'s' * (workers > 1)} x {slots} slots per queue"
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
