"""The shares of days that a plan prints: in how many of a hundred such days the targets hold.

Days are those of `benchmarks.coverage.queue`, all the plan's own code is what searches among them:
which values are tried, how many days of each, when it stops, and the interval of each share.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from benchmarks.coverage.queue import Floats, Queue, started
from simqueue.planning.days import Laboratory, Tried
from simqueue.planning.search import Search
from simqueue.planning.targets import Target
from simqueue.results.measures import Measure
from simqueue.workload.reading import build_scenario

#: Work for two places all day, and some 100 jobs of it.
QUEUE = Queue(servers=4, load=0.5, jobs=100)
MOST = 8
#: p95 of a day's waits, in services: with these limits three, four or five places are enough.
LIMITS_S = (0.5, 1.0, 2.0, 4.0)
DAYS = (5, 10, 30, 100)
KEPT = (0.8, 0.95)
#: The rows that a plan prints: its answer, those beside it, and what else was tried on the way.
ROWS = ("answer", "one fewer", "one more", "others")
#: A target that holds on a smaller share of days as good as never holds: an interval ends at 0
#: then, or at 1 the other way round, and can hardly miss it.
SURE = 0.01
_DAYS_OF_TRUTH = 40_000
_SCENARIO = build_scenario(
    {"arrivals": {"q": {"rate_per_s": 1}}, "duration_s": 1, "queues": {"q": {}}}
)


@dataclass(frozen=True)
class Cell:
    """One kind of plan: days of the answer, the share on which the target has to hold."""

    days: int
    kept: float


@dataclass
class Held:
    """How many intervals there are, and how many of them hold the truth.

    Those whose truth is as good as 0 or 1 are counted apart, as ``sure``.
    """

    number: int = 0
    right: int = 0
    sure: int = 0
    sure_right: int = 0

    def count(self, ends: tuple[float, float], truth: float) -> None:
        """Count one more interval."""
        right = ends[0] <= truth <= ends[1]
        if SURE <= truth <= 1 - SURE:
            self.number += 1
            self.right += right
        else:
            self.sure += 1
            self.sure_right += right

    @property
    def share(self) -> float:
        """Of those that are not sure, how many hold the truth."""
        return self.right / self.number


@dataclass(frozen=True)
class Told(Laboratory):
    """Days whose measures are known: an array (day, places less one)."""

    known: Floats = field(default_factory=lambda: np.empty((0, 0)))

    def extend(self, some: Sequence[Tried], days: int) -> None:
        """See to it that each of these has so many days."""
        for one in some:
            one.days = self.known[: max(days, one.number), one.value - 1 : one.value]


def grid() -> list[Cell]:
    """The kinds of plans."""
    return [Cell(days, kept) for days in DAYS for kept in KEPT]


def measured(number: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Days in batches: the p95 of each day's waits with 1, 2, … places, a row a day."""
    for arrived, service in QUEUE.days(number, rng):
        late = arrived >= QUEUE.duration_s
        yield np.column_stack(
            [
                _p95(np.where(late, np.inf, started(arrived, service, places) - arrived).T)
                for places in range(1, MOST + 1)
            ]
        )


def _p95(waits_s: Floats) -> Floats:
    """The quantile of each row, as a run has it; infinite waits are none."""
    waits_s = np.sort(waits_s)
    place = 0.95 * (np.isfinite(waits_s).sum(axis=1, keepdims=True) - 1)
    below = np.floor(place).astype(int)
    low, high = (np.take_along_axis(waits_s, below + one, axis=1) for one in (0, 1))
    found: Floats = (low + (place - below) * (high - low))[:, 0]
    return found


@cache
def truth() -> Floats:
    """The share of days on which each limit holds, a row a limit, a column a number of places."""
    days = np.concatenate(list(measured(_DAYS_OF_TRUTH, np.random.default_rng(3))))
    return np.array([(days < limit).mean(axis=0) for limit in LIMITS_S])


def plan(cell: Cell, limit_s: float, known: Floats) -> tuple[int | None, list[Tried]]:
    """A plan's answer, and all that it tried, from days that are known."""
    target = Target(Measure("q", "wait.p95"), limit_s)
    laboratory = Told(lambda _: _SCENARIO, (target,), 1, None, "simpy", known=known)
    search = Search(laboratory, cell.kept, cell.days, 1, MOST, lambda _: None)
    return search.run(2).answer, laboratory.tried


def covered(cell: Cell, trials: int) -> dict[str, Held]:
    """Of each kind of row, how often the interval of its share holds the truth; a plan a trial."""
    rng = np.random.default_rng([4, cell.days, int(100 * cell.kept)])
    several = chain.from_iterable(measured(cell.days * trials, rng))
    held = {row: Held() for row in ROWS}
    for trial in range(trials):
        known: NDArray[np.float64] = np.array([next(several) for _ in range(cell.days)])
        at = trial % len(LIMITS_S)
        answer, tried = plan(cell, LIMITS_S[at], known)
        for one in tried:
            held[_row(one.value, answer)].count(one.share, float(truth()[at, one.value - 1]))
    return held


def _row(value: int, answer: int | None) -> str:
    apart = None if answer is None else value - answer
    return {0: "answer", -1: "one fewer", 1: "one more"}.get(apart, "others")  # type: ignore[arg-type]
