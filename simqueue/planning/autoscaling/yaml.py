"""YAML of what a manifest holds: tables, lists, texts, whole numbers. It is written, never read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

#: Texts that nobody's YAML takes for anything else: they begin with a letter, and go on.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9./-]*")
_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}


def to_yaml(table: Mapping[str, Any]) -> str:
    """A table as a YAML document.

    >>> print(to_yaml({"kind": "Cat", "legs": 4, "says": ["no", {"to": "a: b"}]}), end="")
    kind: Cat
    legs: 4
    says:
    - "no"
    - to: "a: b"
    """
    return "".join(f"{line}\n" for line in _lines(table))


def _lines(value: Mapping[str, Any] | Sequence[Any]) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if isinstance(inner, Mapping):
                yield f"{key}:"
                yield from (f"  {line}" for line in _lines(inner))
            elif isinstance(inner, list):
                yield f"{key}:"
                yield from _lines(inner)
            else:
                yield f"{key}: {_scalar(inner)}"
        return
    for inner in value:
        first, *rest = _lines(inner) if isinstance(inner, Mapping) else [_scalar(inner)]
        yield f"- {first}"
        yield from (f"  {line}" for line in rest)


def _scalar(value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    # A JSON text is a double-quoted scalar; all that it may hold is printable.
    return json.dumps(value, ensure_ascii=False)
