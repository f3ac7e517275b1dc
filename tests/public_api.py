"""The public API as the page about Python lists it; run as a program, this writes its tables.

Public is what stands in ``__all__`` of a door, and, in a public class, every method and property
whose name has no underscore in front (pydantic's own, ``model_...``, are left out).
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from pages import DOCS

from simqueue.checked import Checked
from simqueue.results.shown import Drawn, Shown

PAGE = DOCS / "python-api.md"
#: The doors, and the module behind each.
DOORS = {
    "simqueue": "simqueue",
    "simqueue.theory": "simqueue.results.theory",
    "simqueue.course": "simqueue.course",
    "simqueue.simulation": "simqueue.simulation",
    "simqueue.validation": "simqueue.validation",
    "simqueue.adapters": "simqueue.adapters",
    "simqueue.shop": "simqueue.shop",
}
END = "<!-- end of table -->\n"


class Name(NamedTuple):
    """A public name.

    Attributes
    ----------
    path
        As one says it in its door, ``Run.summary``.
    shown
        With its parameters.
    doc
        Its docstring, or the comment ``#:`` of a constant; empty without one.
    """

    path: str
    shown: str
    doc: str

    @property
    def line(self) -> str:
        """Its first line, as Markdown."""
        first = self.doc.strip().partition("\n")[0]
        return first.replace("``", "`").replace("|", r"\|")


def public(door: str) -> dict[str, Any]:
    """What a door opens to, by name."""
    module = import_module(DOORS[door])
    names = getattr(module, "__all__", None)
    if names is None:
        names = [
            name
            for name, found in vars(module).items()
            if not name.startswith("_") and getattr(found, "__module__", None) == module.__name__
        ]
    return {name: getattr(module, name) for name in names}


def members(cls: type) -> dict[str, Any]:
    """The methods and properties of a public class: its own, and what answers have in common."""
    bases = [base for base in (Drawn, Shown) if issubclass(cls, base)]
    common = {name: found for base in bases for name, found in vars(base).items()}
    more = {name: found for name, found in common.items() if name not in vars(cls)}
    return {
        name: found
        for name, found in {**vars(cls), **more}.items()
        if not name.startswith(("_", "model_"))
        and (inspect.isfunction(found) or hasattr(found, "__get__"))
        and name not in fields(cls)
    }


def fields(cls: type) -> list[str]:
    """What a dataclass, a named tuple or a table consists of."""
    return [
        *vars(cls).get("__slots__", ()),
        *getattr(cls, "__dataclass_fields__", ()),
        *getattr(cls, "_fields", ()),
        *getattr(cls, "model_fields", ()),
    ]


def names(door: str) -> Iterator[Name]:
    """The public names of a door, those of its classes behind each."""
    for name, found in public(door).items():
        yield Name(name, said(name, found), documentation(door, name, found))
        if inspect.isclass(found):
            for member, one in members(found).items():
                path = f"{name}.{member}"
                yield Name(path, said(path, one), inspect.getdoc(one) or "")


def said(path: str, found: Any) -> str:
    """How it is used: with its parameters, and awaited if it is a coroutine."""
    return "await " * inspect.iscoroutinefunction(found) + path + parameters(found)


def parameters(found: Any) -> str:
    """What one may give, with defaults that are short; nothing for what is not called."""
    if not callable(found) or getattr(found, "_is_protocol", False):
        return ""
    try:
        signature = inspect.signature(found)
    except ValueError:  # An exception takes a text.
        return ""
    hidden = inspect.isclass(found) and issubclass(found, Checked)
    shown = [
        one.replace(annotation=inspect.Parameter.empty, default=_default(one.default, hidden))
        for name, one in signature.parameters.items()
        if name != "self"
    ]
    return str(inspect.Signature(shown))


class _Short:
    """A default that is too long to be shown, or stands elsewhere."""

    def __repr__(self) -> str:
        return "…"


def _default(value: Any, hidden: bool) -> Any:
    if value is inspect.Parameter.empty:
        return value
    plain = value is None or isinstance(value, bool | int | float | str)
    return value if plain and not hidden else _Short()


def documentation(door: str, name: str, found: Any) -> str:
    """The docstring; of a constant the comment that stands above it."""
    if isinstance(found, ModuleType) or callable(found):
        return inspect.getdoc(found) or ""
    package = import_module(DOORS[door])
    homes = getattr(package, "_CONTENTS", {})
    home = next((home for home, held in homes.items() if name in held), package.__name__)
    source = inspect.getsource(import_module(home))
    comment = re.search(rf"((?:^#: .*\n)+){name}\b", source, re.MULTILINE)
    return comment[1].replace("#: ", "") if comment else ""


def expected(door: str) -> str:
    """The table of a door."""
    lines = [f"| `{name.shown}` | {name.line} |" for name in names(door)]
    return "\n".join(["| name | |", "|---|---|", *lines]) + "\n"


def write(page: Path = PAGE) -> None:
    """Put the tables into the page."""
    text = page.read_text(encoding="utf-8")
    for door in DOORS:
        start, mark, rest = text.partition(f"<!-- api: {door} -->\n")
        assert mark, f"{page} has no place for {door}"
        text = start + mark + expected(door) + END + rest.partition(END)[2]
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(write())
