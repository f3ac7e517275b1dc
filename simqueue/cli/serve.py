"""``simqueue serve``: the queues over HTTP."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from typing import Annotated

import typer

import simqueue.cli.options as opt


def serve(
    host: Annotated[
        str, typer.Option(help="Listen on this address; whoever can reach it can read.")
    ] = "127.0.0.1",
    port: opt.Port = 8080,
    queue: opt.Queues = None,
    prefix: opt.Prefix = "bull",
) -> None:
    """Serve what operators see, until Ctrl-C: a live page, statistics and metrics.

    / is the page, /api/queues/stats the counts, /metrics for Prometheus, /healthz says that the
    server lives and /readyz that Redis answers it. Works on any BullMQ queues in the Redis of
    QUEUE_REDIS_URL. Retrying and removing failed jobs needs a token: that of SIMQUEUE_TOKEN, or
    else one that is made up and printed at the start.

    Example: simqueue serve --port 9000
    """
    from simqueue.cli.logs import configure_logging
    from simqueue.operations.queues import operators_connection, queue_names
    from simqueue.operations.serving import (
        address_of,
        is_loopback,
        listen,
        token_from_environment,
    )
    from simqueue.operations.serving import serve as run
    from simqueue.settings import read_settings, revealed

    names = queue_names(queue)
    url = revealed(read_settings().queue_redis_url)
    token, made_up = token_from_environment()
    configure_logging()

    async def until_stopped() -> None:
        async with operators_connection(url, prefix) as connection:
            with listen(host, port) as listener:
                address = address_of(listener, host)
                loopback = is_loopback(host)
                hosts = ["127.0.0.1", "::1", "localhost", host] if loopback else None

                def started(_: Callable[[], None]) -> None:
                    print(address, flush=True)
                    if made_up:
                        print(
                            f"To retry or remove failed jobs, open {address}#token={token}",
                            file=sys.stderr,
                            flush=True,
                        )
                    if not loopback:
                        logging.getLogger("simqueue").warning(
                            "not loopback: counts and error texts are open to whoever can connect"
                        )

                await run(connection, names, listener, token, hosts, started)

    asyncio.run(until_stopped())
