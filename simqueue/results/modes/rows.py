"""The rows of the fair comparison: a run at a load, and what some of its requests went through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simqueue.results.modes.known import Known
from simqueue.results.modes.requests import Measures
from simqueue.results.statistics import Estimate, Statistics

if TYPE_CHECKING:
    import pandas as pd

#: Requests of all kinds together.
ALL = "all"


@dataclass(frozen=True)
class ModeRow:
    """One kind of requests, in one run, at one load.

    Attributes
    ----------
    load
        Times the arrivals at 1x.
    letter
        The run: ``T``, ``B``, ``S`` or ``P``.
    of
        The queue that its requests start in, or ``all``.
    places
        Who does the work, in words.
    measures
        What was measured.
    known
        What a formula says; ``None`` where none does.
    failures_expected
        Jobs that fail for good in a run, expected; ``None`` where outages, crashes or a
        downstream decide.
    """

    load: float
    letter: str
    of: str
    places: str
    measures: Measures
    known: Known | None
    failures_expected: float | None

    def as_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        found = self.measures
        return {
            "load": self.load,
            "run": self.letter,
            "of": self.of,
            "places": self.places,
            "requests": found.requests,
            "held_s": found.held_s.as_dict(),
            "last_effect_s": found.last_effect_s.as_dict(),
            "refused": found.refused,
            "refused_ci95": found.refused.interval,
            "lost": found.lost,
            "lost_ci95": found.lost.interval,
            "failed": found.failed,
            "failed_ci95": found.failed.interval,
            "failed_expected": self.failures_expected,
            "told": found.told,
            "told_ci95": found.told.interval,
            "unfinished": found.unfinished,
            "again": found.again,
            "again_ci95": found.again.interval,
            "known": None if self.known is None else self.known.as_dict(),
        }


def frame_of(rows: Sequence[ModeRow]) -> pd.DataFrame:
    """A row for each load and run, times in seconds; intervals in columns of their own."""
    import pandas as pd

    table = [_columns(row) for row in rows]
    index = pd.MultiIndex.from_tuples(
        [(row.load, row.letter) for row in rows], names=["load", "run"]
    )
    return pd.DataFrame(table, index=index)


def _columns(row: ModeRow) -> dict[str, Any]:
    found = row.measures
    columns: dict[str, Any] = {"places": row.places, "requests": found.requests}
    for name, times in (("held", found.held_s), ("last_effect", found.last_effect_s)):
        columns |= _times(name, times)
    for name in ("failed", "told", "refused", "lost", "again"):
        columns |= _estimate(name, "", getattr(found, name))
    columns["unfinished"] = found.unfinished
    columns["failed_expected"] = row.failures_expected
    columns["formula"] = "–" if row.known is None else row.known.model
    for measure in ("last_effect_mean_s", "wait_max_s"):
        fits = row.known is not None and row.known.measure == measure
        columns[f"formula_{measure}"] = row.known.seconds if fits and row.known else None
    return columns


def _times(name: str, times: Statistics) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for key in ("mean", "p50", "p95", "p99"):
        columns |= _estimate(f"{name}_{key}", "_s", getattr(times, key))
    return {**columns, f"{name}_max_s": times.max}


def _estimate(name: str, unit: str, number: Estimate | None) -> dict[str, Any]:
    low, high = (number.interval if number is not None else None) or (None, None)
    value = None if number is None else float(number)
    return {f"{name}{unit}": value, f"{name}_low{unit}": low, f"{name}_high{unit}": high}
