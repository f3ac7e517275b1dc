"""Replications of scenarios, measured where they run: a few numbers come back, no log."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from simqueue.experiments.parallel import run_all
from simqueue.experiments.run import Run, replicate
from simqueue.experiments.summary_only import summary_of_one, why_not_summarised
from simqueue.results.measures import Measure
from simqueue.results.queue_summary import Summary
from simqueue.simulation.engines import Engine
from simqueue.workload.scenario import Scenario

#: With more jobs a replication is summarised in blocks, where it can be: so many cores do not keep
#: all attempts of as many at once. Quantiles are then those of `simqueue.results.sketch`.
LARGE = 1_000_000
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
    if task.beside is None and task.engine == "auto" and _is_better_in_blocks(task.scenario):
        summary = summary_of_one(task.scenario, task.replication)
        if summary is not None:
            return _values(task, summary)
    run = replicate(task.scenario, task.replication, task.engine)
    # What a measure of one queue says does not need the others, nor flows.
    some = {one.queue for one in task.measures}
    flows = any(one.of_a_flow for one in task.measures)
    found = _values(task, run.summary() if flows else run.summary_of(some))
    return found if task.beside is None else [*found, *task.beside(run)]


def _values(task: _Task, summary: Summary) -> list[float]:
    values = [one.of(summary) for one in task.measures]
    return [math.nan if value is None else float(value) for value in values]


def _is_better_in_blocks(scenario: Scenario) -> bool:
    """Whether attempts need not be kept, and so many are expected that they better are not."""
    if why_not_summarised(scenario) is not None:
        return False
    end = scenario.duration_s
    coming = [one.expected(np.array([end]), end) for one in scenario.arrivals.values()]
    return float(np.sum(coming)) > LARGE
