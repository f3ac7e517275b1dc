"""How much memory a run takes for each job, at its peak."""

from __future__ import annotations

import tracemalloc

from benchmarks.report import Measured
from benchmarks.work import scenario
from simqueue.results.summary import summarise
from simqueue.simulation.engines import ENGINES
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload

JOBS = 200_000
TARGET_BYTES = 350

#: At twice the work that the slots can do, half the jobs wait when the last one arrives.
LOADS = {0.8: "short queue", 2.0: "long queue"}


def measure() -> list[Measured]:
    """Peak bytes a job, of the run alone and with its summary."""
    # What the first run of all imports and caches is no job's.
    _peaks(scenario(1_000, load=0.5))
    found = []
    for load, what in LOADS.items():
        jobs, run, summary = _peaks(scenario(JOBS, load=load))
        title = f"peak, load {load:g}, {what}"
        found += [
            Measured.of(
                f"run, {title}", [run / jobs], "bytes/job", at_most=TARGET_BYTES,
                note=f"{jobs:,} jobs: arrays, model, log",
            ),
            Measured.of(f"run and summary, {title}", [summary / jobs], "bytes/job"),
        ]  # fmt: skip
    return found


def _peaks(scenario: Scenario) -> tuple[int, int, int]:
    """Jobs; peak bytes until the run is over; peak bytes until its summary is there.

    Notes
    -----
    ``tracemalloc`` counts what Python and NumPy ask for, byte by byte. The process as the system
    sees it has the interpreter and the allocator's slack on top.
    """
    tracemalloc.start()
    try:
        workload = Workload(scenario)
        log = ENGINES["simpy"](workload).log
        run = tracemalloc.get_traced_memory()[1]
        summarise(log, (scenario.fixed_warmup_s, scenario.duration_s), scenario.slots)
        return len(workload.arrivals[0]), run, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
