"""Time as an argument: what the shop, its jobs and the adapters know of time comes from a clock.

So a test never waits. Who watches real processes (operations, validation) reads the machine's own.
"""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """What tells the time and lets it pass; seconds."""

    def now(self) -> float:
        """Seconds since the clock's own zero."""

    async def until(self, moment: float) -> None:
        """Wait until ``moment`` on this clock; a moment that has passed is no wait."""

    async def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass while others work: the *io* part of a service time."""

    def burn(self, seconds: float) -> None:
        """Let ``seconds`` pass while nothing else works: the *cpu* part of a service time."""


class SystemClock:
    """Real time: Unix seconds."""

    def now(self) -> float:
        """Unix time."""
        return time.time()

    async def until(self, moment: float) -> None:
        """Sleep until ``moment``, Unix time."""
        await asyncio.sleep(max(0.0, moment - self.now()))

    async def sleep(self, seconds: float) -> None:
        """Sleep for real, leaving the event loop to others."""
        await asyncio.sleep(seconds)

    def burn(self, seconds: float) -> None:
        """Keep this thread's event loop busy for real."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            pass


class VirtualClock:
    """Time that passes only when somebody waits, and then at once; for one caller at a time."""

    def __init__(self, now: float = 0.0) -> None:
        self._now = now

    def now(self) -> float:
        """Seconds since the clock was made, if it was made with none."""
        return self._now

    async def until(self, moment: float) -> None:
        """Move on to ``moment``."""
        self._now = max(self._now, moment)

    async def sleep(self, seconds: float) -> None:
        """Move on by ``seconds``."""
        self._now += seconds

    def burn(self, seconds: float) -> None:
        """Move on by ``seconds``."""
        self._now += seconds
