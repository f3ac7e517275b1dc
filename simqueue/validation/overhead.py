"""What the queue itself costs on this machine: five short runs, and the figures of `Overhead`."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simqueue.errors import SimqueueError
from simqueue.validation.node.installed import NodeBullMQ
from simqueue.validation.real import run_real
from simqueue.validation.server import Server
from simqueue.workload.production import Overhead
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload

_QUEUE = "probe"
#: The middle of what was measured: a machine that was busy elsewhere for a moment is no cost.
_TRIM = 0.05
_JOBS = 150


def measure_overhead(
    server: Server,
    progress: Callable[[float], None] | None = None,
    node: NodeBullMQ | None = None,
) -> Overhead:
    """Measure what the queue costs with one worker of five slots; takes about 40 s.

    Parameters
    ----------
    server
        The Redis to measure on.
    progress
        Called with the share that is done, 0 to 1.
    node
        The BullMQ whose workers are measured; by default simqueue's own are, in Python.

    Raises
    ------
    SimqueueError
        If a run fails, or was too short to tell.
    """
    report = progress or (lambda _: None)
    tables = (_ONE_BY_ONE, _RETRIES, _BUSY, _FAILURES, _CROWD)
    alone, again, busy, failing, crowd = (
        _Probe(table, server, partial(_part, report, n, len(tables)), node)
        for n, table in enumerate(tables)
    )
    loop_s = _seconds_a_job(crowd.rows) - _CPU_S
    return Overhead(
        pickup_s=_figure(_middle(alone.waits_s(attempt=1))),
        retry_s=_figure(_middle(again.waits_s(attempt=2))),
        service_s=_figure(_middle(busy.beyond_the_script_s()) - loop_s),
        loop_s=_figure(loop_s),
        failure_s=_figure(_middle(_gaps(failing.rows))),
    )


#: No time on a timer's own grid: what that rounds up is a part of the cost.
_SERVICE = {"distribution": "uniform", "low_s": 0.005, "high_s": 0.015}
#: Each job finds the worker idle.
_ONE_BY_ONE = {
    "arrivals": {_QUEUE: {"interval_s": 0.04}},
    "queues": {_QUEUE: {"service": _SERVICE}},
}
#: Each retry finds the worker idle.
_RETRIES = {
    "arrivals": {_QUEUE: {"interval_s": 0.04}},
    "queues": {
        _QUEUE: {
            "service": _SERVICE,
            "attempts": 2,
            "failure_rate": 1.0,
            "backoff": {"type": "fixed", "delay_ms": 130},
        }
    },
}
#: Jobs wait all the time, and take as long as jobs do: a processor that was asleep is slower.
_BUSY = {
    "duration_s": 3.0,
    "arrivals": {_QUEUE: {"rate_per_s": 100}},
    "queues": {_QUEUE: {"service": {"distribution": "uniform", "low_s": 0.05, "high_s": 0.15}}},
    "workers": {"concurrency": 5},
}
#: Jobs wait, and each attempt fails.
_FAILURES = {
    "duration_s": 3.0,
    "arrivals": {_QUEUE: {"rate_per_s": 400}},
    "queues": {_QUEUE: {"service": _SERVICE, "failure_rate": 1.0}},
    "workers": {"concurrency": 2},
}
#: Jobs that hold the event loop, and wait for the worker to come up: what is between their cpu
#: parts is the loop's own work for them.
_CPU_S = 0.005
_CROWD = {
    "workers": {"crashes": [{"at_s": 0.0, "down_s": 2.0}]},
    "arrivals": {_QUEUE: {"profile": [[0, 3 * _JOBS / 0.1], [0.1, 0]]}},
    "queues": {_QUEUE: {"cpu": {"distribution": "constant", "mean_s": _CPU_S}}},
}


def _part(report: Callable[[float], None], number: int, parts: int, share: float) -> None:
    report((number + share) / parts)


class _Probe:
    """A short run on the real queue."""

    def __init__(
        self,
        table: dict[str, Any],
        server: Server,
        progress: Callable[[float], None],
        node: NodeBullMQ | None,
    ) -> None:
        scenario = Scenario.model_validate(
            {"name": "overhead", "duration_s": (_JOBS + 0.5) * 0.04, **table}
        )
        self.workload = Workload(scenario)
        run = run_real(
            self.workload,
            replace(server, prefix=f"{server.prefix}-{secrets.token_hex(2)}"),
            lambda seconds: progress(min(seconds / scenario.duration_s, 1.0)),
            node,
        )
        if run.interrupted:
            raise SimqueueError("interrupted: the queue's cost was not measured")
        self.log, self.rows = run.log, run.log.rows

    def waits_s(self, attempt: int) -> NDArray[np.float64]:
        """Waits of all ``attempt``-th attempts."""
        rows = self.rows[self.rows["attempt"] == attempt]
        waits: NDArray[np.float64] = rows["started_s"] - rows["ready_s"]
        return waits

    def beyond_the_script_s(self) -> NDArray[np.float64]:
        """From one start to the next in the same slot, while jobs wait, beyond the drawn time."""
        rows = self.rows[np.lexsort((self.rows["started_s"], self.rows["slot"]))]
        number = [int(name.rpartition("-")[2]) - 1 for name in self.log.ids(rows["job"])]
        drawn = np.array(self.workload.attempts(0, 1).io_s)[number]
        waited = _waited(rows)
        cycles: NDArray[np.float64] = np.diff(rows["started_s"]) - drawn[:-1]
        return cycles[waited]


def _waited(rows: NDArray[np.void]) -> NDArray[np.bool_]:
    """Of neighbours in one slot: whether the second job waited when the first ended."""
    before, after = rows[:-1], rows[1:]
    found: NDArray[np.bool_] = (before["slot"] == after["slot"]) & (
        after["ready_s"] < before["finished_s"]
    )
    return found


def _gaps(rows: NDArray[np.void]) -> NDArray[np.float64]:
    """From the end of one attempt to the start of the next in the same slot, while jobs wait."""
    rows = rows[np.lexsort((rows["started_s"], rows["slot"]))]
    gaps: NDArray[np.float64] = rows["started_s"][1:] - rows["finished_s"][:-1]
    return gaps[_waited(rows)]


def _middle(seconds: NDArray[np.float64]) -> float:
    """The mean without the smallest and the largest."""
    ordered = np.sort(seconds[np.isfinite(seconds)])
    cut = int(len(ordered) * _TRIM)
    return float(ordered[cut : len(ordered) - cut].mean())


def _seconds_a_job(rows: NDArray[np.void]) -> float:
    """Time from one end to the next while jobs wait and none is being added."""
    ended = np.sort(rows["finished_s"][rows["started_s"] > rows["enqueued_s"].max()])
    if len(ended) < _JOBS / 2:
        raise SimqueueError("too few jobs were left to wait: the queue's cost was not measured")
    return _middle(np.diff(ended))


def _figure(seconds: float) -> float:
    return round(max(seconds, 0.0), 5)
