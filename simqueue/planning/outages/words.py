"""An outage in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from simqueue.planning.outages.days import NUMBERS
from simqueue.planning.outages.finding import Difference
from simqueue.planning.outages.policies import policy_words
from simqueue.planning.words import about_days
from simqueue.results.statistics import Estimate
from simqueue.results.wording import (
    count,
    digits,
    digits_within,
    duration,
    duration_within,
)
from simqueue.workload.changes import path_of

if TYPE_CHECKING:
    from simqueue.planning.outages.finding import OutageFinding, Policy


def question(found: OutageFinding) -> str:
    """What was asked."""
    return f"What happens on {found.scenario.name} {_what(found)}?"


def outage_sentence(found: OutageFinding) -> str:
    """What is lost, how long it takes, who suffers, and what would help."""
    now, queue = found.as_it_is, found.queue
    words = f"{found.scenario.name}: {_what(found)}, {_loss(found, now)}, "
    p95 = (now.mean(queue, "p95_s", outage=with_it) for with_it in (True, False))
    words += "the p95 response of those who come then is {} instead of {}, ".format(
        *map(_seconds, p95)
    )
    words += f"and {recovery_words(found, now)}."
    if found.suffering:
        each = [
            f"{name} ({_seconds(now.mean(name, 'p95_s'))} instead of "
            f"{_seconds(now.mean(name, 'p95_s', outage=False))})"
            for name in found.suffering
        ]
        words += f" Others suffer, p95: {', '.join(each)}."
    return words + _help(found) + (" Interrupted." if found.interrupted else "")


def _what(found: OutageFinding) -> str:
    outage = found.outage
    share = "" if outage.rate == 1 else f"{outage.rate * 100:g} % of "
    what = f"{share}{found.queue} attempts "
    what += "fail" if outage.hang is None else f"hang for {duration(outage.hang.mean)} and fail"
    when = found.scenario.moment(outage.from_s)
    return f"when {what} for {duration(outage.to_s - outage.from_s)} from {when} on"


def assumptions(found: OutageFinding) -> list[str]:
    """What is taken for granted, a sentence each."""
    policies = ", and with each policy" if len(found.policies) > 1 else ""
    return [
        f"Each day was simulated with the outage and without it{policies}, on the same jobs.",
        *about_days(found.scenario),
        "Nobody stays away because of the outage, and nobody asks again but by the scenario's "
        "`client`.",
    ]


def _loss(found: OutageFinding, policy: Policy) -> str:
    lost, before = (
        float(policy.each(found.queue, "failed", outage=with_it).mean())
        for with_it in (True, False)
    )
    days = f"(mean of {count(policy.days, 'day')})"
    if lost == before == 0:
        return f"no job is lost {days}"
    return f"{digits(lost)} jobs are lost instead of {digits(before)} {days}"


def recovery_words(found: OutageFinding, policy: Policy) -> str:
    """How long until it is as before."""
    if policy.recovery is None:
        return "it is never as before"
    never = int(np.isnan(policy.recovery_s).sum())
    end_s = found.outage.to_s
    late = int((end_s + policy.recovery_s > found.scenario.duration_s).sum())
    words = f"it is as before {duration(float(policy.recovery))} after the end"
    if late:
        words += f" (on {count(late, 'day')} only when arrivals are over)"
    if never:
        words += f" (on {count(never, 'day')} never)"
    return words


def _help(found: OutageFinding) -> str:
    if len(found.policies) == 1:
        return ""
    best = found.best
    if best is None:
        fewest = float(found.as_it_is.each(found.queue, "failed").mean())
        if not fewest:
            return ""
        return " None of the other policies that were tried surely loses fewer."
    lost = float(best.each(found.queue, "failed").mean())
    words = f" With {policy_words(best.changes)}{_for_classes(found, best)} "
    words += f"{digits(lost)} are lost" if lost else "none is lost"
    return f"{words}, and {recovery_words(found, best)}."


def _for_classes(found: OutageFinding, policy: Policy) -> str:
    queue = found.scenario.queues[found.queue]
    own = any(queue.classes_with_own(path_of(key)[0]) for key in policy.changes)
    return " in all its classes" if own else ""


def _seconds(value: float | None) -> str:
    return duration(None if value is None else float(value))


def difference_words(one: Difference | None, *, time: bool) -> str:
    r"""A difference with its interval, its sign shown; of times or of jobs.

    >>> difference_words(Difference(-30.0, (-42.0, -12.0)), time=False)
    '-30\n(-42 to -12)'
    """
    if one is None:
        return "–"
    mean = Estimate(one.mean, one.interval)
    return f"{'+' if one.mean > 0 else ''}{mean_words(mean, time=time)}"


def mean_words(mean: Estimate | None, *, time: bool) -> str:
    r"""A mean, of times or of jobs, and its interval below it.

    >>> mean_words(Estimate(30.0, (12.0, 42.0)), time=True)
    '30 s\n(12 to 42)'
    """
    if mean is None or mean.interval is None:
        return _seconds(mean) if time or mean is None else digits(mean)
    low, high = mean.interval
    assert low is not None  # of a mean both ends are known
    assert high is not None
    within = duration_within if time else digits_within
    return within(mean, (low, high)).replace(" (", "\n(")


def policy_document(found: OutageFinding, policy: Policy) -> dict[str, Any]:
    """A policy as JSON can hold it."""
    queues = {
        queue: {
            number: {
                "with": _estimated(policy.mean(queue, number)),
                "without": _estimated(policy.mean(queue, number, outage=False)),
            }
            for number in NUMBERS
        }
        for queue in found.scenario.queues
    }
    against = {}
    for what in ("failed", "p95_s", "recovery_s"):
        apart = None if policy is found.as_it_is else found.against_as_it_is(policy, what)
        against[what] = apart and {"mean": apart.mean, "ci95": apart.interval}
    return {
        "changes": dict(policy.changes),
        "recovery_s": _estimated(policy.recovery),
        "queues": queues,
        "against_as_it_is": against,
    }


def _estimated(value: Any) -> dict[str, Any] | None:
    return None if value is None else {"mean": float(value), "ci95": value.interval}
