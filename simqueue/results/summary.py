"""The numbers of a run, computed from its attempt log.

Measures of jobs (counts, wait, response) are of the jobs enqueued in the window [from, to);
measures of time (throughput, utilisation, queue length, delayed) are of that same window, so the
drain after it is left out. Over replications counts add up, means and their intervals come from
the replications' means, quantiles and maxima from everything pooled.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from simqueue.record.attempt_log import COMPLETED, FAILED, LOST, REFUSED, AttemptLog, Floats
from simqueue.results.flows import summarise_flows
from simqueue.results.history import History, histories
from simqueue.results.presence import Presence
from simqueue.results.queue_summary import (
    ClassSummary,
    LittlesLaw,
    QueueSummary,
    Summary,
    Tally,
    law,
    of_queue,
    places,
)
from simqueue.results.statistics import describe
from simqueue.results.timeline import mean_open, most_open, those
from simqueue.workload.pools import Death, Pool
from simqueue.workload.production import Crash

#: What the arrays of a summary take at once, for each attempt.
_BYTES = 200


def summarise(
    log: AttemptLog,
    window: tuple[float, float],
    slots: Mapping[str, int],
    replications: int | None = None,
    crashes: Sequence[Crash | Death] | None = None,
    pools: Mapping[str, Pool] | None = None,
    about: Collection[str] | None = None,
) -> Summary:
    """Summarise a run.

    Parameters
    ----------
    log
        Its attempts.
    window
        From (the warm-up's end) and to (the end of arrivals), seconds.
    slots
        Concurrent places of each queue, all workers together. In in-process mode all queues share
        the caller's: give that number for each.
    replications
        How many were run, if some may have had no jobs at all; by default those in the log.
    crashes
        Which workers died, and when, if that is known; see `simqueue.results.history.histories`.
    pools
        Who worked: where their number changes, ``slots`` are only the most that there were.
    about
        Queues that matter: others, flows and Little's law are left out. By default all matter.

    Raises
    ------
    ValueError
        If the window has no length.
    """
    low, high = window
    if not high > low:
        raise ValueError(f"window(={window}) must have a length")
    _have_memory_kept(_BYTES * len(log))
    matter = [queue for queue in (*slots, *log.queues) if about is None or queue in about]
    per_queue: dict[str, list[History]] = {queue: [] for queue in matter}
    per_run: dict[int, list[History]] = {}
    for history in histories(log, crashes, about):
        per_queue[history.queue].append(history)
        per_run.setdefault(history.replication, []).append(history)
    runs = replications or max(len(per_run), 1)
    spans = {number: _span(run) for number, run in per_run.items()}
    presence = Presence(log, pools or {}, runs)
    return Summary(
        replications=runs,
        queues={
            queue: replace(
                _summarise_queue(
                    found,
                    low,
                    high,
                    places(
                        queue,
                        [one.replication for one in found],
                        window,
                        slots.get(queue, 0),
                        presence,
                    ),
                    runs,
                ),
                classes=_summarise_classes(found, low, high, log.classes),
            )
            for queue, found in per_queue.items()
        },
        flows=summarise_flows(per_run, window) if about is None else {},
        littles_law={queue: _littles_law(found, spans) for queue, found in per_queue.items()}
        if about is None
        else {},
        pools=presence.summary(low, high),
    )


def _have_memory_kept(size: int) -> None:
    """Have the process keep what arrays leave, up to so many bytes, for the arrays after them.

    The allocator of glibc keeps blocks that are no larger than one that was given back before (up
    to 32 MiB; see M_MMAP_THRESHOLD in mallopt(3)). Others go to the system and come back as pages
    that are cleared anew: a third of the time of a summary.
    """
    np.empty(size, np.uint8)


def _summarise_queue(
    found: Sequence[History], low: float, high: float, slots: int | Floats, runs: int
) -> QueueSummary:
    tallies, waits, responses = [], [], []
    for one in found:
        tally, wait, response = _tally(one, low, high)
        tallies.append(tally)
        waits.append(wait)
        responses.append(response)
    seconds = high - low
    return of_queue(tallies, describe(waits), describe(responses), slots, runs, seconds)


def _tally(one: History, low: float, high: float) -> tuple[Tally, Floats, Floats]:
    """What one replication has of a queue; its waits and its response times."""
    jobs = one.jobs
    counted = (jobs.enqueued_s >= low) & (jobs.enqueued_s < high)
    outcome = those(counted, jobs.outcome)
    ended = (jobs.finished_s >= low) & (jobs.finished_s < high)
    started = ~np.isnan(one.started_s)
    mine = (one.enqueued_s >= low) & (one.enqueued_s < high) & started
    response = those(counted, jobs.finished_s - jobs.enqueued_s)
    tally = Tally(
        arrived=int(counted.sum()),
        completed=int((outcome == COMPLETED).sum()),
        failed=int((outcome == FAILED).sum()),
        refused=int((outcome == REFUSED).sum()),
        lost=int((outcome == LOST).sum()),
        attempts=int(those(counted, jobs.attempts).sum()),
        done=int((ended & (jobs.outcome == COMPLETED)).sum()),
        busy=mean_open(those(started, one.started_s), those(started, one.freed_s), low, high),
        waiting=mean_open(one.ready_s, one.left_s, low, high),
        delayed=mean_open(one.delayed_s, one.due_s, low, high),
        most_waiting=one.waiting.most(low, high),
        most_delayed=most_open(one.delayed_s, one.due_s, low, high),
    )
    return tally, those(mine, one.wait_s), those(~np.isnan(response), response)


def _summarise_classes(
    found: Sequence[History], low: float, high: float, names: Sequence[str]
) -> dict[str, ClassSummary]:
    groups = (
        {int(group) for one in found for group in np.unique(one.jobs.group)} if names else set()
    )
    return {
        name: _summarise_class(found, low, high, group)
        for group, name in enumerate(names)
        if group in groups
    }


def _summarise_class(found: Sequence[History], low: float, high: float, group: int) -> ClassSummary:
    arrived = completed = failed = attempts = 0
    waits: list[Floats] = []
    responses: list[Floats] = []
    for one in found:
        jobs = one.jobs
        counted = (jobs.group == group) & (jobs.enqueued_s >= low) & (jobs.enqueued_s < high)
        arrived += int(counted.sum())
        completed += int((jobs.outcome[counted] == COMPLETED).sum())
        failed += int((jobs.outcome[counted] == FAILED).sum())
        attempts += int(jobs.attempts[counted].sum())
        mine = (one.group == group) & (one.enqueued_s >= low) & (one.enqueued_s < high)
        waits.append(one.wait_s[mine & ~np.isnan(one.started_s)])
        response = (jobs.finished_s - jobs.enqueued_s)[counted]
        responses.append(response[~np.isnan(response)])
    return ClassSummary(arrived, completed, failed, attempts, describe(waits), describe(responses))


def _span(run: Sequence[History]) -> tuple[float, float]:
    """From and to of a whole replication, seconds."""
    times = [time for one in run for time in (one.finished_s, one.ready_s, one.started_s)]
    times = [those(np.isfinite(time), time) for time in times]
    first = min(float(time.min(initial=0.0)) for time in times)
    return first, max(float(time.max(initial=first)) for time in times)


def _littles_law(found: Sequence[History], spans: Mapping[int, tuple[float, float]]) -> LittlesLaw:
    came = [np.isfinite(h.ready_s) for h in found]
    waits = np.concatenate(
        [np.empty(0)]
        + [those(c, h.left_s) - those(c, h.ready_s) for h, c in zip(found, came, strict=True)]
    )
    over = those(np.isfinite(waits), waits)
    return law(
        lasted_s=sum(high - low for low, high in spans.values()),
        area=sum(one.waiting.area(spans[one.replication][1]) for one in found),
        ready=len(waits),
        wait_mean_s=float(over.mean()) if len(over) else 0.0,
    )
