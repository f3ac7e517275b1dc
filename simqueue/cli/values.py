"""Values that an option varies: ``workers.count=1..8``."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from simqueue.errors import InputError
from simqueue.workload.changes import key_of, parse_set, parse_toml

_NUMBER = r"-?\d+(?:\.\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})(?:\.\.({_NUMBER}))?")
#: Values that one key may have: more is a slip of the hand.
_MOST = 10_000


def parse_vary(text: str, option: str = "--vary") -> tuple[str, list[Any]]:
    """A key and its values: a range with both ends, or a list in TOML's words.

    Parameters
    ----------
    text
        Such as ``workers.count=1..4``.
    option
        Whose value it is, for errors.

    Raises
    ------
    InputError
        If it says no key, or no values.

    Examples
    --------
    >>> parse_vary("workers.count=1..4")
    ('workers.count', [1, 2, 3, 4])
    >>> parse_vary("queues.order.failure_rate=0.1..0.3..0.1")
    ('queues.order.failure_rate', [0.1, 0.2, 0.3])
    >>> parse_vary('queues.order.service.distribution="gamma","exponential"')
    ('queues.order.service.distribution', ['gamma', 'exponential'])
    """
    try:
        change = parse_set(text)
    except InputError as error:
        raise InputError(f"{option}{str(error).removeprefix('--set')}") from None
    said = f"{option} {text}"
    values = text.partition("=")[2] if not isinstance(change.value, str) else change.value
    found = _RANGE.fullmatch(values.strip())
    if found:
        return key_of(*change.path), _range(said, *found.groups())
    if isinstance(change.value, list):
        listed = change.value
    else:
        try:
            listed = parse_toml(f"value = [{values}]")["value"]
        except ValueError:
            listed = [word.strip() for word in values.split(",")]
    if not listed:
        raise InputError(f"{said}: expected values, such as 1..8 or 2,4,8")
    return key_of(*change.path), listed


def _range(said: str, first: str, last: str, step: str | None) -> list[int] | list[float]:
    low, high, by = Decimal(first), Decimal(last), Decimal(step or "1")
    if by <= 0 or high < low:
        raise InputError(f"{said}: expected FROM..TO or FROM..TO..STEP, ascending")
    number = int((high - low) / by) + 1
    if number > _MOST:
        raise InputError(f"{said}: {number:,} values; expected at most {_MOST:,}")
    values = [low + by * place for place in range(number)]
    if all("." not in word for word in (first, last, step or "1")):
        return [int(one) for one in values]
    return [float(one) for one in values]
