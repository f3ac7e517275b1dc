"""Prometheus metrics of queues: what a worker does itself, and what `serve` sees of all workers.

A worker process counts its own attempts. ``serve`` counts the events that every worker of a
queue leaves in Redis, Node's included. Both use the same names: graph one source or the other,
and never add the two.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from simqueue.errors import InputError

if TYPE_CHECKING:
    from simqueue.operations.stats import QueueStats

#: Upper edges, seconds. The shop's jobs take tenths of a second, its backlogs minutes.
_PROCESSING = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_WAIT = (0.001, 0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)

ATTEMPT_OUTCOMES = ("completed", "retried", "failed", "stalled")


class Counts:
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
            self.wait.labels(queue).observe(max(0.0, wait_s))

    def ended(self, queue: str, outcome: str, seconds: float | None) -> None:
        """An attempt ended: ``completed``, ``retried``, ``failed`` (for good) or ``stalled``."""
        self.attempts.labels(queue, outcome).inc()
        if seconds is not None:
            self.processing.labels(queue).observe(max(0.0, seconds))
        if outcome in ("completed", "failed"):
            self.finished(queue, outcome)

    def finished(self, queue: str, outcome: str) -> None:
        """A job reached its final outcome, ``completed`` or ``failed``."""
        self.processed.labels(queue, outcome).inc()
        if outcome == "failed":
            self.failed.labels(queue).inc()


class WorkerMetrics:
    """What one worker process counts of its own attempts.

    Parameters
    ----------
    registry
        Where the metrics are registered; one per process.
    queues
        The queues that this worker serves.

    Examples
    --------
    >>> registry = CollectorRegistry()
    >>> metrics = WorkerMetrics(registry, ["order"])
    >>> metrics.attempt_started("order", wait_s=0.02)
    >>> metrics.attempt_ended("order", "completed", seconds=0.15)
    >>> registry.get_sample_value(
    ...     "simqueue_jobs_processed_total", {"queue": "order", "outcome": "completed"}
    ... )
    1.0
    """

    def __init__(self, registry: CollectorRegistry, queues: Sequence[str] = ()) -> None:
        self._counts = Counts(registry, queues, "of this worker process, since it started")
        self._busy = Gauge(
            "simqueue_busy_slots",
            "Attempts running now, in this worker process",
            ("queue",),
            registry=registry,
        )
        for queue in queues:
            self._busy.labels(queue)

    def attempt_started(self, queue: str, wait_s: float | None) -> None:
        """An attempt started, ``wait_s`` seconds after its job was ready (``None``: unknown)."""
        self._busy.labels(queue).inc()
        self._counts.started(queue, wait_s)

    def attempt_ended(self, queue: str, outcome: str, seconds: float) -> None:
        """An attempt ended after ``seconds``.

        Parameters
        ----------
        queue
            Its queue.
        outcome
            ``completed``, ``retried``, or ``failed``: for good, after the last attempt.
        seconds
            From its start to its end.

        Raises
        ------
        ValueError
            If the outcome is another word.
        """
        if outcome not in ATTEMPT_OUTCOMES:
            raise ValueError(f"outcome(={outcome!r}) must be one of {', '.join(ATTEMPT_OUTCOMES)}")
        self._busy.labels(queue).dec()
        self._counts.ended(queue, outcome, seconds)

    def failed_unrun(self, queue: str) -> None:
        """A job that stalled too often failed for good, without an attempt."""
        self._counts.finished(queue, "failed")

    def stalled(self, queue: str) -> None:
        """A stalled job, anybody's, was found and put back: the worker's ``stalled`` event."""
        self._counts.stalled.labels(queue).inc()


class QueueGauges:
    """What queues hold at the moment, from their `QueueStats`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"simqueue_{name}", text, labels, registry=registry)

        self._up = gauge("redis_up", "1 if Redis answered this scrape; without it no gauges")
        self._depth = gauge(
            "queue_depth",
            "Jobs in the queue by state; completed and failed are those kept, no totals",
            "queue",
            "state",
        )
        self._oldest = gauge(
            "oldest_waiting_age_seconds",
            "Age of the oldest job that waits to run, since it was added; 0 if none waits",
            "queue",
        )
        self._workers = gauge("workers", "Workers connected to Redis for the queue", "queue")
        self._busy = gauge("busy_slots", "Attempts running now, in all workers", "queue")

    def show(self, stats: Sequence[QueueStats] | None) -> None:
        """Take over the counts; ``None``: Redis did not answer, so there are no gauges."""
        self._up.set(0 if stats is None else 1)
        for gauge in (self._depth, self._oldest, self._workers, self._busy):
            gauge.clear()
        for one in stats or ():
            for state in ("waiting", "prioritized", "active", "delayed", "waiting_children",
                          "paused", "completed", "failed"):  # fmt: skip
                self._depth.labels(one.queue, state).set(getattr(one, state))
            self._oldest.labels(one.queue).set(one.oldest_waiting_s or 0.0)
            self._busy.labels(one.queue).set(one.active)
            if one.workers is not None:
                self._workers.labels(one.queue).set(one.workers)


def serve_metrics(
    registry: CollectorRegistry, port: int, host: str = "127.0.0.1"
) -> tuple[int, Callable[[], None]]:
    """Answer ``/metrics`` from a thread of this process: a worker's ``--metrics-port``.

    Returns
    -------
    tuple
        The port, which is a free one if 0 was asked for, and what stops it.

    Raises
    ------
    InputError
        If the port cannot be had.
    """
    try:
        server, thread = start_http_server(port, addr=host, registry=registry)
    except (OSError, OverflowError) as error:
        raise InputError(f"--metrics-port {port}: {error}; 0 takes a free one") from error

    def stop() -> None:
        server.shutdown()
        server.server_close()
        if thread is not threading.current_thread():
            thread.join()

    return int(server.server_port), stop
