"""Tables that somebody wrote, checked as they are read, and what is wrong with them in one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, ValidationError


class Checked(BaseModel):
    """A table: unknown keys are errors, and nothing changes once it is read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy, with ``update`` checked as if it had been read.

        Raises
        ------
        pydantic.ValidationError
            If a value is none that the table can hold.
        """
        if not update:
            return super().model_copy(deep=deep)
        said = {name: getattr(self, name) for name in self.model_fields_set}
        return self.model_validate({**said, **update})

    def said(self, *keys: str) -> list[str]:
        """Those of ``keys`` that say something other than their defaults."""
        fields = type(self).model_fields
        return [key for key in keys if getattr(self, key) != fields[key].default]


#: What pydantic would say in words of Python.
_WORDS = {
    "extra_forbidden": "unknown key",
    "missing": "missing",
    "dict_type": "should be a table",
    "model_type": "should be a table",
    "model_attributes_type": "should be a table",
    "tuple_type": "should be a list",
    "list_type": "should be a list",
    "union_tag_not_found": 'should have a key distribution, such as distribution = "exponential"',
}
#: Errors that have no use for the value.
_SAY_ALL = (
    "extra_forbidden",
    "missing",
    "value_error",
    "kind_of_arrivals",
    "union_tag_invalid",
    "too_long",
    "too_short",
)
#: Longer values are not shown whole.
_SHORT = 200


class Problem(NamedTuple):
    """The first thing that is wrong with a table.

    Attributes
    ----------
    path
        The keys that lead there, and the tags of pydantic's unions among them.
    expected
        What was expected, in words.
    value
        What was there instead.
    shown
        That in words, where it helps; empty otherwise.
    more
        How many other things are wrong.
    """

    path: tuple[str, ...]
    expected: str
    value: object
    shown: str
    more: int

    def __str__(self) -> str:
        """What was expected, and what was there."""
        return f"{self.expected}, not {self.shown}" if self.shown else self.expected


def first_problem(error: ValidationError) -> Problem:
    """What pydantic has to say, in words of whoever wrote the table."""
    details = error.errors(include_url=False)
    first = details[0]
    expected = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if first["type"] in _WORDS:
        expected = _WORDS[first["type"]]
    elif first["type"] == "union_tag_invalid":
        expected = "distribution {tag!r} is none of {expected_tags}".format(**first["ctx"])
    elif first["type"] == "too_short":
        least = first["ctx"]["min_length"]
        expected = "should not be empty" if least == 1 else f"should have at least {least} entries"
    elif first["type"] == "too_long":
        expected = "should have at most {max_length:,} entries".format(**first["ctx"])
    quiet = first["type"] in _SAY_ALL or isinstance(first["input"], dict)
    shown = "" if quiet else in_short(first["input"])
    path = tuple(str(part) for part in first["loc"])
    return Problem(path, expected, first["input"], shown, len(details) - 1)


def in_short(value: object) -> str:
    """A value as Python would write it, cut off where it would fill the screen."""
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # nested too deep; too many digits
        return f"this {type(value).__name__}"
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}..."
