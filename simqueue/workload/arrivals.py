"""When jobs arrive: what a scenario may say of one queue's arrivals, and how it is drawn."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    model_validator,
)

from simqueue.checked import Checked
from simqueue.errors import InputError
from simqueue.files import read_once
from simqueue.policies import Finite
from simqueue.workload.bins import bins_of
from simqueue.workload.distributions import LONGEST_S, Distribution, Floats, measurable
from simqueue.workload.production import Client, Seconds
from simqueue.workload.trace_file import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    TraceFile,
    microseconds,
    moment_of,
    read_trace,
)

Rate = Annotated[Finite, Field(ge=0, le=1e9)]
PositiveRate = Annotated[Finite, Field(gt=0, le=1e9)]
Interval = Annotated[Finite, Field(gt=0), AfterValidator(measurable)]
#: How many times as fast, or as many.
Factor = Annotated[Finite, Field(gt=0, le=1e9)]
#: Gives the generator of one purpose; see `simqueue.workload.draws`.
Source = Callable[[str], np.random.Generator]


class Arrivals(NamedTuple):
    """Moments in seconds from the start, ascending, and the key of each (an order's number)."""

    times_s: Floats
    keys: list[str] | None  # None: numbered from 1


class _Stream(Checked):
    """One queue's arrivals; ``client`` says who waits for the jobs, if anybody does."""

    client: Client | None = None

    def steps_s(self, duration_s: float) -> Floats:  # noqa: ARG002
        """Moments at which the expected rate changes."""
        return np.empty(0)


class Poisson(_Stream):
    """At random, at one rate for the whole run."""

    rate_per_s: PositiveRate

    def expected(self, times_s: Floats, duration_s: float) -> Floats:
        """Arrivals that are expected by each moment."""
        return self.rate_per_s * np.minimum(times_s, duration_s)

    def draw(self, source: Source, duration_s: float) -> Arrivals:
        """Arrivals in [0, duration_s)."""
        steps, rates = np.zeros(1), np.array([self.rate_per_s])
        return Arrivals(_poisson(steps, rates, duration_s, source), None)


class Regular(_Stream):
    """One every ``interval_s`` seconds, the first after one interval."""

    interval_s: Interval

    def expected(self, times_s: Floats, duration_s: float) -> Floats:
        """Arrivals that are expected by each moment."""
        return np.minimum(times_s, duration_s) / self.interval_s

    def draw(self, source: Source, duration_s: float) -> Arrivals:  # noqa: ARG002
        """Arrivals in [0, duration_s)."""
        n = math.ceil(duration_s / self.interval_s)
        times: Floats = self.interval_s * np.arange(1.0, n + 1)
        return Arrivals(times[times < duration_s], None)


class Profile(_Stream):
    """At random, at a rate that steps: ``[[0, 2.0], [600, 8.0]]`` is 2 a second, then 8."""

    profile: Annotated[list[tuple[Seconds, Rate]], Field(min_length=1, max_length=100_000)]

    @model_validator(mode="after")
    def _in_order(self) -> Profile:
        starts = [start for start, _ in self.profile]
        if starts[0] != 0 or any(b <= a for a, b in pairwise(starts)):
            raise ValueError("the times should start at 0 and rise")
        return self

    def steps_s(self, duration_s: float) -> Floats:  # noqa: ARG002
        """Moments at which the expected rate changes."""
        return np.array([start for start, _ in self.profile])

    def expected(self, times_s: Floats, duration_s: float) -> Floats:
        """Arrivals that are expected by each moment."""
        starts, rates = np.array(self.profile, dtype=float).T
        return _expected(starts, rates, times_s, duration_s)

    def draw(self, source: Source, duration_s: float) -> Arrivals:
        """Arrivals in [0, duration_s)."""
        starts, rates = np.array(self.profile, dtype=float).T
        return Arrivals(_poisson(starts, rates, duration_s, source), None)


class Trace(_Stream):
    """The orders of a file, as they were recorded or scaled up.

    Attributes
    ----------
    trace
        A CSV file with a column ``placed_at`` (ISO 8601) and, if there is one, ``order_id``; see
        `simqueue.workload.trace_file.read_trace`.
    window
        From and to (excluded), on the file's own clock unless they have a timezone; by default
        the whole file: to its last stamp and one unit of its stamps more.
    speed
        60 runs an hour of the file in a minute.
    scale
        1: the recorded orders. Stamps of whole minutes are each moved by a seeded uniform 0-60 s,
        because nothing happens at :00 alone; those of whole seconds by 0-1 s, and so on: see
        `simqueue.workload.trace_file.resolution_of`. Otherwise: a Poisson process at ``scale``
        times the recorded rate, which goes up and down as recorded: see
        `simqueue.workload.bins.bins_of`. Such orders are numbered, none is a recorded one.
    """

    trace: Path
    window: tuple[datetime, datetime] | None = None
    speed: Factor = 1.0
    scale: Factor = 1.0

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
            file = _recorded(self.trace)
        except InputError as error:
            raise ValueError(str(error)) from error
        start, end = self.span
        if end <= start:
            raise ValueError(f"window: its end {end} should come after its start {start}")
        lasts = (end - start).total_seconds()
        if max(lasts, lasts / self.speed) > LONGEST_S:
            raise ValueError(
                f"window: from {start} to {end} at speed {self.speed:g} is more than "
                f"{LONGEST_S:g} s"
            )
        if not len(file.part(*map(microseconds, self.span))[0]):
            raise ValueError(
                f"window: {self.trace.name} has no order from {start} to {end}; it runs from "
                f"{moment_of(file.stamps[0])} to {moment_of(file.stamps[-1])}"
            )
        return self

    @property
    def span(self) -> tuple[datetime, datetime]:
        """From and to (excluded) on the file's own clock."""
        file = _recorded(self.trace)
        if self.window is None:
            first, last = file.stamps[[0, -1]].tolist()
            return moment_of(first), moment_of(last + file.resolution)
        try:
            start, end = map(file.on_clock, self.window)
        except ValueError as error:
            raise ValueError(f"window: {error}") from None
        return start, end

    @property
    def duration_s(self) -> float:
        """How long the window lasts at ``speed``, seconds."""
        start, end = self.span
        return (end - start).total_seconds() / self.speed

    @property
    def notes(self) -> list[str]:
        """What one should know of how the file was read, a sentence each."""
        file = _recorded(self.trace)
        resolution = file.part(*map(microseconds, self.span))[2]
        coarse = f"{self.trace.name}: all stamps are whole multiples of {_in_words(resolution)}: "
        coarse += "when in it an order came is not recorded, and is drawn at random"
        return [*file.notes, coarse] if resolution > MINUTE else list(file.notes)

    def draw(self, source: Source, duration_s: float) -> Arrivals:
        """Arrivals in [0, duration_s)."""
        start, end = map(microseconds, self.span)
        stamps, keys, resolution = _recorded(self.trace).part(start, end)
        if self.scale == 1.0:
            recorded = (stamps - start) / SECOND
            if resolution > 1:
                unit = resolution / SECOND
                room = np.minimum(unit, (end - stamps) / SECOND) / unit
                recorded = recorded + source("minute").uniform(0, unit, len(stamps)) * room
            times = recorded / self.speed
            order = np.argsort(times, kind="stable")
            order = order[times[order] < duration_s]
            return Arrivals(times[order], [keys[i] for i in order])
        return Arrivals(_poisson(*self._rates(), duration_s, source), None)

    def steps_s(self, duration_s: float) -> Floats:  # noqa: ARG002
        """Moments at which the expected rate changes."""
        return self._rates()[0]

    def expected(self, times_s: Floats, duration_s: float) -> Floats:
        """Arrivals that are expected by each moment."""
        return _expected(*self._rates(), times_s, duration_s)

    def _rates(self) -> tuple[Floats, Floats]:
        """When each rate begins, seconds of the run, and the rates per second."""
        start, end = map(microseconds, self.span)
        stamps, _, resolution = _recorded(self.trace).part(start, end)
        bins = bins_of(stamps - start, end - start, resolution)
        rates = self.scale * bins.counts / ((bins.ends - bins.starts) / SECOND) * self.speed
        # Where a bin ends and no other starts there is nothing, until the next one.
        moments, first = np.unique(np.concatenate([bins.starts, bins.ends]), return_index=True)
        return moments / SECOND / self.speed, np.append(rates, np.zeros(len(rates)))[first]


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


def _expected(starts_s: Floats, rates_per_s: Floats, times_s: Floats, end_s: float) -> Floats:
    """Arrivals by each moment at a rate that steps; none after ``end_s``."""
    edges = np.append(starts_s, max(float(starts_s[-1]), end_s) + 1.0)
    counted = np.concatenate([[0.0], np.cumsum(rates_per_s * np.diff(edges))])
    found: Floats = np.interp(np.minimum(times_s, end_s), edges, counted)
    return found


def _poisson(starts_s: Floats, rates_per_s: Floats, duration_s: float, source: Source) -> Floats:
    """A Poisson process with a rate that steps, by stretching one of rate 1.

    The stretched process is the same whatever the rates: a busier scenario meets the same
    randomness sooner.
    """
    edges = np.append(starts_s[starts_s < duration_s], duration_s)
    rates = rates_per_s[: len(edges) - 1]
    expected = np.concatenate([[0.0], np.cumsum(rates * np.diff(edges))])
    if expected[-1] == 0:
        return np.empty(0)
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
def _recorded(file: Path) -> TraceFile:
    """The orders of a trace."""
    return read_trace(file)


def _in_words(microseconds: int) -> str:
    whole = {DAY: "a day", HOUR: "an hour"}
    return whole.get(microseconds, f"{microseconds / MINUTE:g} minutes")
