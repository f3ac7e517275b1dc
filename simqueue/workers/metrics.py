"""From a worker's events to its metrics."""

from __future__ import annotations

from simqueue.operations.metrics import WorkerMetrics
from simqueue.record.worker_events import Event


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
