"""A scenario's summary where nobody asks for the attempts: many jobs take no more memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from simqueue.experiments.run import interrupted_words, part, simulate
from simqueue.extras import naming_extras
from simqueue.record.attempt_log import AttemptLog
from simqueue.record.merging import merge
from simqueue.results.days_apart import apart_warnings
from simqueue.results.fold import Fold, summary_of
from simqueue.results.formulas import Theory, formulas, short_run_warnings
from simqueue.results.loads import load_warnings
from simqueue.results.offered import Outlook
from simqueue.results.queue_summary import Summary
from simqueue.results.sketch import Sketches
from simqueue.results.verdicts.judge import judge
from simqueue.results.verdicts.verdict import short_queues
from simqueue.simulation.engines import why_not_compiled
from simqueue.workload.in_blocks import blocks, not_in_blocks
from simqueue.workload.modes import unused_warnings
from simqueue.workload.scenario import Scenario

_STALLS = "bullmq.lock_duration_s: some job may lose its lock"


@dataclass(frozen=True)
class Summarised:
    """The numbers of a run whose attempts nobody kept.

    Attributes
    ----------
    scenario, replications
        What was run, and how often; fewer than were asked for if it was interrupted.
    summary
        As of a `Run`. Counts, means and time averages are exact; quantiles are off by no more than
        the share ``summary.quantile_error`` of themselves, the ends of their intervals may be by
        more.
    theory
        What a formula says of each queue; ``None`` where none truly holds.
    warnings
        What makes the numbers less than they could be, a sentence each.
    engine
        Which one ran it.
    simulated_s, wall_s
        Virtual seconds until the last job ended, over all replications; real ones that it took.
    interrupted
        Whether Ctrl-C ended it before all that was asked for was done.
    why_kept
        Why all attempts had to be kept until the summary was there, after all; ``None``: they were
        not.
    """

    scenario: Scenario
    replications: int
    summary: Summary
    theory: dict[str, Theory | None]
    warnings: list[str]
    engine: str
    simulated_s: float
    wall_s: float
    interrupted: bool = False
    why_kept: str | None = None

    @property
    def empty(self) -> bool:
        """Whether no job arrived, not even in the warm-up."""
        return not any(law.arrival_rate_per_s for law in self.summary.littles_law.values())

    def document(self) -> dict[str, Any]:
        """What ``simulate --summary-only --json`` prints: as of a `Run`, without verdicts."""
        return {
            "schema": 1,
            "scenario": self.scenario.name,
            "engine": self.engine,
            "mode": self.scenario.mode,
            "seed": self.scenario.seed,
            "replications": self.replications,
            "simulated_s": self.simulated_s,
            "wall_s": self.wall_s,
            **self.summary.as_dict(self.theory),
            "warnings": self.warnings,
        }


def summarise(
    scenario: Scenario,
    replications: int = 1,
    progress: Callable[[float], None] | None = None,
) -> Summarised:
    """Simulate a scenario for its summary alone, with memory that does not grow with the jobs.

    Jobs are drawn, run and counted in blocks; they are the same jobs as in `simqueue.simulate`.
    What needs the attempts is not there: verdicts, plots, the log.

    Parameters
    ----------
    scenario, replications, progress
        See `simqueue.simulate`.

    Notes
    -----
    Ctrl-C ends it with the replications that are done. It raises `KeyboardInterrupt` if there is
    nothing to report yet.

    Memory still grows with the jobs that are in the system at once: where a queue grows to the
    end, with all that wait. The compiled engine does it (extra ``fast``), for arrivals at given
    rates; where it cannot, all attempts are kept until the summary is there, and ``why_kept`` says
    why.

    Examples
    --------
    >>> import simqueue as sq
    >>> found = sq.summarise(sq.read_scenario("outage.toml"))
    >>> payment = found.summary.queues["payment"]
    >>> f"{payment.failed} of {payment.arrived:,} payments failed"
    '12 of 9,556 payments failed'
    """
    why = why_not_summarised(scenario)
    if why is None:
        found = _in_blocks(scenario, replications, progress)
        if found is not None:
            return found
        why = _STALLS
    run = simulate(scenario, replications, progress, engine="auto")
    if run.cut_off_s is not None and run.cut_off_s <= run.warmup_s:
        raise KeyboardInterrupt
    return Summarised(
        scenario=scenario,
        replications=run.replications,
        summary=run.summary(),
        theory=run.theory(),
        warnings=run.warnings(),
        engine=run.log.engine,
        simulated_s=run.simulated_s,
        wall_s=run.wall_s,
        interrupted=run.interrupted,
        why_kept=why,
    )


def why_not_summarised(scenario: Scenario) -> str | None:
    """Why all attempts of a scenario have to be kept for its summary; ``None``: they need not."""
    if scenario.warmup_s == "auto":
        return "warmup_s: auto is found in the attempts"
    return why_not_compiled(scenario) or not_in_blocks(scenario)


def fold(
    scenario: Scenario, replication: int, progress: Callable[[float], None] | None = None
) -> tuple[Fold, AttemptLog] | None:
    """One replication, and a log without attempts; ``None`` if a job may lose its lock.

    Parameters
    ----------
    scenario
        `why_not_summarised` says nothing against it.
    replication, progress
        See `simqueue.simulate`.
    """
    with naming_extras("fast"):
        from simqueue.simulation.compiled.in_blocks import InBlocks
        from simqueue.simulation.compiled.model import MayStall
    run = InBlocks(blocks(scenario, replication))
    found = Fold(_window(scenario), tuple(scenario.queues), replication)
    try:
        for one in run.slices():
            found.add(one)
            if progress is not None:
                progress(min(one.to_s / scenario.duration_s, 1.0))
    except MayStall:
        return None
    return found, run.empty_log()


def summary_of_one(scenario: Scenario, replication: int) -> Summary | None:
    """The summary of one replication; ``None`` if a job may lose its lock.

    `why_not_summarised` says nothing against the scenario.
    """
    done = fold(scenario, replication)
    if done is None:
        return None
    window, pools = _window(scenario), scenario.worker_pools
    return summary_of([done[0]], window, scenario.slots, done[1], pools)


def _in_blocks(
    scenario: Scenario, replications: int, progress: Callable[[float], None] | None
) -> Summarised | None:
    began = time.perf_counter()
    folds: list[Fold] = []
    logs: list[AttemptLog] = []
    interrupted = False
    for number in range(replications):
        try:
            done = fold(scenario, number, part(progress, number / replications, 1 / replications))
        except KeyboardInterrupt:
            if not folds:
                raise
            interrupted = True
            break
        if done is None:
            return None
        folds.append(done[0])
        logs.append(done[1])
    window, presence = _window(scenario), merge(logs)
    outlook = Outlook(scenario, scenario.fixed_warmup_s)
    warnings = _warnings(outlook, folds, logs)
    if interrupted:
        warnings.insert(0, interrupted_words(len(folds), replications))
    return Summarised(
        scenario=scenario,
        replications=len(folds),
        summary=summary_of(folds, window, scenario.slots, presence, scenario.worker_pools),
        theory=formulas(outlook),
        warnings=warnings,
        engine=presence.engine,
        simulated_s=sum(one.ended_s for one in folds),
        wall_s=time.perf_counter() - began,
        interrupted=interrupted,
    )


def _warnings(outlook: Outlook, folds: Sequence[Fold], logs: Sequence[AttemptLog]) -> list[str]:
    scenario = outlook.scenario
    found = load_warnings(outlook) + short_run_warnings(outlook) + unused_warnings(scenario)
    if len(folds) == 1:
        return found
    # Whether a queue is short is told by what was asked of it, and its longest wait.
    waits = [
        replace(log, rows=np.concatenate([log.rows, *one.longest_waits()]))
        for one, log in zip(folds, logs, strict=True)
    ]
    verdicts = judge(merge(waits), outlook, _window(scenario), len(folds))
    p95s = {}
    for queue in short_queues(verdicts, scenario.queues):
        each = [one.queues[queue].response_s for one in folds if queue in one.queues]
        p95s[queue] = [Sketches([day]).quantile(0.95) for day in each if day.number]
    return found + apart_warnings(p95s)


def _window(scenario: Scenario) -> tuple[float, float]:
    return scenario.fixed_warmup_s, scenario.duration_s
