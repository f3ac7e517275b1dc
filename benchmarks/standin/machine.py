"""How busy the machine was, so that one can say that it was not the limit."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

try:
    from resource import RUSAGE_CHILDREN, getrusage
except ModuleNotFoundError:  # Windows
    getrusage = None  # type: ignore[assignment]

_STAT = Path("/proc/stat")


@dataclass(frozen=True)
class Machine:
    """Shares of all cores together, 0 to 1; NaN where the system does not tell.

    Attributes
    ----------
    cores
        How many there are.
    busy, busy_p95
        In use by anybody: on average, and what 95 % of the seconds stay under.
    node
        In use by the company's own processes, their children included, Redis not.
    """

    cores: int
    busy: float
    busy_p95: float
    node: float


class Watch:
    """Looks at the machine whenever it is told to; `seen` says what it saw."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._ours = _children_s()
        self._ticks = [_ticks()]

    def look(self) -> None:
        """Once a second or so."""
        self._ticks.append(_ticks())

    def seen(self) -> Machine:
        """From the beginning to now; our own processes have to have ended before."""
        self.look()
        cores = os.cpu_count() or 1
        busy, total = np.diff(np.array(self._ticks), axis=0).T
        known = total > 0
        shares = busy[known] / total[known]
        spent = (_children_s() - self._ours) / (time.monotonic() - self._began)
        if not len(shares):
            return Machine(cores, np.nan, np.nan, spent / cores)
        return Machine(
            cores, float(busy.sum() / total.sum()), float(np.quantile(shares, 0.95)), spent / cores
        )


def _ticks() -> tuple[float, float]:
    """Busy ticks of all cores, and all of them, since the machine started (proc(5))."""
    if not _STAT.exists():
        return 0.0, 0.0
    user, nice, system, idle, iowait, *rest = map(float, _first_line(_STAT).split()[1:9])
    busy = user + nice + system + sum(rest)
    return busy, busy + idle + iowait


def _first_line(file: Path) -> str:
    with file.open(encoding="ascii") as lines:
        return lines.readline()


def _children_s() -> float:
    if getrusage is None:
        return np.nan
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
