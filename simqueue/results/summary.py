"""The numbers of a run, computed from its attempt log.

Measures of jobs (counts, wait, response) are of the jobs enqueued in the window [from, to);
measures of time (throughput, utilisation, queue length, delayed) are of that same window, so the
drain after it is left out. Over replications counts add up, means and their intervals come from
the replications' means, quantiles and maxima from everything pooled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from simqueue.record.attempt_log import COMPLETED, FAILED, LOST, REFUSED, AttemptLog, Floats
from simqueue.results.flows import FlowSummary, summarise_flows
from simqueue.results.history import History, histories
from simqueue.results.intervals import count_interval, mean_interval
from simqueue.results.presence import PoolSummary, Presence
from simqueue.results.statistics import Estimate, Statistics, describe
from simqueue.results.timeline import mean_open, most_open
from simqueue.workload.pools import Death, Pool
from simqueue.workload.production import Crash


@dataclass(frozen=True)
class Level:
    """A number of jobs over time: its time-average and its largest value."""

    mean: Estimate
    max: int

    def as_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {"mean": self.mean, "max": self.max, "ci95": self.mean.interval}


@dataclass(frozen=True)
class ClassSummary:
    """The jobs of one class in a queue: as much of `QueueSummary` as a class has of its own.

    Attributes
    ----------
    arrived, completed, failed, attempts
        Jobs, jobs that completed, jobs that failed for good, and their attempts that started, over
        all replications.
    wait_s, response_s
        As of the whole queue.
    """

    arrived: int
    completed: int
    failed: int
    attempts: int
    wait_s: Statistics
    response_s: Statistics

    def as_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        numbers = {
            key: getattr(self, key) for key in ("arrived", "completed", "failed", "attempts")
        }
        times = {"wait_s": self.wait_s.as_dict(), "response_s": self.response_s.as_dict()}
        return {**numbers, **times}


@dataclass(frozen=True)
class QueueSummary:
    """One queue.

    Attributes
    ----------
    arrived, completed, failed, attempts
        Jobs, jobs that completed, jobs that failed for good, and their attempts that started, over
        all replications.
    failed_per_run
        Jobs that failed for good, the mean over replications.
    refused, lost
        Jobs that were turned away, and that were lost with a web process that died; over all
        replications. They have no response time.
    unfinished
        Jobs that had come to no end when the run was over or was cut off, over all replications: a
        parent whose child has failed may wait for ever.
    attempts_per_job
        ``attempts`` / ``arrived``; ``None`` without jobs.
    throughput_per_s
        Jobs completed per second.
    utilisation
        Busy share of the slots; ``None`` if there are none.
    queue_length, delayed
        Jobs that are ready and wait; jobs in backoff.
    wait_s
        Ready to started, of each attempt that started.
    response_s
        Enqueued to final outcome of each job that has one, failed jobs and backoff included.
    classes
        The same of each class of its jobs; nothing if there are none.
    """

    arrived: int
    completed: int
    failed: int
    failed_per_run: Estimate
    refused: int
    lost: int
    unfinished: int
    attempts: int
    attempts_per_job: float | None
    throughput_per_s: Estimate
    utilisation: Estimate | None
    queue_length: Level
    delayed: Level
    wait_s: Statistics
    response_s: Statistics
    classes: dict[str, ClassSummary] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """What JSON can hold: numbers, and the 95 % interval of each that has one beside it."""
        classes = {name: one.as_dict() for name, one in self.classes.items()}
        return {
            "arrived": self.arrived,
            "completed": self.completed,
            "failed": self.failed,
            "failed_per_run": self.failed_per_run,
            "failed_per_run_ci95": self.failed_per_run.interval,
            "refused": self.refused,
            "lost": self.lost,
            "unfinished": self.unfinished,
            "attempts": self.attempts,
            "attempts_per_job": self.attempts_per_job,
            "throughput_per_s": self.throughput_per_s,
            "throughput_per_s_ci95": self.throughput_per_s.interval,
            "utilisation": self.utilisation,
            "utilisation_ci95": self.utilisation.interval if self.utilisation is not None else None,
            "queue_length": self.queue_length.as_dict(),
            "delayed": self.delayed.as_dict(),
            "wait_s": self.wait_s.as_dict(),
            "response_s": self.response_s.as_dict(),
            **({"classes": classes} if classes else {}),
        }


@dataclass(frozen=True)
class LittlesLaw:
    """L = lambda W over the whole run, warm-up and drain included.

    ``mean_waiting`` is the area under the queue length; ``arrival_rate_per_s`` counts attempts
    that became ready, ``wait_mean_s`` is the mean wait of those that left the line: to start, or
    because they were turned away or lost. A run that was cut off while jobs waited shows it in
    ``relative_error``; otherwise it is rounding.
    """

    mean_waiting: float
    arrival_rate_per_s: float
    wait_mean_s: float
    relative_error: float


@dataclass(frozen=True)
class Summary:
    """A run in numbers; ``flows`` is keyed by the queue that a flow starts in.

    ``pools`` has those that have a name.
    """

    replications: int
    queues: dict[str, QueueSummary]
    flows: dict[str, FlowSummary]
    littles_law: dict[str, LittlesLaw]
    pools: dict[str, PoolSummary] = field(default_factory=dict)

    def as_dict(self, theory: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What JSON can hold: ``queues``, ``flows``, ``littles_law``, and ``pools`` if it has any.

        Parameters
        ----------
        theory
            The ``theory`` entry of each queue, if there are any.
        """
        return {
            "queues": {
                name: {**queue.as_dict(), "theory": (theory or {}).get(name)}
                for name, queue in self.queues.items()
            },
            "flows": {name: flow.as_dict() for name, flow in self.flows.items()},
            "littles_law": {name: asdict(law) for name, law in self.littles_law.items()},
            **({"pools": pools} if (pools := self._pools()) else {}),
        }

    def _pools(self) -> dict[str, Any]:
        return {name: pool.as_dict() for name, pool in self.pools.items()}


