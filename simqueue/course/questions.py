"""What a lesson asks, and how an answer is judged.

What is asked for (`Number`, `Whole`, `Letters`, `Make`) says in a sentence how an answer must look
and how precise it must be, and accepts just that: the sentence and the judge are one object.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass
from typing import Any, Protocol

from simqueue.course.reading import Span, UnreadableError, read_span
from simqueue.results.wording import digits

#: For what floating point adds: 18.1 + 0.1 is 18.200000000000003.
_TINY = 1e-9
#: Units that people have in mind when they write a plain number for a time.
_SECONDS = {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}


class Asked(Protocol):
    """What an exercise asks for."""

    @property
    def wants(self) -> str:
        """How an answer must look, and how precise: ``a number, to within 0.1``."""

    def read(self, answer: Any) -> Any:
        """Read an answer; raises `UnreadableError`."""

    def fits(self, read: Any) -> bool:
        """Whether what was read is right."""

    def remark(self, read: Any) -> str:
        """What can be said about a wrong answer that no hint is for; nothing: an empty text."""


class Sign(Protocol):
    """What a known wrong answer is recognised by."""

    def fits(self, read: Any) -> bool:
        """Whether it is that answer, once it was read."""


@dataclass(frozen=True)
class Between:
    """Sign of a wrong number: it lies from ``low`` to ``high``; of a range, both ends do."""

    low: float
    high: float

    def fits(self, read: Span) -> bool:
        """Whether it lies there, the ends included."""
        slack = _TINY * max(abs(self.low), abs(self.high))
        return self.low - slack <= read.low and read.high <= self.high + slack


def near(value: float, share: float = 0.02) -> Between:
    """Sign of a wrong number: it is within ``share`` of ``value``.

    >>> near(50, 0.1).fits(Span(54.9, 54.9)), near(50, 0.1).fits(Span(56, 56))
    (True, False)
    """
    margin = abs(value) * share
    return Between(value - margin, value + margin)


@dataclass(frozen=True)
class Number:
    """A number, right if it is close enough; a range is right if both of its ends are.

    Attributes
    ----------
    value
        The right one.
    unit
        ``s``: a time. ``%``: per cent. Anything else, such as ``calls``: a plain number.
    within
        How far off it may be, in the unit.
    share
        Or how far off it may be, as a share of the value. Give one of the two.

    Examples
    --------
    >>> Number(18.1, "s", within=0.1).wants
    "seconds, or a time with its unit such as '10 min'; to within 0.1 s"
    >>> Number(375, "calls", share=0.02).wants
    'a number of calls; to within 2 %'
    """

    value: float
    unit: str = ""
    _: KW_ONLY
    within: float | None = None
    share: float | None = None

    def __post_init__(self) -> None:
        if (self.within is None) == (self.share is None):
            raise ValueError("give one of within and share")

    @property
    def margin(self) -> float:
        """How far off an answer may be, in the unit."""
        return abs(self.value) * self.share if self.share is not None else self.within or 0.0

    @property
    def precision(self) -> str:
        """How far off an answer may be, in words."""
        if self.share is not None:
            return f"to within {digits(self.share * 100)} %"
        unit = {"s": "s", "%": "percentage points"}.get(self.unit, "")
        return f"to within {digits(self.margin)} {unit}".strip()

    @property
    def wants(self) -> str:
        """How an answer must look, and how precise."""
        return f"{wanted(self.unit)}; {self.precision}"

    def read(self, answer: Any) -> Span:
        """Read a number or a range; raises `UnreadableError`."""
        return read_span(answer, self.unit)

    def fits(self, read: Span) -> bool:
        """Whether both ends are within the margin."""
        value, margin = self.value, self.margin
        return Between(value - margin, value + margin).fits(read)

    def remark(self, read: Span) -> str:
        """Say so if it was rounded too far, is too wide a range, or right in another unit."""
        if not read.single:
            holds = read.low <= self.value <= read.high
            return f"That range is too wide. I want a number {self.precision}." if holds else ""
        units = _SECONDS if self.unit == "s" else {"": 1.0}
        for unit, size in units.items():
            if unit not in ("", "s") and self.fits(Span(read.low * size, read.low * size)):
                return (
                    f"A plain number is read as seconds. Did you mean '{digits(read.low)} {unit}'?"
                )
            if _is_rounded(self.value / size, read.low / size):
                return f"That may be the right number, rounded too far. I want it {self.precision}."
        return ""


def _is_rounded(value: float, rough: float) -> bool:
    """Whether a number is another one with fewer digits, and not far from it."""
    return abs(rough - value) < 0.05 * abs(value) and any(
        math.isclose(round(value, places), rough) for places in range(-9, 10)
    )


@dataclass(frozen=True)
class Whole:
    """A whole number, right if it is just that one.

    Attributes
    ----------
    value
        The right one.
    unit
        What is counted: ``slots``.
    least
        Whether the smallest number that is enough is asked for.
    also
        What another road leads to, and is as right; then there is no smallest.

    Examples
    --------
    >>> Whole(8, "slots", least=True).wants
    'a whole number of slots: the smallest that is enough'
    """

    value: int
    unit: str = ""
    _: KW_ONLY
    least: bool = False
    also: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.least and self.also:
            raise ValueError("only one number is the smallest: least and also exclude each other")

    @property
    def wants(self) -> str:
        """How an answer must look."""
        what = f"a whole number of {self.unit}" if self.unit else "a whole number"
        return what + (": the smallest that is enough" if self.least else "")

    def read(self, answer: Any) -> Span:
        """Read a number; raises `UnreadableError`."""
        return read_span(answer, self.unit)

    def fits(self, read: Span) -> bool:
        """Whether it is that number."""
        return read.single and any(
            math.isclose(read.low, right, rel_tol=_TINY) for right in (self.value, *self.also)
        )

    def remark(self, read: Span) -> str:
        """Say so if it is not one whole number."""
        if not read.single:
            return "That is a range. I want one number."
        if read.low != round(read.low) and abs(read.low - self.value) < 1:
            return f"That is not whole. I want {self.wants}."
        return ""


@dataclass(frozen=True)
class Letters:
    """A choice among the letters of ``among``: all of ``right`` and no others, in any order.

    Attributes
    ----------
    right, among
        The letters to choose, and all that there are.
    one
        Whether just one is asked for.
    """

    right: str
    among: str
    one: bool = False

    @property
    def wants(self) -> str:
        """How an answer must look."""
        letters = ", ".join(self.among)
        if self.one:
            return f"one letter from {letters}, such as {self.among[0]!r}"
        return f"letters from {letters}, such as {self.among[:2]!r}"

    def read(self, answer: Any) -> frozenset[str]:
        """Read a text, or a collection of letters; raises `UnreadableError`."""
        if not isinstance(answer, str):
            if not isinstance(answer, Iterable):
                raise UnreadableError("Those are no letters.")
            answer = "".join(str(part) for part in answer)
        chosen = frozenset(re.sub(r"\band\b|[\s,;.()&+]", "", answer.lower()))
        if not chosen or not chosen <= set(self.among):
            raise UnreadableError("Those are not among the letters.")
        return chosen

    def fits(self, read: frozenset[str]) -> bool:
        """Whether just these letters were chosen."""
        return read == set(self.right)

    def remark(self, read: frozenset[str]) -> str:
        """Say so if one was asked for and several were chosen."""
        return "I want one letter only." if self.one and len(read) > 1 else ""


@dataclass(frozen=True)
class Hint:
    """What to tell somebody who gave a known wrong answer."""

    when: Sign
    say: str


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Something to guess before it is measured.

    Attributes
    ----------
    what
        The quantity: ``longest wait of a request``.
    unit
        ``s``: a time. ``%``: per cent. Anything else, such as ``jobs``: a plain number.
    """

    what: str
    unit: str = ""

    @property
    def wants(self) -> str:
        """How a guess must look."""
        return f"{wanted(self.unit)}. A range will do, too: '5 to 10'"


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """Something to find out, and what to say about answers. Texts are plain; backticks mark code.

    Attributes
    ----------
    right
        What is asked for: it reads an answer, and judges it whatever road led to it.
    answer
        The answer and the way to it.
    hints
        For known wrong answers, looked at in order.
    otherwise
        For any other wrong answer.
    """

    right: Asked
    answer: str
    hints: tuple[Hint, ...]
    otherwise: str


def wanted(unit: str) -> str:
    """Say what `read_span` reads for a unit."""
    if unit == "s":
        return "seconds, or a time with its unit such as '10 min'"
    if unit == "%":
        return "per cent, such as 25 or '25 %'"
    return f"a number of {unit}" if unit else "a number"
