"""Targets: what a plan has to keep, such as ``order.response.p95 < 10s``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from simqueue.errors import InputError
from simqueue.results.measures import Measure, parse_measure

#: Seconds, or shares, that a unit stands for.
_UNITS = {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "%": 0.01, "": 1.0}
_TARGET = re.compile(r"(?P<measure>.+?)\s*(?P<sign><=|<)\s*(?P<number>[\d.,eE+-]+)\s*(?P<unit>\S*)")
_EXPECTED = "expected QUEUE.MEASURE < NUMBER UNIT, such as order.response.p95 < 10s"


@dataclass(frozen=True)
class Target:
    """A measure of a day, and what it has to stay below.

    Attributes
    ----------
    measure
        Which.
    limit
        Seconds, jobs or a share.
    inclusive
        Whether the limit itself will do.
    """

    measure: Measure
    limit: float
    inclusive: bool = False

    def holds(self, value: float | None) -> bool:
        """Whether a day's value will do; a day without anything to measure will."""
        if value is None or value != value:
            return True
        return value <= self.limit if self.inclusive else value < self.limit

    @property
    def words(self) -> str:
        """The target as a person writes it."""
        sign = "<=" if self.inclusive else "<"
        return f"{self.measure.name} {sign} {self.measure.words(self.limit)}"


def parse_target(text: str, known: Iterable[Measure]) -> Target:
    """The target that a text says.

    Parameters
    ----------
    text
        Such as ``order.response.p95 < 10s``. Units are ms, s, min, h; % of shares; none of jobs. A
        time without a unit is in seconds.
    known
        The measures that there are.

    Raises
    ------
    InputError
        If it says none.

    Examples
    --------
    >>> parse_target("order.wait.p95 < 1.5min", [Measure("order", "wait.p95")]).limit
    90.0
    """
    found = _TARGET.fullmatch(text.strip())
    if not found:
        raise InputError(f"target {text!r}: {_EXPECTED}")
    measure = parse_measure(found["measure"], known)
    try:
        number = float(found["number"].replace(",", ""))
    except ValueError:
        raise InputError(
            f"target {text!r}: {found['number']!r} is no number; {_EXPECTED}"
        ) from None
    unit = found["unit"]
    fits = (
        ("ms", "s", "min", "h", "")
        if measure.is_a_time
        else ("%", "")
        if (measure.what == "utilisation")
        else ("",)
    )
    if unit not in fits:
        some = ", ".join(one or "no unit" for one in fits)
        raise InputError(
            f"target {text!r}: unit {unit!r} is none of {measure.name}: expected {some}"
        )
    if not 0 <= number < float("inf"):
        raise InputError(f"target {text!r}: {found['number']} is no limit: expected 0 or more")
    return Target(measure, number * _UNITS[unit], found["sign"] == "<=")


def parse_targets(texts: str | Sequence[str], known: Iterable[Measure]) -> tuple[Target, ...]:
    """The targets that texts say, one at least.

    Raises
    ------
    InputError
        If there is none, or one says none.
    """
    listed = [texts] if isinstance(texts, str) else list(texts)
    if not listed:
        raise InputError("no target: expected one such as order.response.p95 < 10s")
    known = list(known)
    return tuple(parse_target(text, known) for text in listed)
