"""A reader goes back, changes a cell and runs it again: it must meet the values that it met first.

So no later cell may set anew what a cell reads from the ones before it.
"""

from __future__ import annotations

import ast
import dis
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from types import CodeType

import nbformat
import pytest

LESSONS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))


def names_of(source: str) -> tuple[set[str], set[str]]:
    """The names that a cell takes from other cells, and those that it sets."""
    code = compile(source, "cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    taken: set[str] = set()
    inside: set[str] = set()
    own: set[str] = set()
    for step in dis.get_instructions(code):
        if step.opname == "STORE_NAME":
            own.add(step.argval)
        elif step.opname == "LOAD_NAME" and step.argval not in own:
            taken.add(step.argval)
        elif isinstance(step.argval, CodeType):
            inside |= globals_of(step.argval)
    return taken | (inside - own), own


def globals_of(code: CodeType) -> set[str]:
    """The names that a function or class looks for outside."""
    found: set[str] = set()
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            found.add(step.argval)
        elif isinstance(step.argval, CodeType):
            found |= globals_of(step.argval)
    return found


def set_anew(sources: Sequence[str]) -> list[str]:
    """What cells read from cells before them and later cells set anew."""
    setters = defaultdict(list)
    names = [names_of(source) for source in sources]
    for number, (_, own) in enumerate(names):
        for name in own:
            setters[name].append(number)
    return [
        f"{name}: read by code cell {number + 1}, set anew by {setters[name][-1] + 1}"
        for number, (taken, _) in enumerate(names)
        for name in sorted(taken)
        if setters[name] and setters[name][0] < number < setters[name][-1]
    ]


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_no_cell_reads_what_a_later_one_sets_anew(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    assert set_anew([cell.source for cell in cells if cell.cell_type == "code"]) == []


@pytest.mark.parametrize(
    ("sources", "found"),
    [
        (["a = 1", "print(a)", "a = 2"], ["a: read by code cell 2, set anew by 3"]),
        (["a = 1", "f = lambda: a", "a = 2"], ["a: read by code cell 2, set anew by 3"]),
        (["a = 1", "print(a)\na = 2"], []),
        (["a = 1", "a = 2\nprint(a)", "a = 3"], []),
        (["a = 1", "a = 2", "print(a)"], []),
        (["a = 1", "print([a for a in range(3)])", "a = 2"], []),
    ],
)
def test_it_is_found(sources: list[str], found: list[str]) -> None:
    assert set_anew(sources) == found
