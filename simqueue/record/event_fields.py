"""What the fields of a worker's event may hold: a line that can be read need not be an event."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np

from simqueue.jobs import queue_name
from simqueue.record.attempt_log import OUTCOMES, ROW

#: What an event of each kind cannot be without.
_NEEDED = {
    "start": ("at", "queue", "job_id", "attempt", "flow", "enqueued"),
    "end": ("at", "queue", "job_id", "outcome"),
    "stalled": ("at", "queue", "job_id"),
}
_TIMES = ("at", "enqueued", "due")
_PLACES = ("attempt", "slot")
_MOST = int(np.iinfo(ROW["attempt"]).max)


def checked(known: dict[str, Any]) -> dict[str, Any]:
    """The fields of an event, each of which can be what it is said to be.

    Raises
    ------
    ValueError, TypeError
        If they cannot.
    """
    if not isinstance(known, dict):
        raise TypeError(f"a {type(known).__name__} is no event")
    needed = _NEEDED.get(known.get("kind", ""))
    if needed is None or not all(known.get(name) for name in needed):
        raise ValueError("something is missing that an event of its kind has")
    for name, value in known.items():
        if name in _TIMES:
            good = type(value) in (int, float) and isfinite(value)
        elif name in _PLACES:
            good = type(value) is int and -1 <= value <= _MOST
        else:
            good = isinstance(value, str)
        if not good:
            raise ValueError(f"{name} cannot be what it is")
    if known.get("outcome", "") not in OUTCOMES:
        raise ValueError("there is no such outcome")
    queue_name(known["queue"])
    return known
