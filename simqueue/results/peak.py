"""When a queue was busiest, how many slots that took, and what it came to, in one sentence.

The basis is the work that jobs bring: attempts that became ready in a window, times the time they
took. Unlike utilisation it does not stop at the slots there are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simqueue.record.attempt_log import AttemptLog
from simqueue.results.history import History, histories
from simqueue.results.wording import count, duration, duration_up

Floats = NDArray[np.float64]
#: Words for a moment of the run: seconds after its start -> ``12:45`` or ``600 s``.
Moment = Callable[[float], str]

QUARTER_HOUR_S = 900.0
_ROUND = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, QUARTER_HOUR_S)
#: A window is at least so many mean service times long; a wait longer than that is a burst's.
_JOBS_PER_WINDOW = 10


@dataclass(frozen=True)
class Peak:
    """The busiest window of one queue, or of the caller that all queues share.

    Attributes
    ----------
    who
        ``the order queue`` or ``the caller``.
    slots
        What it has.
    start_s, end_s
        The window, seconds.
    load
        Slots' worth of work that came in then, a second of work a second being one slot; the mean
        over replications.
    needed
        The fewest slots that can keep up with it: the next whole number above ``load``.
    worst_wait_s, worst_at_s
        The longest wait of the whole run and when that attempt became ready; ``None`` if nothing
        started.
    verdict
        All this in one sentence.
    """

    who: str
    slots: int
    start_s: float
    end_s: float
    load: float
    needed: int
    worst_wait_s: float | None
    worst_at_s: float | None
    verdict: str


def window_edges(low: float, high: float, least: float = 0.0) -> Floats:
    """Edges of the windows that a run is looked at through, seconds.

    Quarter-hours for runs of half a day or more; a round length near a 48th part of shorter ones.
    A rest of less than half a window is added to the last.

    Parameters
    ----------
    low, high
        The run.
    least
        A window should be this long: in one much shorter than a job, a single job looks like a
        crowd.
    """
    ideal = (high - low) / 48
    if ideal >= QUARTER_HOUR_S:
        width = QUARTER_HOUR_S
    else:
        scale = 10.0 ** min(math.floor(math.log10(ideal)), 0)
        widths = [width * scale for width in _ROUND[:4]] + list(_ROUND)
        width = min(widths, key=lambda width: abs(math.log(width / ideal)))
    if width < least:
        width = next((width for width in _ROUND if width >= least), least)
    whole = max(math.floor((high - low) / width + 0.5), 1)
    return np.append(low + width * np.arange(whole), high)


def least_window(found: Sequence[History]) -> float:
    """How long a window should at least be to show crowds, not single jobs: seconds."""
    work = np.concatenate([np.empty(0), *(one.work_s for one in found)])
    return _JOBS_PER_WINDOW * float(work.mean()) if len(work) else 0.0


def offered_slots(found: Sequence[History], edges: Floats, replications: int) -> Floats:
    """Slots' worth of work that came in during each window, the mean over replications."""
    work = np.zeros(len(edges) - 1)
    for one in found:
        work += np.histogram(one.ready_s, edges, weights=one.work_s)[0]
    load: Floats = work / np.diff(edges) / replications
    return load


def as_requested(log: AttemptLog) -> AttemptLog:
    """The same attempts, each ready when its request came in.

    A caller does all of a request, follow-ups too. With one that is hours behind, follow-ups become
    ready hours late, but the work came with the request.
    """
    rows = log.rows.copy()
    for number in np.unique(rows["replication"]):
        mine = rows[rows["replication"] == number]
        jobs, first = np.unique(mine["job"], return_index=True)
        asked, parent = mine["enqueued_s"][first], mine["parent"][first]
        while (parent >= 0).any():
            above = np.minimum(np.searchsorted(jobs, parent), len(jobs) - 1)
            # In a part of a log a parent may be missing: then the child stands for itself.
            known = (parent >= 0) & (jobs[above] == parent)
            asked = np.where(known, asked[above], asked)
            parent = np.where(known, parent[above], -1)
        mine["ready_s"] = asked[np.searchsorted(jobs, mine["job"])]
        rows[rows["replication"] == number] = mine
    return replace(log, rows=rows)


