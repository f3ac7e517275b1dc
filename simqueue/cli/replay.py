"""``simqueue replay``: real orders through the shop."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import sys
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import simqueue.cli.options as opt
from simqueue.errors import InputError

if TYPE_CHECKING:
    from simqueue.settings import Settings
    from simqueue.shop import Order, Shop
    from simqueue.shop.states import OrderState
    from simqueue.workers.replay import Replayed
    from simqueue.workers.shop_worker import ShopWorker


def replay(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="ORDERS.csv",
            help="Place the orders of this file. [default: the packaged recorded weeks]",
        ),
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(
            help="Place them in real time, this many times as fast as they were recorded. "
            "Without it nobody waits: in-process mode takes place in virtual time, and its log "
            "says when things would have been."
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Place only the first N orders.")] = None,
    log: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv[.gz]", help="Write the attempt log to this file."),
    ] = None,
    as_json: opt.AsJson = False,
) -> None:
    """Place recorded orders through the adapter that WORKER_MODE selects, and say what happened.

    WORKER_MODE=in-process (the default) does every job at once, in the caller; WORKER_MODE=none
    ignores jobs; WORKER_MODE=bull-queue puts them into the queues of QUEUE_REDIS_URL for simqueue
    worker to do, or, with QUEUE_REDIS_URL=embedded://, does them here.

    The shop's records are in DATABASE_URL (a file shop.db here, if unset); emails go to SMTP_URL,
    or else become files in the folder sent-emails. Of an order that the records hold already, only
    what is still open is asked for. To start afresh, end all workers, and then remove shop.db:
    those that still run would go on with the removed file.

    Example: simqueue replay --limit 200
    """
    from simqueue.cli.files import check_writable
    from simqueue.cli.logs import configure_logging
    from simqueue.settings import read_settings
    from simqueue.shop import BadRowsError, read_orders

    if speed is not None:
        opt.check_speed(speed)
    check_writable(log)
    settings = read_settings()
    configure_logging(level=logging.WARNING)
    path = file or _packaged()
    try:
        orders = read_orders(path)[:limit]
    except BadRowsError as error:
        for row in error.rows:
            print(row, file=sys.stderr)
        raise InputError(
            f"{path}: {len(error.rows):,} bad rows, named above; no order was placed"
        ) from None
    try:
        result = _run(settings, orders, speed, log)
    except KeyboardInterrupt:
        print("interrupted: what was placed stays; replay again to place the rest", file=sys.stderr)
        raise typer.Exit(130) from None
    if as_json:
        print(json.dumps(result))
    else:
        _show(result)
    if result["not_placed"]:
        raise typer.Exit(1)


def _packaged() -> Path:
    from simqueue.data import data_path

    return data_path("orders.csv")


def _run(
    settings: Settings, orders: list[Order], speed: float | None, log: Path | None
) -> dict[str, Any]:
    from simqueue.workers.loop import run_interruptible

    if settings.worker_mode != "bull-queue":
        return run_interruptible(_run_directly(settings, orders, speed, log))
    if log is not None and not settings.embedded:
        raise InputError(
            f"--log {log}: with a Redis server the workers do the jobs, and write the log: "
            "simqueue worker --log"
        )
    return run_interruptible(_run_queued(settings, orders, speed, log))


async def _run_directly(
    settings: Settings, orders: list[Order], speed: float | None, log: Path | None
) -> dict[str, Any]:
    """In-process and no-op mode: everything happens, or does not, in the caller."""
    from simqueue.adapters import Recorder, open_adapter
    from simqueue.cli.progress import progress_bar
    from simqueue.clock import Clock, SystemClock, VirtualClock
    from simqueue.shop import open_shop
    from simqueue.workers.replay import replay as place
    from simqueue.workers.shop_work import ShopWork

    # Virtual time starts on the day of the first order, for the sake of the emails' dates.
    first = orders[0].placed_at.replace(tzinfo=UTC).timestamp() if orders else 0.0
    clock: Clock = VirtualClock(first) if speed is None else SystemClock()
    recorder = Recorder(settings.worker_mode)
    # In a thread: a database that is locked must not keep Ctrl-C from being heard.
    with await asyncio.to_thread(open_shop, settings, clock) as shop:
        adapter = open_adapter(settings, ShopWork(shop), clock, recorder)
        with progress_bar("placing orders", len(orders)) as progress:
            done = await place(orders, shop, adapter, clock, speed or 1.0, progress)
        if log is not None:
            recorder.log().write(log)
        return _result(settings.worker_mode, orders, done, shop)


async def _run_queued(
    settings: Settings, orders: list[Order], speed: float | None, log: Path | None
) -> dict[str, Any]:
    """Production mode: jobs go to the queue; an embedded one has its worker in this process."""
    from simqueue.adapters.bull_queue.connection import connected
    from simqueue.cli.progress import progress_bar
    from simqueue.clock import SystemClock
    from simqueue.record.worker_events import Event, merge_events
    from simqueue.settings import revealed
    from simqueue.shop import open_shop
    from simqueue.workers.loop import TIDY_S, end_tasks
    from simqueue.workers.process import check_server
    from simqueue.workers.replay import replay as place
    from simqueue.workers.shop_worker import ShopWorker

    events: list[Event] = []
    async with connected(revealed(settings.queue_redis_url)) as connection:
        for line in await check_server(connection):
            print(f"note: {line}", file=sys.stderr)
        with await asyncio.to_thread(open_shop, settings, SystemClock(), outbox=True) as shop:
            worker = ShopWorker(
                shop,
                connection,
                concurrency=settings.worker_concurrency,
                watchers=[events.append],
            )
            stop = asyncio.Event()
            running = worker.start() if connection.embedded else worker.relay.run(stop)
            task = asyncio.ensure_future(running)
            try:
                with progress_bar("placing orders", len(orders)) as progress:
                    done = await place(
                        orders, shop, worker.relay, shop.clock, speed or math.inf, progress
                    )
                await worker.relay.publish()
                if connection.embedded:
                    await _until_done(worker)
            finally:
                if connection.embedded:
                    await worker.stop(grace_s=30)
                stop.set()
                await end_tasks([task], TIDY_S)
            queued = await worker.adapter.unfinished()
            if log is not None:
                merge_events(events).write(log)
            return {**_result(settings.worker_mode, orders, done, shop), "queued": queued}


async def _until_done(worker: ShopWorker) -> None:
    """Wait until the queues are empty and nothing is on its way to them."""
    from simqueue.cli.progress import progress_bar

    begun = await worker.adapter.unfinished()
    quiet = 0
    with progress_bar("working off the queues", begun) as progress:
        # Quiet twice over, with nothing published between: a job may be on its way from the
        # outbox to the queue when the one is looked at and then the other.
        while quiet < 2:
            left = await worker.relay.publish() + await worker.adapter.unfinished()
            quiet = 0 if left else quiet + 1
            progress(max(begun - left, 0))
            await asyncio.sleep(0.05)


def _result(mode: str, orders: list[Order], done: Replayed, shop: Shop) -> dict[str, Any]:
    """What became of these orders; other orders in the records do not count."""
    ids = {order.order_id for order in orders}
    states = [state for order_id in ids if (state := _state(shop, order_id)) is not None]
    sent = [kind for order_id, kind in shop.store.emails() if order_id in ids]
    return {
        "mode": mode,
        "orders": len(orders),
        "placed": done.placed,
        "already_placed": done.already_placed,
        "not_placed": done.not_placed,
        "order_status": _counts(state.status for state in states),
        "payment_status": _counts(state.payment_status for state in states),
        "emails": _counts(sent),
        "errors": dict(done.errors),
    }


def _state(shop: Shop, order_id: str) -> OrderState | None:
    """What became of an order; nothing, if it could not be placed."""
    try:
        return shop.store.state(order_id)
    except InputError:
        return None


def _counts(words: Any) -> dict[str, int]:
    from collections import Counter

    return dict(Counter(words).most_common())


def _show(result: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{result['orders']:,} orders, WORKER_MODE={result['mode']}")
    table.add_column("what")
    table.add_column("how it ended")
    table.add_column("count", justify="right")
    for what, counts in (
        ("orders", result["order_status"]),
        ("payments", result["payment_status"]),
        ("emails", result["emails"]),
    ):
        for word, count in counts.items():
            table.add_row(what, word, f"{count:,}")
    console = Console(highlight=False)
    console.print(table)
    if result["already_placed"]:
        console.print(
            f"{result['already_placed']:,} of them were in the shop's records already: what was "
            "still open was asked for."
        )
    if result["not_placed"]:
        console.print(
            f"{result['not_placed']:,} of them could not be placed: replay again to place them."
        )
    for kind, count in result["errors"].items():
        console.print(f"{count:,} requests ended with {kind}: the customer saw an error page.")
    if result.get("queued"):
        console.print(f"{result['queued']:,} jobs are in the queues: simqueue worker does them.")
    if result["mode"] == "none":
        console.print("Jobs are ignored in this mode: orders stay as they were placed.")
