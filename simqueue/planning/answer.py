"""What a plan found: the answer, and all that was tried on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simqueue.errors import InputError
from simqueue.planning.days import Tried
from simqueue.planning.targets import Target
from simqueue.results.intervals import share_interval
from simqueue.workload.scenario import Scenario


def too_few(tried: Sequence[Tried], answer: int | None) -> Tried | None:
    """The most that were tried and are not enough; ``None``: nothing that was tried is."""
    fewer = [one for one in tried if answer is None or one.value < answer]
    return fewer[-1] if fewer else None


@dataclass(frozen=True)
class Margin:
    """What becomes of the targets if something is not as assumed.

    Attributes
    ----------
    what
        In words, such as ``20 % more traffic``.
    value
        Of the key that varies: the answer, or one less.
    held, number
        Days on which the targets held, of those simulated.
    """

    what: str
    value: int
    held: int
    number: int

    @property
    def share(self) -> tuple[float, float]:
        """Of all such days, those on which the targets hold: low and high end at 95 %."""
        return share_interval(self.held, self.number)


@dataclass(frozen=True)
class Answer:
    """What a plan found, and in which situation.

    Attributes
    ----------
    scenario
        The day that was planned for: traffic, and no worker dead yet.
    vary
        The key of which the fewest are looked for.
    targets
        What has to hold.
    kept
        On which share of the days.
    answer
        The fewest; ``None``: no number will do, or the search was interrupted.
    tried
        All that was simulated, ascending; the answer and its neighbours in full.
    binds
        What limits the day with one fewer than the answer, or with the most that were tried.
    margins
        What if it is otherwise.
    worker_hours
        Worker processes times hours of the day, of the answer; ``None`` without one.
    monotone
        Whether more were never worse.
    situation
        What the day has beside its scenario, in words: more traffic, dead workers.
    wall_s
        Real seconds that it took.
    interrupted
        Whether Ctrl-C ended it.
    engine
        Who ran it: ``compiled``, or ``simpy`` and why.
    warnings
        How far days lie apart where more comes in for a while than slots can do: of the answer's
        days, or of those with the most that was tried; a sentence for each target.
    """

    scenario: Scenario
    vary: str
    targets: tuple[Target, ...]
    kept: float
    answer: int | None
    tried: tuple[Tried, ...]
    binds: str
    margins: tuple[Margin, ...]
    worker_hours: float | None
    monotone: bool
    situation: tuple[str, ...]
    wall_s: float
    interrupted: bool = False
    engine: str = "simpy"
    warnings: tuple[str, ...] = ()

    def at(self, value: int) -> Tried:
        """What was simulated of a value.

        Raises
        ------
        InputError
            If nothing was.
        """
        for one in self.tried:
            if one.value == value:
                return one
        raise InputError(f"{self.vary} = {value} was not tried")
