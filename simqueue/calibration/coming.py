"""When jobs come, and what brings them: producers, a scheduler, or the parent of a flow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import inf

import numpy as np

from simqueue.calibration.days import Day, Job
from simqueue.calibration.heads import JobKey

#: Delays that are longer than this share of the watch: jobs that came during it are due after it.
_LONG_DELAY = 0.1
#: A scheduler is taken for a clock if so many of its jobs were due so near to its slots, seconds.
_TICKS, _ON_TIME_S = 5, 0.05


def counts_from_due(came: Sequence[Job], lasted_s: float) -> bool:
    """Whether jobs count from when they are due: producers add them long before."""
    delays = [
        job.due_s - job.enqueued_s
        for job in came
        if job.due_s > job.enqueued_s and not job.children and not is_scheduled(job)
    ]
    return bool(delays) and float(np.mean(delays)) > _LONG_DELAY * lasted_s


def is_scheduled(job: Job) -> bool:
    """Whether a scheduler brought the job, which counts from its slot on."""
    return bool(job.head and job.head.scheduled)


def scheduler_of(job: Job) -> str:
    """How the scheduler is called that brought a job, ``repeat:SCHEDULER:SLOT``; else nothing."""
    if not is_scheduled(job):
        return ""
    return job.key.id.removeprefix("repeat:").rpartition(":")[0] or job.name or "scheduler"


def arrivals_of(
    jobs: Sequence[Job], day: Day, due: bool, families: Mapping[JobKey, list[JobKey]]
) -> tuple[tuple[float, JobKey], ...]:
    """When jobs came from outside: those that were there count too, from the beginning on.

    So do children of parents that nobody saw come, and those that came after their parents had
    begun: no parent of the scenario brings them.
    """
    brought = {
        child
        for parent, children in families.items()
        if not day.jobs[parent].carried
        for child in children
    }
    found = []
    for job in jobs:
        if job.key in brought:
            continue
        waited = (job.carried and job.due_s > job.enqueued_s) or is_scheduled(job)
        at_s = job.due_s if due or waited else job.enqueued_s
        if at_s < day.lasted_s:
            found.append((at_s, job.key))
    return tuple(sorted(found, key=lambda pair: pair[0]))


def clock_of(
    arrivals: Sequence[tuple[float, JobKey]], jobs: Sequence[Job]
) -> tuple[float, float] | None:
    """The period and the first slot of the scheduler that brings all of a queue's jobs, if so."""
    if len(arrivals) < _TICKS or not all(map(is_scheduled, jobs)):
        return None
    times = np.array([at_s for at_s, _ in arrivals])
    every_s = float(np.median(np.diff(times)))
    slots = np.round((times - times[-1]) / every_s)
    off = times - times[-1] - slots * every_s if every_s else times
    # The first job of a scheduler may come at once, and not at a slot.
    if not every_s or (np.abs(off[1:]) > _ON_TIME_S).any() or len(np.unique(slots)) < len(slots):
        return None
    return round(every_s, 3), round(float(times[-1] % every_s), 3)


def families_of(day: Day) -> dict[JobKey, list[JobKey]]:
    """The children of each parent that waits for them before it is run."""
    begun: dict[JobKey, float] = {}
    for one in reversed(day.attempts):
        begun[one.job] = one.started_s
    found: dict[JobKey, list[JobKey]] = {}
    for job in day.jobs.values():
        parent = job.head.parent if job.head else None
        if parent is None or parent not in day.jobs or job.carried:
            continue
        if not job.enqueued_s > begun.get(parent, inf):
            found.setdefault(parent, []).append(job.key)
    return found


def children_of(
    day: Day, queue: str, families: Mapping[JobKey, list[JobKey]]
) -> tuple[dict[str, dict[int, float]], str]:
    """How many children of which queues come with each job of a queue.

    By the children's queue: the share of the jobs that have so many, by number, ascending. And
    what the final failure of most children does to their parents.
    """
    parents = [job for job in day.jobs.values() if job.key.queue == queue and not job.carried]
    mine = {job.key: families[job.key] for job in parents if job.key in families}
    if not mine:
        return {}, ""
    each = [Counter(child.queue for child in mine.get(job.key, ())) for job in parents]
    counts = {
        name: _shares(Counter(one[name] for one in each)) for name in sorted(set().union(*each))
    }
    heads = [day.jobs[child].head for children in mine.values() for child in children]
    words = Counter(head.child_failure for head in heads if head)
    word = words.most_common(1)[0][0] if words else ""
    return counts, word


def _shares(counts: Counter[int]) -> dict[int, float]:
    """The share of each number, ascending."""
    total = counts.total()
    return {number: counts[number] / total for number in sorted(counts)}
