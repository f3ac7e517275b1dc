"""An autoscaler judged, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from simqueue.planning.autoscaling.settings import setting_of, setting_words
from simqueue.planning.words import about_days, held_of_a_hundred, hours_words
from simqueue.results.wording import count, digits, duration

if TYPE_CHECKING:
    from simqueue.planning.autoscaling.judged import Judged
    from simqueue.planning.autoscaling.judgement import Judgement


def changes_in_words(changes: Mapping[str, Any]) -> str:
    """What is set otherwise.

    >>> changes_in_words({"min": 4, "target": 10.0})
    'min = 4, target = 10'
    """
    return ", ".join(f"{key} = {value:g}" for key, value in changes.items())


def held_words(one: Judged) -> str:
    """On how many days the targets held."""
    return f"{one.held} of {count(one.number, 'day')}"


def question(found: Judgement) -> str:
    """What was asked."""
    aim = " and ".join(target.words for target in found.targets)
    return f"Will the autoscaler of {found.pool} do on {_day(found)}, so that {aim}?"


def verdict(found: Judgement, *, brief: bool = False) -> str:
    """Whether it will do; what would; and what that costs.

    Parameters
    ----------
    found
        What was found.
    brief
        Whether how it is set is known, as above a figure.
    """
    now, pool = found.as_it_is, found.scenario.pools[found.pool]
    aim = " and ".join(target.words for target in found.targets)
    words = f"{_day(found)}: as it is"
    words += ", " if brief else f" ({setting_words(pool)}), "
    words += f"{aim} {'holds' if len(found.targets) == 1 else 'hold'} on {held_words(now)}"
    words += "" if brief else f" ({held_of_a_hundred(now.share)} of a hundred such days)"
    words += f", for {hours_words(now.worker_hours)} a day{_why(found)}."
    if found.interrupted:
        return f"{words} Interrupted before all was compared."
    if found.all_day is None:
        return f"{words} No number of workers will do, either: see simqueue plan for what binds."
    words += f" {found.all_day.what} hold{'s' if found.all_day.tried.value == 1 else ''} "
    words += f"{'it' if len(found.targets) == 1 else 'them'} "
    words += f"for {digits(found.all_day.worker_hours)}"
    return f"{words}{_instead(found)}."


def assumptions(found: Judgement) -> list[str]:
    """What the judgement takes for granted, a sentence each."""
    return [
        "All of them met the same days.",
        *about_days(found.scenario),
        "The metric is never late or missing, and a node for a new worker is always there: where "
        "it is not, add that to the start-up time.",
    ]


def _day(found: Judgement) -> str:
    traffic = "" if found.traffic == 1 else f" with {found.traffic:g} times the traffic"
    return f"{found.scenario.name}{traffic}"


def _instead(found: Judgement) -> str:
    """What else would do."""
    it = "it" if len(found.targets) == 1 else "them"
    words = ""
    if found.proposal is not None:
        words = f"; with {found.proposal.what} the autoscaler holds {it} "
        words += f"for {digits(found.proposal.worker_hours)}"
    elif found.others and not found.will_do:
        words = "; none of the other settings that were tried does"
    if found.quicker is not None:
        start_s = found.quicker.changes["start_s"]
        words += ", and as it is " if found.proposal is not None else ", but as it is "
        words += f"with workers that start {_in(start_s)} "
        words += f"for {digits(found.quicker.worker_hours)}"
    return words


def _in(seconds: float) -> str:
    return f"in {duration(seconds)}" if seconds else "at once"


def _why(found: Judgement) -> str:
    """What is in the way, where the targets do not hold."""
    now = found.as_it_is
    if found.will_do:
        return ""
    if now.of("left").any():
        return ": jobs are left for which no worker ever comes"
    most = setting_of(found.scenario, found.pool).max
    if found.all_day is not None and most < found.all_day.tried.value:
        return f": max = {most:,} is too few"
    late = now.worst("late_s")
    if late:
        return f": it comes too late, up to {duration(late)} after the load has risen"
    return ""
