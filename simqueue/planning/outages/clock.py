"""When an outage begins, as people say it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from simqueue.errors import InputError
from simqueue.workload.arrivals import Hourly
from simqueue.workload.scenario import Scenario

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def moment_s(scenario: Scenario, clock: str) -> float:
    """How long after a run's start the clock first shows a time, seconds.

    Parameters
    ----------
    scenario
        One whose arrivals follow a clock: a trace, or so many an hour.
    clock
        Such as ``10:00``.

    Raises
    ------
    InputError
        If it is no time, or the scenario has no clock.

    Examples
    --------
    >>> import simqueue as sq
    >>> moment_s(sq.read_scenario("incident.toml"), "13:05")
    300.0
    """
    found = _CLOCK.fullmatch(clock.strip())
    if not found:
        raise InputError(f"at {clock!r}: expected a time of the day, such as 10:00")
    start, speed = _start(scenario, clock)
    at = start.replace(hour=int(found[1]), minute=int(found[2]), second=0, microsecond=0)
    if at < start:
        at += timedelta(days=1)
    return (at - start).total_seconds() / speed


def _start(scenario: Scenario, clock: str) -> tuple[datetime, float]:
    """What the clock shows when the run begins, and how much faster than ours it goes."""
    for trace in scenario.traces:
        return trace.span[0], trace.speed
    for stream in scenario.arrivals.values():
        if isinstance(stream, Hourly):
            return datetime(2001, 1, 1), stream.speed  # a Monday's midnight
    raise InputError(
        f"at {clock!r}: the arrivals of scenario {scenario.name} follow no clock; expected seconds "
        "from the start"
    )
