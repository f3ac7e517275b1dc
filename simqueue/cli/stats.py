"""``simqueue stats``: what the queues hold."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import typer

from simqueue.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from simqueue.adapters.bull_queue.connection import Connection
    from simqueue.operations.stats import QueueStats

#: Seconds between two looks of --watch.
_EVERY_S = 2.0

Queues = Annotated[
    list[str] | None,
    typer.Option(
        "--queue",
        metavar="NAME",
        help="A BullMQ queue; may be repeated. [default: order, payment, email]",
    ),
]
Prefix = Annotated[str, typer.Option(help="What the queues' keys in Redis begin with.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def stats(
    queue: Queues = None,
    prefix: Prefix = "bull",
    watch: Annotated[bool, typer.Option("--watch", help="Look again until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print what queues hold: jobs by state, the oldest that waits, the workers connected.

    Works on any BullMQ queues in the Redis of QUEUE_REDIS_URL. Completed and failed count the
    jobs that a queue keeps, so they are no totals.

    Example: simqueue stats --queue video --queue thumbnails --watch
    """
    from simqueue.operations.queues import operators_connection, queue_names
    from simqueue.operations.stats import read_stats, stats_json
    from simqueue.settings import read_settings

    if watch and as_json:
        raise InputError("--watch --json: give one of them; --json prints one document")
    names = queue_names(queue)
    secret = read_settings().queue_redis_url
    url = secret.get_secret_value() if secret else None

    async def look() -> list[QueueStats]:
        async with operators_connection(url, prefix) as connection:
            if watch:
                await _watch(connection, names)
            return await read_stats(connection, names)

    found = asyncio.run(look())
    if as_json:
        print(json.dumps(stats_json(found)))
    else:
        from rich.console import Console

        Console(highlight=False).print(table(found))


async def _watch(connection: Connection, names: Sequence[str]) -> None:
    """Show the table until Ctrl-C."""
    from rich.console import Console
    from rich.live import Live

    from simqueue.operations.stats import read_stats

    shown = Live(table(await read_stats(connection, names)), console=Console(highlight=False),
                 auto_refresh=False)  # fmt: skip
    with shown:
        while True:
            await asyncio.sleep(_EVERY_S)
            shown.update(table(await read_stats(connection, names)), refresh=True)


def table(found: Sequence[QueueStats]) -> RenderableType:
    """The counts for people."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from simqueue.operations.queues import age, one_line

    prioritized = any(one.prioritized for one in found)
    children = any(one.waiting_children for one in found)
    out = Table()
    headings = ["waiting", *(["prioritized"] if prioritized else []), "active", "delayed",
                *(["for children"] if children else []), "paused", "completed", "failed",
                "oldest waits", "workers"]  # fmt: skip
    out.add_column("queue")
    for heading in headings:
        out.add_column(heading, justify="right")
    for one in found:
        name = Text(one_line(one.queue))
        if one.is_paused:
            name.append(" (paused)", style="bold")
        if not one.exists:
            name.append(" (no such queue yet)", style="dim")
            out.add_row(name, *["-"] * (len(headings) - 1), _workers(one))
            continue
        kept = one.retention or {}
        cells = [
            f"{one.waiting:,}",
            *([f"{one.prioritized:,}"] if prioritized else []),
            f"{one.active:,}",
            f"{one.delayed:,}",
            *([f"{one.waiting_children:,}"] if children else []),
            f"{one.paused:,}",
            _of(one.completed, kept.get("kept_completed")),
            _of(one.failed, kept.get("kept_failed")),
            age(one.oldest_waiting_s),
            _workers(one),
        ]
        out.add_row(name, *cells)
    note = Text("completed and failed: jobs kept (of at most as many), not totals", style="dim")
    return Group(out, note)


def _of(count: int, most: int | None) -> str:
    return f"{count:,}" if most is None else f"{count:,} of {most:,}"


def _workers(one: QueueStats) -> str:
    return "?" if one.workers is None else f"{one.workers:,}"
