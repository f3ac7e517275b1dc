"""What becomes of a log's event on its way out: nobody's text can forge, garble or flood lines."""

from __future__ import annotations

import json
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from simqueue.safe_text import cut, is_harmless, redacted, safe, said

#: Signs of one value, and lines and signs of a traceback.
_LONGEST = 1000
_MOST_LINES = 60
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
        # What the caller added stands behind what every record has.
        added = [one for one in list(vars(record).items())[_STANDARD:] if one[0] not in _USUAL]
        found = [("event", record.getMessage()), ("level", record.levelname.lower()), *added]
        line = ", ".join([f'"{_key(key)}": {_value(value)}' for key, value in found])
        line += f', "timestamp": "{_second(int(record.created))}.{_microseconds(record)}Z"'
        if record.exc_info:
            text = _traceback(self.formatException(record.exc_info))
            line += f', "exception": {_quoted(text)}'
        return f"{{{line}}}"


_quoted = json.JSONEncoder().encode


def _value(value: object) -> str:
    if isinstance(value, str) and len(value) <= _LONGEST and is_harmless(value):
        return f'"{value}"'
    if value is None or isinstance(value, (bool, int, float)):
        return _quoted(value)
    return _quoted(said(value, _LONGEST))


@lru_cache(maxsize=256)
def _key(key: str) -> str:
    return _quoted(key)[1:-1]


@lru_cache(maxsize=2)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _microseconds(record: logging.LogRecord) -> str:
    return f"{int(record.created % 1 * 1e6):06d}"


def fit_to_be_logged(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Make each value a short, harmless text; structlog calls this for each event."""
    for key, value in event.items():
        if key == "exception":
            event[key] = _traceback(str(value))
        elif key != "timestamp" and not isinstance(value, (bool, int, float, type(None))):
            event[key] = said(value, _LONGEST)
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
        kind = (record.name, record.levelno, _all_of(record) if ours else str(record.msg)[:200])
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
    extra = (f"{key}={value}" for key, value in vars(record).items() if key not in _USUAL)
    return record.getMessage(), *extra
