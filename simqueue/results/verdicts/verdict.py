"""A finding about a run, and which of several comes first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Binds = Literal[
    "lost",
    "children",
    "scheduler",
    "dead worker",
    "event loop",
    "cores",
    "downstream",
    "slots",
    "autoscaler",
    "limiter",
    "global concurrency",
    "pause",
    "outage",
    "clients",
    "bursts",
    "nothing",
]

#: What findings of a queue are about, beside the queue itself.
_OF_A_QUEUE = ("lost.", "scheduler.", "children.")
#: Fewer lost jobs than this share are a footnote.
_FEW_LOST = 0.001


@dataclass(frozen=True)
class Verdict:
    """One finding.

    Attributes
    ----------
    about
        A queue, ``caller``, ``event loop``, ``cores``, ``worker 0``, ``downstream.NAME``,
        ``lost.QUEUE``, ``children.QUEUE``, or ``scheduler.QUEUE``.
    binds
        What limits it.
    sentence
        The finding in words.
    load
        Slots' (or event loops') worth of work that comes in at the busiest time; of lost jobs
        and of a scheduler's missed slots their share; ``None`` where there is none of these.
    needed
        The fewest slots (or loops) that can keep up with that.
    short_s
        From and to of each window in which more comes in than can be done, seconds.
    """

    about: str
    binds: Binds
    sentence: str
    load: float | None = None
    needed: int | None = None
    short_s: tuple[tuple[float, float], ...] = ()


def is_much(verdict: Verdict) -> bool:
    """Whether so many jobs were lost that it is the first thing to say."""
    return (verdict.load or 0.0) >= _FEW_LOST


def sentences(verdicts: Iterable[Verdict]) -> dict[str, str]:
    """The findings in words, by what they are about."""
    return {verdict.about: verdict.sentence for verdict in verdicts}


def concerning(verdicts: Sequence[Verdict], queues: Iterable[str]) -> list[Verdict]:
    """The findings that are not of one of these queues: they concern the others."""
    names = {f"{kind}{queue}" for queue in queues for kind in ("", *_OF_A_QUEUE)}
    return [one for one in verdicts if one.about not in names]


def short_queues(verdicts: Iterable[Verdict], queues: Iterable[str]) -> list[str]:
    """Those of some queues to which more comes in for a while than can be done."""
    short = {one.about for one in verdicts if one.short_s}
    return [queue for queue in queues if queue in short]


def shortest(verdicts: Sequence[Verdict], slots: Mapping[str, int]) -> Verdict | None:
    """The finding to put first: what was lost or limited, else the queue nearest to its limit."""
    limits = (one for one in verdicts if one.binds not in ("nothing", "bursts"))
    first = next((one for one in limits if one.binds != "lost" or is_much(one)), None)
    calm = [one for one in verdicts if one.binds != "lost"]
    if first is not None or not calm:
        return first
    return max(calm, key=lambda one: (one.load or 0.0) / (slots.get(one.about, 0) or 1e-9))
