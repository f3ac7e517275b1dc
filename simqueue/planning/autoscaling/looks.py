"""Looks at other settings of an autoscaler, for a cheaper one that will do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simqueue.planning.autoscaling.judged import Judged
from simqueue.planning.autoscaling.settings import with_changes
from simqueue.planning.autoscaling.words import changes_in_words
from simqueue.planning.days import Laboratory
from simqueue.planning.search import FIRST_LOOK
from simqueue.results.wording import count
from simqueue.workload.scenario import Scenario

#: A saving of less than this share is none.
_AS_GOOD_AS = 0.01


@dataclass(frozen=True)
class Looks:
    """Looks at other settings: at a few days of each, and at all days of one that may do.

    Attributes
    ----------
    laboratory
        Where days are simulated.
    day, pool
        The setting as it is.
    days
        How many are simulated of one that may do.
    kept
        The share of them on which the targets have to hold.
    tell
        Called with what is looked at.
    """

    laboratory: Laboratory
    day: Scenario
    pool: str
    days: int
    kept: float
    tell: Callable[[str], None]

    def cheapest(self, some: Sequence[Mapping[str, Any]], than: Judged | None) -> Judged | None:
        """The first that will do, in the order of what they cost on a few days.

        It has to be cheaper ``than`` another, if one is given, on the same days.
        """
        looked = self._at_a_few_days(some)
        for one in sorted(looked, key=lambda one: one.worker_hours):
            if _is_cheaper(one, than) and self._will_do(one) and _is_cheaper(one, than):
                return one
        return None

    def first(self, some: Sequence[Mapping[str, Any]]) -> Judged | None:
        """The first that will do; none if not even the last of them does."""
        looked = self._at_a_few_days(some[-1:])
        if not looked:
            return None
        return next((one for one in self._at_a_few_days(some) if self._will_do(one)), None)

    def _at_a_few_days(self, some: Sequence[Mapping[str, Any]]) -> list[Judged]:
        """Those that may do yet."""
        found = [
            Judged(
                changes_in_words(changes),
                changes,
                self.laboratory.aside(0, with_changes(self.day, self.pool, changes)),
            )
            for changes in some
        ]
        self.tell(f"{count(len(found), 'other setting')}")
        self.laboratory.extend([one.tried for one in found], min(FIRST_LOOK, self.days))
        lost = self.days * (1 - self.kept) + 1e-9
        return [one for one in found if one.number - one.held <= lost]

    def _will_do(self, one: Judged) -> bool:
        self.tell(one.what)
        self.laboratory.extend([one.tried], self.days)
        return one.keeps(self.kept)


def _is_cheaper(one: Judged, than: Judged | None) -> bool:
    """Whether it costs less, on the days that both were tried on."""
    return than is None or bool(
        one.worker_hours < than.of("worker_hours")[: one.number].mean() * (1 - _AS_GOOD_AS)
    )
