"""The measures of a queue on both sides, and their errors.

An error is (model - real) / real. Where the real measure is next to nothing such a share says
little: a wait of 0.2 ms for 0.1 ms is no error of 100 % that anybody would notice. So what is
judged is the difference as a share of the measure **or of what matters beside it, if that is
more**: for a wait the mean response time of the real queue's jobs, for a queue length one job.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from simqueue.results.comparison.tolerances import MEASURES
from simqueue.results.formulas import Theory
from simqueue.results.queue_summary import QueueSummary


@dataclass(frozen=True)
class Measure:
    """One number of both sides.

    Attributes
    ----------
    real, model
        What each has; ``None`` where there is nothing to take it of.
    least
        What the difference is at least measured against.
    """

    real: float | None
    model: float | None
    least: float = 0.0

    @property
    def difference(self) -> float | None:
        """Model less real."""
        if self.real is None or self.model is None:
            return None
        return self.model - self.real

    @property
    def error(self) -> float | None:
        """The difference as a share of the real measure; ``None`` if that is zero, or unknown."""
        return self._share(self.real)

    @property
    def judged(self) -> float | None:
        """The difference as a share of the real measure or of ``least``, whichever is more."""
        return self._share(None if self.real is None else max(self.real, self.least))

    def as_dict(self) -> dict[str, float | None]:
        """What JSON can hold."""
        names = ("real", "model", "difference", "error", "judged")
        return {name: getattr(self, name) for name in names}

    def _share(self, of: float | None) -> float | None:
        if self.difference == 0:
            return 0.0
        if self.difference is None or not of:
            return None
        return self.difference / of

    @property
    def known(self) -> bool:
        """Whether at least one side has it."""
        return self.real is not None or self.model is not None

    @property
    def size(self) -> float:
        """How large the error is that is judged; infinite if only one side has the measure."""
        if not self.known:
            return 0.0
        return math.inf if self.judged is None else abs(self.judged)


@dataclass(frozen=True)
class QueueComparison:
    """One queue on both sides, and the wait that a formula gives, if one holds there."""

    real: QueueSummary
    model: QueueSummary
    measures: dict[str, Measure]
    theory: Theory | None

    @property
    def jobs(self) -> int:
        """Jobs of the side that has fewer."""
        return min(self.real.arrived, self.model.arrived)


def compare_queue(
    both: tuple[QueueSummary, QueueSummary],
    alike: tuple[QueueSummary, QueueSummary],
    formula: Theory | None,
) -> QueueComparison:
    """Put two summaries of a queue, real and model, side by side.

    Response times are those of ``alike``, the same without the jobs that may differ.
    """
    real, model = both
    ours, theirs = (_numbers(one, other) for one, other in zip(both, alike, strict=True))
    response = alike[0].response_s.mean or 0.0
    least = {"wait": response, "queue_length": 1.0}
    return QueueComparison(
        real=real,
        model=model,
        measures={
            name: Measure(ours[name], theirs[name], least.get(name.partition(".")[0], 0.0))
            for name in MEASURES
        },
        theory=formula,
    )


def _numbers(queue: QueueSummary, alike: QueueSummary) -> dict[str, float | None]:
    """The measures of a summary, by the names that tolerances have."""
    found: dict[str, float | None] = {}
    for name in MEASURES:
        table, _, key = name.partition(".")
        if table == "response":
            found[name] = getattr(alike.response_s, key)
        elif table == "wait":
            found[name] = getattr(queue.wait_s, key)
        else:
            found[name] = getattr(getattr(queue, table), key) if key else getattr(queue, table)
    return found
