"""``simqueue replay``: real orders through the shop."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simqueue.errors import InputError

if TYPE_CHECKING:
    from simqueue.operations.replay import Replayed
    from simqueue.settings import Settings
    from simqueue.shop import Order, Shop


def replay(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[ORDERS.csv]", help="Orders to place. [default: the packaged recorded weeks]"
        ),
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(
            help="Place them in real time, this many times as fast as they were recorded. "
            "Without it time is virtual: nobody waits, and the log says when things would be."
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Place only the first N orders.")] = None,
    log: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv[.gz]", help="Write the attempt log to this file."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Place recorded orders through the adapter that WORKER_MODE selects, and say what happened.

    WORKER_MODE=in-process (the default) does every job at once, in the caller; WORKER_MODE=none
    ignores jobs. The shop's records are in DATABASE_URL (a file shop.db here, if unset); emails
    go to SMTP_URL, or else become files in the folder sent-emails. An order that the records hold
    already is left alone: to start afresh, remove shop.db.

    Example: simqueue replay --limit 200
    """
    from simqueue.operations.logging import configure_logging
    from simqueue.settings import read_settings
    from simqueue.shop import BadRowsError, read_orders

    if speed is not None and not 0 < speed < float("inf"):
        raise InputError(f"--speed {speed}: expected a number above 0")
    settings = read_settings()
    configure_logging()
    path = file or _packaged()
    try:
        orders = read_orders(path)[:limit]
    except BadRowsError as error:
        for row in error.rows:
            print(row, file=sys.stderr)
        raise InputError(
            f"{path}: {len(error.rows):,} bad rows, named above; no order was placed"
        ) from None
    result = _run(settings, orders, speed, log)
    if as_json:
        print(json.dumps(result))
    else:
        _show(result)


def _packaged() -> Path:
    from simqueue.data import data_path

    return data_path("orders.csv")


def _run(
    settings: Settings, orders: list[Order], speed: float | None, log: Path | None
) -> dict[str, Any]:
    from simqueue.adapters import Recorder, open_adapter
    from simqueue.cli.progress import progress_bar
    from simqueue.clock import Clock, SystemClock, VirtualClock
    from simqueue.operations.replay import replay as place
    from simqueue.shop import open_shop
    from simqueue.workers.shop_work import ShopWork

    clock: Clock = VirtualClock() if speed is None else SystemClock()
    recorder = Recorder(settings.worker_mode)
    with open_shop(settings, clock) as shop:
        adapter = open_adapter(settings, ShopWork(shop), clock, recorder)

        async def all_of_it() -> Replayed:
            with progress_bar("placing orders", len(orders)) as progress:
                done = await place(orders, shop, adapter, clock, speed or 1.0, progress)
            await adapter.close()
            return done

        done = asyncio.run(all_of_it())
        if log is not None:
            recorder.log().write(log)
        return _result(settings.worker_mode, orders, done, shop)


def _result(mode: str, orders: list[Order], done: Replayed, shop: Shop) -> dict[str, Any]:
    """What became of these orders; other orders in the records do not count."""
    ids = {order.order_id for order in orders}
    states = [shop.store.state(order_id) for order_id in ids]
    sent = [kind for order_id, kind in shop.store.emails() if order_id in ids]
    return {
        "mode": mode,
        "orders": len(orders),
        "placed": done.placed,
        "already_placed": done.already_placed,
        "order_status": _counts(state.status for state in states),
        "payment_status": _counts(state.payment_status for state in states),
        "emails": _counts(sent),
        "errors": dict(done.errors),
    }


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
            f"{result['already_placed']:,} of them were in the shop's records already and were "
            "left alone."
        )
    for kind, count in result["errors"].items():
        console.print(f"{count:,} requests ended with {kind}: the customer saw an error page.")
    if result["mode"] == "none":
        console.print("Jobs are ignored in this mode: orders stay as they were placed.")
