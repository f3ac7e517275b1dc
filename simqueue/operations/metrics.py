"""Prometheus gauges of what queues hold at the moment."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Gauge

from simqueue.operations.stats import QueueStats


class QueueGauges:
    """What queues hold at the moment, from their `QueueStats`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"simqueue_{name}", text, labels, registry=registry)

        self._up = gauge("redis_up", "1 if Redis answered this scrape; without it no gauges")
        self._readable = gauge(
            "queue_readable",
            "1 if what Redis holds of the queue could be read; without it no other gauges of it",
            "queue",
        )
        self._depth = gauge(
            "queue_depth",
            "Jobs in the queue by state; completed and failed are those kept, no totals",
            "queue",
            "state",
        )
        self._oldest = gauge(
            "oldest_waiting_age_seconds",
            "For how long the longest ready job has been ready; 0 if none is, absent if not known",
            "queue",
        )
        self._workers = gauge("workers", "Workers connected to Redis for the queue", "queue")
        self._busy = gauge("busy_slots", "Attempts running now, in all workers", "queue")

    def show(self, stats: Sequence[QueueStats] | None) -> None:
        """Take over the counts; ``None``: Redis did not answer, so there are no gauges."""
        self._up.set(0 if stats is None else 1)
        for gauge in (self._readable, self._depth, self._oldest, self._workers, self._busy):
            gauge.clear()
        for one in stats or ():
            self._readable.labels(one.queue).set(one.error is None)
            if one.error is not None:
                continue
            for state in ("waiting", "prioritized", "active", "delayed", "waiting_children",
                          "paused", "completed", "failed"):  # fmt: skip
                self._depth.labels(one.queue, state).set(getattr(one, state))
            if one.oldest_waiting_s is not None or not one.ready:
                self._oldest.labels(one.queue).set(one.oldest_waiting_s or 0.0)
            self._busy.labels(one.queue).set(one.active)
            if one.workers is not None:
                self._workers.labels(one.queue).set(one.workers)
