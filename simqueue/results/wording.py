"""Numbers as people say them."""

from __future__ import annotations

import math
from collections.abc import Callable

#: Words for a moment of a run: seconds after its start -> ``12:45`` or ``600 s``.
TimeLabel = Callable[[float], str]

_UNITS = (("ms", 1e-3), ("s", 1.0), ("min", 60.0), ("h", 3600.0))


def duration(seconds: float | None) -> str:
    """Three digits and a unit that suits, milliseconds to hours; a dash for nothing.

    >>> [duration(t) for t in (0, 0.00042, 0.0412, 0.4567, 1.5, 75.0, 5400.0, 180000.0, None)]
    ['0 s', '0.42 ms', '41.2 ms', '457 ms', '1.5 s', '75 s', '90 min', '50 h', '–']
    """
    if seconds is None:
        return "–"
    if seconds == 0:
        return "0 s"
    unit, size = _unit(seconds)
    return f"{digits(seconds / size)} {unit}"


def duration_up(seconds: float) -> str:
    """Word a time rounded up to two digits, so that "under" it is true.

    >>> [duration_up(t) for t in (0.0, 0.0041, 0.291, 41.2, 3.0)]
    ['1 ms', '4.2 ms', '300 ms', '42 s', '3.1 s']
    """
    if seconds < 1e-3:
        return "1 ms"
    unit, size = _unit(seconds)
    value = seconds / size
    step = 10.0 ** (math.floor(math.log10(value)) - 1)
    return f"{digits((math.floor(value / step + 1e-9) + 1) * step)} {unit}"


def duration_within(mean: float, interval: tuple[float, float]) -> str:
    """Word a mean and its interval, in one unit.

    >>> duration_within(0.417, (0.36, 0.4891)), duration_within(26.7, (20.1, 38.92))
    ('417 ms (360 to 489)', '26.7 s (20.1 to 38.9)')
    """
    unit, size = _unit(max(map(abs, (mean, *interval))))
    return digits_within(mean / size, (interval[0] / size, interval[1] / size), unit)


def duration_range(low: float | None, high: float | None) -> str:
    """Word an interval in one unit; an end that is not known is left open.

    >>> duration_range(0.36, 0.474), duration_range(28.4, 32.9), duration_range(1.2, None)
    ('360–474 ms', '28.4–32.9 s', '≥ 1.2 s')
    """
    if low is None or high is None:
        return f"≥ {duration(low)}" if high is None else f"≤ {duration(high)}"
    unit, size = _unit(max(abs(low), abs(high)))
    return f"{digits(max(low, 0.0) / size)}–{digits(high / size)} {unit}"


def _unit(seconds: float) -> tuple[str, float]:
    """Up to 1 s in milliseconds, up to 2 minutes in seconds, up to 2 hours in minutes."""
    place = sum(abs(seconds) >= limit for limit in (0.9995, 119.95, 119.95 * 60))
    return _UNITS[place]


def digits(value: float, figures: int = 3) -> str:
    """So many significant digits (whole numbers in full), thousands separated, no final zeros.

    Nobody needs more than three decimals: what they do not show is as good as nothing.

    >>> [digits(x) for x in (0, 0.0514, 1.0, 9.996, 12.34, 1234.5, 1234567, 0.00004)]
    ['0', '0.051', '1', '10', '12.3', '1,234', '1,234,567', '<0.001']
    """
    if value == 0:
        return "0"
    if abs(value) < 0.0005:
        return "<0.001"
    places = min(max(figures - 1 - math.floor(math.log10(abs(value))), 0), 3)
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if places else text


def digits_within(mean: float, interval: tuple[float, float], unit: str = "") -> str:
    """Word a mean and its interval.

    >>> digits_within(80.46, (80.1, 80.92), "%"), digits_within(1204, (1181.2, 1226.9), "calls")
    ('80.5 % (80.1 to 80.9)', '1,204 calls (1,181 to 1,227)')
    """
    low, high = map(digits, interval)
    return f"{digits(mean)} {unit}".strip() + f" ({low} to {high})"


def count(number: int, noun: str) -> str:
    """Count things.

    >>> count(1, "slot"), count(1234, "slot")
    ('1 slot', '1,234 slots')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def percent(share: float | None) -> str:
    """Whole percent; a dash for nothing.

    >>> percent(0.1234), percent(0.004), percent(0.0), percent(None)
    ('12 %', '0.4 %', '0 %', '–')
    """
    if share is None:
        return "–"
    return f"{share * 100:.1f} %" if 0 < share < 0.00995 else f"{share * 100:.0f} %"
