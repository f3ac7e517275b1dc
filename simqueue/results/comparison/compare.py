"""A real queue's attempt log beside the model's: what agrees, what does not, and by how much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from simqueue.record.attempt_log import AttemptLog
from simqueue.results.comparison.differing import DifferingJob, differing_jobs
from simqueue.results.comparison.job_by_job import job_table
from simqueue.results.comparison.measure_words import share, value
from simqueue.results.comparison.measures import Measure, QueueComparison, compare_queue
from simqueue.results.comparison.recoveries import Recovery, recoveries
from simqueue.results.comparison.tolerances import DEFAULT_TOLERANCES, JOBS, parse_tolerances
from simqueue.results.formulas import formulas
from simqueue.results.offered import Outlook
from simqueue.results.summary import summarise
from simqueue.results.wording import count
from simqueue.workload.scenario import Scenario

__all__ = ["DEFAULT_TOLERANCES", "Comparison", "Measure", "compare", "parse_tolerances"]

#: With fewer jobs a p99 is little else than the longest time.
ENOUGH_FOR_P99 = 100


@dataclass(frozen=True)
class Comparison:
    """Two logs of one workload.

    Attributes
    ----------
    scenario
        Its name.
    engines
        Who wrote the real log, and who the model's.
    queues
        By name.
    jobs
        How many different jobs there are, over all queues and the whole run.
    differing
        Those whose outcome, attempts or runs differ.
    recoveries
        The jobs that crashes caught.
    """

    scenario: str
    engines: tuple[str, str]
    queues: dict[str, QueueComparison]
    jobs: int
    differing: tuple[DifferingJob, ...]
    recoveries: tuple[Recovery, ...]

    @property
    def unexplained(self) -> list[DifferingJob]:
        """The jobs that differ for a reason that is no excuse."""
        return [job for job in self.differing if not job.excused]

    @property
    def notes(self) -> list[str]:
        """What was not judged, and why: a sentence each."""
        return [
            f"The {name} queue has {count(queue.jobs, 'job')}, too few to judge its p99: "
            f"that takes {ENOUGH_FOR_P99}."
            for name, queue in self.queues.items()
            if 0 < queue.jobs < ENOUGH_FOR_P99
        ]

    def judges(self, queue: str, measure: str) -> bool:
        """Whether a queue has jobs enough for a measure to be judged."""
        return not measure.endswith("p99") or self.queues[queue].jobs >= ENOUGH_FOR_P99

    def worst(self, measure: str) -> tuple[str, Measure] | None:
        """The queue in which a measure is farthest off, and the measure there; or ``None``."""
        found = [
            (name, queue.measures[measure])
            for name, queue in self.queues.items()
            if self.judges(name, measure) and queue.measures[measure].known
        ]
        return max(found, key=lambda pair: pair[1].size, default=None)

    def exceeded(self, tolerances: Mapping[str, float] = DEFAULT_TOLERANCES) -> list[str]:
        """One sentence for each measure that is out of tolerance, queue by queue.

        Parameters
        ----------
        tolerances
            The largest error of each measure, as a share (see `Measure.judged`); under ``jobs`` how
            many jobs may differ for no known reason. Figures that are not named are not judged.
        """
        found = []
        if JOBS in tolerances and len(self.unexplained) > tolerances[JOBS]:
            found.append(
                f"jobs: {len(self.unexplained):,} of {self.jobs:,} fared differently for no known "
                f"reason, and {tolerances[JOBS]:,.0f} may."
            )
        for name, queue in self.queues.items():
            for measure, tolerance in tolerances.items():
                if measure == JOBS or not self.judges(name, measure):
                    continue
                if queue.measures[measure].size > tolerance:
                    found.append(_exceeded(name, measure, queue.measures[measure], tolerance))
        return found

    def as_dict(self) -> dict[str, Any]:
        """What JSON can hold.

        - ``scenario``, ``engines``: ``{"real": ..., "model": ...}``
        - ``queues``: by name, ``figures`` by name (those of
          `simqueue.results.comparison.tolerances.MEASURES`), each with ``real``, ``model``,
          ``difference``, ``error`` (share of the real measure) and
          ``judged`` (see `Measure.judged`), null where there is none; times in seconds;
          ``theory`` as in a simulation's result; ``real`` and ``model``, the whole summaries
        - ``jobs``: how many there are
        - ``differing``: ``queue``, ``job_id``, ``real`` and ``model`` (``outcome``, ``attempts``,
          ``runs``; null without such a job), ``reason``, ``excused``
        - ``recoveries``: ``queue``, ``job_id``, ``killed_s``, ``real_s``, ``model_s``,
          ``difference_s``
        - ``notes``: sentences on what is not judged
        """
        return {
            "scenario": self.scenario,
            "engines": dict(zip(("real", "model"), self.engines, strict=True)),
            "queues": {
                name: {
                    "figures": {key: one.as_dict() for key, one in queue.measures.items()},
                    "theory": queue.theory,
                    "real": queue.real.as_dict(),
                    "model": queue.model.as_dict(),
                }
                for name, queue in self.queues.items()
            },
            "jobs": self.jobs,
            "differing": [{**asdict(job), "excused": job.excused} for job in self.differing],
            "recoveries": [
                {**asdict(one), "difference_s": one.difference_s} for one in self.recoveries
            ],
            "notes": self.notes,
        }


def compare(
    real: AttemptLog, model: AttemptLog, scenario: Scenario, edge_s: float = 0.005
) -> Comparison:
    """Compare two logs of one workload, queue by queue and job by job.

    Response times are of the jobs that fared alike, and of those that differ without an excuse: a
    job that a crash happened to catch on one side only takes as long as its recovery there.

    Parameters
    ----------
    real, model
        The logs: one replication each, seconds counted from the same moment.
    scenario
        What both ran; its window and slots are those of the summaries.
    edge_s
        How much the two may differ in time, seconds, for no reason of the model's: an attempt that
        started so near an outage's edge may have been on either side of it.

    Raises
    ------
    ValueError
        If a log has several replications.
    """
    for log in (real, model):
        if len(set(log.rows["replication"].tolist())) > 1:
            raise ValueError(f"a comparison is of one replication; the {log.engine} log has more")
    window = scenario.fixed_warmup_s, scenario.duration_s
    slots = {**scenario.slots}
    slots |= dict.fromkeys({*real.queues, *model.queues} - set(slots), 0)
    crashes, pools = scenario.crashes, scenario.worker_pools
    found = [
        summarise(log, window, slots, crashes=crashes, pools=pools).queues for log in (real, model)
    ]
    tables = job_table(real), job_table(model)
    differing = differing_jobs(*tables, scenario, edge_s)
    excused = {(job.queue, job.job_id) for job in differing if job.excused}
    alike = found
    if excused:
        alike = [
            summarise(
                table.without(excused, log), window, slots, crashes=crashes, pools=pools
            ).queues
            for table, log in zip(tables, (real, model), strict=True)
        ]
    known = formulas(Outlook(scenario, scenario.fixed_warmup_s))
    return Comparison(
        scenario=scenario.name,
        engines=(real.engine, model.engine),
        queues={
            name: compare_queue(
                (found[0][name], found[1][name]),
                (alike[0][name], alike[1][name]),
                known.get(name),
            )
            for name in slots
        },
        jobs=len(tables[0].fates.keys() | tables[1].fates.keys()),
        differing=differing,
        recoveries=recoveries(*tables, scenario, edge_s),
    )


def _exceeded(queue: str, name: str, measure: Measure, tolerance: float) -> str:
    found = f"{queue}: {name} is {value(name, measure.model)} in the model"
    found += f" and {value(name, measure.real)} in the real run"
    if measure.judged is None:
        return f"{found}."
    return f"{found}: {share(measure.judged)}, and {share(tolerance, sign=False)} is allowed."
