"""A comparison in words: the sentences that state what was found."""

from __future__ import annotations

from collections.abc import Iterable

from simqueue.results.comparison.compare import Comparison
from simqueue.results.comparison.differing import EXCUSES
from simqueue.results.comparison.job_by_job import Fate
from simqueue.results.comparison.measure_words import within
from simqueue.results.comparison.recoveries import Recovery, recovery_apart_s
from simqueue.results.wording import count, duration


def fate(found: Fate | None) -> str:
    """Word what became of a job.

    >>> fate(Fate("failed", 3, 3)), fate(Fate("completed", 1, 2)), fate(None)
    ('failed, 3 attempts', 'completed, 1 attempt, 2 runs', 'not there')
    """
    if found is None:
        return "not there"
    text = f"{found.outcome}, {count(found.attempts, 'attempt')}"
    return text if found.runs == found.attempts else f"{text}, {count(found.runs, 'run')}"


def finding(comparison: Comparison) -> str:
    """Say how near the model is: the largest errors of mean and p99 response over all queues.

    Such as: The model's mean response is within 1.2 % of the real queue's, its p99 within 3.1 %.
    """
    mean, p99 = (comparison.worst(measure) for measure in ("response.mean", "response.p99"))
    if mean is None:
        return "There is no response time to compare."
    queue, found = mean
    if found.judged is None:
        return f"In the {queue} queue only one side has response times: nothing to compare."
    text = f"The model's mean response is within {within(found.judged)} of the real queue's"
    if p99 is None or p99[1].judged is None:
        return f"{text}."
    return f"{text}, its p99 within {within(p99[1].judged)}."


def jobs_finding(comparison: Comparison) -> str:
    """Say how many jobs fared differently, and why."""
    number = len(comparison.differing)
    if number == 0:
        return f"Job by job, outcome, attempts and runs of all {comparison.jobs:,} are equal."
    why = reasons(comparison)
    return f"{count(number, 'job')} of {comparison.jobs:,} fared differently: {why}."


def reasons(comparison: Comparison) -> str:
    """Count the jobs that differ by their reasons, excuses first."""
    found = [job.reason for job in comparison.differing]
    counted = {reason: found.count(reason) for reason in (*EXCUSES, *found) if reason in found}
    return ", ".join(f"{number:,} {reason}" for reason, number in counted.items())


def recovery_lines(recoveries: Iterable[Recovery]) -> list[str]:
    """One sentence for each crash that caught jobs."""
    by_crash: dict[float, list[Recovery]] = {}
    for one in recoveries:
        by_crash.setdefault(one.killed_s, []).append(one)
    return [_recovery(at, found) for at, found in by_crash.items()]


def _recovery(at: float, found: list[Recovery]) -> str:
    text = (
        f"Kill at {duration(at)}: in the real run {_restarted([one.real_s for one in found])}, "
        f"in the model {_restarted([one.model_s for one in found])}"
    )
    apart = recovery_apart_s(found)
    return f"{text}." if apart is None else f"{text}; at most {duration(apart)} apart."


def _restarted(times: Iterable[float | None]) -> str:
    known = [time for time in times if time is not None]
    if not known:
        return "no job was started again"
    low, high = duration(min(known)), duration(max(known))
    after = low if low == high else f"{low} to {high}"
    return f"{count(len(known), 'job')} started again after {after}"
