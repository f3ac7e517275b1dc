"""Other ways to try again that are worth a look."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from simqueue.checked import in_short
from simqueue.errors import InputError
from simqueue.policies import Backoff, QueuePolicy

#: Nobody asks a dead downstream more often than this.
_MOST_ATTEMPTS = 100
_JITTER = 0.5
_FIRST_MS = 1000.0


def combinations(tries: Mapping[str, Iterable[Any]]) -> list[dict[str, Any]]:
    """Every combination of some keys' values; of no keys none.

    Raises
    ------
    InputError
        If a key has no values.

    Examples
    --------
    >>> combinations({"attempts": [3, 5], "backoff.jitter": [0.5]})
    [{'attempts': 3, 'backoff.jitter': 0.5}, {'attempts': 5, 'backoff.jitter': 0.5}]
    """
    if not tries:
        return []
    listed = {}
    for key, values in tries.items():
        if isinstance(values, str) or not isinstance(values, Iterable):
            raise InputError(f"{key}: expected several values, not {in_short(values)}")
        listed[key] = list(values)
        if not listed[key]:
            raise InputError(f"{key}: expected at least one value")
    return [dict(zip(listed, one, strict=True)) for one in itertools.product(*listed.values())]


def usual_tries(policies: Sequence[QueuePolicy], lasts_s: float) -> list[dict[str, Any]]:
    """What somebody would try: more attempts; and waits that outlast the outage, with jitter too.

    Parameters
    ----------
    policies
        The queue's, or that of each class of its jobs.
    lasts_s
        How long the outage lasts, seconds.

    Examples
    --------
    >>> policy = QueuePolicy(attempts=3, backoff=Backoff(type="exponential", delay_ms=1000))
    >>> [one["attempts"] for one in usual_tries([policy], 60)]
    [6, 7, 8]
    """
    found: list[dict[str, Any]] = []
    attempts = max(one.attempts for one in policies)
    doubled = min(2 * attempts, _MOST_ATTEMPTS)
    if doubled > attempts:
        found.append({"attempts": doubled})
    enough = _outlasting([one.backoff for one in policies], lasts_s)
    if enough is not None and enough > attempts:
        found.append({"attempts": enough})
    delay = max(one.backoff.delay_ms for one in policies) or _FIRST_MS
    longer = Backoff(type="exponential", delay_ms=delay, jitter=_JITTER)
    enough = _outlasting([longer], lasts_s)
    if enough is not None:
        found.append({"attempts": enough, "backoff": longer.model_dump(exclude_unset=True)})
    return [one for at, one in enumerate(found) if one not in found[:at]]


def _outlasting(backoffs: Iterable[Backoff], lasts_s: float) -> int | None:
    """The fewest attempts of which each backoff brings the last after so long; or none."""
    found = [_attempts_after(one, lasts_s) for one in backoffs]
    known = [one for one in found if one is not None]
    return max(known) if len(known) == len(found) else None


def _attempts_after(backoff: Backoff, lasts_s: float) -> int | None:
    """The fewest of which the last comes after so long, whatever the jitter; or none."""
    waited = 0.0
    for attempt in range(1, _MOST_ATTEMPTS):
        waited += backoff.wait_s(attempt, draw=0.0)
        if waited >= lasts_s:
            return attempt + 1
    return None


def policy_words(changes: Mapping[str, Any]) -> str:
    """What a policy changes.

    >>> policy_words({"attempts": 8, "backoff": {"type": "fixed", "delay_ms": 5000.0}})
    'attempts = 8, backoff = fixed 5000 ms'
    """
    if not changes:
        return "as it is"
    return ", ".join(f"{key} = {_words(value)}" for key, value in changes.items())


def _words(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping) and {"type", "delay_ms"} <= value.keys():
        jitter = f", jitter {value['jitter']:g}" if value.get("jitter") else ""
        return f"{value['type']} {value['delay_ms']:g} ms{jitter}"
    return value if isinstance(value, str) else in_short(value)
