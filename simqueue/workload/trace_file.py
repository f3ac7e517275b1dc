"""Traces: files of recorded orders, read with all that their stamps say, and no more.

Moments are whole microseconds of the file's own clock, so nothing is rounded.
"""

from __future__ import annotations

import csv
import itertools
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import NamedTuple, TextIO

import numpy as np
from numpy.typing import NDArray

from simqueue.errors import InputError
from simqueue.files import open_text, reason

Moments = NDArray[np.int64]

_US = timedelta(microseconds=1)
SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
#: What clocks are rounded to, microseconds.
_UNITS = (
    *(DAY, HOUR, 30 * MINUTE, 15 * MINUTE, 10 * MINUTE, 5 * MINUTE, MINUTE, 30 * SECOND),
    *(10 * SECOND, 5 * SECOND, SECOND, 100_000, 10_000, 1000, 1),
)
#: Stamps are taken for coarser than they are written if chance would bring that so rarely, and if
#: there are some: two round figures may be somebody's example.
_BY_CHANCE, _SOME = 1e-5, 3
_CLOCK = re.compile(r"[T ](\d\d)(:?\d\d)?(:?\d\d)?([.,]\d+)?")


@dataclass(frozen=True)
class TraceFile:
    """The orders of a file.

    Attributes
    ----------
    stamps
        When each was placed, ascending, microseconds since the year 1 on the file's own clock.
    keys
        The number of each.
    written
        Unit of the finest stamp as it is written, microseconds: a minute for ``12:45``.
    resolution
        Unit of which all stamps are whole multiples, microseconds; see `resolution_of`.
    zone
        The zone of the file's own clock: that of its first stamp; ``None`` if stamps have none.
    notes
        What one should know of how it was read, a sentence each.
    classes
        The class of each order, empty where none is said; ``None``: there is no such column.
    totals
        What each order came to, in the file's own currency; ``None``: there is no such column, or
        not in each row a number.
    scheduled
        Whether each is a job scheduler's, and not of chance; ``None``: none is.
    """

    stamps: Moments
    keys: list[str]
    written: int
    resolution: int
    zone: tzinfo | None
    notes: tuple[str, ...]
    classes: list[str] | None = None
    totals: NDArray[np.float64] | None = None
    scheduled: NDArray[np.bool_] | None = None

    def part(self, start: int, end: int) -> tuple[Moments, list[str], int]:
        """The orders from ``start`` to ``end`` (excluded): stamps, keys, resolution."""
        first, last = np.searchsorted(self.stamps, (start, end))
        stamps = self.stamps[first:last]
        # A few stamps may be coarser by chance: what the whole file proves holds for them too.
        resolution = max(self.resolution, resolution_of(stamps, self.written))
        return stamps, self.keys[first:last], resolution

    def on_clock(self, moment: datetime) -> datetime:
        """A moment on the file's own clock; one without a zone is meant to be on it already.

        Raises
        ------
        ValueError
            If it has a timezone and the file has none, or the calendar ends there.
        """
        if moment.tzinfo is None:
            return moment
        if self.zone is None:
            raise ValueError(f"{moment} has a timezone, the stamps of the trace have none")
        try:
            return moment.astimezone(self.zone).replace(tzinfo=None)
        except OverflowError:
            raise ValueError(f"{moment}: expected a year from 2 to 9998") from None


def microseconds(moment: datetime) -> int:
    """Microseconds since the year 1."""
    if moment.tzinfo is not None:
        moment = moment.replace(tzinfo=None)
    return (moment - datetime.min) // _US


def moment_of(microseconds: int) -> datetime:
    """The moment so many microseconds after the beginning of the year 1."""
    return datetime.min + microseconds * _US


def resolution_of(stamps: Moments, written: int) -> int:
    """The unit that stamps were rounded to, microseconds; 1 for exact ones.

    It is the largest of the usual units (a day, an hour... a millisecond) of which all stamps are
    whole multiples. One that is coarser than the stamps are ``written`` has to be proved: by three
    different stamps, and by so many that chance would do it less than once in 100,000 times.
    """
    count = len(different(stamps))
    for unit in _UNITS:
        chance = count * math.log(written / unit)
        proved = count >= _SOME and chance <= math.log(_BY_CHANCE)
        if (unit <= written or proved) and not (stamps % unit).any():
            return unit
    return 1


def different(ascending: Moments) -> Moments:
    """Each moment once."""
    return ascending[np.diff(ascending, prepend=ascending[:1] - 1) > 0]


class _Row(NamedTuple):
    key: str
    stamp: datetime
    written: int
    kind: str | None
    total: float
    scheduled: bool


