"""What becomes of a log's event on its way out: nobody's text can forge, garble or flood lines."""

from __future__ import annotations

import json
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import structlog

from simqueue.safe_text import HIDDEN, cut, is_harmless, is_secret_name, redacted, safe, said

#: Signs of one value, and lines and signs of a traceback.
_LONGEST = 1000
_MOST_LINES = 60
#: Names that each line has for itself; the words write `stack` on lines of its own.
_TAKEN = frozenset(["event", "level", "timestamp", "exception", "stack"])
#: Texts so short are mostly written more than once.
_OFTEN = 100
#: No number of a card is smaller.
_CARD = 10**12
#: No number that is written has more digits than a text may have signs.
_MOST = 10**_LONGEST
#: The same trouble is written at most so many times in so many seconds.
_MOST_TIMES = 3
_AGAIN_S = 60.0
#: So many different lines are remembered.
_REMEMBER = 1000


class JSONLines(logging.Formatter):
    """Makes an object of JSON of each record, on one line, with the same keys as the words have.

    structlog's own way to the same line costs a worker several times as much, twice for each job.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        parts = [f'{{"event": {_value(_message(record))}, "level": {_level(record.levelname)}']
        for key, value in _added(record):
            start, hidden = _start(key)
            parts.append(start + (_HIDDEN if hidden else _value(value)))
        parts.append(f', "timestamp": "{_second(int(record.created))}.{_microseconds(record)}Z"')
        if record.exc_info:
            text = _traceback(self.formatException(record.exc_info))
            parts.append(f', "exception": {_quoted(text)}')
        parts.append("}")
        return "".join(parts)


_quoted = json.JSONEncoder().encode
#: How a value is written that is for nobody's eyes.
_HIDDEN = _quoted(HIDDEN)


def _value(value: object) -> str:
    kind = type(value)
    if kind is str and len(value) <= _OFTEN:  # type: ignore[arg-type]
        return _short(value)
    if _is_small(value, kind):
        return repr(value)
    return _quoted(_shown(value))


@lru_cache(maxsize=1024)
def _short(text: str) -> str:
    """A text that is written twice or more: a queue, a word, the id of a job that runs."""
    return f'"{text}"' if is_harmless(text) else _quoted(_shown(text))


@lru_cache(maxsize=16)
def _level(name: str) -> str:
    return _value(name.lower())


def _is_small(value: object, kind: type) -> bool:
    """Whether it is a number of Python's own, of fewer digits than a card's."""
    return (kind is int or kind is float) and -_CARD < value < _CARD  # type: ignore[operator]


@lru_cache(maxsize=256)
def _start(key: object) -> tuple[str, bool]:
    """What stands before a value in an object of JSON, and whether it is hidden."""
    name, hidden = _name(key)
    return f", {_quoted(name)}: ", hidden


def _added(record: logging.LogRecord) -> Iterable[tuple[str, object]]:
    """What the caller added; it stands behind what every record has."""
    return [one for one in list(vars(record).items())[_STANDARD:] if one[0] not in _USUAL]


@lru_cache(maxsize=256)
def _name(key: object) -> tuple[str, bool]:
    """The name under which what was added is written, and whether its name says to hide it."""
    name = said(key, _LONGEST)
    # `level_` is `level__`, so that no two have one name.
    return (f"{name}_" if name.rstrip("_") in _TAKEN else name), is_secret_name(str(key))


def _shown(value: object) -> str | int | float | None:
    """A value that JSON can hold: a short, harmless text, or a number that is nobody's card."""
    kind = type(value)
    if kind is str:
        return said(value, _LONGEST)
    if value is None or kind is bool or _is_small(value, kind):
        return value  # type: ignore[return-value]
    number: int | float | None = None
    # Of a subclass, such as an enumeration's or numpy's, the number is written, not what it says.
    if isinstance(value, int):
        number = int.__int__(value)
    elif isinstance(value, float):
        number = float.__float__(value)
    text = said(_text(value if number is None else number), _LONGEST)
    # NaN and infinity are no numbers of JSON, and neither lies between two numbers.
    if number is None or HIDDEN in text or not -_MOST < number < _MOST:
        return text
    return number


def _text(value: object) -> str:
    """``str(value)``, or why there is none: the line has more to say than that."""
    try:
        return str(value)
    except Exception as error:
        return f"[{type(value).__name__}, whose str() raises {type(error).__name__}]"


def _message(record: logging.LogRecord) -> str:
    """What a record says, with what is filled in, if it can be."""
    try:
        return record.getMessage()
    except Exception as error:
        return f"{_text(record.msg)} [its values raise {type(error).__name__}]"


@lru_cache(maxsize=2)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _microseconds(record: logging.LogRecord) -> str:
    return f"{int(record.created % 1 * 1e6):06d}"


class Words(structlog.stdlib.ProcessorFormatter):
    """Makes a line for people of each record, also of one whose values cannot be filled in."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        try:
            record.getMessage()
        except Exception:
            record = logging.makeLogRecord({**vars(record), "msg": _message(record), "args": ()})
        return super().format(record)


def add_extra(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Add what the caller added to a record, fit to be logged; structlog calls this."""
    for key, value in _added(event["_record"]):
        name, hidden = _name(key)
        event[name] = HIDDEN if hidden else _shown(value)
    return event


def fit_to_be_logged(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Make what every event has a short, harmless text; structlog calls this for each event."""
    for key in ("event", "stack_info"):
        if key in event:
            event[key] = said(event[key], _LONGEST)
    if "exception" in event:
        event["exception"] = _traceback(str(event["exception"]))
    return event


def _traceback(text: str) -> str:
    """A traceback, each line indented: what an error says cannot pass for a line of the log."""
    lines = text.splitlines()
    if len(lines) > _MOST_LINES:
        half = _MOST_LINES // 2
        lines = [*lines[:half], f"[{len(lines) - 2 * half:,} more lines]", *lines[-half:]]
    return "\n".join(f"    {safe(redacted(cut(line, _LONGEST)))}" for line in lines)


class FewTimesAMinute(logging.Filter):
    """Lets the same trouble pass a few times a minute, and counts what it holds back.

    Of our own warnings and errors, the same is what has the same text and is about the same; of a
    library's, what is made of the same text before anything is filled in. The next line that
    passes tells how many did not. News, such as the start of a job, always pass.

    Parameters
    ----------
    ours
        The logger whose lines each count for themselves.
    now
        A clock, seconds.
    """

    def __init__(self, ours: str, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._ours = ours
        self._now = now
        #: When each line came first in its minute, and how often it came since.
        self._lines: OrderedDict[object, tuple[float, int]] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write a line."""
        ours = record.name.split(".")[0] == self._ours
        if ours and record.levelno < logging.WARNING:
            return True
        kind = (record.name, record.levelno, _all_of(record) if ours else _text(record.msg)[:200])
        now = self._now()
        since, times = self._lines.pop(kind, (now, 0))
        if now - since >= _AGAIN_S:
            if times > _MOST_TIMES:
                record.unsaid = times - _MOST_TIMES
            since, times = now, 0
        self._lines[kind] = (since, times + 1)
        if len(self._lines) > _REMEMBER:
            self._lines.popitem(last=False)
        return times < _MOST_TIMES


_STANDARD = len(vars(logging.makeLogRecord({})))
_USUAL = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime"})


def _all_of(record: logging.LogRecord) -> tuple[object, ...]:
    return _message(record), *(f"{key}={_text(value)}" for key, value in _added(record))
