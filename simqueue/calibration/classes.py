"""Which jobs of a queue are of one kind: those of one name and one priority."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from simqueue.calibration.attempts import Day, Job
from simqueue.calibration.heads import JobKey

#: A kind of its own has so many jobs, and this share of its queue's; and there are so many kinds.
_FEWEST, _SHARE, _MOST = 20, 0.005, 30


@dataclass(frozen=True)
class Kind:
    """Jobs of a queue that are treated alike.

    Attributes
    ----------
    label
        What the scenario calls their class.
    priority
        Theirs.
    """

    label: str
    priority: int


def kinds_of(day: Day) -> dict[JobKey, Kind]:
    """The kind of each job: its name and priority; rare names of one priority are one kind."""
    found: dict[JobKey, Kind] = {}
    by_queue: dict[str, list[Job]] = {}
    for job in day.jobs.values():
        by_queue.setdefault(job.key.queue, []).append(job)
    for jobs in by_queue.values():
        counts = Counter((job.name, _priority(job)) for job in jobs)
        fewest = max(_FEWEST, _SHARE * len(jobs))
        own = {pair for pair, count in counts.most_common(_MOST) if count >= fewest}
        names = Counter(name for name, _ in own)
        labels: dict[tuple[str, int], str] = {}
        for name, priority in sorted(own):
            text = re.sub(r"[^A-Za-z0-9_.-]+", "-", name)[:40].strip("-") or "job"
            text = text if names[name] == 1 else f"{text}-p{priority}"
            while text in labels.values():
                text += "-"
            labels[name, priority] = text
        for job in jobs:
            priority = _priority(job)
            label = labels.get((job.name, priority)) or (f"other-p{priority}" if own else "all")
            found[job.key] = Kind(label if own else f"p{priority}", priority)
    return found


def _priority(job: Job) -> int:
    return job.head.priority if job.head else 0