def loop_limit(
    log: AttemptLog,
    window: tuple[float, float],
    cpu_s: Mapping[str, float],
    loops: int,
    moment: Moment,
    replications: int,
) -> str | None:
    """Say so if the event loops are the limit: cpu parts come in faster than they can be done.

    Parameters
    ----------
    log, window, moment
        As in `peaks`.
    cpu_s
        Mean cpu part of an attempt of each queue, seconds.
    loops
        Event loops, one of each process.
    replications
        How many the log has.

    Returns
    -------
    str or None
        A sentence; None if the loops keep up.
    """
    found = [one for one in histories(log) if cpu_s.get(one.queue)]
    if not found:
        return None
    edges = window_edges(*window, least_window(found))
    work = np.zeros(len(edges) - 1)
    for one in found:
        work += np.histogram(one.ready_s, edges)[0] * cpu_s[one.queue]
    load = work / np.diff(edges) / replications
    busiest = int(np.argmax(load))
    if load[busiest] < loops:
        return None
    needed = math.floor(float(load[busiest])) + 1
    return (
        f"The event loop is the limit: at {moment(float(edges[busiest]))} the cpu parts of jobs "
        f"need {count(needed, 'loop')}, one of each worker; there "
        f"{'is' if loops == 1 else 'are'} {loops:,}. More slots would not help, more workers would."
    )


def peaks(
    log: AttemptLog,
    window: tuple[float, float],
    slots: Mapping[str, int],
    moment: Moment,
    shared: bool = False,
) -> dict[str, Peak]:
    """Find the busiest window of each queue.

    Parameters
    ----------
    log
        The attempts of a run.
    window
        From and to, seconds: the warm-up and the drain left out.
    slots
        Concurrent places of each queue, all workers together.
    moment
        Words for a moment of the run.
    shared
        In-process mode: all queues share the caller's slots, so there is one peak, keyed
        ``caller``.

    Returns
    -------
    dict
        By queue, those without any attempt left out.
    """
    groups: dict[str, list[History]] = {}
    replications = set()
    for one in histories(log):
        groups.setdefault("caller" if shared else one.queue, []).append(one)
        replications.add(one.replication)
    brought = {"caller": list(histories(as_requested(log)))} if shared else groups
    order = ["caller"] if shared else list(dict.fromkeys((*slots, *log.queues)))
    return {
        name: _peak(
            "the caller" if shared else f"the {name} queue",
            groups[name],
            brought[name],
            max(slots.values(), default=0) if shared else slots.get(name, 0),
            window,
            len(replications),
            moment,
        )
        for name in order
        if name in groups
    }


def _peak(
    who: str,
    found: Sequence[History],
    brought: Sequence[History],
    slots: int,
    window: tuple[float, float],
    replications: int,
    moment: Moment,
) -> Peak:
    least = least_window(found)
    edges = window_edges(*window, least)
    load = offered_slots(brought, edges, replications)
    busiest = int(np.argmax(load))
    needed = math.floor(load[busiest] + 1e-9) + 1
    ready = np.concatenate([one.ready_s for one in found])
    waits = np.concatenate([one.wait_s for one in found])
    inside = ~np.isnan(waits) & (ready >= edges[0]) & (ready < edges[-1])
    worst = worst_at = None
    if inside.any():
        longest = int(np.argmax(np.where(inside, waits, -np.inf)))
        worst, worst_at = float(waits[longest]), float(ready[longest])
    start, end = float(edges[busiest]), float(edges[busiest + 1])
    near = worst_at is not None and 2 * start - end <= worst_at < 2 * end - start
    return Peak(
        who=who,
        slots=slots,
        start_s=start,
        end_s=end,
        load=float(load[busiest]),
        needed=needed,
        worst_wait_s=worst,
        worst_at_s=worst_at,
        verdict=_verdict(
            who,
            slots,
            needed,
            moment(start),
            worst,
            None if near or worst_at is None else moment(worst_at),
            burst=worst is not None and worst > least,
        ),
    )


def _verdict(
    who: str,
    slots: int,
    needed: int,
    when: str,
    worst: float | None,
    elsewhere: str | None,
    burst: bool,
) -> str:
    subject = who[0].upper() + who[1:]
    if slots == 0:
        return f"{subject} has no slots: nothing starts."
    if worst is None:
        return f"{subject} has {count(slots, 'slot')}: nothing started in this window."
    at = f" (at {elsewhere})" if elsewhere else ""
    if needed > slots:
        needs = f"{subject} needs {count(needed, 'slot')} at {when}; it has {slots:,}"
        return f"{needs}: waits reach {duration(worst)}{at}."
    enough = f"{subject} has {count(slots, 'slot')} and needs {needed:,} at its busiest ({when})"
    if burst:
        return f"{enough}, yet bursts make jobs wait up to {duration(worst)}{at}."
    return f"{enough}: waits stay under {duration_up(worst)}."
