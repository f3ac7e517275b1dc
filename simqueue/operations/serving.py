"""Runs a web server on a port, until it is told to stop."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import os
import secrets
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from simqueue.errors import InputError

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from simqueue.adapters.bull_queue.connection import Connection

TOKEN_VARIABLE = "SIMQUEUE_TOKEN"
_SHORTEST = 16


def token_from_environment() -> tuple[str, bool]:
    """The token that changes need, and whether it was made up just now.

    It comes from ``SIMQUEUE_TOKEN`` and not from an option, which every user of the machine
    could read in the list of processes.

    Raises
    ------
    InputError
        If the variable is too short to be a secret, or cannot be sent in a header.
    """
    given = os.environ.get(TOKEN_VARIABLE, "").strip()
    if not given:
        return secrets.token_urlsafe(24), True
    if len(given) < _SHORTEST or not given.isascii() or not given.isprintable() or " " in given:
        raise InputError(
            f"environment variable {TOKEN_VARIABLE}: expected at least {_SHORTEST} letters, "
            "digits or signs without spaces; unset it to have one made up"
        )
    return given, False


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one.

    Raises
    ------
    InputError
        If the address or the port cannot be had.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(128)
        except OSError:
            listener.close()
            raise
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"--host {host} --port {port}: {reason}; --port 0 takes a free port"
        ) from error
    return listener


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to ``host``.

    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "shop")]
    [True, True, True, False, False]
    """
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def address_of(listener: socket.socket, host: str) -> str:
    """The URL of a listening socket."""
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}/"


async def serve(
    connection: Connection,
    queues: Sequence[str],
    listener: socket.socket,
    token: str,
    hosts: Sequence[str] | None,
    started: Callable[[Callable[[], None]], None] = lambda _: None,
) -> None:
    """Serve the queues; see `run_app`.

    Parameters
    ----------
    connection
        The Redis that holds the queues.
    queues
        Their names.
    listener
        The socket, from `listen`.
    token
        What a request that changes a queue has to know.
    hosts
        The host names that it answers to; ``None``: any.
    started
        Called when requests are answered, with what stops the server as a signal does.
    """
    from simqueue.operations.web import make_app

    await run_app(make_app(connection, queues, token, hosts), listener, started)


async def run_app(
    app: Starlette,
    listener: socket.socket,
    started: Callable[[Callable[[], None]], None] = lambda _: None,
) -> None:
    """Answer requests until SIGINT or SIGTERM; then finish those that run, for 3 s at most.

    Parameters
    ----------
    app
        What answers.
    listener
        The socket, from `listen`.
    started
        Called when requests are answered, with what stops the server as a signal does.
    """
    import uvicorn

    from simqueue.operations.connections import patient_protocol

    config = uvicorn.Config(
        app,
        log_config=None,
        http=patient_protocol(),
        ws="none",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="on",
        timeout_graceful_shutdown=3,
    )

    class Server(uvicorn.Server):
        """Leaves the signals to us: uvicorn raises them again when it has shut down."""

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            started(stop)

    server = Server(config)

    def stop() -> None:
        server.force_exit = server.should_exit
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        # Only a main thread can, and not on Windows: there Ctrl-C stays what it is.
        with suppress(NotImplementedError, RuntimeError, ValueError):
            asyncio.get_running_loop().add_signal_handler(number, stop)
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    await server.serve(sockets=[listener])
