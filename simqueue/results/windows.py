"""A run looked at through windows: how long they are, and the work that came in during each.

The work that jobs bring is what they need: attempts that became ready in a window, times the time
they took. Unlike utilisation it does not stop at the slots there are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from simqueue.record.attempt_log import AttemptLog, Floats
from simqueue.results.history import History

QUARTER_HOUR_S = 900.0
_ROUND = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, QUARTER_HOUR_S)
#: A window is at least so many mean service times long; a wait longer than that is a burst's.
_JOBS_PER_WINDOW = 10


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
