"""Jobs that others wrote in ways that BullMQ's Python code cannot read, or cannot end.

Upstream reads a job's hash in one go and raises at the first thing that it does not understand.
The job is running by then: it stays so, stalls, is put back, and so on for ever.
"""

from __future__ import annotations

import json
from typing import Any

#: Options that say when what ended is removed, and those of the parts of such an option.
_KEEPING = ("removeOnComplete", "removeOnFail")
_LIMITS = ("count", "age", "limit")
_MOST = 2**53
#: Fields that BullMQ counts with: one that is no number ends a script in its middle, and one that
#: is too large can be neither counted up nor sent.
_COUNTED = ("atm", "ats", "stc", "attemptsMade")
_DIGITS = 15

#: Removes such counts from the jobs that run, or seem to.
SOUND_COUNTS = """
for _, id in ipairs(redis.call('LRANGE', KEYS[1] .. 'active', 0, -1)) do
  local key = KEYS[1] .. id
  local kind = redis.call('TYPE', key)
  if (kind.ok or kind) == 'hash' then
    for _, field in ipairs({'atm', 'ats', 'stc'}) do
      local value = redis.call('HGET', key, field)
      local sound = not value or (#value < 16 and string.match(value, '^%-?%d+$'))
      if not sound then redis.call('HDEL', key, field) end
    end
  end
end
"""


def unsound_fields(fields: dict[str, str]) -> list[str]:
    """The fields of a job's hash that are no part of it, and that BullMQ's code stumbles over.

    >>> unsound_fields({"atm": "two", "stc": "1", "parent": "bull:flow:7"})
    ['atm', 'parent']
    """
    found = [name for name in _COUNTED if name in fields and not _counts(fields[name])]
    if "parent" in fields and not _names_a_parent(_json(fields["parent"])):
        found.append("parent")
    if "stacktrace" in fields and not isinstance(_json(fields["stacktrace"]), list):
        found.append("stacktrace")
    return found


def sound_options(options: Any) -> dict[str, Any]:
    """A job's options without those that would keep upstream's code from ending it.

    They are left out of what this process uses; what Redis keeps stays as it is.

    Examples
    --------
    >>> sound_options({"attempts": "3", "removeOnFail": "soon", "lifo": True})
    {'lifo': True, 'attempts': 3}
    >>> sound_options("none")
    {}
    """
    if not isinstance(options, dict):
        return {}
    sound = {key: value for key, value in options.items() if key not in ("backoff", "attempts")}
    if (attempts := _whole(options.get("attempts"))) is not None:
        sound["attempts"] = attempts
    if isinstance(options.get("backoff"), (dict, int)):
        sound["backoff"] = options["backoff"]
    for key in _KEEPING:
        if key in sound and not _keeps(sound[key]):
            del sound[key]
    for key in ("stackTraceLimit", "keepLogs"):
        if key in sound and _whole(sound[key]) is None:
            del sound[key]
    return sound


def sound_fields(fields: dict[str, str], job_id: str) -> dict[str, str]:
    """As much of an unreadable job's hash as it takes to end it: no payload, sound options."""
    options = sound_options(_json(fields.get("opts", "{}")))
    kept = {key: options[key] for key in _KEEPING if key in options}
    made = fields.get("attemptsMade") or fields.get("atm") or "0"
    return {"name": fields.get("name", job_id), "opts": json.dumps(kept), "atm": made}


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _names_a_parent(value: Any) -> bool:
    """Whether BullMQ's scripts can make a key of it: they do so with the job in no list."""
    return isinstance(value, dict) and all(
        isinstance(value.get(k), str) for k in ("id", "queueKey")
    )


def _counts(text: str) -> bool:
    digits = text.removeprefix("-")
    return text.isascii() and digits.isdigit() and len(digits) <= _DIGITS


def _whole(value: Any) -> int | None:
    """A count that somebody may have written as a text."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if not isinstance(value, bool) and abs(number) < _MOST else None


def _keeps(value: Any) -> bool:
    """Whether this says how many jobs are kept, or how long."""
    if isinstance(value, bool):
        return True
    if isinstance(value, dict):
        return all(
            isinstance(value[key], int) and abs(value[key]) < _MOST
            for key in value
            if key in _LIMITS
        )
    return isinstance(value, int) and abs(value) < _MOST
