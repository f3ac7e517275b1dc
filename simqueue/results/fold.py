"""A summary that is put together slice by slice, from a log that nobody keeps.

Counts, means and time averages are exact, quantiles those of `simqueue.results.sketch`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from simqueue.record.attempt_log import COMPLETED, FAILED, RETRIED, AttemptLog, Floats
from simqueue.record.slices import Slice
from simqueue.results.flows import FlowSummary, grouped, most_frequent
from simqueue.results.presence import Presence
from simqueue.results.queue_summary import (
    LittlesLaw,
    QueueSummary,
    Summary,
    Tally,
    law,
    of_queue,
    places,
)
from simqueue.results.sketch import ERROR, Sketch, describe_sketches
from simqueue.results.timeline import clip, steps
from simqueue.workload.pools import Pool

Rows = NDArray[np.void]
#: An attempt's number takes so many bits of a key.
_ATTEMPT_BITS = 16


class _Level:
    """How many intervals are open, over a window of which slice after slice comes."""

    def __init__(self, low: float, high: float) -> None:
        self._low, self._high = low, high
        self._seconds, self.most = 0.0, 0

    def add(self, starts: Floats, ends: Floats, from_s: float, to_s: float) -> None:
        """Add as much of intervals as lies in a slice: all that do."""
        low, high = max(from_s, self._low), min(to_s, self._high)
        if low >= high:
            return
        starts, ends = clip(starts, ends, low, high)
        self._seconds += float((ends - starts).sum())
        self.most = max(self.most, int(steps(starts, ends).counts.max(initial=0)))

    @property
    def mean(self) -> float:
        """Time average over the window."""
        return self._seconds / (self._high - self._low)


class _QueueFold:
    """One queue of one replication."""

    def __init__(self, low: float, high: float) -> None:
        self._low, self._high = low, high
        self.wait_s, self.response_s = Sketch(), Sketch()
        #: The attempt that waited longest of those that were ready in the window.
        self.longest: Rows | None = None
        self._waiting, self._busy, self._delayed = (_Level(low, high) for _ in range(3))
        self._counts: Counter[str] = Counter()
        #: From and to of each backoff that is not over.
        self._backoffs = np.empty(0), np.empty(0)
        self.area, self.ready, self.waits_s, self.over = 0.0, 0, 0.0, 0

    def add(self, rows: Rows, live: Rows, from_s: float, to_s: float, last_s: float) -> None:
        """Add a slice; what waits for ever is counted until ``last_s``."""
        ended, begun = np.isnan(live["started_s"]), ~np.isnan(live["started_s"])
        ready, started, finished, enqueued = (
            np.ascontiguousarray(rows[name])
            for name in ("ready_s", "started_s", "finished_s", "enqueued_s")
        )
        came = np.concatenate([ready, live["ready_s"]])
        left = np.concatenate([started, np.where(ended, np.inf, live["started_s"])])
        self._waiting.add(came, left, from_s, to_s)
        end = last_s if to_s == math.inf else to_s
        self.area += steps(*clip(came, left, from_s, end)).area(end)
        busy = live["started_s"][begun]
        freed = np.append(finished, np.full(len(busy), np.inf))
        self._busy.add(np.append(started, busy), freed, from_s, to_s)
        self._add_backoffs(rows, live, from_s, to_s)
        waits = started - ready
        self.ready, self.over = self.ready + len(rows), self.over + len(rows)
        self.waits_s += float(waits.sum())
        self._count(rows["outcome"], enqueued, finished, waits)
        self._keep_longest(rows, ready, waits)
        if to_s == math.inf:
            self._count_unfinished(live)

    def _count(
        self, outcome: NDArray[np.int8], enqueued: Floats, finished: Floats, waits: Floats
    ) -> None:
        counted = (enqueued >= self._low) & (enqueued < self._high)
        completed, failed = outcome == COMPLETED, outcome == FAILED
        final = (completed | failed) & counted
        in_time = completed & (finished >= self._low) & (finished < self._high)
        found = {
            "arrived": final,
            "completed": completed & counted,
            "failed": failed & counted,
            "attempts": counted,
            "done": in_time,
        }
        self._counts.update({name: int(np.count_nonzero(one)) for name, one in found.items()})
        self.wait_s.add(waits[counted])
        self.response_s.add(finished[final] - enqueued[final])

    def _keep_longest(self, rows: Rows, ready: Floats, waits: Floats) -> None:
        inside = np.where((ready >= self._low) & (ready < self._high), waits, -1.0)
        if inside.max(initial=-1.0) < 0:
            return
        here = rows[[int(inside.argmax())]]  # a copy: slices are overwritten
        both = here if self.longest is None else np.concatenate([self.longest, here])
        self.longest = both[[int((both["started_s"] - both["ready_s"]).argmax())]]

    def _count_unfinished(self, live: Rows) -> None:
        """Jobs that wait for ever: they came, and are ready."""
        enqueued = live["enqueued_s"]
        counted = (enqueued >= self._low) & (enqueued < self._high)
        self._counts["arrived"] += int(np.count_nonzero(counted))
        self.ready += len(live)

    def _add_backoffs(self, rows: Rows, live: Rows, from_s: float, to_s: float) -> None:
        """Each lasts from the end of an attempt to when its job's next is ready."""
        retried = rows[rows["outcome"] == RETRIED]
        starts = np.append(self._backoffs[0], retried["finished_s"])
        ends = np.append(self._backoffs[1], _ready_again(retried, rows, live))
        self._delayed.add(starts, ends, from_s, to_s)
        on = ends > to_s
        self._backoffs = starts[on], ends[on]

    def tally(self) -> Tally:
        """What it has of the queue."""
        return Tally(
            **{name: self._counts[name] for name in _COUNTED},
            busy=self._busy.mean,
            waiting=self._waiting.mean,
            delayed=self._delayed.mean,
            most_waiting=self._waiting.most,
            most_delayed=self._delayed.most,
        )


