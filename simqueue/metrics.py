"""Prometheus counters of attempts and jobs, whoever counts them.

A worker process counts its own attempts. ``serve`` counts the events that every worker of a
queue leaves in Redis, Node's included. Both use the same names: graph one source or the other,
and never add the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

#: Upper edges, seconds. The shop's jobs take tenths of a second, its backlogs minutes.
_PROCESSING = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_WAIT = (0.001, 0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)

ATTEMPT_OUTCOMES = ("completed", "retried", "failed", "stalled")


class Labelled(dict[tuple[str, ...], Any]):
    """The parts of a metric by their labels: looked up by name each time they cost a worker more.

    Parameters
    ----------
    metric
        It has labels.
    """

    def __init__(self, metric: Counter | Gauge | Histogram) -> None:
        super().__init__()
        self._metric = metric

    def __missing__(self, labels: tuple[str, ...]) -> Any:
        found = self[labels] = self._metric.labels(*labels)
        return found


class AttemptCounters:
    """The counters and histograms of queues.

    Parameters
    ----------
    registry
        Where they are registered.
    queues
        The queues that show zeros before anything happens: a counter that appears with its first
        event has no rate.
    source
        Who counts, and since when; every help text ends with it.
    """

    def __init__(self, registry: CollectorRegistry, queues: Sequence[str], source: str) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"simqueue_{name}", f"{text}; {source}", labels, registry=registry)

        def histogram(name: str, text: str, buckets: Sequence[float]) -> Histogram:
            return Histogram(
                f"simqueue_{name}",
                f"{text}; {source}",
                ("queue",),
                registry=registry,
                buckets=buckets,
            )

        self.processed = counter(
            "jobs_processed", "Jobs that reached their final outcome", "queue", "outcome"
        )
        self.failed = counter(
            "jobs_failed", "Jobs that failed for good, after all retries", "queue"
        )
        self.attempts = counter(
            "attempts", "Attempts that ended; retried: the job goes back to wait", "queue",
            "outcome",
        )  # fmt: skip
        self.stalled = counter(
            "jobs_stalled", "Jobs whose worker went silent and that were put back", "queue"
        )
        self.processing = histogram(
            "job_processing_seconds", "From an attempt's start to its end", _PROCESSING
        )
        self.wait = histogram(
            "job_wait_seconds", "From ready (added, or a retry due) to an attempt's start", _WAIT
        )
        self._attempts, self._processed = Labelled(self.attempts), Labelled(self.processed)
        self._failed = Labelled(self.failed)
        self._processing, self._wait = Labelled(self.processing), Labelled(self.wait)
        for queue in queues:
            for outcome in ATTEMPT_OUTCOMES:
                self.attempts.labels(queue, outcome)
            for outcome in ("completed", "failed"):
                self.processed.labels(queue, outcome)
            for metric in (self.failed, self.stalled, self.processing, self.wait):
                metric.labels(queue)

    def started(self, queue: str, wait_s: float | None) -> None:
        """An attempt started; ``wait_s`` is ``None`` if nobody saw it become ready."""
        if wait_s is not None:
            self._wait[queue,].observe(max(0.0, wait_s))

    def ended(self, queue: str, outcome: str, seconds: float | None) -> None:
        """An attempt ended: ``completed``, ``retried``, ``failed`` (for good) or ``stalled``."""
        self._attempts[queue, outcome].inc()
        if seconds is not None:
            self._processing[queue,].observe(max(0.0, seconds))
        if outcome in ("completed", "failed"):
            self.finished(queue, outcome)

    def finished(self, queue: str, outcome: str) -> None:
        """A job reached its final outcome, ``completed`` or ``failed``."""
        self._processed[queue, outcome].inc()
        if outcome == "failed":
            self._failed[queue,].inc()
