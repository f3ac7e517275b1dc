"""Which attempts a crashed worker left behind."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from simqueue.workload.pools import Death
from simqueue.workload.production import Crash


def caught(
    rows: NDArray[np.void], workers: Sequence[str], crash: Crash | Death, slack_s: float = 0.0
) -> NDArray[np.bool_]:
    """Which rows of a log a crash caught: they ran then, and on the worker that died.

    Parameters
    ----------
    rows
        Some rows of the log.
    workers
        The names of its workers, as in the log.
    crash
        Who died, and when.
    slack_s
        How much the log's times may be off, seconds.
    """
    ended = np.where(np.isnan(rows["finished_s"]), np.inf, rows["finished_s"])
    running = (rows["started_s"] - slack_s <= crash.at_s) & (crash.at_s <= ended + slack_s)
    # Code -1, no worker known, is the last element.
    may_be = [_may_be(name, crash) for name in workers]
    found: NDArray[np.bool_] = running & np.array([*may_be, True])[rows["worker"]]
    return found


def _may_be(name: str, crash: Crash | Death) -> bool:
    """Whether the worker that a log calls ``name`` is the one that died."""
    if isinstance(crash, Death) and crash.pool:
        return re.fullmatch(rf"{re.escape(crash.worker)}(?:\.\d+)?", name) is not None
    return _number(name) in (int(crash.worker), None)


def _number(name: str) -> int | None:
    """The worker's number in the scenario, from a name such as ``1``, ``worker-1`` or ``1.2``.

    A name of another kind tells nothing: any worker may have been it.
    """
    found = re.fullmatch(r"(?:w|worker)?-?(\d+)(?:\D\d+)?", name)
    return int(found[1]) if found else None
