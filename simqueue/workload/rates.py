"""Rates that step, and Poisson processes that have them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from simqueue.workload.duration import Floats
from simqueue.workload.streams import Source

#: More steps than these are too fine to be told one by one.
MANY_STEPS = 5_000


class Rates(NamedTuple):
    """Rates a second from moments on, seconds; the first is 0.

    With ``repeat_s`` they begin anew after so many seconds.
    """

    starts_s: Floats
    per_s: Floats
    repeat_s: float | None = None

    def steps_s(self, duration_s: float) -> Floats:
        """Moments at which the rate changes; none if there are too many of them."""
        if self.repeat_s is None:
            return self.starts_s
        times = int(duration_s / self.repeat_s) + 1
        if times * len(self.starts_s) > MANY_STEPS:
            return np.empty(0)
        steps: Floats = np.add.outer(self.repeat_s * np.arange(times), self.starts_s).ravel()
        return steps

    def expected(self, times_s: Floats, end_s: float) -> Floats:
        """Arrivals by each moment; none after ``end_s``."""
        past = np.minimum(times_s, end_s)
        if self.repeat_s is None:
            last = max(float(self.starts_s[-1]), end_s) + 1.0
            return self._counted(past, last)
        rounds, rest = np.divmod(past, self.repeat_s)
        whole = self._counted(np.array([self.repeat_s]), self.repeat_s)
        return rounds * whole + self._counted(rest, self.repeat_s)

    def poisson(self, duration_s: float, source: Source) -> Floats:
        """A Poisson process, by stretching one of rate 1.

        The stretched process is the same whatever the rates: a busier scenario meets the same
        randomness sooner.
        """
        return np.concatenate([np.empty(0), *self.poisson_in_parts(duration_s, source)])

    def poisson_in_parts(
        self, duration_s: float, source: Source, jobs: int | None = None
    ) -> Iterator[Floats]:
        """The same, so many ``jobs`` after the other; by default about as many as are expected."""
        until, moments = self._stretching(duration_s)
        if until > 0:
            for unit in _unit(until, source, jobs or int(until) + 256):
                yield moments(unit)

    def _stretching(self, duration_s: float) -> tuple[float, Callable[[Floats], Floats]]:
        """How long a process of rate 1 has to be, and what stretches it."""
        if self.repeat_s is None:
            edges = np.append(self.starts_s[self.starts_s < duration_s], duration_s)
            return float(self._by(edges)[-1]), lambda unit: self._stretched(edges, unit)
        edges, repeat_s = np.append(self.starts_s, self.repeat_s), self.repeat_s
        whole = float(self._by(edges)[-1])

        def moments(unit: Floats) -> Floats:
            rounds, rest = np.divmod(unit, whole or 1.0)
            times: Floats = rounds * repeat_s + self._stretched(edges, rest)
            return times

        return float(self.expected(np.array([duration_s]), duration_s)[0]), moments

    def _stretched(self, edges: Floats, unit: Floats) -> Floats:
        """When so many arrivals are expected, the first time round."""
        if len(self.per_s) == 1:
            at_one_rate: Floats = unit / self.per_s[0]
            return at_one_rate
        counted = self._by(edges)
        # Where the rate is 0 nothing is expected: those steps have no width to stretch into.
        step = np.searchsorted(counted, unit, side="right") - 1
        times: Floats = edges[step] + (unit - counted[step]) / self.per_s[step]
        return times

    def _counted(self, times_s: Floats, last_s: float) -> Floats:
        """Arrivals by each moment up to ``last_s``, the first time round."""
        edges = np.append(self.starts_s, last_s)
        found: Floats = np.interp(times_s, edges, self._by(edges))
        return found

    def _by(self, edges: Floats) -> Floats:
        """Arrivals by the end of each step."""
        return np.concatenate([[0.0], np.cumsum(self.per_s[: len(edges) - 1] * np.diff(edges))])


def _unit(until: float, source: Source, jobs: int) -> Iterator[Floats]:
    """A Poisson process of rate 1, part by part."""
    rng, last = source("arrivals"), 0.0
    while last <= until:
        gaps = rng.exponential(1.0, jobs)
        gaps[0] += last
        unit = np.cumsum(gaps)
        last = float(unit[-1])
        yield unit[unit < until]
