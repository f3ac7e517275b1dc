"""Doing something again and again, whatever happens, until told to stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from simqueue.clock import Clock
from simqueue.errors import SimqueueError
from simqueue.tasks import first

#: The wait after a failed round doubles between these two: seconds.
FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 5.0

_log = logging.getLogger(__name__)


async def rounds(
    name: str,
    once: Callable[[], Awaitable[object]],
    clock: Clock,
    stop: asyncio.Event,
    every_s: float,
    woken: asyncio.Event | None = None,
) -> None:
    """Call ``once`` again and again until ``stop``; a round that raises is tried again.

    What it raises is logged when an outage begins, and not for every try.

    Parameters
    ----------
    name
        Who does it, for the log.
    once
        One round.
    clock
        What the waits between rounds are measured on.
    stop
        Ends it: after the round that is under way, if there is one.
    every_s
        The wait after a round, seconds.
    woken
        Cuts that wait short. It does not cut short the wait of an outage.
    """
    outage_s = 0.0
    while not stop.is_set():
        if woken is not None:
            woken.clear()
        try:
            await once()
        except Exception as error:
            # Whatever it was, it must not end this loop in silence: jobs would be stuck for good.
            if not outage_s:
                bug = not isinstance(error, SimqueueError)
                _log.error("%s: %s; trying again until it works", name, error, exc_info=bug)
            outage_s = min(2 * outage_s or FIRST_WAIT_S, LONGEST_WAIT_S)
            await first(clock.sleep(outage_s), stop.wait())
            continue
        if outage_s:
            _log.info("%s: works again", name)
            outage_s = 0.0
        waits = [clock.sleep(every_s), stop.wait()]
        await first(*waits, *([] if woken is None else [woken.wait()]))
