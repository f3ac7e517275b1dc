"""Days: replications of a scenario at some value of a key, and on how many of them targets hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

import numpy as np

from simqueue.errors import InputError
from simqueue.experiments.replications import Beside, measured_all
from simqueue.planning.targets import Target
from simqueue.record.attempt_log import Floats
from simqueue.results.intervals import share_interval
from simqueue.simulation.engines import Engine
from simqueue.workload.scenario import Scenario


def check_days(days: int, kept: float = 1.0) -> None:
    """Refuse a number of days, or a share of them on which targets hold, that there cannot be.

    Raises
    ------
    InputError
        Says which.
    """
    if not isinstance(days, int) or not 1 <= days <= 100_000:
        raise InputError(f"days = {days!r}: expected a whole number of at least 1")
    if not 0 < kept <= 1:
        raise InputError(f"kept = {kept!r}: expected a share above 0, at most 1, such as 0.95")


@dataclass
class Tried:
    """One value of what is looked for, and the days that were simulated with it.

    Attributes
    ----------
    value
        Of the key that varies.
    scenario
        What was run.
    days
        What each day gave: an array (days, targets), in the targets' units; NaN where there was
        nothing to measure.
    beside
        What else was measured of each day: an array (days, numbers).
    """

    value: int
    scenario: Scenario
    targets: tuple[Target, ...]
    days: Floats = field(default_factory=lambda: np.empty((0, 0)))
    beside: Floats = field(default_factory=lambda: np.empty((0, 0)))

    @property
    def number(self) -> int:
        """Days that were simulated."""
        return len(self.days)

    @property
    def held(self) -> int:
        """Days on which all targets held."""
        return self.held_of(self.number)

    def held_of(self, days: int) -> int:
        """Of the first so many days, those on which all targets held."""
        return sum(
            all(one.holds(value) for one, value in zip(self.targets, day, strict=True))
            for day in self.days[:days].tolist()
        )

    def add(self, days: Sequence[Sequence[float]]) -> None:
        """Add days: of each what the targets measure, then what else was measured."""
        if days:
            new, beside = np.hsplit(np.array(days), [len(self.targets)])
            self.beside = np.vstack([self.beside, beside]) if self.number else beside
            self.days = np.vstack([self.days, new])

    @property
    def share(self) -> tuple[float, float]:
        """Of all such days, those on which the targets hold: low and high end at 95 %."""
        return share_interval(self.held, self.number)

    def is_hopeless(self, kept: float) -> bool:
        """Whether targets never held, on days enough to be sure that a share is out of reach."""
        return self.held == 0 and self.share[1] < kept

    def missed(self) -> list[Target]:
        """The targets that did not hold on some day."""
        return [
            one
            for place, one in enumerate(self.targets)
            if not all(one.holds(value) for value in self.days[:, place].tolist())
        ]


@dataclass(frozen=True)
class Laboratory:
    """Where days are simulated: the targets, and on how many cores.

    Attributes
    ----------
    scenario_at
        The scenario at a value.
    targets
        What is measured of each day.
    cores, cluster, engine
        See `sweep`.
    beside
        What else is measured of each day.
    """

    scenario_at: Callable[[int], Scenario]
    targets: tuple[Target, ...]
    cores: int | None
    cluster: str | None
    engine: str | Engine
    beside: Beside | None = None
    _tried: dict[int, Tried] = field(default_factory=dict)

    def at(self, value: int) -> Tried:
        """What is known of a value so far."""
        if value not in self._tried:
            scenario = self.scenario_at(value)
            none = np.empty((0, len(self.targets)))
            self._tried[value] = Tried(value, scenario, self.targets, none)
        return self._tried[value]

    def extend(self, some: Sequence[Tried], days: int) -> None:
        """See to it that each of these has so many days; all missing days run side by side."""
        missing = [(one, number) for number in range(days) for one in some if number >= one.number]
        measures = tuple(target.measure for target in self.targets)
        work = [(one.scenario, number) for one, number in missing]
        found: dict[int, list[float]] = {}
        try:
            found.update(
                measured_all(work, measures, self.cores, self.cluster, self.engine, self.beside)
            )
        finally:
            # An interruption costs only the days that are not done, and those after a gap.
            for one in some:
                days_of = [at for at, (whose, _) in enumerate(missing) if whose is one]
                one.add([found[at] for at in takewhile(found.__contains__, days_of)])

    def settle(self, some: Sequence[Tried], kept: float, first: int, days: int) -> None:
        """Simulate so many days of each; no more than the ``first`` of one that is hopeless.

        Parameters
        ----------
        some
            Which.
        kept
            The share of days on which targets have to hold.
        first, days
            How many are simulated before that is asked, and how many at most.
        """
        self.extend(some, min(first, days))
        self.extend([one for one in some if not one.is_hopeless(kept)], days)

    def aside(self, value: int, scenario: Scenario) -> Tried:
        """Days of another scenario, which are not among those that were tried."""
        return Tried(value, scenario, self.targets, np.empty((0, len(self.targets))))

    @property
    def tried(self) -> list[Tried]:
        """All values of which days were simulated, ascending."""
        return sorted((one for one in self._tried.values() if one.number), key=lambda t: t.value)
