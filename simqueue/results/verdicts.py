"""What a run came to, in a sentence for each queue."""

from __future__ import annotations

import math

import numpy as np

from simqueue.record.attempt_log import AttemptLog
from simqueue.results.history import histories
from simqueue.results.peak import Peak, peaks
from simqueue.results.windows import least_window, window_edges
from simqueue.results.wording import TimeLabel, count, duration, duration_up
from simqueue.workload.scenario import Scenario


def verdicts(
    log: AttemptLog, scenario: Scenario, window: tuple[float, float], replications: int
) -> dict[str, str]:
    """What limits a run and what it needs.

    Parameters
    ----------
    log
        Its attempts.
    scenario
        What was run.
    window
        From and to, seconds: the warm-up and the drain left out.
    replications
        How many the log has, those without any job included.

    Returns
    -------
    dict
        By queue; under ``caller`` in in-process mode, and under ``event loop`` where that is the
        limit.
    """
    # Where the event loop is the limit, jobs take long because they wait for it: slots that are
    # counted from such times would be wrong advice.
    if limit := loop_verdict(log, scenario, window, replications):
        return {"event loop": limit}
    shared = scenario.in_process
    found = peaks(log, window, scenario.slots, shared)
    return {name: verdict(name, peak, scenario.moment, shared) for name, peak in found.items()}


def verdict(name: str, peak: Peak, moment: TimeLabel, shared: bool = False) -> str:
    """Say whether there are slots enough, and how long jobs waited.

    Parameters
    ----------
    name
        The queue; in in-process mode ``caller``.
    peak
        Its busiest window.
    moment
        Words for a moment of the run.
    shared
        In-process mode: the slots are the caller's.
    """
    who = "The caller" if shared else f"The {name} queue"
    slots, needed, worst = peak.slots, peak.needed, peak.worst_wait_s
    if slots == 0:
        return f"{who} has no slots: nothing starts."
    if worst is None or peak.worst_at_s is None:
        return f"{who} has {count(slots, 'slot')}: nothing started in this window."
    when = moment(peak.start_s)
    at = "" if peak.worst_is_near else f" (at {moment(peak.worst_at_s)})"
    if needed > slots:
        needs = f"{who} needs {count(needed, 'slot')} at {when}; it has {slots:,}"
        return f"{needs}: waits reach {duration(worst)}{at}."
    enough = f"{who} has {count(slots, 'slot')} and needs {needed:,} at its busiest ({when})"
    if worst > peak.burst_s:
        return f"{enough}, yet bursts make jobs wait up to {duration(worst)}{at}."
    return f"{enough}: waits stay under {duration_up(worst)}."


def loop_verdict(
    log: AttemptLog, scenario: Scenario, window: tuple[float, float], replications: int
) -> str | None:
    """Say so if the event loops are the limit: cpu parts come in faster than they can be done.

    Parameters
    ----------
    log, scenario, window, replications
        As in `verdicts`.
    """
    cpu_s = {name: queue.cpu.mean for name, queue in scenario.queues.items()}
    found = [one for one in histories(log) if cpu_s.get(one.queue)]
    if not found:
        return None
    edges = window_edges(*window, least_window(found))
    work = np.zeros(len(edges) - 1)
    for one in found:
        work += np.histogram(one.ready_s, edges)[0] * cpu_s[one.queue]
    load = work / np.diff(edges) / replications
    busiest = int(np.argmax(load))
    loops = scenario.event_loops
    if load[busiest] < loops:
        return None
    needed = math.floor(float(load[busiest])) + 1
    return (
        f"The event loop is the limit: at {scenario.moment(float(edges[busiest]))} the cpu parts "
        f"of jobs need {count(needed, 'loop')}, one of each worker; there "
        f"{'is' if loops == 1 else 'are'} {loops:,}. More slots would not help, more workers would."
    )
