"""A comparison in words: figures, errors, and the sentence that states what was found."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from simqueue.results.crashes import Recovery, recovery_apart_s
from simqueue.results.differing import EXCUSES
from simqueue.results.job_by_job import Fate
from simqueue.results.wording import count, digits, duration

if TYPE_CHECKING:
    from simqueue.results.comparison import Comparison

#: A microsecond or a thousandth of a job: what the figures do not show.
_NOTHING = 0.5e-6
_NAMES = {"mean": "mean", "p50": "median", "p95": "p95", "p99": "p99", "max": "longest"}
_WORDS = {
    "arrived": "jobs",
    "queue_length.mean": "queue length, mean",
    "queue_length.max": "queue length, largest",
}


def figure_name(figure: str) -> str:
    """Word the name of a figure.

    >>> figure_name("response.p99"), figure_name("queue_length.mean"), figure_name("arrived")
    ('response, p99', 'queue length, mean', 'jobs')
    """
    table, _, key = figure.partition(".")
    return _WORDS.get(figure) or (f"{table}, {_NAMES[key]}" if key else table)


def value(figure: str, number: float | None) -> str:
    """Word a figure's number in its unit.

    >>> value("wait.mean", 0.0412), value("utilisation", 0.123), value("completed", 1234.0)
    ('41.2 ms', '12.3 %', '1,234')
    """
    if number is None:
        return "–"
    if figure.startswith(("wait.", "response.")):
        return duration(number)
    if figure == "utilisation":
        return f"{number * 100:.1f} %"
    return digits(number)


def difference(figure: str, number: float | None) -> str:
    """Word a difference with its sign, in the figure's unit.

    >>> difference("wait.mean", -0.0412), difference("arrived", 3), difference("utilisation", 0.01)
    ('-41.2 ms', '+3', '+1.0 points')
    """
    if number is None:
        return "–"
    if figure == "utilisation":
        return f"{number * 100:+.1f} points"
    if abs(number) < _NOTHING:
        return "0"
    return f"{'-' if number < 0 else '+'}{value(figure, abs(number))}"


def share(error: float | None, sign: bool = True) -> str:
    """Word an error in percent, the finer the smaller it is.

    >>> share(0.0123), share(-0.5), share(12.345), share(0.02, sign=False), share(None)
    ('+1.23 %', '-50.0 %', '+1,234 %', '2 %', '–')
    """
    if error is None:
        return "–"
    if not sign:
        return f"{digits(abs(error) * 100)} %"
    places = sum(abs(error) < limit for limit in (0.1, 1.0))
    text = f"{error * 100:+,.{places}f} %"
    return "0 %" if float(text[1:-2].replace(",", "")) == 0 else text


def within(error: float) -> str:
    """Word an error's size rounded up to a tenth of a percent, so that "within" it is true.

    >>> within(-0.0121), within(0.02), within(0.0)
    ('1.3 %', '2 %', '0 %')
    """
    return f"{digits(math.ceil(abs(error) * 1000 - 1e-9) / 10)} %"


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
    mean, p99 = (comparison.worst(figure) for figure in ("response.mean", "response.p99"))
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