def read_trace(file: Path) -> TraceFile:
    """Read the orders of a file.

    Parameters
    ----------
    file
        A CSV file, UTF-8 or with a byte order mark, with a column ``placed_at`` (ISO 8601, with
        a zone or without, but all alike) and, if there is one, ``order_id``. Rows with the same
        ``order_id`` are one order, placed at the earliest of their stamps; a row without one is an
        order of its own. A column ``class``
        says of which class of its queue an order is, ``total`` what it came to, and ``scheduler``,
        where it is not empty, that a job scheduler brings it; of several rows the earliest does.

    Raises
    ------
    InputError
        If it cannot be read, or a row cannot: the file, the line, what was expected.
    """
    try:
        with open_text(file) as lines:
            rows = list(_rows(file, lines))
    except (OSError, UnicodeError, csv.Error) as error:
        raise InputError(f"{file}: cannot be read: {reason(error)}") from error
    if not rows:
        raise InputError(f"{file.name} holds no orders")
    zone = rows[0].stamp.tzinfo
    offsets = {row.stamp.utcoffset() for row in rows}
    notes = [] if len(offsets) == 1 else [_several_offsets(file, offsets, rows[0].stamp)]
    stamps = [
        microseconds(row.stamp if zone is None else row.stamp.astimezone(zone)) for row in rows
    ]
    orders, earliest, repeats, later = _orders(rows, stamps)
    if repeats:
        notes.append(_repeated(file, repeats, later))
    keys = sorted(orders, key=orders.__getitem__)
    found = np.array([orders[key] for key in keys], dtype=np.int64)
    written = min(row.written for row in rows)
    classes = None if rows[0].kind is None else [earliest[key].kind or "" for key in keys]
    totals = np.array([earliest[key].total for key in keys])
    scheduled = np.array([earliest[key].scheduled for key in keys])
    resolution = resolution_of(found, written)
    return TraceFile(
        found, keys, written, resolution, zone, tuple(notes), classes,
        totals if np.isfinite(totals).all() else None,
        scheduled if scheduled.any() else None,
    )  # fmt: skip


def _rows(file: Path, lines: TextIO) -> Iterator[_Row]:
    table = csv.DictReader(lines, strict=True)
    if "placed_at" not in (table.fieldnames or ()):
        raise InputError(f"{file.name} has no column placed_at; it has {table.fieldnames}")
    first: tuple[int, datetime] | None = None
    for row in table:
        text = row["placed_at"]
        stamp = _stamp(text, file, table.line_num)
        if first is None:
            first = table.line_num, stamp
        if (stamp.tzinfo is None) != (first[1].tzinfo is None):
            has, had = ("no zone", "one") if stamp.tzinfo is None else ("a zone", "none")
            raise InputError(
                f"{file.name}:{table.line_num}: placed_at {text!r} has {has}, line {first[0]} has "
                f"{had}: expected all stamps on one clock"
            )
        kind = (row["class"] or "").strip() if "class" in row else None
        total = _number(row.get("total"))
        scheduled = bool((row.get("scheduler") or "").strip())
        yield _Row(
            (row.get("order_id") or "").strip(), stamp, _written(text), kind, total, scheduled
        )


def _stamp(text: str | None, file: Path, line: int) -> datetime:
    try:
        stamp = datetime.fromisoformat(text or "")
    except ValueError:
        stamp = None
    # The first and the last year have moments that other clocks do not have.
    if stamp is None or not datetime.min.year < stamp.year < datetime.max.year:
        raise InputError(
            f"{file.name}:{line}: placed_at {text!r}: expected a time such as 2011-11-17T12:45"
        )
    return stamp


def _number(text: str | None) -> float:
    """A number; NaN: it is none. Nobody is asked for it, so nobody is told that it is wrong."""
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan


def _written(text: str) -> int:
    """The unit of a stamp as it is written, microseconds."""
    clock = _CLOCK.search(text)
    if clock is None:
        return DAY
    _, minute, second, fraction = clock.groups()
    if fraction:
        return 1000 if len(fraction) == len(".123") else 1
    return SECOND if second else MINUTE if minute else HOUR


def _orders(
    rows: Sequence[_Row], stamps: Sequence[int]
) -> tuple[dict[str, int], dict[str, _Row], int, int]:
    """The stamp and first row of each order; how many repeat one, how many at another time."""
    given = {row.key for row in rows}
    free = (str(n) for n in itertools.count(1) if str(n) not in given)
    orders: dict[str, int] = {}
    earliest: dict[str, _Row] = {}
    repeats = later = 0
    for row, stamp in zip(rows, stamps, strict=True):
        key = row.key or next(free)
        if key in orders:
            repeats += 1
            later += stamp != orders[key]
            if stamp >= orders[key]:
                continue
        orders[key], earliest[key] = stamp, row
    return orders, earliest, repeats, later


def _repeated(file: Path, repeats: int, later: int) -> str:
    them = "1 row repeats" if repeats == 1 else f"{repeats:,} rows repeat"
    text = f"{file.name}: {them} the order_id of an earlier row: one order, however many rows"
    if later:
        text += (
            f"; {later:,} at another time, of which the earliest counts (where each row is a job "
            "of its own, leave the column out)"
        )
    return text


def _several_offsets(file: Path, offsets: set[timedelta | None], first: datetime) -> str:
    return (
        f"{file.name}: stamps have {len(offsets)} offsets from UTC; all times are on the clock of "
        f"the first ({first:%z})"
    )
