"""What commands share that run real workers: the Redis, and an end that leaves nothing behind."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import typer

from simqueue.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from simqueue.validation.node.installed import NodeBullMQ
    from simqueue.validation.server import Server


@contextmanager
def redis_of(url: str | None) -> Iterator[Server]:
    """The Redis of ``--redis``, or what there is."""
    from simqueue.settings import read_settings, revealed
    from simqueue.validation.server import open_server

    wanted = revealed(read_settings().queue_redis_url) if url is None else url
    with ExitStack() as stack:
        try:
            server = stack.enter_context(open_server(wanted))
        except InputError as error:
            if url is None:
                raise
            raise InputError(str(error).replace("QUEUE_REDIS_URL=", "--redis ", 1)) from None
        yield server


def node_of(client: str | None, node_modules: Path | None) -> NodeBullMQ | None:
    """The BullMQ of ``--client node``; none for Python's workers."""
    from simqueue.validation.node.installed import find_bullmq

    if client not in (None, "python", "node"):
        raise InputError(f"--client {client}: expected python or node")
    if client == "node":
        return find_bullmq(node_modules)
    if node_modules is not None:
        raise InputError("--node-modules: it is for the workers of --client node")
    return None


@contextmanager
def sigterm_as_ctrl_c() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does: workers and a private Redis have to be ended."""
    before = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        raise typer.Exit(130) from None
    finally:
        signal.signal(signal.SIGTERM, before)
