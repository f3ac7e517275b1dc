"""Running a scenario on the model, once or in several independent replications."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from simqueue.results.attempt_log import AttemptLog, merge
from simqueue.simulation.bullmq import BullModel
from simqueue.simulation.model import Model, TrainingModel
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload

#: Steps in which a replication reports its progress.
_STEPS = 200


@dataclass(frozen=True)
class Run:
    """What a simulation gave.

    Attributes
    ----------
    scenario
        What was run.
    log
        Every attempt of every replication.
    replications
        How many there are; fewer than asked for if the run was interrupted.
    simulated_s
        Virtual seconds until the last job ended, over all replications.
    wall_s
        Real seconds that it took.
    interrupted
        Whether Ctrl-C ended it before all that was asked for was done.
    cut_off_s
        Where its only replication stopped then, virtual seconds; ``None`` if all in the log ran to
        their ends.
    """

    scenario: Scenario
    log: AttemptLog
    replications: int
    simulated_s: float
    wall_s: float
    interrupted: bool = False
    cut_off_s: float | None = None


def simulate(
    scenario: Scenario,
    replications: int = 1,
    progress: Callable[[float], None] | None = None,
) -> Run:
    """Simulate a scenario.

    Parameters
    ----------
    scenario
        What to run.
    replications
        Independent repetitions; interval estimates need at least two.
    progress
        Called with the share of the work that is done, 0 to 1.

    Notes
    -----
    Ctrl-C ends the run with what is done so far: the finished replications, or else the part of
    the first one until then, without the jobs that were in service or delayed at that moment.
    """
    began = time.perf_counter()
    logs: list[AttemptLog] = []
    simulated = 0.0
    interrupted, cut_off = False, None
    for replication in range(replications):
        workload = Workload(scenario, replication)
        model = model_of(workload)
        try:
            for share in _play(model):
                if progress:
                    progress((replication + share) / replications)
        except KeyboardInterrupt:
            interrupted = True
            if logs:
                break
            cut_off = float(model.env.now)
        log = model.record.log(workload, model.waiting())
        logs.append(log)
        simulated += float(np.nanmax(log.rows["finished_s"], initial=0.0))
        if interrupted:
            break
    return Run(
        scenario=scenario,
        log=merge(logs),
        replications=len(logs),
        simulated_s=simulated,
        wall_s=time.perf_counter() - began,
        interrupted=interrupted,
        cut_off_s=cut_off,
    )


def model_of(workload: Workload) -> Model:
    """The model of the scenario's mode, ready to run."""
    return (BullModel if workload.scenario.mode == "bull-queue" else TrainingModel)(workload)


def _play(model: Model) -> Iterator[float]:
    """Run to the end, and say on the way which share of the arrivals' time is over."""
    for step in range(1, _STEPS):
        model.run(until=model.scenario.duration_s * step / _STEPS)
        yield step / _STEPS
    model.run()
    yield 1.0
