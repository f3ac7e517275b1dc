"""A plan in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simqueue.planning.answer import too_few
from simqueue.planning.days import Tried
from simqueue.results.wording import count, digits, duration
from simqueue.workload.arrivals import Trace
from simqueue.workload.production import NO_OVERHEAD
from simqueue.workload.scenario import Scenario

if TYPE_CHECKING:
    from simqueue.planning.answer import Answer


def held_of_a_hundred(share: tuple[float, float]) -> str:
    """Of a hundred such days, those on which the targets hold.

    >>> held_of_a_hundred((0.741, 1.0))
    '74 to 100'
    """
    low, high = (f"{100 * end:.0f}" for end in share)
    return low if low == high else f"{low} to {high}"


def days_words(tried: Tried) -> str:
    """How often the targets held with a value."""
    return f"{tried.held:,} of {count(tried.number, 'day')}"


def hours_words(worker_hours: float) -> str:
    """How long workers are there, all together.

    >>> hours_words(1.0), hours_words(2.5)
    ('1 worker-hour', '2.5 worker-hours')
    """
    hours = digits(worker_hours)
    return f"{hours} worker-hour{'' if hours == '1' else 's'}"


def question(plan: Answer) -> str:
    """What was asked."""
    aim = " and ".join(target.words for target in plan.targets)
    day = plan.scenario.name
    if plan.situation:
        day += f" with {' and '.join(plan.situation)}"
    if plan.vary == "workers.count":
        return f"How many workers does {day} need so that {aim}?"
    return f"What is the least {plan.vary} with which {aim} on {day}?"


def answer_sentence(plan: Answer) -> str:
    """The answer, and what it rests on."""
    aim = " and ".join(target.words for target in plan.targets)
    where = plan.scenario.name
    if plan.situation:
        where += f" with {' and '.join(plan.situation)}"
    if plan.interrupted:
        return f"{where}: interrupted before there was an answer."
    if plan.answer is None:
        most = plan.tried[-1]
        words = f"{where}: no number will do. With {plan.vary} = {most.value} {aim} "
        return f"{words}held on {days_words(most)}."
    best = plan.at(plan.answer)
    words = f"{where}: {plan.vary} = {plan.answer} is enough. {aim} held on {days_words(best)}"
    words += f" ({held_of_a_hundred(best.share)} of a hundred such days)"
    fewer = too_few(plan.tried, plan.answer)
    if fewer is not None:
        words += f"; with {fewer.value} on {days_words(fewer)}"
    words += "."
    if not plan.monotone:
        words += " More is not always better here: see the table."
    return words


def assumptions(plan: Answer) -> list[str]:
    """What the answer takes for granted, a sentence each."""
    return [
        f"A target holds on a day or it does not; it has to on {100 * plan.kept:g} % of the days "
        "that were simulated.",
        *about_days(plan.scenario),
    ]


def about_days(scenario: Scenario) -> list[str]:
    """What simulated days take for granted, a sentence each."""
    found = [
        f"A day is {duration(scenario.duration_s)} of arrivals. All days have the scenario's "
        "rates, service times and failures; they differ by chance.",
    ]
    if any(isinstance(s, Trace) and s.scale == 1 for s in scenario.arrivals.values()):
        found.append(
            "The recorded orders come on every day alike, each within its minute: what another "
            "day would bring is not in the interval."
        )
    if scenario.bullmq.overhead == NO_OVERHEAD:
        found.append("The queue itself costs nothing (bullmq.overhead = 'measured' adds it).")
    return found
