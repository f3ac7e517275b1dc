"""What a day says of a pool of workers: its worst minute, what it cost, how it went up and down."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from simqueue.experiments.run import Run
from simqueue.record.attempt_log import UNFINISHED, Floats
from simqueue.results.history import histories
from simqueue.results.offered import Outlook
from simqueue.results.presence import Presence
from simqueue.results.windows import JOBS_PER_WINDOW, window_edges
from simqueue.workload.scenario import Scenario

#: What is measured, in the order in which it comes.
NUMBERS = ("worst_minute_s", "worker_hours", "cost", "most", "turns", "late_s", "left")
#: A load that is so little above the slots is none: sums of floats.
_TINY = 1e-9


@dataclass(frozen=True)
class Need:
    """Slots' worth of work that comes in to a queue, expected: before chance, and before any wait.

    Attributes
    ----------
    queue
        Which.
    edges_s
        Edges of the windows, seconds.
    load
        Of each window.
    """

    queue: str
    edges_s: Floats
    load: Floats


def needs(scenario: Scenario, pool: str) -> tuple[Need, ...]:
    """What comes in to each queue of a pool, through the windows of a verdict."""
    calm = Outlook(scenario, scenario.fixed_warmup_s).calm
    least = JOBS_PER_WINDOW * max(calm.work_s[queue] for queue in scenario.pools[pool].queues)
    edges = window_edges(scenario.fixed_warmup_s, scenario.duration_s, least)
    return tuple(
        Need(queue, edges, calm.load(queue, edges)) for queue in scenario.pools[pool].queues
    )


@dataclass(frozen=True)
class PoolDay:
    """Measures a day; it goes to other processes.

    Attributes
    ----------
    pool
        Which.
    queues
        Those that the targets are about.
    needs
        What comes in to the pool's queues.
    """

    pool: str
    queues: tuple[str, ...]
    needs: tuple[Need, ...]

    def __call__(self, run: Run) -> list[float]:
        """See `NUMBERS`: seconds, hours, workers and jobs."""
        of_pool = run.summary().pools[self.pool]
        found = list(histories(run.log, run.scenario.crashes))
        mine = [one for one in found if one.queue in self.queues]
        low, high = run.window
        minutes = [worst_minute_s(one.ready_s, one.wait_s, low, high) for one in mine]
        left = sum(
            (np.isfinite(one.ready_s) & (one.outcome == UNFINISHED) & np.isnan(one.started_s)).sum()
            for one in found
        )
        return [
            max((one for one in minutes if not math.isnan(one)), default=math.nan),
            float(of_pool.worker_hours),
            math.nan if of_pool.cost is None else float(of_pool.cost),
            of_pool.most,
            turns(*_changes(run, self.pool), low, high),
            late_s(run, self.needs),
            int(left),
        ]


def worst_minute_s(ready_s: Floats, wait_s: Floats, low: float, high: float) -> float:
    """The largest mean wait of the attempts that became ready within one minute, seconds.

    Parameters
    ----------
    ready_s, wait_s
        Of each attempt; one that never started has no wait.
    low, high
        Minutes are counted from ``low`` on, up to ``high``.

    Returns
    -------
    float
        NaN if there was none.
    """
    counted = (ready_s >= low) & (ready_s < high) & ~np.isnan(wait_s)
    if not counted.any():
        return math.nan
    minute = ((ready_s[counted] - low) // 60).astype(int)
    number = np.bincount(minute)
    waited = np.bincount(minute, wait_s[counted])
    return float((waited[number > 0] / number[number > 0]).max())


def _changes(run: Run, pool: str) -> tuple[Floats, Floats]:
    """When workers were asked for, and told to end; those with which the run begins are no change.

    A worker that was drained by the scenario is to be back, and has no row of its own.
    """
    rows = _rows_of(run, pool)
    asked, drained = rows["asked_s"], rows["drained_s"]
    return asked[asked > 0], drained[~np.isnan(drained)]


def _rows_of(run: Run, pool: str) -> np.ndarray[Any, Any]:
    rows: np.ndarray[Any, Any] = run.log.presence
    if not len(rows):
        return rows
    of_pool = np.array(run.log.pools, dtype=object)[rows["worker"]]
    found: np.ndarray[Any, Any] = rows[of_pool == pool]
    return found


def turns(
    up_s: Sequence[float] | Floats, down_s: Sequence[float] | Floats, low: float, high: float
) -> int:
    """How often a number turned: went up after it had gone down, or down after up.

    Parameters
    ----------
    up_s, down_s
        Moments of each step of one.
    low, high
        From and to, seconds.

    Examples
    --------
    >>> turns([10, 10, 40], [30, 50, 60], 0, 100)
    3
    """
    moments = np.concatenate([up_s, down_s])
    by = np.concatenate([np.ones(len(up_s)), -np.ones(len(down_s))])
    inside = (moments >= low) & (moments < high)
    each, where = np.unique(moments[inside], return_inverse=True)
    ways = np.sign(np.bincount(where, by[inside], minlength=len(each)))
    ways = ways[ways != 0]
    return int((ways[1:] != ways[:-1]).sum())


def late_s(run: Run, needs: Sequence[Need]) -> float:
    """The longest time in one go in which a queue had fewer slots than the work that came in needs.

    That is how long after the load rose the workers were there. Slots count from when their worker
    takes jobs. Attempts that wait from before, and chance, are left out of the need.
    """
    presence = Presence(run.log, run.scenario.worker_pools, run.replications)
    low, high = run.window
    known = run.log.presence
    moments = [known[name] for name in ("ready_s", "gone_s")] if len(known) else []
    steps = [at for pool in run.scenario.pools.values() for at, _ in pool.ready_from]
    longest = 0.0
    for need in needs:
        edges = np.unique(np.concatenate([need.edges_s, steps, *moments]))
        edges = edges[(edges >= max(low, need.edges_s[0])) & (edges <= high)]
        if len(edges) < 2:
            continue
        window = np.searchsorted(need.edges_s, edges[:-1], side="right") - 1
        load = need.load[np.minimum(window, len(need.load) - 1)]
        short = load > presence.slots(need.queue, edges) + _TINY
        longest = max(longest, _longest_s(short, np.diff(edges)))
    return longest


def _longest_s(so: np.ndarray[Any, Any], lasts_s: Floats) -> float:
    """How long something was so at most, without a break."""
    longest = now = 0.0
    for one, seconds in zip(so.tolist(), lasts_s.tolist(), strict=True):
        now = now + seconds if one else 0.0
        longest = max(longest, now)
    return longest