_COUNTED = ("arrived", "completed", "failed", "attempts", "done")


def _ready_again(retried: Rows, rows: Rows, live: Rows) -> Floats:
    """When the attempt after each is ready: it has ended in the slice too, or its job lives."""
    later = rows[rows["attempt"] > 1]
    key = (later["job"] << _ATTEMPT_BITS) | later["attempt"]
    wanted = (retried["job"] << _ATTEMPT_BITS) | (retried["attempt"] + 1)
    order, by_job = np.argsort(key), np.argsort(live["job"])
    keys = np.append(key[order], -1)
    place = np.searchsorted(keys[:-1], wanted)
    ended = keys[place] == wanted
    found = np.empty(len(retried))
    found[ended] = later["ready_s"][order][place[ended]]
    jobs = live["job"][by_job]
    found[~ended] = live["ready_s"][by_job][np.searchsorted(jobs, retried["job"][~ended])]
    return found


class _FlowFold:
    """The flows of one replication that start in one queue."""

    def __init__(self) -> None:
        self.number, self.ended_in, self.time_s = 0, Counter[str](), Sketch()


class Fold:
    """One replication.

    Parameters
    ----------
    window
        As in `simqueue.results.summary.summarise`.
    queues
        Their names: the vocabulary of the slices.
    replication
        Its number.
    """

    def __init__(
        self, window: tuple[float, float], queues: Sequence[str], replication: int = 0
    ) -> None:
        self.replication = replication
        self._low, self._high = window
        if not self._high > self._low:
            raise ValueError(f"window(={window}) must have a length")
        self._names = tuple(queues)
        self.queues: dict[str, _QueueFold] = {}
        self.flows: dict[str, _FlowFold] = {}
        #: When the last thing happened so far, and when the last attempt ended, seconds.
        self.last_s = self.ended_s = 0.0

    def add(self, one: Slice) -> None:
        """Add the next slice."""
        self.ended_s = float(np.max([self.ended_s, *one.rows["finished_s"][-1:]]))
        # What lives when all is over waits for ever, and was ready before that.
        last = one.live["ready_s"] if one.to_s == math.inf else ()
        self.last_s = float(np.max([self.ended_s, *last]))
        rows, live, none = _by_queue(one.rows), _by_queue(one.live), one.rows[:0]
        for number in {*rows, *live}:
            its = self.queues.setdefault(self._names[number], _QueueFold(self._low, self._high))
            parts = (rows.get(number, none), live.get(number, none))
            its.add(*parts, one.from_s, one.to_s, self.last_s)
        self._add_flows(one)

    def longest_waits(self) -> list[Rows]:
        """Of each queue the attempt that waited longest in the window, where one started."""
        return [one.longest for one in self.queues.values() if one.longest is not None]

    def _add_flows(self, one: Slice) -> None:
        enqueued = one.flows["enqueued_s"]
        flows = one.flows[(enqueued >= self._low) & (enqueued < self._high)]
        for number, here in grouped(flows["root"], np.arange(len(flows))):
            its = self.flows.setdefault(self._names[number], _FlowFold())
            mine = flows[here]
            whole = mine[~np.isnan(mine["finished_s"])]
            its.number += len(mine)
            its.time_s.add(whole["finished_s"] - whole["enqueued_s"])
            ends = np.bincount(whole["last"], minlength=len(self._names)).tolist()
            its.ended_in.update(dict(zip(self._names, ends, strict=True)))


