"""One day of a plan looked at closely: what binds it, and whether days may be far apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simqueue.experiments.run import replicate
from simqueue.planning.answer import too_few
from simqueue.planning.days import Tried
from simqueue.results.days_apart import apart_words, are_apart
from simqueue.simulation.engines import Engine


def binding(tried: Sequence[Tried], answer: int | None, engine: str | Engine) -> str:
    """What binds the queues whose targets a day with fewer than enough does not hold."""
    fewer = too_few(tried, answer)
    if fewer is None:
        return ""
    missed = [target.measure for target in fewer.missed()]
    whole = any(measure.of_a_flow for measure in missed)
    about = () if whole else {measure.queue for measure in missed}
    lost = any(measure.what in ("failed", "lost") for measure in missed)
    return replicate(fewer.scenario, 0, engine).finding(about, lost)


def days_apart(tried: Sequence[Tried], answer: int | None, engine: str | Engine) -> tuple[str, ...]:
    """How far days lie apart with the answer, or with the most that was tried, if they do.

    A sentence for each target that is a time of a queue to which more comes in for a while than
    its slots can do.
    """
    (best,) = [one for one in tried if one.value == answer] or tried[-1:]
    apart = {}
    for target, days in zip(best.targets, best.days.T, strict=True):
        known = days[~np.isnan(days)].tolist()
        if target.measure.is_a_time and not target.measure.of_a_flow and are_apart(known):
            apart[target.measure] = known
    if not apart:
        return ()
    short = replicate(best.scenario, 0, engine).short_queues
    return tuple(
        apart_words(one.queue, one.name, days) for one, days in apart.items() if one.queue in short
    )
