"""Whether a downstream has places enough for all who call it."""

from __future__ import annotations

import numpy as np

from simqueue.results.verdicts.seen import Seen, busiest, flat, short_windows
from simqueue.results.verdicts.verdict import Verdict
from simqueue.results.wording import count
from simqueue.workload.expected import io_mean_s


def downstream_verdicts(seen: Seen) -> list[Verdict]:
    """The downstreams that more io parts are to call at once than they have places."""
    scenario, found = seen.scenario, []
    for name, settings in scenario.downstreams.items():
        callers = [key for key, queue in scenario.queues.items() if queue.downstream == name]
        if not callers:
            continue
        edges = seen.edges(callers)
        io_s = {key: io_mean_s(scenario.queues[key]) for key in callers}
        load = np.sum([seen.calm.rate(key, edges) * io_s[key] for key in callers], axis=0)
        peak = busiest(load)
        needed = max(seen.needed(float(load[peak]), key) for key in callers)
        slots = (
            scenario.slots[callers[0]]
            if seen.in_process
            else sum(scenario.slots[key] for key in callers)
        )
        if needed <= settings.places or slots <= settings.places:
            continue
        when = "" if flat(load) else f" at {scenario.moment(float(edges[peak]))}"
        what = "wait in line" if settings.when_full == "wait" else "fail"
        words = (
            f"Downstream {name} is the limit: io parts need {count(needed, 'place')}{when}; it "
            f"has {settings.places:,}, and attempts that find them taken {what}. More slots "
            "would not help."
        )
        short = short_windows(edges, load, settings.places)
        found.append(
            Verdict(f"downstream.{name}", "downstream", words, float(load[peak]), needed, short)
        )
    return found
