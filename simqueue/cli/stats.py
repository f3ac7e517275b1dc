"""``simqueue stats``: what the queues hold."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import typer

import simqueue.cli.options as opt
from simqueue.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from simqueue.adapters.bull_queue.connection import Connection
    from simqueue.operations.stats import QueueStats

#: Seconds between two looks of --watch.
_EVERY_S = 2.0
#: States that most queues never have, and their headings.
_RARE = {"prioritized": "by\npriority", "waiting_children": "for\nchildren", "paused": "paused"}


def stats(
    queue: opt.Queues = None,
    prefix: opt.Prefix = "bull",
    watch: Annotated[bool, typer.Option("--watch", help="Look again until Ctrl-C.")] = False,
    as_json: opt.AsJson = False,
) -> None:
    """Print what queues hold: jobs by state, the oldest that waits, the workers connected.

    Works on any BullMQ queues in the Redis of QUEUE_REDIS_URL. Completed and failed count the
    jobs that a queue keeps, so they are no totals.

    Example: simqueue stats --queue video --queue thumbnails --watch
    """
    from simqueue.operations.queues import operators_connection, queue_names, require_queues
    from simqueue.operations.stats import read_stats, stats_json
    from simqueue.settings import read_settings, revealed

    if watch and as_json:
        raise InputError("--watch --json: give one of them; --json prints one document")
    names = queue_names(queue)
    url = revealed(read_settings().queue_redis_url)

    async def look() -> list[QueueStats]:
        async with operators_connection(url, prefix) as connection:
            await require_queues(connection, queue)
            if watch:
                await _watch(connection, names)
            return await read_stats(connection, names)

    found = asyncio.run(look())
    if as_json:
        print(json.dumps(stats_json(found)))
    else:
        from rich.console import Console

        Console(highlight=False).print(table(found))
    if any(one.error for one in found):
        raise typer.Exit(1)


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
    """The counts for people, in any width; what is rare has a column only when it happens."""
    from rich.console import Group
    from rich.text import Text

    from simqueue.cli.fitted_table import Column, FittedTable
    from simqueue.safe_text import one_line

    rare = [state for state in _RARE if any(getattr(one, state) for one in found)]
    headings = ("waiting", "active", "delayed", *(_RARE[state] for state in rare), "completed",
                "failed", "oldest", "workers")  # fmt: skip
    columns = [Column("queue"), *(Column(heading, right=True) for heading in headings)]
    out = FittedTable(columns, [[one_line(one.queue), *_cells(one, rare)] for one in found])
    notes = []
    for one in found:
        name = one_line(one.queue)
        if one.error is not None:
            notes.append(f"{name}: cannot be read: {one_line(one.error)}")
        elif not one.exists:
            notes.append(f"{name}: no such queue (yet)")
        elif one.is_paused:
            notes.append(f"{name}: paused")
    notes.append("completed and failed: jobs kept, at most so many; not totals")
    return Group(out, *(Text(note) for note in notes))


def _cells(one: QueueStats, rare: Sequence[str]) -> list[str]:
    from simqueue.operations.queues import age

    kept = one.retention or {}
    counts = [one.waiting, one.active, one.delayed, *(getattr(one, state) for state in rare)]
    if one.error is not None:
        return ["?"] * (len(counts) + 4)
    return [
        *(f"{count:,}" if one.exists else "-" for count in counts),
        _of(one.completed, kept.get("kept_completed")) if one.exists else "-",
        _of(one.failed, kept.get("kept_failed")) if one.exists else "-",
        age(one.oldest_waiting_s),
        "?" if one.workers is None else f"{one.workers:,}",
    ]


def _of(count: int, most: int | None) -> str:
    return f"{count:,}" if most is None else f"{count:,} of {most:,}"
