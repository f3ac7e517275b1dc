"""When jobs arrive: what a scenario may say of one queue's arrivals, and how it is drawn."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import (
    Discriminator,
    Field,
    NaiveDatetime,
    Tag,
    ValidationInfo,
    model_validator,
)

from simqueue.checked import Checked
from simqueue.errors import InputError
from simqueue.files import read_once
from simqueue.policies import Finite
from simqueue.workload.distributions import Distribution, Floats
from simqueue.workload.production import Client

Rate = Annotated[Finite, Field(ge=0)]
PositiveRate = Annotated[Finite, Field(gt=0)]
Positive = Annotated[Finite, Field(gt=0)]
#: Gives the generator of one purpose; see `simqueue.workload.draws`.
Source = Callable[[str], np.random.Generator]

#: A scaled trace keeps the recorded count of each quarter-hour.
QUARTER_HOUR_S = 900.0


class Arrivals(NamedTuple):
    """Moments in seconds from the start, ascending, and the key of each (an order's number)."""

    times_s: Floats
    keys: list[str] | None  # None: numbered from 1


class _Stream(Checked):
    """One queue's arrivals; ``client`` says who waits for the jobs, if anybody does."""

    client: Client | None = None


#: More arrivals than this in a run are a slip of the pen, and would not fit in memory.
MAX_ARRIVALS = 1e8


class Poisson(_Stream):
    """At random, at one rate for the whole run."""

    rate_per_s: PositiveRate

    def draw(self, source: Source, duration_s: float) -> Arrivals:
        """Arrivals in [0, duration_s)."""
        return Arrivals(_poisson([0.0], [self.rate_per_s], duration_s, source), None)


class Regular(_Stream):
    """One every ``interval_s`` seconds, the first after one interval."""

    interval_s: Positive

    def draw(self, source: Source, duration_s: float) -> Arrivals:  # noqa: ARG002
        """Arrivals in [0, duration_s)."""
        if duration_s / self.interval_s > MAX_ARRIVALS:
            raise InputError(
                f"arrivals: one every {self.interval_s:g} s for {duration_s:g} s is more than "
                f"{MAX_ARRIVALS:.0e} jobs"
            )
        n = math.ceil(duration_s / self.interval_s)
        times: Floats = self.interval_s * np.arange(1.0, n + 1)
        return Arrivals(times[times < duration_s], None)


class Profile(_Stream):
    """At random, at a rate that steps: ``[[0, 2.0], [600, 8.0]]`` is 2 a second, then 8."""

    profile: Annotated[list[tuple[Rate, Rate]], Field(min_length=1)]

    @model_validator(mode="after")
    def _in_order(self) -> Profile:
        starts = [start for start, _ in self.profile]
        if starts[0] != 0 or any(b <= a for a, b in pairwise(starts)):
            raise ValueError("the times should start at 0 and rise")
        return self

    def draw(self, source: Source, duration_s: float) -> Arrivals:
        """Arrivals in [0, duration_s)."""
        starts, rates = zip(*self.profile, strict=True)
        return Arrivals(_poisson(list(starts), list(rates), duration_s, source), None)


class Trace(_Stream):
    """The orders of a file, as they were recorded or scaled up.

    Attributes
    ----------
    trace
        A CSV file with a column ``placed_at`` (ISO 8601) and, if there is one, ``order_id``.
    window
        From and to (excluded); by default the whole file, the last minute included.
    speed
        60 runs an hour of the file in a minute.
    scale
        1: the recorded orders. Stamps of whole minutes are each moved by a seeded uniform 0-60 s,
        because nothing happens at :00 alone. Otherwise: a Poisson process at ``scale`` times the
        recorded count of each quarter-hour; such orders are numbered, none is a recorded one.
    """

    trace: Path
    window: tuple[NaiveDatetime, NaiveDatetime] | None = None
    speed: Positive = 1.0
    scale: Positive = 1.0

    @model_validator(mode="before")
    @classmethod
    def _found(cls, value: object, info: ValidationInfo) -> object:
        find = (info.context or {}).get("find")
        if find and isinstance(value, dict) and isinstance(value.get("trace"), str):
            return {**value, "trace": find(value["trace"])}
        return value

    @model_validator(mode="after")
    def _covers(self) -> Trace:
        try:
            stamps, _ = _recorded(self.trace)
        except InputError as error:
            raise ValueError(str(error)) from error
        start, end = self.span
        if end <= start:
            raise ValueError(f"window: its end {end} should come after its start {start}")
        if not any(start <= stamp < end for stamp in stamps):
            raise ValueError(
                f"window: {self.trace.name} has no order from {start} to {end}; "
                f"it runs from {stamps[0]} to {stamps[-1]}"
            )
        return self

    @property
    def span(self) -> tuple[datetime, datetime]:
        """From and to (excluded) on the file's own clock."""
        if self.window is not None:
            return self.window
        stamps, _ = _recorded(self.trace)
        return stamps[0], stamps[-1] + timedelta(minutes=1)

    @property
    def duration_s(self) -> float:
        """How long the window lasts at ``speed``, seconds."""
        start, end = self.span
        return (end - start).total_seconds() / self.speed

    def draw(self, source: Source, duration_s: float) -> Arrivals:
        """Arrivals in [0, duration_s)."""
        recorded, keys, whole_minutes = self._recorded_s()
        if self.scale == 1.0:
            if whole_minutes:
                recorded = recorded + source("minute").uniform(0, 60, len(recorded))
            times = recorded / self.speed
            order = np.argsort(times, kind="stable")
            order = order[times[order] < duration_s]
            return Arrivals(times[order], [keys[i] for i in order])
        start, end = self.span
        lasts = (end - start).total_seconds()
        # The last quarter of a window may be a part of one, and nothing comes after the window.
        edges = np.append(np.arange(0.0, lasts, QUARTER_HOUR_S), lasts)
        counts = np.histogram(recorded, edges)[0]
        rates = [*(self.scale * counts / np.diff(edges) * self.speed), 0.0]
        return Arrivals(_poisson(list(edges / self.speed), rates, duration_s, source), None)

    def _recorded_s(self) -> tuple[Floats, list[str], bool]:
        """Seconds from the window's start, ids, and whether all stamps are whole minutes."""
        start, end = self.span
        stamps, keys = _recorded(self.trace)
        inside = [i for i, stamp in enumerate(stamps) if start <= stamp < end]
        seconds = np.array([(stamps[i] - start).total_seconds() for i in inside])
        whole = all(stamps[i].second == stamps[i].microsecond == 0 for i in inside)
        return seconds, [keys[i] for i in inside], whole


class Follows(_Stream):
    """One job for each arrival of another queue, some time later: the customer pays."""

    follows: str
    think: Distribution


def _tag(value: Any) -> str | None:
    """The one key that says which kind of arrivals this is."""
    keys = value.keys() if isinstance(value, dict) else getattr(type(value), "model_fields", ())
    kinds = [key for key in _KINDS if key in keys]
    return kinds[0] if len(kinds) == 1 else None


_KINDS = ("trace", "rate_per_s", "interval_s", "profile", "follows")

ArrivalStream = Annotated[
    Annotated[Trace, Tag("trace")]
    | Annotated[Poisson, Tag("rate_per_s")]
    | Annotated[Regular, Tag("interval_s")]
    | Annotated[Profile, Tag("profile")]
    | Annotated[Follows, Tag("follows")],
    Discriminator(
        _tag,
        custom_error_type="kind_of_arrivals",
        custom_error_message=f"should have exactly one of the keys {', '.join(_KINDS)}",
    ),
]


def _poisson(
    starts_s: list[float], rates_per_s: list[float], duration_s: float, source: Source
) -> Floats:
    """A Poisson process with a rate that steps, by stretching one of rate 1.

    The stretched process is the same whatever the rates: a busier scenario meets the same
    randomness sooner.
    """
    edges = np.array([*(start for start in starts_s if start < duration_s), duration_s])
    rates = np.array(rates_per_s[: len(edges) - 1])
    expected = np.concatenate([[0.0], np.cumsum(rates * np.diff(edges))])
    if expected[-1] == 0:
        return np.empty(0)
    if expected[-1] > MAX_ARRIVALS:
        raise InputError(
            f"arrivals: {expected[-1]:.3g} jobs are expected; at most {MAX_ARRIVALS:.0e} fit a run"
        )
    rng = source("arrivals")
    gaps: list[Floats] = []
    while sum(map(np.sum, gaps)) <= expected[-1]:
        gaps.append(rng.exponential(1.0, int(expected[-1]) + 256))
    unit = np.cumsum(np.concatenate(gaps))
    unit = unit[unit < expected[-1]]
    # Where the rate is 0 nothing is expected: those steps have no width to stretch into.
    step = np.searchsorted(expected, unit, side="right") - 1
    times: Floats = edges[step] + (unit - expected[step]) / rates[step]
    return times


@read_once(files=8)
def _recorded(file: Path) -> tuple[list[datetime], list[str]]:
    """Stamps, ascending, and numbers of the orders in a trace."""
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            rows = csv.DictReader(lines, strict=True)
            if "placed_at" not in (rows.fieldnames or ()):
                raise InputError(f"{file.name} has no column placed_at; it has {rows.fieldnames}")
            found: dict[str, datetime] = {}
            for row in rows:
                key = row.get("order_id") or str(len(found) + 1)
                found.setdefault(key, _stamp(row["placed_at"], file, rows.line_num))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file}: cannot be read: {error}") from error
    if not found:
        raise InputError(f"{file.name} holds no orders")
    ordered = sorted(found.items(), key=lambda item: item[1])
    return [stamp for _, stamp in ordered], [key for key, _ in ordered]


def _stamp(text: str | None, file: Path, line: int) -> datetime:
    try:
        stamp = datetime.fromisoformat(text or "")
    except ValueError:
        stamp = None
    if stamp is None or stamp.tzinfo is not None:
        raise InputError(
            f"{file.name}:{line}: placed_at {text!r}: expected a time of one clock without a zone, "
            "such as 2011-11-17T12:45"
        )
    return stamp
