"""Which jobs of a queue are of one kind: those of one name, one priority, and one policy."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from simqueue.calibration.days import Day, Job
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
    """The kind of each job: its name, its priority, and what its options say of retries.

    Rare names of one priority are one kind; rare words of retries count as those usual for a name.
    """
    found: dict[JobKey, Kind] = {}
    by_queue: dict[str, list[Job]] = {}
    for job in day.jobs.values():
        by_queue.setdefault(job.key.queue, []).append(job)
    for jobs in by_queue.values():
        fewest = max(_FEWEST, _SHARE * len(jobs))
        policies = _policies(jobs, fewest)
        counts = Counter((*_pair(job), policies[job.key]) for job in jobs)
        labels = _labels([which for which, count in counts.most_common(_MOST) if count >= fewest])
        for job in jobs:
            priority = _priority(job)
            others = f"other-p{priority}" if labels else f"p{priority}"
            label = labels.get((*_pair(job), policies[job.key]), others)
            found[job.key] = Kind(label, priority)
    return found


def _labels(kinds: Sequence[tuple[str, int, str]]) -> dict[tuple[str, int, str], str]:
    """What the classes are called that have a name, a priority and a policy of retries."""
    priorities = Counter(name for name, _ in {kind[:2] for kind in kinds})
    policies = Counter(kind[:2] for kind in kinds)
    labels: dict[tuple[str, int, str], str] = {}
    for name, priority, policy in sorted(kinds):
        text = re.sub(r"[^A-Za-z0-9_.-]+", "-", name)[:40].strip("-") or "job"
        if priorities[name] > 1:
            text += f"-p{priority}"
        if policies[name, priority] > 1:
            text += f"-x{policy.partition(' ')[0]}"
        while text in labels.values():
            text += "-"
        labels[name, priority, policy] = text
    return labels


def _policies(jobs: Sequence[Job], fewest: float) -> dict[JobKey, str]:
    """What the options of each job say of retries; rare words of its name are the usual ones."""
    said = {job.key: _policy(job) for job in jobs}
    counts: dict[tuple[str, int], Counter[str]] = {}
    for job in jobs:
        counts.setdefault(_pair(job), Counter())[said[job.key]] += 1
    return {
        job.key: said[job.key]
        if counts[_pair(job)][said[job.key]] >= fewest
        else counts[_pair(job)].most_common(1)[0][0]
        for job in jobs
    }


def _policy(job: Job) -> str:
    if job.head is None or job.head.attempts == 1:
        return "1"
    return f"{job.head.attempts} {sorted((job.head.backoff or {}).items())}"


def _pair(job: Job) -> tuple[str, int]:
    return job.name, _priority(job)


def _priority(job: Job) -> int:
    return job.head.priority if job.head else 0
