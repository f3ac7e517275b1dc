"""Jobs as a program of any language and age may leave them in Redis: fields of a job's hash."""

from __future__ import annotations

import json
from typing import Any

HALF_EMOJI = b"caf\xed\xa0\xbd"
GOOD_DATA = {"payload": {"order_id": "1"}, "flow": "order-1", "parent_id": None}


def deep(levels: int) -> str:
    """Objects in objects."""
    return '{"a":' * levels + "1" + "}" * levels


def opts(**options: Any) -> dict[str, str]:
    return {"opts": json.dumps(options)}


#: Nobody can read these: they fail.
UNREADABLE: dict[str, dict[str, Any]] = {
    "payload nested 1,200 deep": {"data": deep(1200)},
    "payload nested 100,000 deep": {"data": deep(100_000)},
    "list nested 5,000 deep": {"data": "[" * 5000 + "]" * 5000},
    "data that are no JSON": {"data": "{order: 1}"},
    "data that are empty": {"data": ""},
    "data that are a number": {"data": "17"},
    "data that are null": {"data": "null"},
    "data that are no UTF-8": {"data": b'{"a":"' + HALF_EMOJI + b'"}'},
    "data with a number that is none": {"data": '{"payload": {"order_id": NaN}, "flow": 3}'},
    "data with 10,000 digits": {"data": "1" * 10_000},
    "options that are no JSON": {"opts": "attempts=3"},
    "options that are a list": {"opts": "[1, 2]"},
    "options that are null": {"opts": "null"},
    "options nested too deep": {"opts": deep(3000)},
    "timestamp nan": {"timestamp": "nan"},
    "timestamp 1e400": {"timestamp": "1e400"},
    "timestamp with a fraction": {"timestamp": "1764000000000.5"},
    "delay none": {"delay": "None"},
    "priority of words": {"priority": "high"},
    "no data": {"data": None, "name": "x"},
    "two rules for a parent": opts(failParentOnFailure=True, removeDependencyOnFailure=True),
}

#: These can be read, and are done; what cannot be obeyed is left out.
DISOBEYED: dict[str, dict[str, Any]] = {
    "attempts as a text": opts(attempts="3"),
    "attempts as a list": opts(attempts=[3]),
    "attempts of 1e30": opts(attempts=1e30),
    "attempts none": opts(attempts=None),
    "backoff as a text": opts(attempts=2, backoff="soon"),
    "backoff of a kind unknown": opts(attempts=2, backoff={"type": "lunar", "delay": 1}),
    "backoff without a delay": opts(attempts=2, backoff={"type": "exponential"}),
    "kept for ever, in words": opts(removeOnComplete="never", removeOnFail="never"),
    "kept by a table of words": opts(removeOnComplete={"count": "all"}, removeOnFail={"age": []}),
    "stack traces limited in words": opts(stackTraceLimit="few", keepLogs="many"),
    "a name that is no UTF-8": {"name": HALF_EMOJI},
    "attempts made, in words": {"atm": "two"},
    "stalls inf": {"stc": "inf"},
    "a parent that is no JSON": {"parent": "bull:flow:7"},
    "data with half an emoji escaped": {
        "data": json.dumps({**GOOD_DATA, "payload": {"\ud83d": "\ud83d"}, "flow": "\ud83d"})
    },
    "starts of attempts, in words": {"ats": "two"},
    "stalls with a fraction": {"stc": "1.5"},
    "a parent that is a number": {"parent": "7"},
    "attempts made, as BullMQ 4 has it": {"attemptsMade": "two"},
    "attempts made, 30 digits": {"attemptsMade": "9" * 30},
    "attempts made, 5,000 digits": {"atm": "9" * 5000},
    "starts of attempts, 19 digits": {"ats": "9223372036854775807"},
    "stalls, 20 digits": {"stc": "-" + "9" * 20},
    "a parent without an id": {"parent": '{"queueKey": "bull:flow"}'},
    "a parent without a queue": {"parent": '{"id": "7"}'},
    "a parent whose id is a list": {"parent": '{"id": [], "queueKey": "bull:flow"}'},
    "stack traces that are no JSON": {"stacktrace": "Error: at line 3"},
    "stack traces that are a number": {"stacktrace": "3"},
    "deduplication that is a number": opts(deduplication=3),
}
