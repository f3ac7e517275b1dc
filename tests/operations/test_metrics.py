"""The names that dashboards are built on, as Prometheus reads them."""

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from simqueue.errors import InputError
from simqueue.operations.metrics import QueueGauges
from simqueue.operations.stats import QueueStats
from simqueue.record.worker_events import Event
from simqueue.workers.metrics import MetricsWatcher, WorkerMetrics, serve_metrics


def samples(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """Values by name and the labels' values, in the order of the labels' names."""
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_worker_counts_its_own_attempts() -> None:
    registry = CollectorRegistry()
    metrics = WorkerMetrics(registry, ["order"])
    for outcome in ("completed", "retried", "failed"):
        metrics.attempt_started("order", wait_s=0.2)
        metrics.attempt_ended("order", outcome, seconds=0.03)
    metrics.attempt_started("order", wait_s=None)
    metrics.stalled("order")

    found = samples(generate_latest(registry).decode())

    assert found["simqueue_attempts_total", ("retried", "order")] == 1
    assert found["simqueue_jobs_processed_total", ("completed", "order")] == 1
    assert found["simqueue_jobs_processed_total", ("failed", "order")] == 1
    assert found["simqueue_jobs_failed_total", ("order",)] == 1
    assert found["simqueue_jobs_stalled_total", ("order",)] == 1
    assert found["simqueue_job_wait_seconds_count", ("order",)] == 3
    assert found["simqueue_job_processing_seconds_sum", ("order",)] == pytest.approx(0.09)
    assert found["simqueue_busy_slots", ("order",)] == 1


def test_a_job_that_fails_without_its_handler_frees_no_slot() -> None:
    """It stalled too often: no attempt began, so none ends."""
    registry = CollectorRegistry()
    watch = MetricsWatcher(WorkerMetrics(registry, ["order"]))
    watch(Event("start", 1.0, "order", "order-1", 1, "w", 0, enqueued=0.5))
    watch(Event("end", 2.0, "order", "order-2", 1, "w", outcome="failed"))

    found = samples(generate_latest(registry).decode())

    assert found["simqueue_busy_slots", ("order",)] == 1
    assert found["simqueue_jobs_failed_total", ("order",)] == 1
    assert found["simqueue_attempts_total", ("failed", "order")] == 0


def test_counters_start_at_zero_so_that_they_have_a_rate() -> None:
    registry = CollectorRegistry()
    WorkerMetrics(registry, ["email"])

    found = samples(generate_latest(registry).decode())

    assert found["simqueue_jobs_failed_total", ("email",)] == 0
    assert found["simqueue_attempts_total", ("retried", "email")] == 0


def test_an_unknown_outcome_is_an_error() -> None:
    with pytest.raises(ValueError, match="outcome"):
        WorkerMetrics(CollectorRegistry()).attempt_ended("order", "done", 1.0)


def test_gauges_vanish_with_redis() -> None:
    registry = CollectorRegistry()
    gauges = QueueGauges(registry)
    gauges.show([QueueStats("order", True, 7, 2, 1, 0, 0, 100, 50, 0, False, 12.5, None, None)])
    there = samples(generate_latest(registry).decode())
    gauges.show(None)
    away = samples(generate_latest(registry).decode())

    assert there["simqueue_queue_depth", ("order", "waiting")] == 7
    assert there["simqueue_busy_slots", ("order",)] == 2
    assert there["simqueue_oldest_waiting_age_seconds", ("order",)] == 12.5
    assert ("simqueue_workers", ("order",)) not in there
    assert away == {("simqueue_redis_up", ()): 0}


def test_a_worker_serves_its_metrics_on_a_port() -> None:
    registry = CollectorRegistry()
    WorkerMetrics(registry, ["order"]).attempt_started("order", 0.1)
    port, stop = serve_metrics(registry, 0)
    try:
        said = httpx.get(f"http://127.0.0.1:{port}/metrics")
        with pytest.raises(InputError, match=f"--metrics-port {port}"):
            serve_metrics(registry, port)
    finally:
        stop()

    assert samples(said.text)["simqueue_busy_slots", ("order",)] == 1
