"""Long runs for what is claimed of the model: compiled, and held against the model on the way."""

from __future__ import annotations

from simqueue.experiments.run import Run, simulate
from simqueue.simulation.engines import ENGINES
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload


def fast_run(scenario: Scenario, replications: int) -> Run:
    """Replications by the compiled engine; of the first, the model in SimPy writes the same log."""
    run = simulate(scenario, replications, engine="compiled")
    model = ENGINES["simpy"](Workload(scenario)).log
    assert run.log.replication(0).rows.tobytes() == model.rows.tobytes()
    return run
