"""What one worker process counts of its own attempts, and how it shows that."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry, Gauge, start_http_server

from simqueue.errors import InputError
from simqueue.metrics import ATTEMPT_OUTCOMES, AttemptCounters
from simqueue.record.worker_events import Event


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
        self._counts = AttemptCounters(registry, queues, "of this worker process, since it started")
        self._busy = Gauge(
            "simqueue_busy_slots",
            "Attempts running now, in this worker process",
            ("queue",),
            registry=registry,
        )
        self._running: dict[str, int] = {}
        for queue in queues:
            self._show_busy(queue)

    def attempt_started(self, queue: str, wait_s: float | None) -> None:
        """An attempt started, ``wait_s`` seconds after its job was ready (``None``: unknown)."""
        if queue not in self._running:
            self._show_busy(queue)
        self._running[queue] += 1
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
        self._running[queue] -= 1
        self._counts.ended(queue, outcome, seconds)

    def _show_busy(self, queue: str) -> None:
        """Have the gauge ask when somebody asks it: attempts are more often than scrapes."""
        self._running[queue] = 0
        self._busy.labels(queue).set_function(lambda: self._running[queue])

    def failed_unrun(self, queue: str) -> None:
        """A job that stalled too often failed for good, without an attempt."""
        self._counts.finished(queue, "failed")

    def stalled(self, queue: str) -> None:
        """A stalled job, anybody's, was found and put back: the worker's ``stalled`` event."""
        self._counts.stalled.labels(queue).inc()


class MetricsWatcher:
    """Counts the attempts of a worker process; give it to the process as a watcher."""

    def __init__(self, metrics: WorkerMetrics) -> None:
        self._metrics = metrics
        self._started: dict[tuple[str, int], float] = {}

    def __call__(self, event: Event) -> None:
        """Count an event."""
        if event.kind == "stalled":
            self._metrics.stalled(event.queue)
            return
        if event.kind == "end" and event.slot < 0:
            self._metrics.failed_unrun(event.queue)
            return
        place = (event.queue, event.slot)
        if event.kind == "start":
            self._started[place] = event.at
            # When a retry became ready is known only to whoever ran the attempt before it.
            wait = event.at - event.enqueued if event.attempt == 1 else None
            self._metrics.attempt_started(event.queue, wait)
        else:
            took = event.at - self._started.pop(place, event.at)
            self._metrics.attempt_ended(event.queue, event.outcome, took)


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
