"""How fast the compiled engine is, on the same work as a textbook SimPy model."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import simqueue as sq
from benchmarks.report import Measured
from benchmarks.speed import JOBS, LOADS
from benchmarks.textbook import TEXTBOOK
from benchmarks.work import SIMQUEUE, Work, disagreement, draw, scenario
from simqueue.experiments.parallel import check_cores
from simqueue.results.summary import summarise
from simqueue.simulation.engines import ENGINES, has_numba
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload

ROUNDS = 9
SWEEPS = 3
#: How many times slower the textbook model should be: than the engine, and than all of it.
ENGINE, WHOLE = 80.0, 40.0
#: Two cores over one.
TWO_CORES = 1.8
FIRST_CALL_S, REDRAW_S = 0.5, 0.1
NOT_INSTALLED = Measured("compiled engine", note="not installed: pip install -e '.[fast]'")


def measure() -> list[Measured]:
    """Ratios at each load; then whole questions."""
    if not has_numba():
        return [NOT_INSTALLED]
    found = [_first_call()]
    for load in LOADS:
        found += _at(scenario(JOBS, load=load), f"load {load:g}")
    return [*found, _redraw(), _plan(), *_sweeps()]


def _first_call() -> Measured:
    """The first call of a fresh process, without importing numba; compiling does not count."""
    ENGINES["compiled"](Workload(scenario(100, load=0.8)))
    program = [sys.executable, "-c", _FIRST]
    seconds = [
        float(subprocess.run(program, check=True, stdout=subprocess.PIPE, text=True).stdout)
        for _ in range(ROUNDS)
    ]
    note = "processor time above importing numba, code from the disk"
    return Measured.of("first call of a process", seconds, "s", at_most=FIRST_CALL_S, note=note)


_FIRST = """
import time
import numba
from benchmarks.work import scenario
from simqueue.simulation.engines import ENGINES
from simqueue.workload.workload import Workload
workload = Workload(scenario(100, load=0.8))
began = time.process_time()
ENGINES["compiled"](workload)
print(time.process_time() - began)
"""


def _at(day: Scenario, what: str) -> list[Measured]:
    """The engine alone on numbers drawn beforehand; and all from the scenario to the summary.

    The scenario's tables are made in the first round, and shared by the others as by replications.
    """
    work = draw(day)
    wrong = _disagreement(work)
    if wrong is not None:
        return [Measured(f"compiled, {what}", note=f"disagrees: {wrong}", failed=True)]
    parts: dict[str, Callable[[], Any]] = {
        "textbook": lambda: TEXTBOOK.run(work),
        "engine": lambda: ENGINES["compiled"](work.workload),
        "whole": lambda: _whole(day),
        "drawn": lambda: draw_only(day),
    }
    times: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(ROUNDS):
        for name, part in parts.items():
            times[name].append(_seconds(part))

    def over(name: str) -> list[float]:
        return [slow / fast for slow, fast in zip(times["textbook"], times[name], strict=True)]

    engine, drawn, whole = (1e3 * median(times[name]) for name in ("engine", "drawn", "whole"))
    rest = f"engine {engine:.1f} ms, draws {drawn:.1f} ms, summary {whole - engine - drawn:.1f} ms"
    return [
        Measured.of(f"textbook over compiled, {what}", over("engine"), "times", at_least=ENGINE),
        Measured.of(
            f"textbook over scenario to summary, {what}",
            over("whole"),
            "times",
            at_least=WHOLE,
            note=rest,
        ),
    ]


def draw_only(day: Scenario) -> Workload:
    """All draws that the engine will ask for."""
    workload = Workload(day)
    assert len(workload.arrivals[0])
    for attempt in range(1, 1 + next(iter(day.queues.values())).attempts):
        workload.attempts(0, attempt)
        workload.waits_s(0, attempt)
    return workload


def _whole(day: Scenario) -> object:
    log = ENGINES["compiled"](Workload(day)).log
    return summarise(log, (0.0, day.duration_s), day.slots)


def _disagreement(work: Work) -> str | None:
    """The two engines of simqueue say the same of every moment; the textbook of every attempt."""
    compiled, simpy = (ENGINES[name](work.workload).log for name in ("compiled", "simpy"))
    if compiled.rows.tobytes() != simpy.rows.tobytes():
        return "not the log of the model in SimPy"
    ours = SIMQUEUE.attempts(work, ENGINES["compiled"](work.workload))
    textbook = TEXTBOOK.attempts(work, TEXTBOOK.run(work))
    return disagreement(ours, textbook, in_order=not work.retries)


def _seconds(part: Callable[[], Any]) -> float:
    gc.collect()
    began = time.process_time()
    result = part()
    seconds = time.process_time() - began
    del result
    return seconds


def _redraw() -> Measured:
    """What a slider asks for that moves the busy day: a run, and its summary."""
    day = sq.read_scenario()
    seconds = [
        _seconds(lambda: sq.simulate(day, engine="auto").summary()) for _ in range(1 + ROUNDS)
    ]
    attempts = f"{len(sq.simulate(day, engine='auto').log):,} attempts"
    title = "busy day, from the scenario to the summary"
    return Measured.of(title, seconds[1:], "s", at_most=REDRAW_S, note=attempts)


def _plan() -> Measured:
    """The whole question that the busy day asks."""
    plan = sq.plan(sq.read_scenario(), "order.response.p95 < 10s")
    return Measured.of("plan for the busy day", [plan.wall_s], "s", note=plan.engine)


def _sweeps() -> list[Measured]:
    """Two cores over one."""
    if check_cores(None) < 2:
        return [Measured("sweep on two cores over one", note="this machine lends one core")]
    grid = {"workers.count": [1, 2, 3, 4]}
    found = []
    for engine, replications in (("compiled", 40), ("simpy", 2)):
        ratios = []
        for _ in range(SWEEPS):
            one, two = (
                sq.sweep(sq.read_scenario(), grid, replications, cores=cores, engine=engine).wall_s
                for cores in (1, 2)
            )
            ratios.append(one / two)
        title = f"sweep on two cores over one, {engine}"
        found.append(Measured.of(title, ratios, "times", at_least=TWO_CORES))
    return found