def _by_queue(rows: Rows) -> dict[int, Rows]:
    """The rows of each queue that has some, in their order."""
    found = grouped(rows["queue"], np.arange(len(rows)))
    return {number: rows if len(found) == 1 else rows.take(places) for number, places in found}


def summary_of(
    folds: Iterable[Fold],
    window: tuple[float, float],
    slots: Mapping[str, int],
    presence: AttemptLog,
    pools: Mapping[str, Pool],
) -> Summary:
    """The summary of some replications.

    Parameters
    ----------
    folds
        One of each.
    window, slots, pools
        As in `simqueue.results.summary.summarise`.
    presence
        A log that says who worked; it needs no attempts.
    """
    runs = list(folds)
    who = Presence(presence, pools, len(runs))
    names = dict.fromkeys((*slots, *presence.queues))
    return Summary(
        replications=len(runs),
        queues={name: _queue(name, runs, window, slots.get(name, 0), who) for name in names},
        flows={
            name: _flow([run.flows[name] for run in runs if name in run.flows])
            for name in dict.fromkeys(name for run in runs for name in run.flows)
        },
        littles_law={name: _law(name, runs) for name in names},
        pools=who.summary(*window),
        quantile_error=ERROR,
    )


def _queue(
    name: str, runs: Sequence[Fold], window: tuple[float, float], slots: int, who: Presence
) -> QueueSummary:
    numbers = [run.replication for run in runs if name in run.queues]
    found = [run.queues[name] for run in runs if name in run.queues]
    return of_queue(
        [one.tally() for one in found],
        describe_sketches([one.wait_s for one in found]),
        describe_sketches([one.response_s for one in found]),
        places(name, numbers, window, slots, who),
        len(runs),
        window[1] - window[0],
    )


def _flow(found: Sequence[_FlowFold]) -> FlowSummary:
    ended_in = sum((one.ended_in for one in found), Counter[str]())
    return FlowSummary(
        flows=sum(one.number for one in found),
        finished=ended_in.total(),
        last_queue=most_frequent(ended_in),
        time_s=describe_sketches([one.time_s for one in found]),
    )


def _law(name: str, runs: Sequence[Fold]) -> LittlesLaw:
    found = [run.queues[name] for run in runs if name in run.queues]
    over = sum(one.over for one in found)
    return law(
        lasted_s=sum(run.last_s for run in runs if run.queues),
        area=sum(one.area for one in found),
        ready=sum(one.ready for one in found),
        wait_mean_s=sum(one.waits_s for one in found) / over if over else 0.0,
    )
