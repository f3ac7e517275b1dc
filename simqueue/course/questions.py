"""What a lesson asks, and how an answer is judged."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

_SECONDS = {
    "ms": 0.001,
    "millisecond": 0.001,
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "min": 60.0,
    "minute": 60.0,
    "h": 3600.0,
    "hour": 3600.0,
    "d": 86400.0,
    "day": 86400.0,
}
#: A number of a text, and the word behind it.
_NUMBER = re.compile(
    r"((?<![\w.])[-+]?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*([a-z]*)"
)


class Judge(Protocol):
    """Tells whether an answer is the one it stands for."""

    @property
    def wants(self) -> str:
        """What kind of answer can be judged: ``a number``."""

    def fits(self, answer: Any) -> bool | None:
        """Whether it fits; ``None`` for an answer of some other kind."""


@dataclass(frozen=True)
class Between:
    """A number from ``low`` to ``high``; with ``time``, seconds or a text such as ``10 min``."""

    low: float
    high: float
    time: bool = False

    @property
    def wants(self) -> str:
        """What can be judged."""
        return wanted(self.time)

    def fits(self, answer: Any) -> bool | None:
        """Whether the number lies in the range, its ends included."""
        number = read_number(answer, self.time)
        return None if number is None else self.low <= number <= self.high


def near(value: float, share: float = 0.02, *, time: bool = False) -> Between:
    """A number within ``share`` of ``value``.

    >>> near(50, 0.1).fits(54.9), near(50, 0.1).fits("56 jobs")
    (True, False)
    """
    margin = abs(value) * share
    return Between(value - margin, value + margin, time)


@dataclass(frozen=True)
class Letters:
    """A choice among the letters of ``among``: all of ``right`` and no others, in any order."""

    right: str
    among: str

    @property
    def wants(self) -> str:
        """What can be judged."""
        return f"letters from {', '.join(self.among)}, such as {self.among[:2]!r}"

    def fits(self, answer: Any) -> bool | None:
        """Whether just these letters were chosen; a text, or a collection of letters."""
        if not isinstance(answer, str):
            if not isinstance(answer, Iterable):
                return None
            answer = "".join(str(part) for part in answer)
        chosen = set(re.sub(r"\band\b|[\s,;.()&+]", "", answer.lower()))
        if not chosen or not chosen <= set(self.among):
            return None
        return chosen == set(self.right)


@dataclass(frozen=True)
class Hint:
    """What to tell somebody who gave a known wrong answer."""

    when: Judge
    say: str


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Something to guess before it is measured.

    Attributes
    ----------
    what
        The quantity: ``longest wait of a request``.
    unit
        Unit of a number that is no time: ``jobs``.
    time
        Whether it is a time; such numbers are seconds.
    """

    what: str
    unit: str = ""
    time: bool = False


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """Something to find out, and what to say about answers. Texts are plain; backticks mark code.

    Attributes
    ----------
    right
        Judges the right answer, whatever road led to it.
    answer
        The answer and the way to it.
    hints
        For known wrong answers, looked at in order.
    otherwise
        For any other wrong answer.
    """

    right: Judge
    answer: str
    hints: tuple[Hint, ...]
    otherwise: str


def wanted(time: bool) -> str:
    """Say what `read_number` can read."""
    return "a time: seconds, or a text such as '10 min'" if time else "a number"


def read_number(value: Any, time: bool = False) -> float | None:
    """The number that somebody meant, or ``None`` if that cannot be told.

    Parameters
    ----------
    value
        A number of any kind, or a text such as ``"1,200 jobs"``. Truth values are no numbers.
    time
        Read it as seconds: ``"10 min"`` and ``timedelta(minutes=10)`` are 600.

    Examples
    --------
    >>> [read_number(value) for value in (7, "7 slots", "about 1,200", None, float("nan"))]
    [7.0, 7.0, 1200.0, None, None]
    >>> [read_number(value, time=True) for value in ("10 min", "1.5 h", "2 days", 90)]
    [600.0, 5400.0, 172800.0, 90.0]
    """
    try:
        if callable(getattr(value, "item", None)):  # one number of numpy's or pandas'
            value = value.item()
        if isinstance(value, timedelta):
            return value.total_seconds() if time else None
        if isinstance(value, str):
            return _from_text(value, time)
        if isinstance(value, bool):
            return None
        number = float(value)
    except Exception:
        # Anything may have been handed over; what cannot be read is no number.
        return None
    return number if math.isfinite(number) else None


def _from_text(text: str, time: bool) -> float | None:
    found = _NUMBER.findall(text.lower())
    if len(found) != 1:  # "between 5 and 10" is no answer
        return None
    digits, unit = found[0]
    value = float(digits.replace(",", ""))
    if not time:
        return value
    seconds = _SECONDS.get(unit, _SECONDS.get(unit.removesuffix("s"))) if unit else 1.0
    return None if seconds is None else value * seconds
