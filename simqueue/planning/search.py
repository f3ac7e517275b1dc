"""The search for the fewest that are enough: doubling, halving, and a look at the neighbours."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simqueue.errors import InputError
from simqueue.planning.days import Laboratory, Tried

#: Days of a first look, and of a glance before it that may show that they are too few. On any
#: number of cores: what is shown does not depend on it.
FIRST_LOOK, _GLANCE = 4, 2
#: Twice as many that bring less than this share are of no help.
_NO_HELP = 0.01


@dataclass(frozen=True)
class Found:
    """What a search ended with.

    Attributes
    ----------
    answer
        The fewest with which the targets hold; ``None``: no number does.
    monotone
        Whether more were never worse, of all that was tried.
    """

    answer: int | None
    monotone: bool


class Search:
    """Looks for the fewest with which the targets hold on a given share of the days.

    More is taken to be better only to know where to look. What is said of the answer and of its
    neighbours was simulated in full.

    Parameters
    ----------
    laboratory
        Where days are simulated.
    kept
        The share of days on which the targets have to hold.
    days
        How many are simulated of the answer and its neighbours.
    least, most
        The range of values.
    tell
        Called with what is tried next.
    """

    def __init__(
        self,
        laboratory: Laboratory,
        kept: float,
        days: int,
        least: int,
        most: int,
        tell: Callable[[str], None],
    ) -> None:
        self._laboratory, self._kept, self._days = laboratory, kept, days
        self._least, self._most, self._tell = least, most, tell

    def run(self, start: int) -> Found:
        """Search from a first guess."""
        answer = self._bracketed(min(max(start, self._least), self._most))
        if answer is not None:
            answer = self._confirmed(answer)
        return Found(answer, self._is_monotone())

    def _bracketed(self, value: int) -> int | None:
        """The fewest by a first look."""
        low, high = self._least - 1, None
        while high is None or high - low > 1:
            if self._will_do(self._look(value)):
                high = value
            else:
                low = value
            if high is None:
                if value >= self._most or self._no_use(value):
                    return None
                value = min(2 * value, self._most)
            else:
                value = (low + high) // 2
        return high

    def _confirmed(self, answer: int) -> int | None:
        """The fewest by all days, also of its neighbours: a first look may have been lucky."""
        seen: set[int] = set()
        while answer not in seen:
            seen.add(answer)
            self._see_in_full(answer)
            if not self._will_do(self._laboratory.at(answer)):
                if answer == self._most:
                    return None
                answer += 1
            elif answer > self._least and self._will_do(self._laboratory.at(answer - 1)):
                answer -= 1
        return answer

    def _see_in_full(self, answer: int) -> None:
        around = (answer, answer - 1, answer + 1)
        near = [value for value in around if self._least <= value <= self._most]
        self._tell(f"{', '.join(map(str, sorted(near)))}: all {self._days} days")
        # Together: no core is idle at the end of the one for the other.
        self._laboratory.extend([self._laboratory.at(value) for value in near], self._days)

    def _look(self, value: int) -> Tried:
        """Simulate a few days; no more once too many are lost for all days to make up."""
        tried = self._laboratory.at(value)
        most_lost = self._days * (1 - self._kept) + 1e-9
        for days in (_GLANCE, FIRST_LOOK):
            if tried.number - tried.held <= most_lost:
                self._tell(f"{value}: {tried.held} of {tried.number} days")
                self._laboratory.extend([tried], min(days, self._days))
        return tried

    def _will_do(self, tried: Tried) -> bool:
        return tried.held >= self._kept * tried.number - 1e-9

    def _no_use(self, value: int) -> bool:
        """Whether twice as many brought next to nothing: something else binds."""
        if value // 2 < self._least:
            return False
        half = self._laboratory.at(value // 2)
        now = self._laboratory.at(value)
        both = min(half.number, now.number)
        if not both:
            return False
        missed = [place for place, one in enumerate(now.targets) if one in now.missed()]
        before, after = half.days[:both, missed].mean(axis=0), now.days[:both, missed].mean(axis=0)
        return bool(np.all(before - after <= _NO_HELP * np.abs(before)))

    def _is_monotone(self) -> bool:
        return all(
            self._is_no_worse(more, fewer)
            for fewer, more in itertools.pairwise(self._laboratory.tried)
        )

    def _is_no_worse(self, more: Tried, fewer: Tried) -> bool:
        """Whether more will do where fewer do, on the days that both were tried on."""
        days = min(more.number, fewer.number)
        enough = self._kept * days - 1e-9
        return more.held_of(days) >= enough or fewer.held_of(days) < enough


def first_allowed(allowed: Callable[[int], object], least: int, most: int) -> int:
    """The least value that a scenario can have.

    Raises
    ------
    InputError
        What is said of the largest, if there is none.
    """
    for value in range(least, min(most, least + 1000) + 1):
        try:
            allowed(value)
        except InputError:
            if value == most:
                raise
            continue
        return value
    allowed(most)
    return most
