"""The same jobs on the real queue and in the model."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

from simqueue.errors import SimqueueError
from simqueue.experiments.run import simulate
from simqueue.record.attempt_log import AttemptLog
from simqueue.results.comparison.compare import Comparison, compare
from simqueue.results.comparison.spread import beyond
from simqueue.results.wording import count, duration
from simqueue.validation.node.installed import NodeBullMQ, find_bullmq
from simqueue.validation.real import LATE_S, RealRun, run_real
from simqueue.validation.runnable import check_runnable, check_server
from simqueue.validation.schedulers import check_skips
from simqueue.validation.server import Server
from simqueue.workload.production import NO_OVERHEAD, Overhead, measured_overhead
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload


def with_overhead(scenario: Scenario, overhead: Overhead) -> Scenario:
    """The scenario with another cost of the queue itself."""
    return scenario.replace({"bullmq.overhead": overhead.model_dump()})


def with_measured_cost(scenario: Scenario) -> Scenario:
    """The scenario with the measured cost of the queue, if it does not say itself what that is."""
    if "overhead" in scenario.bullmq.model_fields_set:
        return scenario
    return with_overhead(scenario, measured_overhead(scenario.bullmq.client))


@dataclass(frozen=True)
class Validation:
    """What both sides did with one workload.

    Attributes
    ----------
    scenario
        What both ran.
    server
        The Redis of the real run.
    real, model
        The two runs.
    load
        How busy the machine was before, in processes that wanted to run.
    more
        Further real runs of the same workload.
    node
        The BullMQ whose workers took the jobs; ``None``: simqueue's own did, in Python.
    """

    scenario: Scenario
    server: Server
    real: RealRun
    model: AttemptLog
    load: float = 0.0
    more: tuple[RealRun, ...] = ()
    node: NodeBullMQ | None = None

    @cached_property
    def comparison(self) -> Comparison:
        """The first real run and the model; formulas know nothing of the cost of a queue."""
        return self._compared(self.real)

    @cached_property
    def comparisons(self) -> list[Comparison]:
        """Each real run and the model."""
        return [self.comparison, *map(self._compared, self.more)]

    def exceeded(self, tolerances: Mapping[str, float]) -> list[str]:
        """One sentence for each measure that is out of tolerance.

        With several real runs: out of tolerance for their mean, and farther off than one more real
        run would be.
        """
        if not self.more:
            return self.comparison.exceeded(tolerances)
        return beyond(self.comparisons, tolerances)

    def _compared(self, real: RealRun) -> Comparison:
        return compare(real.log, self.model, with_overhead(self.scenario, NO_OVERHEAD))

    @property
    def versions(self) -> dict[str, str]:
        """The versions that the real run depends on."""
        redis = {"redis": self.server.version}
        if self.node is not None:
            return {"bullmq": self.node.version, "node": self.node.node, **redis}
        return {"bullmq": version("bullmq"), **redis}

    def notes(self, speed: float = 1.0) -> list[str]:
        """What makes this comparison less than it could be, a sentence each.

        Parameters
        ----------
        speed
            How many times as fast as it was written the scenario was run.
        """
        found = []
        if self.server.embedded:
            found.append(
                "All workers shared one process and a Redis made of Python: they were slower than "
                "real ones, and their cpu parts waited for each other."
            )
        if late := self.real.late_s:
            found.append(
                f"{count(len(late), 'job')} of the real run arrived more than "
                f"{duration(LATE_S)} later than in the model, by at most {duration(max(late))}: "
                "this machine was too busy."
            )
        processes, cores = self.scenario.event_loops + 2, cores_here()
        if self.load > cores / 2:
            found.append(
                f"Other programs kept this machine busy ({count(cores, 'core')}, a load of "
                f"{self.load:.1f} when the run began), and real jobs waited for them."
            )
        if processes > cores and not self.server.embedded:
            found.append(
                f"{processes} processes ({count(self.scenario.event_loops, 'worker')}, the Redis "
                f"and who adds the jobs) shared {count(cores, 'core')}."
            )
        if speed > 1:
            found.append(_haste(speed))
        return found


def cores_here() -> int:
    """How many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        return os.cpu_count() or 1


def load_here() -> float:
    """How many processes wanted to run during the last minute, on average."""
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):  # Windows
        return 0.0


def _haste(speed: float) -> str:
    return (
        f"At {speed:g} times the speed the queue's own cost, which stays the same, is {speed:g} "
        "times as large a share of everything: the errors of waits and of short jobs' response "
        "times grow as much, and so does the share of the event loops that it takes."
    )


def validate(
    scenario: Scenario,
    server: Server,
    progress: Callable[[float], None] | None = None,
    runs: int = 1,
    node_modules: str | Path | None = None,
) -> Validation:
    """Run a scenario for real, once or several times, then in the model.

    Parameters
    ----------
    scenario
        What to run; see `with_measured_cost` for what the queue itself costs in the model.
    server
        The Redis.
    progress
        Called with the seconds of the workload that are over, of all runs together.
    runs
        How often to run it for real: two or more tell how much real runs differ by themselves.
    node_modules
        Where the BullMQ is whose workers take the jobs if ``bullmq.client`` is ``node``; by
        default the folder of this name where we are.

    Raises
    ------
    InputError
        If the scenario cannot be run for real, or there is no BullMQ for Node where it has to be.
    SimqueueError
        If a real run fails.
    """
    check_runnable(scenario)
    check_server(scenario, server)
    node = find_bullmq(node_modules) if scenario.bullmq.client == "node" else None
    if node is not None:
        check_skips(scenario, node)
    load = load_here()
    done: list[RealRun] = []
    for number in range(runs):
        before = number * scenario.duration_s
        done.append(run_real(Workload(scenario), server, _after(progress, before), node))
        if done[-1].interrupted:
            return Validation(scenario, server, done[-1], done[-1].log, load, node=node)
    real, *more = done
    model = simulate(scenario)
    if model.interrupted:
        raise SimqueueError("interrupted: the model's run was not finished")
    return Validation(scenario, server, real, model.log, load, tuple(more), node)


def _after(
    progress: Callable[[float], None] | None, before: float
) -> Callable[[float], None] | None:
    """Progress of a run that others came before."""
    return None if progress is None else lambda seconds: progress(before + seconds)
