"""Reading what a learner wrote: a number, a range, with a unit or without.

The rules, which docs/teaching.md tells: a time without a unit is in seconds, a share without a sign
is in per cent. What could mean two things is not guessed at: the learner is asked.
"""

from __future__ import annotations

import math
import re
from datetime import timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from simqueue.results.wording import digits

#: Seconds of each unit of time.
_SECONDS = {
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 0.001),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
}
#: A number of a text, and the word behind it.
_QUANTITY = re.compile(
    r"(?<![\w.])([-+]?(?:(?:[1-9]\d{0,2}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?)"
    r"\s*((?!(?:to|and|or|until)\b)[a-z]+|%)?"
)
#: A comma between digits that does not set thousands apart.
_DECIMAL_COMMA = re.compile(r"(?<![\d,])(\d+),(\d+)(?![\d,])")
#: ``1h30min``: a unit of time, and digits at once.
_GLUED = re.compile(r"(\d\s*(?:ms|min|s|h|d))(?=\d)")
_TO = {"to", "until", "-", "–", "—", "..", "..."}
_ABOUT = {"±", "+-", "+/-"}


class UnreadableError(Exception):
    """Why an answer cannot be read, in a sentence for whoever wrote it."""


class Span(NamedTuple):
    """What somebody meant: from ``low`` to ``high``; a single number has both ends alike."""

    low: float
    high: float

    @property
    def single(self) -> bool:
        """Whether it is one number."""
        return self.low == self.high


def read_span(value: Any, unit: str = "") -> Span:
    """Read the number or range that somebody meant.

    Parameters
    ----------
    value
        A number of any kind, or a text such as ``"1,200 jobs"`` or ``"28-33 s"``. Truth values are
        no numbers.
    unit
        ``s``: a time, in seconds unless it says otherwise. ``%``: per cent. Anything else: a plain
        number.

    Raises
    ------
    UnreadableError
        If it cannot be read, or could mean two things.

    Examples
    --------
    >>> read_span("about 1,200"), read_span("70 to 90", "days")
    (Span(low=1200.0, high=1200.0), Span(low=70.0, high=90.0))
    >>> read_span("8 min 20 s", "s"), read_span("250 ms", "s"), read_span("81 %", "%")
    (Span(low=500.0, high=500.0), Span(low=0.25, high=0.25), Span(low=81.0, high=81.0))
    """
    try:
        if callable(getattr(value, "item", None)):  # one number of numpy's or pandas'
            value = value.item()
        if isinstance(value, str):
            return _from_text(value, unit)
        if isinstance(value, timedelta):
            return _one(value.total_seconds(), "s", unit)
        if isinstance(value, bool | bytes):
            raise UnreadableError("That is no number.")
        return _one(float(value), "", unit)
    except UnreadableError:
        raise
    except Exception as error:
        # Anything may have been handed over; what cannot be read is no number.
        raise UnreadableError("That is no number.") from error


def _from_text(text: str, unit: str) -> Span:
    text = text.lower().replace("−", "-")
    text = _GLUED.sub(r"\1 ", re.sub(r"\bper ?cent\b|\bpct\b", "%", text))
    for whole, rest in _DECIMAL_COMMA.findall(text):
        if len(rest) != 3 or whole.startswith("0"):
            raise UnreadableError(f"Please write the decimal point: {whole}.{rest}.")
    found = list(_QUANTITY.finditer(text))
    if not found:
        raise UnreadableError("I see no number in it.")
    parts, joint = [[found[0]]], ""
    for last, this in pairwise(found):
        between = text[last.end() : this.start()].strip()
        if between in _TO | _ABOUT or (between == "and" and "between" in text):
            joint = between
            parts.append([this])
        elif between in ("", "and", ",") and _finer(last[2], this[2]):
            parts[-1].append(this)
        else:
            raise UnreadableError("I see several numbers in it. Give one, or a range: '5 to 10'.")
    if len(parts) > 2:
        raise UnreadableError("I see several numbers in it. Give one, or a range: '5 to 10'.")
    word = next((part[-1][2] for part in reversed(parts) if part[-1][2]), "")
    ends = [_sum(part, word, unit) for part in parts]
    if len(ends) == 1:
        return ends[0]
    low, high = ends[0].low, ends[1].high
    if joint in _ABOUT:
        low, high = low - high, low + high
    if low > high:
        raise UnreadableError("That range runs backwards.")
    return Span(low, high)


def _finer(word: str | None, next_word: str | None) -> bool:
    """Whether these are units of one time: ``8 min 20 s``."""
    return _SECONDS.get(word or "", 0.0) > _SECONDS.get(next_word or "", math.inf)


def _sum(part: list[re.Match[str]], word: str, unit: str) -> Span:
    spans = [_one(float(m[1].replace(",", "")), m[2] or word, unit) for m in part]
    total = sum(span.low for span in spans)
    return Span(total, total)


def _one(value: float, word: str, unit: str) -> Span:
    """One number with the word behind it, in the unit that is asked for."""
    if not math.isfinite(value):
        raise UnreadableError("That is no number.")
    if unit == "s":
        if word and word not in _SECONDS:
            raise UnreadableError(
                f"I do not know {word!r} as a unit of time: ms, s, min, h or days."
            )
        value *= _SECONDS[word or "s"]
    elif (word in _SECONDS and _SECONDS[word] != _SECONDS.get(unit)) or (word == "%" != unit):
        raise UnreadableError(
            f"That is {'per cent' if word == '%' else 'a time'}, and not what I ask."
        )
    elif unit == "%" and word != "%" and 0 < abs(value) <= 1:
        raise UnreadableError(
            f"Is that {digits(value * 100)} % or {digits(value)} %? Write it with its sign."
        )
    return Span(value, value)
