"""One way for a pool to have workers, and what the days with it were like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from simqueue.planning.autoscaling.pool_day import NUMBERS
from simqueue.planning.days import Tried
from simqueue.record.attempt_log import Floats
from simqueue.results.intervals import share_interval
from simqueue.workload.scenario import Scenario


@dataclass(frozen=True)
class Judged:
    """So many workers all day, or a setting of the autoscaler, and its days.

    Attributes
    ----------
    what
        In words.
    changes
        What it changes of the setting as it is; nothing if it is that, or has no autoscaler.
    tried
        The days.
    """

    what: str
    changes: Mapping[str, Any]
    tried: Tried

    @property
    def scenario(self) -> Scenario:
        """What was run."""
        return self.tried.scenario

    @property
    def number(self) -> int:
        """Days that were simulated."""
        return self.tried.number

    @property
    def held(self) -> int:
        """Days on which all targets held, and no job was left for which nobody ever came."""
        return int(self.holds.sum())

    @property
    def holds(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Of each day, whether the targets held."""
        left = self.of("left") > 0
        held = [
            all(one.holds(value) for one, value in zip(self.tried.targets, day, strict=True))
            for day in self.tried.days.tolist()
        ]
        return np.array(held, dtype=bool) & ~left

    def keeps(self, kept: float) -> bool:
        """Whether the targets held on this share of the days."""
        return self.held >= kept * self.number - 1e-9

    @property
    def share(self) -> tuple[float, float]:
        """Of all such days, those on which the targets hold: low and high end at 95 %."""
        return share_interval(self.held, self.number)

    def of(self, what: str) -> Floats:
        """A number of each day: see `simqueue.planning.autoscaling.pool_day.NUMBERS`."""
        found: Floats = self.tried.beside[:, NUMBERS.index(what)]
        return found

    def mean(self, what: str) -> float | None:
        """Its mean over the days; ``None`` where there was nothing to measure."""
        known = self.of(what)[~np.isnan(self.of(what))]
        return float(known.mean()) if len(known) else None

    def worst(self, what: str) -> float | None:
        """Its largest value of a day."""
        known = self.of(what)[~np.isnan(self.of(what))]
        return float(known.max()) if len(known) else None

    @property
    def worker_hours(self) -> float:
        """Hours of workers a day, on average: from when each was asked for until it was gone."""
        return float(self.of("worker_hours").mean())

    def as_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {
            "what": self.what,
            "changes": dict(self.changes),
            "held": self.held,
            "days": self.number,
            "share_ci95": list(self.share),
            "measures": {
                target.measure.name: [None if day != day else day for day in days.tolist()]
                for target, days in zip(self.tried.targets, self.tried.days.T, strict=True)
            },
            **{
                name: [None if day != day else day for day in self.of(name).tolist()]
                for name in NUMBERS
            },
        }
