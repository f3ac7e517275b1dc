"""How long a client of `serve` may take, and how many there may be.

A client that sends half a request, or does not read its answer, holds a connection; some hundred of
them hold all that the process may open, and nobody else is answered.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any

#: From the connection, or the end of the last answer, to the end of the next request's headers;
#: and from there until the answer has been taken, seconds.
REQUEST_S, ANSWER_S = 10.0, 30.0
#: Connections at a time, at most; fewer where the process may not open four times as many files.
MOST_CONNECTIONS = 500
#: How often it is said that clients are turned away, seconds.
_SAID_EVERY_S = 60.0

_log = logging.getLogger(__name__)


def most_connections() -> int:
    """How many connections are taken at a time; the rest of the files is for Redis and the page."""
    with suppress(ImportError):  # Windows has neither the module nor the limit
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY:
            return max(8, min(MOST_CONNECTIONS, soft // 4))
    return MOST_CONNECTIONS


def patient_protocol() -> type[asyncio.Protocol]:
    """Uvicorn's protocol for HTTP, whose patience has an end."""
    from uvicorn.protocols.http.h11_impl import H11Protocol

    most = most_connections()
    crowd = _Crowd()

    class Patient(H11Protocol):
        """Closes a connection that is slow, and one that is too many."""

        _alarm: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if len(self.connections) > most:
                crowd.turned_away(most)
                transport.abort()
            else:
                self._wait_no_longer_than(REQUEST_S)

        def handle_events(self) -> None:
            before = self.cycle
            super().handle_events()
            if self.cycle is not None and self.cycle is not before:
                self._wait_no_longer_than(ANSWER_S)

        def on_response_complete(self) -> None:
            self._wait_no_longer_than(REQUEST_S)
            super().on_response_complete()

        def connection_lost(self, exc: Exception | None) -> None:
            self._off()
            super().connection_lost(exc)

        def _wait_no_longer_than(self, seconds: float) -> None:
            self._off()
            self._alarm = self.loop.call_later(seconds, self.transport.abort)

        def _off(self) -> None:
            if self._alarm is not None:
                self._alarm.cancel()

    return Patient


class _Crowd:
    """Says now and then that clients are turned away, and not for each of them."""

    def __init__(self) -> None:
        self._said_at = float("-inf")

    def turned_away(self, most: int) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._said_at >= _SAID_EVERY_S:
            self._said_at = now
            _log.warning("%d connections are open: more are turned away", most)
