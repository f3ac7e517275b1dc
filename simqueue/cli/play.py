"""``simqueue play``: the live model in a browser."""

from __future__ import annotations

import asyncio
import logging
import secrets
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

import simqueue.cli.options as opt


def play(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="SCENARIO.toml",
            help="Play this scenario. [default: the busiest day of the recorded weeks, scaled up]",
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Listen on this address, which has to be one of this machine's own.")
    ] = "127.0.0.1",
    port: opt.Port = 0,
    open_: Annotated[
        bool, typer.Option("--open", help="Open the page in this machine's browser.")
    ] = False,
    set_: opt.Set = None,
    seed: opt.Seed = None,
) -> None:
    """Play with the model: send jobs, kill workers, take the gateway away, and watch.

    It prints the address of a page. What runs there is the model that simulate runs, from a tenth
    of real time to as fast as it goes. Nothing is written to disk unless you save it.

    Example: simqueue play outage.toml --open
    """
    from simqueue.errors import InputError
    from simqueue.extras import naming_extras
    from simqueue.workload.reading import read_scenario

    with naming_extras():
        from simqueue.live.player import Player
        from simqueue.live.web import make_app
        from simqueue.operations.serving import address_of, is_loopback, listen, run_app

    if not is_loopback(host):
        raise InputError(f"--host {host}: expected an address of this machine, such as 127.0.0.1")
    player = Player(read_scenario(file, opt.changes_of(set_, seed=seed)))
    token = secrets.token_urlsafe(24)
    hosts = ["127.0.0.1", "::1", "localhost", host]
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)

    async def until_stopped() -> None:
        with listen(host, port) as listener:
            address = f"{address_of(listener, host)}#token={token}"

            def started(_: Callable[[], None]) -> None:
                print(address, flush=True)
                if open_:
                    webbrowser.open(address)

            await run_app(make_app(player, token, hosts), listener, started)

    asyncio.run(until_stopped())
