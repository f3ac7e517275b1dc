"""How fast the model is, against a textbook SimPy model and Ciw on the same work."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence

from benchmarks.report import Measured
from benchmarks.textbook import TEXTBOOK
from benchmarks.work import QUEUE, SIMQUEUE, Engine, Work, disagreement, draw, scenario
from simqueue.results.summary import summarise

JOBS = 20_000
ROUNDS = 15

#: Offered loads. How long the queue is decides much: some engines search it at every event.
LOADS = (0.8, 0.95, 1.1)

#: How many times slower others should be at least.
TARGETS = {"textbook SimPy": 2.5, "Ciw": 6.0}

#: What the engines agree on before they are timed; see `benchmarks.work`.
ORDER = Measured(
    "same attempts, each as long",
    note="retries in BullMQ's order: in line when a worker next asks, not when due",
)


def measure() -> list[Measured]:
    """Seconds and ratios at each load."""
    others = [TEXTBOOK]
    found = [ORDER]
    try:
        from benchmarks.network import CIW
    except ModuleNotFoundError:
        found.append(Measured("Ciw", note="not installed: pip install -e '.[benchmarks]'"))
    else:
        others.append(CIW)
    for load in LOADS:
        found += compare(draw(scenario(JOBS, load=load)), f"load {load:g}", others)
    return found


def compare(
    work: Work, what: str, others: Sequence[Engine], rounds: int = ROUNDS
) -> list[Measured]:
    """Time the engines in turn, so that whatever else the machine does meets all of them.

    An engine whose attempts are not simqueue's own gets no ratio. Where jobs are tried again they
    may come in another order: see `benchmarks.work`.
    """
    reference = SIMQUEUE.attempts(work, SIMQUEUE.run(work))
    wrong = {
        engine.name: disagreement(
            reference, engine.attempts(work, engine.run(work)), in_order=not work.retries
        )
        for engine in others
    }
    agreeing = [SIMQUEUE, *(engine for engine in others if wrong[engine.name] is None)]
    times: dict[str, list[float]] = {engine.name: [] for engine in agreeing}
    for number in range(rounds):
        # Nobody is always the first after another.
        turn = number % len(agreeing)
        for engine in agreeing[turn:] + agreeing[:turn]:
            times[engine.name].append(_seconds(engine, work))
    ours = times[SIMQUEUE.name]
    per_job = [1e6 * seconds / work.jobs for seconds in ours]
    found = [Measured.of(f"simqueue, {what}", per_job, "us/job", note=_size(work))]
    for engine in others:
        title = f"{engine.name} over simqueue, {what}"
        if wrong[engine.name] is not None:
            found.append(Measured(title, note=f"disagrees: {wrong[engine.name]}", failed=True))
            continue
        ratios = [its / our for its, our in zip(times[engine.name], ours, strict=True)]
        found.append(Measured.of(title, ratios, "times", at_least=TARGETS.get(engine.name)))
    return found


def _size(work: Work) -> str:
    """How many jobs, slots and waiting jobs there were, in words."""
    log = SIMQUEUE.run(work).log
    scenario = work.workload.scenario
    found = summarise(log, (0.0, scenario.duration_s), scenario.slots).queues[QUEUE]
    waiting = found.queue_length
    return f"{work.jobs:,} jobs, {work.slots} slots, {waiting.mean:.3g} waiting (max {waiting.max})"


def _seconds(engine: Engine, work: Work) -> float:
    """Processor time of building, running and writing down; other processes do not count."""
    gc.collect()
    began = time.process_time()
    result = engine.run(work)
    seconds = time.process_time() - began
    del result
    return seconds
