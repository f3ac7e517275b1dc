"""``simqueue worker``: do the jobs of the queues."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simqueue.errors import InputError

if TYPE_CHECKING:
    from simqueue.adapters.bull_queue.consumer import Watcher
    from simqueue.settings import Settings
    from simqueue.workers.loop import LastResort
    from simqueue.workers.shop_worker import ShopWorker

_log = logging.getLogger("simqueue.worker")


def worker(
    grace: Annotated[
        float,
        typer.Option(
            metavar="S", min=0, help="Give running jobs so many seconds to finish after SIGTERM."
        ),
    ] = 30.0,
    log: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Append this worker's attempts to FILE.csv.events/; all workers of one log share "
            "it, and whatever reads FILE.csv reads them all.",
        ),
    ] = None,
    metrics_port: Annotated[
        int | None,
        typer.Option(min=0, max=65_535, help="Serve this worker's own metrics on 127.0.0.1."),
    ] = None,
    json_logs: Annotated[
        bool, typer.Option("--json-logs", help="Log one JSON object a line.")
    ] = False,
) -> None:
    """Do the jobs of the shop's queues until SIGTERM or Ctrl-C, then finish what is running.

    WORKER_MODE must be bull-queue and QUEUE_REDIS_URL name a Redis. WORKER_TYPE selects the queues
    (email, order, payment or all), WORKER_CONCURRENCY the slots for each. To scale out, start
    another worker; a second signal ends one at once.
    """
    from simqueue.cli.logs import configure_logging
    from simqueue.settings import read_settings
    from simqueue.workers.loop import LastResort, run_loop

    settings = read_settings()
    if settings.worker_mode != "bull-queue":
        raise InputError(
            f"environment variable WORKER_MODE={settings.worker_mode}: a worker needs "
            "WORKER_MODE=bull-queue and QUEUE_REDIS_URL; in the other modes there is no queue"
        )
    if settings.embedded:
        raise InputError(
            "QUEUE_REDIS_URL=embedded://: an embedded queue lives in one process, so nobody could "
            "add jobs to this worker's; simqueue replay runs its own workers, or start a Redis"
        )
    configure_logging(as_json=json_logs)
    with LastResort() as last:
        run_loop(_work(settings, grace, log, metrics_port, last))


async def _work(
    settings: Settings,
    grace: float,
    log: Path | None,
    metrics_port: int | None,
    last: LastResort,
) -> None:
    from simqueue.tasks import first
    from simqueue.workers.loop import LAST_S, work_until
    from simqueue.workers.process import ignore_signals, stop_on_signals

    stop = stop_on_signals(_end_at_once, on_first=lambda: last.end_within(grace + LAST_S, 0))
    try:
        async with AsyncExitStack() as stack:
            stack.callback(ignore_signals)
            opening = asyncio.ensure_future(_open(settings, log, metrics_port, stack))
            await first(stop.wait(), opening)
            if not opening.cancelled():
                await work_until(stop, opening.result(), grace)
    finally:
        last.end_within(LAST_S, 0 if stop.is_set() else 1)


async def _open(
    settings: Settings, log: Path | None, metrics_port: int | None, stack: AsyncExitStack
) -> ShopWorker:
    """All that a worker needs, until ``stack`` is closed; it has not begun to take jobs."""
    from simqueue.adapters.bull_queue.connection import connected
    from simqueue.clock import SystemClock
    from simqueue.jobs import QUEUES
    from simqueue.record.worker_events import EventFile
    from simqueue.settings import revealed
    from simqueue.shop import open_shop
    from simqueue.workers.process import check_server, worker_name
    from simqueue.workers.shop_worker import ShopWorker

    name = worker_name()
    queues = QUEUES if settings.worker_type == "all" else (settings.worker_type,)
    connection = await stack.enter_async_context(connected(revealed(settings.queue_redis_url)))
    for line in await check_server(connection):
        _log.warning(line)
    watchers: list[Watcher] = []
    if log is not None:
        events = EventFile(log, name)
        stack.callback(events.close)
        watchers.append(events.write)
    if metrics_port is not None:
        watchers.append(_serve_metrics(queues, metrics_port, stack))
    # In a thread: a database that is locked must not keep a signal from being heard.
    shop = await asyncio.to_thread(open_shop, settings, SystemClock(), outbox=True)
    stack.callback(shop.close)
    return ShopWorker(
        shop,
        connection,
        queues=queues,
        concurrency=settings.worker_concurrency,
        watchers=watchers,
        name=name,
    )


def _serve_metrics(queues: Sequence[str], port: int, stack: AsyncExitStack) -> Watcher:
    """Serve this worker's metrics; what counts its events."""
    from prometheus_client import CollectorRegistry

    from simqueue.workers.metrics import MetricsWatcher, WorkerMetrics, serve_metrics

    registry = CollectorRegistry()
    watcher = MetricsWatcher(WorkerMetrics(registry, queues))
    chosen, stop_serving = serve_metrics(registry, port)
    stack.callback(stop_serving)
    _log.info("metrics at http://127.0.0.1:%d/metrics", chosen)
    return watcher


def _end_at_once() -> None:
    _log.warning("second signal: ending at once; running jobs will be taken as stalled")
    os._exit(130)
