"""What was found about an autoscaler: as it is, all day, and otherwise."""

from __future__ import annotations

from dataclasses import dataclass

from simqueue.planning.autoscaling.judged import Judged
from simqueue.planning.targets import Target
from simqueue.workload.scenario import Scenario


@dataclass(frozen=True)
class Judgement:
    """What there is to say of an autoscaler.

    Attributes
    ----------
    scenario
        The day, with the autoscaler as it is.
    pool
        Whose it is.
    targets
        What has to hold.
    kept
        On which share of the days.
    as_it_is
        The setting that was asked about.
    all_day
        The fewest workers that are enough all day; ``None``: no number will do, or the search was
        interrupted.
    proposal
        The cheapest other setting with which the targets hold, in worker-hours; ``None``: none of
        those that were tried, or none that is cheaper than a setting that will do as it is.
    quicker
        The setting as it is with the longest start-up time with which it would do; ``None``: it
        does as it is, or start-up is not what is in the way.
    others
        How many other settings were tried.
    traffic
        Times the arrivals of the scenario.
    wall_s
        Real seconds that it took.
    interrupted
        Whether Ctrl-C ended it.
    engine
        Who ran it: ``compiled``, or ``simpy`` and why.
    """

    scenario: Scenario
    pool: str
    targets: tuple[Target, ...]
    kept: float
    as_it_is: Judged
    all_day: Judged | None
    proposal: Judged | None
    quicker: Judged | None
    others: int
    traffic: float
    wall_s: float
    interrupted: bool = False
    engine: str = "simpy"

    @property
    def will_do(self) -> bool:
        """Whether the targets hold with the setting as it is."""
        return self.as_it_is.keeps(self.kept)

    @property
    def judged(self) -> list[Judged]:
        """All that are compared, the setting as it is first."""
        some = [self.as_it_is, self.all_day, self.proposal, self.quicker]
        return [one for one in some if one is not None]
