"""What a summary of a run is made of, and how its parts are put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from simqueue.record.attempt_log import Floats
from simqueue.results.flows import FlowSummary
from simqueue.results.intervals import count_interval, mean_interval
from simqueue.results.presence import PoolSummary, Presence
from simqueue.results.statistics import Estimate, Statistics


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

    ``pools`` has those that have a name. Quantiles are off by no more than the share
    ``quantile_error`` of themselves, and a nanosecond: nothing, where the log was kept. The ends of
    their intervals may be off by more: they are those of times that were rounded so.
    """

    replications: int
    queues: dict[str, QueueSummary]
    flows: dict[str, FlowSummary]
    littles_law: dict[str, LittlesLaw]
    pools: dict[str, PoolSummary] = field(default_factory=dict)
    quantile_error: float = 0.0

    def as_dict(self, theory: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What JSON can hold: ``queues``, ``flows``, ``littles_law``; ``pools`` if it has any.

        And ``quantile_error``, if quantiles have one.

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
            **({"quantile_error": self.quantile_error} if self.quantile_error else {}),
        }

    def _pools(self) -> dict[str, Any]:
        return {name: pool.as_dict() for name, pool in self.pools.items()}


@dataclass(frozen=True)
class Tally:
    """What one replication has of a queue.

    Attributes
    ----------
    arrived, completed, failed, refused, lost, attempts
        As in `QueueSummary`: of the jobs enqueued in the window.
    done
        Jobs that completed in the window.
    busy, waiting, delayed
        Slots, and jobs: averages over the window's time.
    most_waiting, most_delayed
        The most at a time.
    """

    arrived: int
    completed: int
    failed: int
    attempts: int
    done: int
    busy: float
    waiting: float
    delayed: float
    most_waiting: int
    most_delayed: int
    refused: int = 0
    lost: int = 0


def of_queue(
    tallies: Sequence[Tally],
    wait_s: Statistics,
    response_s: Statistics,
    slots: int | Floats,
    runs: int,
    window_s: float,
) -> QueueSummary:
    """One queue in numbers.

    Parameters
    ----------
    tallies
        One of each replication that had jobs of it.
    wait_s, response_s
        Of all of them.
    slots
        That there were on average: in all replications, or in each of them.
    runs
        How many replications there were.
    window_s
        How long the window is.
    """

    def in_all(name: str) -> int:
        return sum(getattr(one, name) for one in tallies)

    def each(name: str) -> Floats:
        # What a replication without a single job of this queue has of it is nothing.
        found = np.zeros(max(runs, len(tallies)))
        found[: len(tallies)] = [getattr(one, name) for one in tallies]
        return found

    numbers = ("arrived", "completed", "failed", "refused", "lost", "attempts")
    arrived, completed, failed, refused, lost, attempts = map(in_all, numbers)
    failures = each("failed")
    return QueueSummary(
        arrived=arrived,
        completed=completed,
        failed=failed,
        failed_per_run=Estimate(float(failures.mean()), count_interval(failures)),
        refused=refused,
        lost=lost,
        unfinished=arrived - completed - failed - refused - lost,
        attempts=attempts,
        attempts_per_job=attempts / arrived if arrived else None,
        throughput_per_s=_mean(each("done") / window_s),
        utilisation=_mean(each("busy") / slots) if np.any(slots) else None,
        queue_length=_level(each("waiting"), each("most_waiting")),
        delayed=_level(each("delayed"), each("most_delayed")),
        wait_s=wait_s,
        response_s=response_s,
    )


def places(
    queue: str,
    replications: Sequence[int],
    window: tuple[float, float],
    slots: int,
    presence: Presence,
) -> int | Floats:
    """Slots of a queue that there were on average: in all replications, or in each that had jobs.

    And then 1 for each of those that had none.
    """
    if all(pool.constant for pool in presence.pools.values()) or not slots:
        return slots
    of_run = np.array([presence.slots_in(run, queue, np.array(window))[0] for run in replications])
    # Where there was none, nobody was busy.
    others = np.ones(max(presence.replications - len(replications), 0))
    return np.append(np.where(of_run > 0, of_run, 1.0), others)


def law(lasted_s: float, area: float, ready: int, wait_mean_s: float) -> LittlesLaw:
    """Little's law over so many seconds.

    Parameters
    ----------
    lasted_s
        All replications together.
    area
        Under the queue length, job-seconds.
    ready
        Attempts that became ready.
    wait_mean_s
        Of those that left the line.
    """
    if not lasted_s:
        return LittlesLaw(0.0, 0.0, 0.0, 0.0)
    mean, rate = area / lasted_s, ready / lasted_s
    scale = max(mean, rate * wait_mean_s)
    error = abs(mean - rate * wait_mean_s) / scale if scale else 0.0
    return LittlesLaw(mean, rate, wait_mean_s, error)


def _level(means: Floats, most: Floats) -> Level:
    return Level(_mean(means), int(most.max(initial=0)))


def _mean(values: Floats) -> Estimate:
    """The mean over replications."""
    return Estimate(float(values.mean()), mean_interval(values))
