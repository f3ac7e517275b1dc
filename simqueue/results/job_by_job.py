"""Two logs of one workload, job by job: which jobs fared differently, and why they may have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simqueue.results.attempt_log import COMPLETED, FAILED, OUTCOMES, STALLED, AttemptLog
from simqueue.workload.production import Crash
from simqueue.workload.scenario import Scenario

#: A queue and the id of a job in it.
Key = tuple[str, str]
Reason = Literal[
    "outage's edge",
    "in flight at a crash",
    "only in the real run",
    "only in the model",
    "not finished in the real run",
    "not finished in the model",
    "unexplained",
]
#: Where a few milliseconds decide, no model can be right about each job.
EXCUSES: tuple[Reason, ...] = ("outage's edge", "in flight at a crash")


@dataclass(frozen=True)
class Fate:
    """What became of a job.

    Attributes
    ----------
    outcome
        ``completed``, ``failed``, or ``unfinished``.
    attempts
        Attempts that started; a rerun after a stall is the same attempt.
    runs
        How often it was started in all.
    """

    outcome: str
    attempts: int
    runs: int


@dataclass(frozen=True)
class DifferingJob:
    """A job that fared differently; ``None``: that side has no such job."""

    queue: str
    job_id: str
    real: Fate | None
    model: Fate | None
    reason: Reason

    @property
    def excused(self) -> bool:
        """Whether the reason is one that no model could help."""
        return self.reason in EXCUSES


@dataclass(frozen=True)
class Recovery:
    """A job that was running when its worker died: seconds from the kill to its next start."""

    queue: str
    job_id: str
    killed_s: float
    real_s: float | None
    model_s: float | None

    @property
    def difference_s(self) -> float | None:
        """Model less real; ``None`` if the job was not hit, or not started again, on a side."""
        if self.real_s is None or self.model_s is None:
            return None
        return self.model_s - self.real_s


@dataclass(frozen=True)
class Side:
    """A log by job: ``rows`` in the order of jobs and their attempts, and where each job's are."""

    rows: NDArray[np.void]
    workers: tuple[str, ...]
    fates: dict[Key, Fate]
    parents: dict[Key, str]
    places: dict[Key, slice]

    def of(self, key: Key) -> NDArray[np.void]:
        """The rows of one job; none if there is no such job."""
        return self.rows[self.places.get(key, slice(0))]


def side(log: AttemptLog) -> Side:
    """Sort a log by job."""
    rows = log.rows[np.lexsort([log.rows[field] for field in ("run", "attempt", "job", "queue")])]
    new = np.ones(len(rows), dtype=bool)
    new[1:] = (rows["job"][1:] != rows["job"][:-1]) | (rows["queue"][1:] != rows["queue"][:-1])
    new_attempt = new.copy()
    new_attempt[1:] |= rows["attempt"][1:] != rows["attempt"][:-1]
    started = ~np.isnan(rows["started_s"])
    first = np.flatnonzero(new)
    ends = np.append(first[1:], len(rows))
    last = rows["outcome"][ends - 1] if len(rows) else np.zeros(0, dtype=np.int8)
    fates = zip(
        [OUTCOMES[code] if code in (COMPLETED, FAILED) else "unfinished" for code in last.tolist()],
        _per_job(new_attempt & started, first),
        _per_job(started, first),
        strict=True,
    )
    keys: list[Key] = [
        (log.queues[queue], str(text))
        for queue, text in zip(
            rows["queue"][first].tolist(), log.ids(rows["job"][first]), strict=True
        )
    ]
    parents = rows["parent"][first]
    known = np.flatnonzero(parents >= 0)
    return Side(
        rows=rows,
        workers=log.workers,
        fates={key: Fate(*fate) for key, fate in zip(keys, fates, strict=True)},
        parents={
            keys[place]: str(text)
            for place, text in zip(known.tolist(), log.ids(parents[known]), strict=True)
        },
        places={
            key: slice(low, high)
            for key, low, high in zip(keys, first.tolist(), ends.tolist(), strict=True)
        },
    )


def _per_job(what: NDArray[np.bool_], first: NDArray[np.int64]) -> list[int]:
    if len(first) == 0:
        return []
    counts: list[int] = np.add.reduceat(what.astype(np.int64), first).tolist()
    return counts


