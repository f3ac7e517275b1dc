"""Changes of a scenario: keys as TOML has them, and what they put into its table."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from simqueue.checked import in_short
from simqueue.errors import InputError

_BARE = re.compile(r"[A-Za-z0-9_-]+")
#: No key of a scenario leads deeper.
_DEEPEST = 20


class Change(NamedTuple):
    """A value for a key.

    Attributes
    ----------
    path
        The keys that lead there.
    value
        What TOML can hold.
    said
        How somebody said it, such as ``--workers 0``: whom to blame in errors.
    """

    path: tuple[str, ...]
    value: Any
    said: str


def parse_toml(text: str) -> dict[str, Any]:
    """What a text says in TOML.

    Raises
    ------
    ValueError
        If it is not TOML, or holds what nobody reads: tables in a thousand others, numbers of
        thousands of digits.
    """
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("nested too deep") from None


def key_of(*path: str) -> str:
    """The key as TOML has it.

    >>> key_of("queues", "a.b", "attempts")
    'queues."a.b".attempts'
    """
    return ".".join(
        part if _BARE.fullmatch(part) else json.dumps(part, ensure_ascii=False) for part in path
    )


def path_of(key: str) -> tuple[str, ...]:
    """The keys that a dotted TOML key names.

    Raises
    ------
    InputError
        If it is no TOML key.

    Examples
    --------
    >>> path_of('queues."a.b".attempts')
    ('queues', 'a.b', 'attempts')
    """
    inner: Any
    try:
        inner = parse_toml(f"{key} = 0")
    except ValueError:
        inner = {}
    path: list[str] = []
    while isinstance(inner, dict) and len(inner) == 1 and len(path) < _DEEPEST:
        ((head, inner),) = inner.items()
        path.append(head)
    if not path or inner != 0 or "\n" in key:
        raise InputError(
            f"{key}: not a key; expected one such as queues.order.attempts, where a name with "
            'dots or blanks stands in quotes: queues."a.b".attempts'
        )
    return tuple(path)


def parse_set(text: str) -> Change:
    """``queues.order.attempts=5`` of ``--set``; the value is TOML, or else a bare word.

    Raises
    ------
    InputError
        If there is no key or no value.
    """
    said = f"--set {text}"
    key, value = _split(text)
    if not (key and value):
        raise InputError(f"{said}: expected KEY=VALUE, such as queues.order.attempts=5")
    try:
        path = path_of(key)
    except InputError as error:
        raise InputError(f"{said}: {error}") from None
    try:
        return Change(path, parse_toml(f"value = {value}")["value"], said)
    except ValueError:
        return Change(path, value, said)


def parse_changes(changes: Mapping[str, Any]) -> list[Change]:
    """The changes that a table of keys and values says.

    Raises
    ------
    InputError
        If a key is none.
    """
    return [
        Change(path_of(key), value, f"{key} = {in_short(value)}") for key, value in changes.items()
    ]


def changed(table: Mapping[str, Any], changes: Iterable[Change]) -> dict[str, Any]:
    """A table with ``changes`` made, one after the other.

    Raises
    ------
    InputError
        If a key leads through something that is no table.
    """
    found = dict(table)
    for change in changes:
        found = _changed(found, change.path, change)
    return found


def _changed(table: Mapping[str, Any], path: tuple[str, ...], change: Change) -> dict[str, Any]:
    head, *rest = path
    if not rest:
        return {**table, head: change.value}
    inner = table.get(head, {})
    if not isinstance(inner, Mapping):
        raise InputError(f"{change.said}: {head} is a value, not a table")
    return {**table, head: _changed(inner, tuple(rest), change)}


def _split(text: str) -> tuple[str, str]:
    """Key and value: an equals sign in quotes belongs to the key."""
    found = re.match(r"""((?:"[^"]*"|'[^']*'|[^"'=])*)=(.*)""", text, re.DOTALL)
    return (found[1].strip(), found[2].strip()) if found else (text.strip(), "")


def inline(value: Any, number: Callable[[float], str] = float.__repr__) -> str:
    """Write a value of a scenario as TOML, in one line; what is ``None`` in a table is left out.

    Parameters
    ----------
    value
        Text, a number, a truth value, or lists and tables of them.
    number
        Writes a float; exactly, if nothing else is said.

    Examples
    --------
    >>> inline({"delay_ms": 2.5, "type": "fixed", "jitter": None})
    '{ delay_ms = 2.5, type = "fixed" }'
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, dict):
        pairs = [
            f"{key_of(key)} = {inline(one, number)}"
            for key, one in value.items()
            if one is not None
        ]
        return f"{{ {', '.join(pairs)} }}" if pairs else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(inline(one, number) for one in value)}]"
    return json.dumps(value, ensure_ascii=False)
