"""What verdicts are worked out from: what was asked of a run, and what came out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from simqueue.record.attempt_log import AttemptLog, Floats
from simqueue.results.history import History, histories
from simqueue.results.intervals import mean_ci95
from simqueue.results.loads import varies
from simqueue.results.offered import Outlook
from simqueue.results.presence import Presence
from simqueue.results.windows import JOBS_PER_WINDOW, window_edges
from simqueue.results.wording import duration, duration_within
from simqueue.workload.arrivals import Trace
from simqueue.workload.pools import Death

#: Sums of floats: a load of 4 that comes out a hair above is 4.
TINY = 1e-9
#: Rounding of loads, as a share of them.
_ROUNDING = 1e-12
#: A recorded window with n jobs might as well have had this many times the root of n fewer.
_NOISE = 2.0


@dataclass(frozen=True)
class Waits:
    """The longest wait of each replication, and where the longest of all was."""

    longest: list[float]
    at_s: float

    @property
    def worst(self) -> float:
        """The longest of all, seconds."""
        return max(self.longest)

    def words(self, replications: int) -> str:
        """The longest wait: of this run, or on average over several."""
        mean, interval = mean_ci95(self.longest)
        if replications == 1 or mean is None or interval is None:
            return f"waits reach {duration(self.worst)}"
        return f"the longest wait of a run is {duration_within(mean, interval)}"


class Seen:
    """A run, and what was asked of it.

    Parameters
    ----------
    log, outlook, window, runs
        See `simqueue.results.verdicts.judge.judge`.
    """

    def __init__(
        self, log: AttemptLog, outlook: Outlook, window: tuple[float, float], runs: int
    ) -> None:
        scenario = self.scenario = outlook.scenario
        self.log, self.window, self.runs = log, window, runs
        self.found: dict[str, list[History]] = {}
        for one in histories(log, scenario.crashes):
            self.found.setdefault(one.queue, []).append(one)
        self.offered, self.calm = outlook.brought, outlook.calm
        self.in_process = scenario.in_process
        self.presence = Presence(log, scenario.worker_pools, runs)

    @property
    def deaths(self) -> Sequence[Death]:
        """Workers that are away in the window."""
        low, high = self.window
        crashes = [] if self.in_process else self.scenario.crashes
        return [one for one in crashes if one.at_s < high and one.at_s + one.down_s > low]

    def edges(self, queues: Iterable[str]) -> Floats:
        """Windows of time, each long enough for jobs of these queues to come and be done."""
        least = max((self.offered.work_s[queue] for queue in queues), default=0.0)
        return window_edges(*self.window, least=JOBS_PER_WINDOW * least)

    def waits(self, found: Sequence[History]) -> Waits | None:
        """The longest waits in the window; ``None`` if nothing started."""
        longest: dict[int, float] = {}
        at, worst = 0.0, -1.0
        for one in found:
            inside = ~np.isnan(one.wait_s)
            inside &= (one.ready_s >= self.window[0]) & (one.ready_s < self.window[1])
            if not inside.any():
                continue
            waits = np.where(inside, one.wait_s, -1.0)
            place = int(np.argmax(waits))
            longest[one.replication] = max(longest.get(one.replication, 0.0), waits[place])
            if waits[place] > worst:
                worst, at = float(waits[place]), float(one.ready_s[place])
        return Waits(list(longest.values()), at) if longest else None

    def places(self, name: str, edges: Floats) -> Floats:
        """Slots that a queue had between each two edges."""
        if self.scenario.constant:
            return np.full(len(edges) - 1, float(self.scenario.slots[name]))
        return self.presence.slots(name, edges)

    def needed(self, load: float, queue: str) -> int:
        """The fewest places that can keep up with a load: more than it, unless nothing varies."""
        if varies(self.scenario, queue):
            return math.floor(load + TINY) + 1
        return max(math.ceil(load - TINY), 1)

    def surely(self, load: float, queue: str, edges: Floats) -> float:
        """A load that is there beyond chance: recorded orders are one sample, rates are not."""
        recorded = any(
            isinstance(stream, Trace) and stream.scale == 1
            for stream in self.scenario.arrivals.values()
        )
        if not recorded:
            return float(load)
        jobs = float(self.calm.rate(queue, edges)[0] * np.diff(edges)[0])
        return float(load) * max(1 - _NOISE / math.sqrt(jobs), 0.0) if jobs > 0 else 0.0

    def reach(self, waits: Waits, edges: Floats, peak: int) -> str:
        """How long waits are, and when they are longest."""
        return waits.words(self.runs) + self.elsewhere(waits, edges, peak)

    def elsewhere(self, waits: Waits, edges: Floats, peak: int) -> str:
        """When the longest wait was, if not near the busiest window."""
        start, end = float(edges[peak]), float(edges[peak + 1])
        if 2 * start - end <= waits.at_s < 2 * end - start:
            return ""
        return f" (at {self.scenario.moment(waits.at_s)})"


def busiest(load: Floats) -> int:
    """The window that brings most; the first of those that differ by rounding only."""
    return int(np.argmax(load >= load.max() - _ROUNDING * np.abs(load).max()))


def flat(load: Floats) -> bool:
    """Whether no window is busier than the others, to speak of."""
    return bool(np.ptp(load) <= 0.05 * load.max())


def short_windows(
    edges: Floats, load: Floats, places: float | Floats
) -> tuple[tuple[float, float], ...]:
    """The windows in which more comes in than can be done."""
    return tuple(
        (float(edges[i]), float(edges[i + 1])) for i in np.flatnonzero(load >= places).tolist()
    )
