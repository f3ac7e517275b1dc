"""Requests: what each customer's click went through, from its arrival to its last effect.

A request is a job that a customer's arrival adds, with all that follows it. Training mode and
queues have requests in common, and nothing else: a wait for a caller is not a wait in a queue.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simqueue.record.attempt_log import (
    FAILED,
    LOST,
    NOT_DONE,
    REFUSED,
    AttemptLog,
    Floats,
    is_final,
)
from simqueue.record.by_job import Ints, by_job
from simqueue.results.intervals import count_interval
from simqueue.results.statistics import Estimate, Statistics, describe


@dataclass(frozen=True)
class Requests:
    """The requests of a run, an element each.

    Attributes
    ----------
    replication, queue
        Which replication, and the queue of the job that the request added: its position in the
        log's queues.
    root_s
        When the arrival came that it descends from: an order's for its payment, too.
    arrived_s
        When it came itself, seconds.
    ended_s
        When the last of its jobs ended; NaN if one has not been done.
    left_s
        When nothing was left of it: as `ended_s`, or the moment at which it was lost or turned
        away; NaN if there was something left when the run was cut off.
    refused
        Whether it was turned away.
    lost
        Its jobs that a crash took along.
    failed
        Its jobs that failed for good.
    again
        How often its jobs were run again after a crash.
    """

    replication: Ints
    queue: Ints
    root_s: Floats
    arrived_s: Floats
    ended_s: Floats
    left_s: Floats
    refused: NDArray[np.bool_]
    lost: Ints
    failed: Ints
    again: Ints


def requests_of(log: AttemptLog) -> Requests:
    """The requests of a log of one or several replications."""
    jobs = by_job(log.rows)
    first, last = jobs.rows[jobs.first], jobs.rows[jobs.last]
    names = Names(first)
    top = names.places(first["parent"])
    while not np.array_equal(top, higher := top[top]):
        top = higher
    roots, number = np.unique(top, return_inverse=True)
    outcome, finished = last["outcome"], last["finished_s"]
    done = is_final(outcome)
    over = done | np.isin(outcome, NOT_DONE)
    return Requests(
        replication=first["replication"][roots].astype(np.int64),
        queue=first["queue"][roots].astype(np.int64),
        root_s=first["enqueued_s"][names.places(first["flow"])[roots]],
        arrived_s=first["enqueued_s"][roots],
        ended_s=_latest(np.where(done, finished, np.nan), number),
        left_s=_latest(np.where(over, finished, np.nan), number),
        refused=outcome[roots] == REFUSED,
        lost=_sums(outcome == LOST, number),
        failed=_sums(outcome == FAILED, number),
        again=_sums(jobs.runs - jobs.attempts, number),
    )


class Names:
    """Where jobs stand in a table that has each once; a name is a key of one replication."""

    def __init__(self, jobs: NDArray[np.void]) -> None:
        self._size = int(jobs["job"].max(initial=0)) + 1
        self._replication = jobs["replication"].astype(np.int64)
        names = self._replication * self._size + jobs["job"]
        self._order = np.argsort(names)
        self._sorted = names[self._order]

    def places(self, keys: Ints) -> Ints:
        """Of each job, where its relative of this key stands; where it stands itself if nowhere."""
        names = self._replication * self._size + keys
        found = np.minimum(np.searchsorted(self._sorted, names), len(names) - 1)
        known = (keys >= 0) & (self._sorted[found] == names) if len(names) else keys >= 0
        places: Ints = np.where(known, self._order[found], np.arange(len(names)))
        return places


def _latest(times: Floats, number: Ints) -> Floats:
    """The latest time of each request; NaN if one of its times is."""
    if not len(times):
        return times
    order = np.argsort(number, kind="stable")
    start = np.flatnonzero(np.append(True, np.diff(number[order]) != 0))
    latest: Floats = np.maximum.reduceat(times[order], start)
    return latest


def _sums(what: NDArray[Any], number: Ints) -> Ints:
    return np.bincount(number, weights=what).astype(np.int64)


_NONE = Estimate(0.0)
#: Nobody waits for the answer; that needs no interval.
AT_ONCE = Statistics(mean=_NONE, p50=_NONE, p95=_NONE, p99=_NONE, max=0.0)


@dataclass(frozen=True)
class Measures:
    """What requests of a run went through.

    Attributes
    ----------
    requests
        How many there are in a run, on average. Who is turned away asks for nothing more.
    held_s
        How long the customer holds the line: from arriving until the answer. Training mode
        answers at the end of all that follows, a queue as soon as the job is added.
    last_effect_s
        From arriving until the last job that follows has ended; retries and backoff included.
        Of the requests that were not lost.
    refused
        Requests that were turned away, in a run, on average.
    lost
        Requests that a crash took along, wholly or in part, in a run, on average.
    failed
        Jobs that failed for good, in a run, on average.
    told
        Requests of which the customer sees an error, in a run, on average: some job failed, or
        the request was turned away or lost.
    unfinished
        Requests that came to no end, over all runs.
    again
        Times that jobs were run again after a crash, in a run, on average.
    """

    requests: float
    held_s: Statistics
    last_effect_s: Statistics
    refused: Estimate
    lost: Estimate
    failed: Estimate
    told: Estimate
    unfinished: int
    again: Estimate


def measure(
    found: Requests,
    window: tuple[float, float],
    replications: int,
    queue: int | None = None,
    *,
    answers_at_once: bool,
) -> Measures:
    """Measure the requests whose root came in the window.

    Parameters
    ----------
    found
        All requests of a run.
    window
        From and to (excluded), seconds.
    replications
        How many there were.
    queue
        Only those of this queue, by its position in the log's.
    answers_at_once
        Whether the customer is answered when the job is added, not when all is done.
    """
    counted = (found.root_s >= window[0]) & (found.root_s < window[1])
    if queue is not None:
        counted &= found.queue == queue
    of_run = [counted & (found.replication == run) for run in range(replications)]
    held = found.left_s - found.arrived_s
    told = found.refused | (found.lost > 0) | (found.failed > 0)

    def times(values: Floats) -> Statistics:
        return describe([values[mine & np.isfinite(values)] for mine in of_run])

    def mean(values: NDArray[Any]) -> Estimate:
        counts = np.array([float(values[mine].sum()) for mine in of_run])
        return Estimate(float(counts.mean()), count_interval(counts))

    def happened(values: NDArray[Any]) -> Estimate:
        """A count of what the scenario decides about: where there is none, none could be."""
        return mean(values) if values[counted].any() else _NONE

    return Measures(
        requests=float(counted.sum()) / replications,
        held_s=AT_ONCE if answers_at_once else times(held),
        last_effect_s=times(found.ended_s - found.arrived_s),
        refused=happened(found.refused),
        lost=happened(found.lost > 0),
        failed=mean(found.failed),
        told=_NONE if answers_at_once else mean(told),
        unfinished=int((counted & ~np.isfinite(found.left_s)).sum()),
        again=happened(found.again),
    )
