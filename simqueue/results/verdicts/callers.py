"""Whether the web processes of the training mode have callers enough."""

from __future__ import annotations

import numpy as np

from simqueue.record.attempt_log import REFUSED
from simqueue.results.verdicts.seen import Seen, busiest, flat, short_windows
from simqueue.results.verdicts.verdict import Verdict
from simqueue.results.windows import JOBS_PER_WINDOW
from simqueue.results.wording import count, duration, duration_up


def caller_verdicts(seen: Seen, loop: Verdict | None) -> list[Verdict]:
    """Whether callers are enough; none if nothing started, or the event loop is what binds."""
    callers = seen.scenario.caller.callers
    edges = seen.edges(seen.scenario.queues)
    load = np.sum([seen.calm.load(queue, edges) for queue in seen.scenario.queues], axis=0)
    roots = [seen.found[queue] for queue in seen.scenario.arrivals if queue in seen.found]
    waits = seen.waits([one for found in roots for one in found])
    if waits is None:
        return []
    peak = busiest(load)
    needed = max(seen.needed(float(load[peak]), queue) for queue in seen.scenario.queues)
    when = "" if flat(load) else seen.scenario.moment(float(edges[peak]))
    one = seen.scenario.caller.processes == 1
    who = "The web process" if one else "The web processes"
    has, needs = ("has", "needs") if one else ("have", "need")
    full = bool((seen.log.rows["outcome"] == REFUSED).any())
    if needed > callers and (waits.worst > 0 or full):
        if loop is not None and loop.short_s:
            return []
        words = f"{who} {needs} {count(needed, 'caller')}{when and f' at {when}'}; "
        words += f"{'it' if one else 'they'} {has} {callers:,}: "
        words += f"{seen.reach(waits, edges, peak)}." if waits.worst > 0 else "nobody waits."
        short = short_windows(edges, load, callers)
        return [Verdict("caller", "slots", words, float(load[peak]), needed, short)]
    words = f"{who} {has} {count(callers, 'caller')} and {needs} {needed:,}"
    words += when and f" at its busiest ({when})"
    if waits.worst > JOBS_PER_WINDOW * max(seen.offered.work_s.values()):
        words += f", yet bursts make requests wait up to {duration(waits.worst)}"
        words += f"{seen.elsewhere(waits, edges, peak)}."
        return [Verdict("caller", "bursts", words, float(load[peak]), needed)]
    words += f": waits stay under {duration_up(waits.worst)}."
    return [Verdict("caller", "nothing", words, float(load[peak]), needed)]
