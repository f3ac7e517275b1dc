"""What the queue itself costs on this machine: three short runs, and the figures of `Overhead`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simqueue.errors import SimqueueError
from simqueue.validation.real import run_real
from simqueue.validation.server import Server
from simqueue.workload.production import Overhead
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload

_QUEUE = "probe"
_SERVICE_S = 0.010
#: The middle of what was measured: a machine that was busy elsewhere for a moment is no cost.
_TRIM = 0.05
_JOBS = 150


def measure_overhead(server: Server, progress: Callable[[float], None] | None = None) -> Overhead:
    """Measure what the queue costs with one worker of five slots; takes about 20 s.

    Parameters
    ----------
    server
        The Redis to measure on.
    progress
        Called with the share that is done, 0 to 1.

    Raises
    ------
    SimqueueError
        If a run fails, or was too short to tell.
    """
    report = progress or (lambda _: None)
    alone = _run(_ONE_BY_ONE, server)
    report(1 / 3)
    again = _run(_RETRIES, server)
    report(2 / 3)
    crowd = _run(_CROWD, server)
    report(1.0)
    loop_s = _seconds_a_job(crowd)
    taken = _middle(alone["finished_s"] - alone["started_s"]) - _SERVICE_S
    retries = again[again["attempt"] > 1]
    return Overhead(
        pickup_s=_figure(_middle(alone["started_s"] - alone["ready_s"])),
        retry_s=_figure(_middle(retries["started_s"] - retries["ready_s"])),
        service_s=_figure(taken - loop_s),
        loop_s=_figure(loop_s),
    )


#: Each job finds the worker idle.
_ONE_BY_ONE = {
    "arrivals": {_QUEUE: {"interval_s": 0.04}},
    "queues": {_QUEUE: {"service": {"distribution": "constant", "mean_s": _SERVICE_S}}},
}
#: Each retry finds the worker idle.
_RETRIES = {
    "arrivals": {_QUEUE: {"interval_s": 0.04}},
    "queues": {
        _QUEUE: {
            "service": {"distribution": "constant", "mean_s": _SERVICE_S},
            "attempts": 2,
            "failure_rate": 1.0,
            "backoff": {"type": "fixed", "delay_ms": 130},
        }
    },
}
#: Jobs that take no time, so many at once that the event loop has nothing but them to do.
_CROWD = {
    "arrivals": {_QUEUE: {"profile": [[0, 20 * _JOBS / 0.1], [0.1, 0]]}},
    "queues": {_QUEUE: {}},
}


def _run(table: dict[str, Any], server: Server) -> NDArray[np.void]:
    scenario = Scenario.model_validate(
        {"name": "overhead", "duration_s": (_JOBS + 0.5) * 0.04, "workers": {"count": 1}, **table}
    )
    run = run_real(Workload(scenario), server)
    if run.interrupted:
        raise SimqueueError("interrupted: the queue's cost was not measured")
    return run.log.rows


def _middle(seconds: NDArray[np.float64]) -> float:
    """The mean without the smallest and the largest."""
    ordered = np.sort(seconds[np.isfinite(seconds)])
    cut = int(len(ordered) * _TRIM)
    return float(ordered[cut : len(ordered) - cut].mean())


def _seconds_a_job(rows: NDArray[np.void]) -> float:
    """Time from one end to the next while jobs wait and none is being added."""
    ended = np.sort(rows["finished_s"][rows["started_s"] > rows["enqueued_s"].max()])
    if len(ended) < _JOBS:
        raise SimqueueError("too few jobs were left to wait: the queue's cost was not measured")
    return float((ended[-1] - ended[0]) / (len(ended) - 1))


def _figure(seconds: float) -> float:
    return round(max(seconds, 0.0), 5)
