"""How time and memory grow with jobs, slots, workers and queues: each size in a fresh process."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from statistics import median

import simqueue as sq
from benchmarks.compiled import NOT_INSTALLED
from benchmarks.report import Measured
from benchmarks.work import scenario
from simqueue.results.summary import summarise
from simqueue.simulation.engines import ENGINES, has_numba
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload

ROUNDS = 3
#: What takes minutes is done once.
LONG = 5_000_000
LOAD = 0.8
#: What a process has imported and compiled is no job's.
WARM_UP_JOBS = 1_000


@dataclass(frozen=True)
class Size:
    """How much there is to do; ``slots`` are those of each worker for each queue."""

    jobs: int = 100_000
    slots: int = 5
    workers: int = 1
    queues: int = 1
    cpu_s: float = 0.0

    @property
    def scenario(self) -> Scenario:
        """The work."""
        return scenario(
            self.jobs,
            load=LOAD,
            slots=self.slots,
            workers=self.workers,
            queues=self.queues,
            cpu_s=self.cpu_s,
        )

    @property
    def words(self) -> str:
        """What is not as usual."""
        usual, found = asdict(Size()), [f"{self.jobs:,} jobs"]
        numbers = {name: value for name, value in asdict(self).items() if value != usual[name]}
        found += [f"{numbers[name]:,} {name}" for name in numbers if name not in ("jobs", "cpu_s")]
        return ", ".join([*found, *(["that compute"] if self.cpu_s else [])])


#: What an attempt computes, seconds: event loops matter, and who hears of which job.
COMPUTES_S = 0.002
JOBS = [Size(10**power) for power in (4, 5, 6, 7)]
SLOTS = [Size(slots=slots) for slots in (1, 10, 100, 1_000)]
WORKERS = [Size(slots=1, workers=workers) for workers in (10, 100, 1_000)]
QUEUES = [Size(queues=queues) for queues in (10, 100)]
TOGETHER = [Size(slots=1, workers=100, queues=100)]
COMPUTING = [replace(size, cpu_s=COMPUTES_S) for size in (*JOBS[1:2], *WORKERS, *TOGETHER)]
SIZES = [*JOBS, *SLOTS, *WORKERS, *QUEUES, *TOGETHER, *COMPUTING]
#: The model in SimPy takes half a minute for ten million.
MOST_JOBS = {"compiled": 10**7, "simpy": 10**6}
#: Where only a summary is asked for: ten times the jobs in so many times the memory.
IN_BLOCKS, TEN_TIMES = "in blocks", 1.2


def measure() -> list[Measured]:
    """Processor time a job and memory of each size, with each engine."""
    found = []
    for engine, most in MOST_JOBS.items():
        if engine == "compiled" and not has_numba():
            found.append(NOT_INSTALLED)
            continue
        for size in SIZES:
            if size.jobs <= most:
                found += _of(size, engine)
    return [*found, *_in_blocks()] if has_numba() else found


def _in_blocks() -> list[Measured]:
    """The summary alone: time, memory, and how the whole process grows."""
    found, peaks = [], []
    for size in JOBS[2:]:
        found += _of(size, IN_BLOCKS)
        peaks.append([_fresh(size, IN_BLOCKS)["process_mib"] for _ in range(ROUNDS)])
    ratios = [large / small for small, large in zip(*peaks, strict=True)]
    title = "summary alone, ten million jobs over one million: memory of the process"
    return [*found, Measured.of(title, ratios, "times", at_most=TEN_TIMES)]


def _of(size: Size, engine: str) -> list[Measured]:
    rounds = [_fresh(size, engine) for _ in range(1 if size.jobs > LONG else ROUNDS)]
    micro_s, summary_s, mib = (
        [one[name] for one in rounds] for name in ("micro_s", "summary_micro_s", "mib")
    )
    what = f"{engine}, {size.words}"
    note = f"of it the summary {median(summary_s):.2f}" if any(summary_s) else ""
    return [
        Measured.of(what, micro_s, "µs/job", note=note),
        Measured.of(f"{what}: memory", mib, "MiB", note="above that of a thousand jobs"),
    ]


def _fresh(size: Size, engine: str) -> dict[str, float]:
    """What a process of its own measures."""
    command = [sys.executable, "-m", "benchmarks.growth", engine, json.dumps(asdict(size))]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, float] = json.loads(printed)
    return found


def here(size: Size, engine: str) -> dict[str, float]:
    """Processor time a job, microseconds, and how much more memory the process has then, MiB.

    From the scenario to the summary, after a smaller run of the same kind. Memory is the largest
    that the system has seen of the process.
    """
    _whole(replace(size, jobs=WARM_UP_JOBS), engine)
    before_mib = _peak_mib()
    jobs, run_s, summary_s = _whole(size, engine)
    return {
        "micro_s": 1e6 * (run_s + summary_s) / jobs,
        "summary_micro_s": 1e6 * summary_s / jobs,
        "mib": _peak_mib() - before_mib,
        "process_mib": _peak_mib(),
    }


def _whole(size: Size, engine: str) -> tuple[int, float, float]:
    """Jobs; processor seconds of the draws and the run, and of the summary."""
    day, began = size.scenario, time.process_time()
    if engine == IN_BLOCKS:
        found = sq.summarise(day)
        assert found.why_kept is None
        arrived = sum(queue.arrived for queue in found.summary.queues.values())
        return arrived, time.process_time() - began, 0.0
    workload = Workload(day)
    log = ENGINES[engine](workload).log
    ran = time.process_time()
    summarise(log, (day.fixed_warmup_s, day.duration_s), day.slots)
    return len(workload.arrivals[0]), ran - began, time.process_time() - ran


def _peak_mib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


if __name__ == "__main__":
    print(json.dumps(here(Size(**json.loads(sys.argv[2])), sys.argv[1])))