def differing_jobs(
    real: Side, model: Side, scenario: Scenario, edge_s: float
) -> tuple[DifferingJob, ...]:
    """The jobs whose outcome, attempts or runs differ, in the order of their queues and ids.

    A follow-up of a job that differs for an excuse differs for the same one, unless it has an own.
    """
    found: dict[Key, DifferingJob] = {}
    for key in dict.fromkeys((*real.fates, *model.fates)):
        fates = real.fates.get(key), model.fates.get(key)
        if fates[0] != fates[1]:
            found[key] = DifferingJob(
                *key, *fates, reason=_reason(key, real, model, scenario, edge_s)
            )
    by_id = {job.job_id: job for job in found.values()}
    parents = {key: side.parents[key] for side in (model, real) for key in side.parents}
    return tuple(_inherited(job, by_id, parents) for job in found.values())


def _inherited(
    job: DifferingJob, by_id: Mapping[str, DifferingJob], parents: Mapping[Key, str]
) -> DifferingJob:
    above: DifferingJob | None = job
    while above is not None:
        if above.excused:
            return replace(job, reason=above.reason)
        above = by_id.get(parents.get((above.queue, above.job_id), ""))
    return job


def _reason(key: Key, real: Side, model: Side, scenario: Scenario, edge_s: float) -> Reason:
    of_job = [(one, one.of(key)) for one in (real, model)]
    queue = scenario.queues.get(key[0])
    edges = np.array([edge for outage in (queue.outages if queue else []) for edge in outage])
    if any(_near(rows["started_s"], edges, edge_s) for _, rows in of_job):
        return "outage's edge"
    crashes = scenario.workers.crashes
    if any(_hit(one, rows, crashes, edge_s).any() for one, rows in of_job):
        return "in flight at a crash"
    if key not in model.fates:
        return "only in the real run"
    if key not in real.fates:
        return "only in the model"
    if real.fates[key].outcome == "unfinished":
        return "not finished in the real run"
    if model.fates[key].outcome == "unfinished":
        return "not finished in the model"
    return "unexplained"


def _near(times: NDArray[np.float64], edges: NDArray[np.float64], within_s: float) -> bool:
    return bool((np.abs(times[:, None] - edges[None, :]) <= within_s).any())


def _hit(
    side: Side, rows: NDArray[np.void], crashes: Iterable[Crash], slack_s: float
) -> NDArray[np.bool_]:
    """Which attempts a crash caught: they ran then on that worker."""
    hit = np.zeros(len(rows), dtype=bool)
    for crash in crashes:
        hit |= _caught(side, rows, crash, slack_s)
    return hit


def _caught(side: Side, rows: NDArray[np.void], crash: Crash, slack_s: float) -> NDArray[np.bool_]:
    ended = np.where(np.isnan(rows["finished_s"]), np.inf, rows["finished_s"])
    running = (rows["started_s"] - slack_s <= crash.at_s) & (crash.at_s <= ended + slack_s)
    numbers = [_number(name) for name in side.workers]
    mine = [numbers[code] in (crash.worker, None) if code >= 0 else True for code in rows["worker"]]
    caught: NDArray[np.bool_] = running & np.array(mine, dtype=bool)
    return caught


def _number(name: str) -> int | None:
    """The worker's number in the scenario, from a name such as ``1``, ``worker-1``, ``1.2``.

    A name of another kind tells nothing: any worker may have been it.
    """
    found = re.fullmatch(r"(?:worker-?)?(\d+)(?:\D\d+)?", name)
    return int(found[1]) if found else None


def recoveries(real: Side, model: Side, scenario: Scenario, slack_s: float) -> tuple[Recovery, ...]:
    """The jobs that crashes caught, by the time of the crash."""
    found: list[Recovery] = []
    for crash in sorted(scenario.workers.crashes, key=lambda crash: crash.at_s):
        ours, theirs = (_restarts(side, crash, slack_s) for side in (real, model))
        found += [
            Recovery(*key, crash.at_s, ours.get(key), theirs.get(key))
            for key in dict.fromkeys((*ours, *theirs))
        ]
    return tuple(found)


def _restarts(side: Side, crash: Crash, slack_s: float) -> dict[Key, float | None]:
    """Seconds from a crash to the next start of each job that stalled by it; ``None`` if never."""
    stalled = np.flatnonzero(
        (side.rows["outcome"] == STALLED) & _caught(side, side.rows, crash, slack_s)
    )
    if len(stalled) == 0:
        return {}
    firsts = {place.start: key for key, place in side.places.items()}
    starts = np.array(sorted(firsts))
    found: dict[Key, float | None] = {}
    for place in stalled.tolist():
        key = firsts[int(starts[np.searchsorted(starts, place, side="right") - 1])]
        after = place + 1
        again = side.rows["started_s"][after] if after < side.places[key].stop else np.nan
        found[key] = None if np.isnan(again) else float(again - crash.at_s)
    return found
