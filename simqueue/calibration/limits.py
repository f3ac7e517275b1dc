"""What lets no job start although some slot is idle: a rate limiter, and a global concurrency."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simqueue.calibration.seen import Look

Floats = NDArray[np.float64]

#: A limiter's counter above this was set by a handler that asked for a pause (``rateLimit``).
_SANE = 1_000_000
#: A worker asks again so soon after a window's end, ms; and so many windows prove a limit.
_LATE_MS, _OFTEN = 50.0, 2


@dataclass(frozen=True)
class SeenLimiter:
    """A queue's limiter as it was seen.

    Attributes
    ----------
    most, duration_s
        So many starts in so long.
    reached
        How often it was full, 0 where ``most`` is not known therefore; -1 where its settings are
        written down in Redis.
    """

    most: int
    duration_s: float
    reached: int


def limiter_of(
    looks: Sequence[Look], started_ms: Sequence[float], ready_ms: Sequence[float]
) -> SeenLimiter | None:
    """The limiter that a queue's starts obey; ``None`` where none counts them.

    Parameters
    ----------
    looks
        Its own keys now and then.
    started_ms, ready_ms
        When attempts started, ascending, and since when each had waited; Unix time.

    Notes
    -----
    A limiter of the queue (``setGlobalRateLimit``) is written down in its meta hash. One of the
    workers' options is not; but Redis counts the starts of the window that is open, and knows when
    it ends. The window began with the first of the starts that it has counted
    (``prepareJobForProcessing`` in ``moveToActive-11.lua``), which the events tell; so each look
    that finds a window gives its length. The limit was met where a job that waited started as soon
    as a window was over: that one had as many starts as the limiter allows.
    """
    for look in reversed(looks):
        if look.rate is not None:
            return SeenLimiter(look.rate[0], look.rate[1] / 1000, -1)
    starts = np.asarray(started_ms, dtype=float)
    lengths = []
    for look in looks:
        if look.window is None or look.window[0] > _SANE:
            continue
        count, left_ms = look.window
        before = int(np.searchsorted(starts, look.at_ms, side="right"))
        if count <= before:
            lengths.append(look.at_ms + left_ms - starts[before - count])
    if not lengths:
        return None
    # A start between the look and its answer makes a window too short or too long; most are right.
    duration_ms = _round(float(np.median(lengths)))
    full = Counter(_full_windows(starts, np.asarray(ready_ms, dtype=float), duration_ms))
    if not full:
        return SeenLimiter(0, duration_ms / 1000, 0)
    most, reached = full.most_common(1)[0]
    return SeenLimiter(most, duration_ms / 1000, reached if reached >= _OFTEN else 0)


def _full_windows(starts: Floats, ready: Floats, duration_ms: float) -> list[int]:
    """How many starts each window had that kept a job waiting to its end.

    The first start after a window opens the next.
    """
    found, first = [], 0
    while first < len(starts):
        end_ms = starts[first] + duration_ms
        end = int(np.searchsorted(starts, end_ms, side="left"))
        late_ms = starts[end] - end_ms if end < len(starts) else np.inf
        if late_ms < _LATE_MS and ready[end] < end_ms - _LATE_MS:
            found.append(end - first)
        first = end
    return found


def _round(ms: float) -> float:
    """A length as somebody would have written it: three digits, if that is within 1 %."""
    digits = 10.0 ** max(0, int(np.floor(np.log10(max(ms, 1.0)))) - 1)
    for unit in (digits, digits / 10):
        rounded = round(ms / unit) * unit
        if rounded and abs(rounded - ms) <= max(2.0, 0.005 * ms):
            return float(rounded)
    return float(round(ms))


def global_concurrency_of(looks: Sequence[Look]) -> int | None:
    """How many jobs of a queue may run at once, as its meta hash last said."""
    return looks[-1].concurrency if looks else None
