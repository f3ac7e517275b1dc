"""Replications of scenarios, measured where they run: a few numbers come back, no log."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from simqueue.experiments.parallel import run_all
from simqueue.experiments.run import Run, replicate
from simqueue.results.measures import Measure
from simqueue.simulation.engines import Engine
from simqueue.workload.scenario import Scenario

#: Numbers of a run that no summary has: a function of a module, or what pickles like one.
Beside = Callable[[Run], Sequence[float]]


@dataclass(frozen=True)
class _Task:
    scenario: Scenario
    replication: int
    engine: str | Engine
    measures: tuple[Measure, ...]
    beside: Beside | None


def measured_all(
    work: Sequence[tuple[Scenario, int]],
    measures: tuple[Measure, ...],
    cores: int | None = None,
    cluster: str | None = None,
    engine: str | Engine = "auto",
    beside: Beside | None = None,
) -> Iterator[tuple[int, list[float]]]:
    """Run replications, and give their measures as they come.

    Parameters
    ----------
    work
        Which: scenarios, and numbers of replications.
    measures
        What to measure of each.
    cores, cluster
        See `simqueue.experiments.parallel.run_all`.
    engine
        See `simqueue.simulate`.
    beside
        What else to measure of each.

    Yields
    ------
    tuple
        The place in ``work``, and the measures: seconds, jobs, shares; NaN where there was nothing
        to measure. Then those of ``beside``.
    """
    tasks = [_Task(scenario, number, engine, measures, beside) for scenario, number in work]
    yield from run_all(_measured, tasks, cores, cluster)


def _measured(task: _Task) -> list[float]:
    run = replicate(task.scenario, task.replication, task.engine)
    # What a measure of one queue says does not need the others, nor flows.
    some = {one.queue for one in task.measures}
    flows = any(one.of_a_flow for one in task.measures)
    summary = run.summary() if flows else run.summary_of(some)
    values = [one.of(summary) for one in task.measures]
    found = [math.nan if value is None else float(value) for value in values]
    return found if task.beside is None else [*found, *task.beside(run)]
