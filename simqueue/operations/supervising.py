"""Keeping something running in the background: what ends is started again, counted and told."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client import Counter

#: The wait before it is started again doubles between these two, seconds.
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 30.0
#: After this long without an end it is taken to be well again, seconds.
WELL_AFTER_S = 10.0

_log = logging.getLogger(__name__)


class Supervised:
    """Something that should run for ever.

    Parameters
    ----------
    name
        What it does, for the log and the label of ``restarts``.
    work
        The thing itself; it is called again whenever it has ended.
    restarts
        Counts how often it had to be started again.
    """

    def __init__(self, name: str, work: Callable[[], Awaitable[None]], restarts: Counter) -> None:
        self.name = name
        self._work = work
        self._restarts = restarts.labels(name)
        self._why = ""
        #: When it was started last; ``None`` while it waits to be started again.
        self._since: float | None = None
        self._wait_s = FIRST_WAIT_S

    @property
    def trouble(self) -> str:
        """Why it does not run, or has not run for long; empty if all is well."""
        if self._why and self._since is not None and self._lived_s() >= WELL_AFTER_S:
            _log.info("%s: works again", self.name)
            self._why, self._wait_s = "", FIRST_WAIT_S
        return f"{self.name}: {self._why}" if self._why else ""

    async def run(self) -> None:
        """Run it until cancelled."""
        while True:
            self._since = time.monotonic()
            try:
                await self._work()
            except Exception as error:
                self._tell(f"{type(error).__name__}: {error}", error)
            else:
                self._tell("it ended", None)
            self._restarts.inc()
            self._since = None
            await asyncio.sleep(self._wait_s)
            self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)

    def _tell(self, why: str, error: Exception | None) -> None:
        """Log it, once for as long as it is the same."""
        if self.trouble != f"{self.name}: {why}":
            self._why = why
            _log.error("%s: %s; started again until it works", self.name, why, exc_info=error)

    def _lived_s(self) -> float:
        return 0.0 if self._since is None else time.monotonic() - self._since
