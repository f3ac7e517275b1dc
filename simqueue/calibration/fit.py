"""How well the model does with the very same jobs: their own arrivals, times and failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simqueue.calibration.days import Day
from simqueue.calibration.estimates import Estimates, QueueEstimate
from simqueue.calibration.rows import table_of
from simqueue.errors import InputError
from simqueue.experiments.log_replay import Slots, replay_log
from simqueue.record.attempt_log import AttemptLog
from simqueue.record.by_job import by_job
from simqueue.record.table import from_frame
from simqueue.workload.production import Overhead

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
#: Of waits and responses.
FIGURES = ("mean", "p95", "p99")
#: With fewer jobs a tail is not judged.
ENOUGH = 100


@dataclass(frozen=True)
class Fit:
    """The same jobs in the real queue and in the model.

    Attributes
    ----------
    queue, priority
        Whose; ``None``: all priorities together.
    jobs
        How many.
    wait_s, response_s
        By figure: what was seen, and what the model says, seconds.
    """

    queue: str
    priority: int | None
    jobs: int
    wait_s: dict[str, tuple[float, float]]
    response_s: dict[str, tuple[float, float]]

    def as_json(self) -> dict[str, Any]:
        """The same, for JSON."""
        return asdict(self)

    def error(self, measure: str, figure: str) -> float:
        """How far the model is off, as a share of what was seen."""
        real, model = getattr(self, measure)[figure]
        return (model - real) / real if real > 0 else 0.0 if model == real else float("inf")


def log_of(day: Day, found: Estimates) -> AttemptLog:
    """The attempt log of what was seen."""
    import pandas as pd

    many = {name for name, one in found.queues.items() if len(one.kinds) > 1}
    labels = {key: kind.label for key, kind in found.kinds.items() if key.queue in many}
    rows = table_of(day, labels)
    if not rows:
        raise InputError("no attempt was seen: there is nothing to make a log of")
    return from_frame(pd.DataFrame(rows), "what was seen")


def fits_of(log: AttemptLog, day: Day, found: Estimates, overhead: Overhead) -> list[Fit]:
    """Replay the log of a day with the workers and rules that were found, queue by queue.

    Jobs that were there as the watch began take part, but are not counted: how long they had
    waited is not known.
    """
    slots = {queue: _slots(one) for queue, one in found.queues.items()}
    rules = {queue: _rules(one) for queue, one in found.queues.items()}
    parents: dict[str, set[str]] = {}
    for job in day.jobs.values():
        if job.children:
            parents.setdefault(job.key.queue, set()).add(job.key.id)
    replay = replay_log(log, slots, overhead, "what was seen", rules, parents)
    sides = [_of_jobs(side) for side in (replay.real, replay.model)]
    fits = []
    for queue in found.queues:
        real, model = (_of_queue(side, queue) for side in sides)
        priorities = sorted({one.priority for one in real.values()})
        for level in (None, *(priorities if len(priorities) > 1 else ())):
            fit = _fit(queue, level, real, model)
            if fit is not None:
                fits.append(fit)
    return fits


def _slots(one: QueueEstimate) -> Slots:
    workers = one.workers
    if len(workers.crews) > 1:
        return Slots(workers.most, workers.concurrency, crews=workers.crews)
    schedule = workers.schedule
    return Slots(workers.most, workers.concurrency, schedule if len(schedule) > 1 else ())


def _rules(one: QueueEstimate) -> dict[str, Any]:
    rules: dict[str, Any] = {}
    if one.limiter is not None and one.limiter.reached:
        rules["limiter"] = {"max": one.limiter.most, "duration_s": one.limiter.duration_s}
    if one.global_concurrency:
        rules["global_concurrency"] = one.global_concurrency
    if one.paused:
        rules["paused"] = [list(window) for window in one.paused]
    if one.lifo:
        rules["lifo"] = True
    return rules


@dataclass(frozen=True)
class _Job:
    priority: int
    enqueued_s: float
    waits_s: Floats
    response_s: float


def _of_jobs(log: AttemptLog) -> dict[tuple[str, str], _Job]:
    jobs = by_job(log.rows)
    ids = log.ids(jobs.rows["job"][jobs.first])
    found = {}
    classed = log.has_classes
    for id_, first, last in zip(ids, jobs.first.tolist(), jobs.last.tolist(), strict=True):
        rows = jobs.rows[first : last + 1]
        waits = rows["started_s"] - rows["ready_s"]
        found[log.queues[rows[0]["queue"]], id_] = _Job(
            int(rows[0]["priority"]) if classed else 0,
            float(rows[0]["enqueued_s"]),
            waits[np.isfinite(waits)],
            float(rows[-1]["finished_s"] - rows[0]["enqueued_s"]),
        )
    return found


def _of_queue(side: Mapping[tuple[str, str], _Job], queue: str) -> dict[str, _Job]:
    return {id_: job for (name, id_), job in side.items() if name == queue}


def _fit(
    queue: str, level: int | None, real: Mapping[str, _Job], model: Mapping[str, _Job]
) -> Fit | None:
    ids = [
        id_
        for id_, job in real.items()
        if id_ in model and job.enqueued_s > 0 and level in (None, job.priority)
    ]
    if not ids:
        return None
    both = [[side[id_] for id_ in ids] for side in (real, model)]
    waits = [np.concatenate([job.waits_s for job in side]) for side in both]
    responses = [np.array([job.response_s for job in side]) for side in both]
    return Fit(queue, level, len(ids), _figures(*waits), _figures(*responses))


def _figures(real: Floats, model: Floats) -> dict[str, tuple[float, float]]:
    def figure(values: Floats, name: str) -> float:
        if not len(values):
            return 0.0
        share = None if name == "mean" else int(name[1:]) / 100
        found = values.mean() if share is None else np.quantile(values, share)
        return round(float(found), 6)

    return {name: (figure(real, name), figure(model, name)) for name in FIGURES}


def fit_frame(fits: Sequence[Fit]) -> pd.DataFrame:
    """A row for each figure: what was seen, what the model says, seconds; the error, a share."""
    import pandas as pd

    rows = []
    for fit in fits:
        who = fit.queue if fit.priority is None else f"{fit.queue}, priority {fit.priority}"
        for measure in ("wait", "response"):
            for name in FIGURES:
                seen_s, model_s = getattr(fit, f"{measure}_s")[name]
                error = fit.error(f"{measure}_s", name)
                rows.append((who, f"{measure} {name}", seen_s, model_s, error))
    frame = pd.DataFrame(rows, columns=["queue", "measure", "seen_s", "model_s", "error"])
    return frame.set_index(["queue", "measure"])
