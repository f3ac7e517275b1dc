"""Trouble that is said once, however often it comes."""

from __future__ import annotations

import re
from collections.abc import Callable
from time import monotonic

#: Kinds of trouble that are told apart; more than these are said no more until all is well.
_MOST = 20
#: What differs between two texts about the same trouble: numbers, addresses, ids.
#: Trouble that did not come for so long is news when it does, seconds.
_FORGOTTEN_S = 60.0
_VARYING = re.compile(r"0x[0-9a-f]+|\d+")


class Trouble:
    """What is wrong at the moment: one outage may be told in several texts that take turns.

    >>> trouble = Trouble()
    >>> [trouble.is_new(text) for text in ("read only", "no link 7", "read only", "no link 8")]
    [True, True, False, False]
    >>> trouble.over()
    >>> trouble.is_new("read only")
    True
    """

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._seen: dict[str, float] = {}

    def is_new(self, text: str) -> bool:
        """Whether this is to be said; the same again is not."""
        now = self._now()
        self._seen = {one: at for one, at in self._seen.items() if now - at < _FORGOTTEN_S}
        kind = _VARYING.sub("#", text[:500])
        new = kind not in self._seen
        if new and len(self._seen) >= _MOST:
            return False
        self._seen[kind] = now
        return new

    def over(self) -> None:
        """All is well again: what comes now is news."""
        self._seen.clear()
