"""The days that a repair meets, and what is measured on each."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from simqueue.record.attempt_log import AttemptLog
from simqueue.results.crashes import caught
from simqueue.simulation.engines import ENGINES
from simqueue.workload.production import Crash
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload

DAYS = 3
#: What has not happened so long after the last order counts as never.
_PATIENCE_S = 7_200.0


def worst_day(scenario: Scenario) -> dict[str, float]:
    """The worst that each measure came to on any of the days, by the keys of the targets."""
    days = [_measured(scenario, day) for day in range(DAYS)]
    return {key: max(day[key] for day in days) for key in days[0]}


def _measured(scenario: Scenario, day: int) -> dict[str, float]:
    workload = Workload(scenario, day)
    # Some settings make work for ever: what is not done by then is not done.
    log = ENGINES["simpy"](workload, until_s=scenario.duration_s + _PATIENCE_S).log
    (crash,) = scenario.workers.crashes
    stalled = log.select(outcome="stalled").rows
    killed = caught(stalled, log.workers, crash)  # the others lost their locks alive
    return {
        "response": float(np.quantile(_responses(log, workload, "order"), 0.95, method="higher")),
        "given_up": max(_given_up(log, queue) for queue in log.queues),
        "calls": _calls_in_outage(log, scenario),
        "slowest_payment": float(_responses(log, workload, "payment").max()),
        "recovery": max((_again_after(log, run, crash) for run in stalled[killed]), default=0.0),
        "twice": float((~killed).sum()),
    }


def _responses(log: AttemptLog, workload: Workload, queue: str) -> NDArray[np.float64]:
    """Seconds of every job of a queue; infinite where it was not done."""
    done = log.responses(queue)
    undone = len(workload.streams[queue].times_s) - len(done)
    return np.append(done, np.full(undone, math.inf))


def _given_up(log: AttemptLog, queue: str) -> float:
    """Share of the jobs of a queue that failed for good."""
    jobs = _count_jobs(log.of_queue(queue))
    return len(log.select(queue, outcome="failed")) / max(jobs, 1)


def _calls_in_outage(log: AttemptLog, scenario: Scenario) -> float:
    """Calls to the dead gateway for each payment that made one."""
    ((down, up),) = scenario.queues["payment"].outage_windows
    rows = log.of_queue("payment")
    asked = rows[(rows["started_s"] >= down) & (rows["started_s"] < up)]
    return len(asked) / max(_count_jobs(asked), 1)


def _again_after(log: AttemptLog, run: np.void, crash: Crash) -> float:
    """Seconds from the crash until the job of a run was started again."""
    rows = log.rows[(log.rows["queue"] == run["queue"]) & (log.rows["job"] == run["job"])]
    starts = rows["started_s"][rows["started_s"] > crash.at_s]
    return float(min(starts, default=math.inf)) - crash.at_s


def _count_jobs(rows: NDArray[np.void]) -> int:
    return len(np.unique(rows["job"]))