def summarise(
    log: AttemptLog,
    window: tuple[float, float],
    slots: Mapping[str, int],
    replications: int | None = None,
    crashes: Sequence[Crash | Death] | None = None,
    pools: Mapping[str, Pool] | None = None,
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

    Raises
    ------
    ValueError
        If the window has no length.
    """
    low, high = window
    if not high > low:
        raise ValueError(f"window(={window}) must have a length")
    per_queue: dict[str, list[History]] = {queue: [] for queue in (*slots, *log.queues)}
    per_run: dict[int, list[History]] = {}
    for history in histories(log, crashes):
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
                    _places(queue, found, window, slots.get(queue, 0), presence),
                    runs,
                ),
                classes=_summarise_classes(found, low, high, log.classes),
            )
            for queue, found in per_queue.items()
        },
        flows=summarise_flows(per_run, window),
        littles_law={queue: _littles_law(found, spans) for queue, found in per_queue.items()},
        pools=presence.summary(low, high),
    )


def _places(
    queue: str,
    found: Sequence[History],
    window: tuple[float, float],
    slots: int,
    presence: Presence,
) -> int | Floats:
    """Slots that there were on average: in all replications, or in each of them."""
    if all(pool.constant for pool in presence.pools.values()) or not slots:
        return slots
    of_run = np.array(
        [presence.slots_in(one.replication, queue, np.array(window))[0] for one in found]
    )
    # Where there was none, nobody was busy.
    others = np.ones(max(presence.replications - len(found), 0))
    return np.append(np.where(of_run > 0, of_run, 1.0), others)


def _summarise_queue(
    found: Sequence[History], low: float, high: float, slots: int | Floats, runs: int
) -> QueueSummary:
    arrived = completed = refused = lost = attempts = 0
    # What a replication without a single job of this queue has of it is nothing.
    done, failed, busy, waiting, delayed = (np.zeros(max(runs, len(found))) for _ in range(5))
    longest = most_delayed = 0
    waits: list[Floats] = []
    responses: list[Floats] = []
    for run, one in enumerate(found):
        jobs = one.jobs
        counted = (jobs.enqueued_s >= low) & (jobs.enqueued_s < high)
        arrived += int(counted.sum())
        completed += int((jobs.outcome[counted] == COMPLETED).sum())
        failed[run] = (jobs.outcome[counted] == FAILED).sum()
        refused += int((jobs.outcome[counted] == REFUSED).sum())
        lost += int((jobs.outcome[counted] == LOST).sum())
        attempts += int(jobs.attempts[counted].sum())
        ended = (jobs.finished_s >= low) & (jobs.finished_s < high)
        done[run] = (ended & (jobs.outcome == COMPLETED)).sum()
        started = ~np.isnan(one.started_s)
        busy[run] = mean_open(one.started_s[started], one.freed_s[started], low, high)
        waiting[run] = mean_open(one.ready_s, one.left_s, low, high)
        delayed[run] = mean_open(one.delayed_s, one.due_s, low, high)
        longest = max(longest, one.waiting.most(low, high))
        most_delayed = max(most_delayed, most_open(one.delayed_s, one.due_s, low, high))
        mine = (one.enqueued_s >= low) & (one.enqueued_s < high) & started
        waits.append(one.wait_s[mine])
        response = (jobs.finished_s - jobs.enqueued_s)[counted]
        responses.append(response[~np.isnan(response)])
    return QueueSummary(
        arrived=arrived,
        completed=completed,
        failed=int(failed.sum()),
        failed_per_run=Estimate(float(failed.mean()), count_interval(failed)),
        refused=refused,
        lost=lost,
        unfinished=arrived - completed - int(failed.sum()) - refused - lost,
        attempts=attempts,
        attempts_per_job=attempts / arrived if arrived else None,
        throughput_per_s=_mean(done / (high - low)),
        utilisation=_mean(busy / slots) if np.any(slots) else None,
        queue_length=Level(_mean(waiting), longest),
        delayed=Level(_mean(delayed), most_delayed),
        wait_s=describe(waits),
        response_s=describe(responses),
    )


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


def _mean(values: Floats) -> Estimate:
    """The mean over replications."""
    return Estimate(float(values.mean()), mean_interval(values))


def _span(run: Sequence[History]) -> tuple[float, float]:
    """From and to of a whole replication, seconds."""
    times = np.concatenate([np.append(h.finished_s, (h.ready_s, h.started_s)) for h in run])
    times = times[np.isfinite(times)]
    return min(0.0, float(times.min())), float(times.max())


def _littles_law(found: Sequence[History], spans: Mapping[int, tuple[float, float]]) -> LittlesLaw:
    lasted = sum(high - low for low, high in spans.values())
    came = [np.isfinite(h.ready_s) for h in found]
    waits = np.concatenate(
        [np.empty(0)]
        + [h.left_s[ready] - h.ready_s[ready] for h, ready in zip(found, came, strict=True)]
    )
    over = waits[np.isfinite(waits)]
    if not lasted:
        return LittlesLaw(0.0, 0.0, 0.0, 0.0)
    area = 0.0
    for one in found:
        area += one.waiting.area(spans[one.replication][1])
    mean, rate, wait = (
        area / lasted,
        len(waits) / lasted,
        float(over.mean()) if len(over) else 0.0,
    )
    scale = max(mean, rate * wait)
    return LittlesLaw(mean, rate, wait, abs(mean - rate * wait) / scale if scale else 0.0)
