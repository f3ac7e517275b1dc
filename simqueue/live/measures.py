"""What one watches while it runs: waits, lengths and load of the last minutes, and their past."""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

from simqueue.live.models import LiveBullMQ, LiveInProcess
from simqueue.record.attempt_log import COMPLETED, FAILED, LOST, REFUSED, RETRIED
from simqueue.simulation.job import SimJob

#: How far back quantiles and utilisation look, virtual seconds.
WINDOW_S = 300.0
#: Samples of the past, at most: when there are more, every other one goes.
MOST_SAMPLES = 600


class Now(NamedTuple):
    """The jobs of one queue at a moment."""

    ready: list[SimJob]
    delayed: list[SimJob]
    active: int
    slots: int


class Measures:
    """What is counted of one model, attempt by attempt.

    Attributes
    ----------
    counts
        By queue: attempts, and jobs that were done, failed for good, were turned away or lost.
    money
        By queue that requests add jobs to whose worth is known: that of the jobs that failed for
        good, were turned away or lost.
    past
        By queue: rows of moment, jobs ready, delayed and active, p50 and p95 of the waits, share of
        the slots that were busy.
    every_s
        How far apart the samples are, virtual seconds.
    ended
        Key and outcome of the attempts that ended since somebody last took them.
    """

    def __init__(self, model: LiveBullMQ | LiveInProcess) -> None:
        self._model = model
        names = list(model.scenario.queues)
        self._queue_of = [names.index(kind.queue) for kind in model.workload.kinds]
        self._names = names
        self._read = 0
        self.counts = {
            name: {"attempts": 0, "done": 0, "failed": 0, "refused": 0, "lost": 0} for name in names
        }
        workload = model.workload
        self.money = {
            kind.queue: 0.0
            for kind in workload.kinds
            if kind.parent < 0 and kind.stream in workload.worths
        }
        self._recent: dict[str, deque[tuple[float, float, float]]] = {n: deque() for n in names}
        self.past: dict[str, list[list[float | None]]] = {name: [] for name in names}
        self.every_s = 1.0
        self.ended: list[tuple[int, int]] = []

    def read(self) -> None:
        """Take in the attempts that have ended since the last time."""
        rows = self._model.rows.since(self._read)
        self._read += len(rows)
        kinds = len(self._queue_of)
        for row in rows:
            kind, number, _, _, outcome, _, _, _, ready, started, finished = row.tolist()
            name = self._names[self._queue_of[kind]]
            counts = self.counts[name]
            if outcome in (COMPLETED, RETRIED, FAILED) and started == started:
                counts["attempts"] += 1
                self._recent[name].append((finished, started - ready, finished - started))
            key = {COMPLETED: "done", FAILED: "failed", REFUSED: "refused", LOST: "lost"}
            if outcome in key:
                counts[key[outcome]] += 1
                self.ended.append((number * kinds + kind, outcome))
                if outcome != COMPLETED and name in self.money:
                    self.money[name] += self._model.workload.worth(kind, number)
        del self.ended[:-400]
        since = self._model.env.now - WINDOW_S
        for recent in self._recent.values():
            while recent and recent[0][0] < since:
                recent.popleft()

    def waits(self, name: str) -> tuple[float | None, float | None]:
        """p50 and p95 of the waits of attempts that ended in the window, seconds."""
        recent = self._recent[name]
        if not recent:
            return None, None
        waits = sorted([one[1] for one in recent])
        return _quantile(waits, 0.5), _quantile(waits, 0.95)

    def sample(self, queues: dict[str, Now]) -> None:
        """Keep how things are now."""
        self.read()
        now = self._model.env.now
        for name, its in queues.items():
            busy = its.active / its.slots if its.slots else None
            row = [now, len(its.ready), len(its.delayed), its.active, *self.waits(name), busy]
            self.past[name].append(row)
        if len(next(iter(self.past.values()))) > MOST_SAMPLES:
            self.every_s *= 2
            for name, rows in self.past.items():
                self.past[name] = [row for row in rows if row[0] % self.every_s == 0]  # type: ignore[operator]

    def busy_share(self, name: str) -> float | None:
        """Share of the slots that were busy, over the samples of the window."""
        since = self._model.env.now - WINDOW_S
        shares = [row[6] for row in self.past[name] if row[0] >= since and row[6] is not None]  # type: ignore[operator]
        return sum(shares) / len(shares) if shares else None

    def state(self, name: str) -> dict[str, Any]:
        """What is shown of a queue in numbers."""
        p50, p95 = self.waits(name)
        recent = self._recent[name]
        mean = sum([one[1] for one in recent]) / len(recent) if recent else None
        return {
            **self.counts[name],
            "mean": mean,
            "p50": p50,
            "p95": p95,
            "busy": self.busy_share(name),
            "money": self.money.get(name),
        }


def _quantile(ascending: list[float], share: float) -> float:
    """As NumPy has it by default, without its cost for a few numbers."""
    place = share * (len(ascending) - 1)
    low = int(place)
    high = min(low + 1, len(ascending) - 1)
    return ascending[low] + (place - low) * (ascending[high] - ascending[low])
