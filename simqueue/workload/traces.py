"""Arrivals that were recorded in a file: the orders themselves, or a process of their shape."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, model_validator

from simqueue.errors import InputError
from simqueue.files import read_once
from simqueue.workload.bins import Bins, bins_of
from simqueue.workload.duration import LONGEST_S, Floats
from simqueue.workload.rates import Rates
from simqueue.workload.resampling import Pattern, pattern_of, resampled, shaped_as
from simqueue.workload.streams import Arrivals, Factor, Source, Varied
from simqueue.workload.trace_file import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Moments,
    TraceFile,
    microseconds,
    moment_of,
    read_trace,
)


class _Part(NamedTuple):
    """Some orders of a trace: microseconds after its start, which rows; its length and unit."""

    offsets: Moments
    rows: NDArray[np.int64]
    lasts: int
    resolution: int

    @property
    def counted(self) -> tuple[Moments, int, int]:
        """What counts them."""
        return self.offsets, self.lasts, self.resolution


class Trace(Varied):
    """The orders of a file, as they were recorded or scaled up.

    Attributes
    ----------
    trace
        A CSV file with a column ``placed_at`` (ISO 8601) and, if there are such, ``order_id``,
        ``class`` and ``scheduler``; see `simqueue.workload.trace_file.read_trace`. What a job
        scheduler brings comes at its recorded moments, at any scale and on each day.
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
    resample
        Another day like the recorded one, at any scale: what came at one moment comes together
        again, of the same classes, at another moment; and the rate changes no more often than
        helps. See `simqueue.workload.resampling`.
    shape
        With ``resample``: another file like ``trace``, whose rate goes up and down as this one's,
        and tells better how: that of all queues of a day.
    """

    trace: Path
    window: tuple[datetime, datetime] | None = None
    speed: Factor = 1.0
    scale: Factor = 1.0
    resample: Annotated[bool, Field(strict=True)] = False
    shape: Path | None = None

    @model_validator(mode="before")
    @classmethod
    def _found(cls, value: object, info: ValidationInfo) -> object:
        find = (info.context or {}).get("find")
        if not find or not isinstance(value, dict):
            return value
        files = {key: value[key] for key in ("trace", "shape") if isinstance(value.get(key), str)}
        return {**value, **{key: find(name) for key, name in files.items()}}

    @model_validator(mode="after")
    def _covers(self) -> Trace:
        try:
            file = _recorded(self.trace)
            if self.shape is not None:
                _recorded(self.shape)
        except InputError as error:
            raise ValueError(str(error)) from error
        if self.shape is not None and not self.resample:
            raise ValueError("shape: is for resampled orders only; expected resample = true")
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
        file = _recorded(self.trace)
        stamps, keys, resolution = file.part(start, end)
        first = int(np.searchsorted(file.stamps, start))
        if self.scale == 1.0 and not self.resample:
            recorded = (stamps - start) / SECOND
            if resolution > 1:
                unit = resolution / SECOND
                room = np.minimum(unit, (end - stamps) / SECOND) / unit
                recorded = recorded + source("minute").uniform(0, unit, len(stamps)) * room
            times = recorded / self.speed
            order = np.argsort(times, kind="stable")
            order = order[times[order] < duration_s]
            named = None if file.classes is None else [file.classes[first + i] for i in order]
            return Arrivals(times[order], [keys[i] for i in order], classes=named)
        chance, clock = self._split()
        if self.resample:
            pattern = self._pattern(chance)
            moments = self._rates_of(pattern.bins).poisson(duration_s, source)
            times, like = resampled(pattern, moments * self.speed, source("like"))
            rows, known = chance.rows[like], True
            times = times / self.speed
        else:
            times = self._rates_of(bins_of(*chance.counted)).poisson(duration_s, source)
            rows, known = np.full(len(times), -1), bool(len(clock.rows))
        times = np.append(times, clock.offsets / SECOND / self.speed)
        rows = np.append(rows, clock.rows)
        order = np.argsort(times, kind="stable")
        order = order[times[order] < duration_s]
        named = None
        if file.classes is not None and known:
            named = ["" if row < 0 else file.classes[row] for row in rows[order].tolist()]
        return Arrivals(times[order], None, classes=named)

    @property
    def classes(self) -> list[str]:
        """The classes that the file names; none if it has no such column."""
        return sorted({*(_recorded(self.trace).classes or ())} - {""})

    @property
    def totals(self) -> dict[str, float] | None:
        """What each order of the window came to, by its key; ``None``: the file does not say."""
        file = _recorded(self.trace)
        if file.totals is None:
            return None
        first, last = np.searchsorted(file.stamps, [microseconds(one) for one in self.span])
        keys, totals = file.keys[first:last], file.totals[first:last].tolist()
        return dict(zip(keys, totals, strict=True))

    def steps_s(self, duration_s: float) -> Floats:  # noqa: ARG002
        """Moments at which the expected rate changes."""
        return np.unique(np.concatenate([rates.starts_s for rates in self._rates()]))

    def expected(self, times_s: Floats, duration_s: float) -> Floats:
        """Arrivals that are expected by each moment."""
        found: Floats = np.sum([one.expected(times_s, duration_s) for one in self._rates()], axis=0)
        return found

    def _rates(self) -> list[Rates]:
        """The recorded rates, or so many times as many; and those of job schedulers."""
        chance, clock = self._split()
        if self.resample:
            pattern = self._pattern(chance)
            each = len(chance.offsets) / max(1, len(pattern.firsts))
            bins = pattern.bins._replace(counts=pattern.bins.counts * each)
        else:
            bins = bins_of(*chance.counted)
        found = [self._rates_of(bins)]
        if len(clock.rows):
            found.append(self._rates_of(bins_of(*clock.counted), scale=1.0))
        return found

    def _split(self) -> tuple[_Part, _Part]:
        """The window's orders that come by chance, and those of job schedulers."""
        start, end = map(microseconds, self.span)
        file = _recorded(self.trace)
        stamps, _, resolution = file.part(start, end)
        rows = np.searchsorted(file.stamps, start) + np.arange(len(stamps))
        clock = np.zeros(len(rows), bool) if file.scheduled is None else file.scheduled[rows]
        chance, scheduled = (
            _Part(stamps[mine] - start, rows[mine], end - start, resolution)
            for mine in (~clock, clock)
        )
        return chance, scheduled

    def _pattern(self, chance: _Part) -> Pattern:
        pattern = pattern_of(*chance.counted)
        if self.shape is None:
            return pattern
        start, end = map(microseconds, self.span)
        stamps, _, coarse = _recorded(self.shape).part(start, end)
        if not len(stamps):
            return pattern
        return shaped_as(pattern, stamps - start, chance.lasts, coarse)

    def _rates_of(self, bins: Bins, scale: float | None = None) -> Rates:
        if not len(bins.starts):
            return Rates(np.zeros(1), np.zeros(1))
        scale = self.scale if scale is None else scale
        rates = scale * bins.counts / ((bins.ends - bins.starts) / SECOND) * self.speed
        # Where a bin ends and no other starts there is nothing, until the next one.
        moments, first = np.unique(np.concatenate([bins.starts, bins.ends]), return_index=True)
        return Rates(moments / SECOND / self.speed, np.append(rates, np.zeros(len(rates)))[first])


@read_once(files=8)
def _recorded(file: Path) -> TraceFile:
    """The orders of a trace."""
    return read_trace(file)


def _in_words(microseconds: int) -> str:
    whole = {DAY: "a day", HOUR: "an hour"}
    return whole.get(microseconds, f"{microseconds / MINUTE:g} minutes")
