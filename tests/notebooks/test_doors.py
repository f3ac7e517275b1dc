"""Lessons go in by the doors: what they take of simqueue is what its contents pages promise."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

import nbformat
import pytest

LESSONS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))

DOORS = (
    "simqueue",
    "simqueue.adapters",
    "simqueue.course",
    "simqueue.shop",
    "simqueue.simulation",
    "simqueue.validation",
)


def inner(source: str) -> list[str]:
    """What a program takes of simqueue that is behind no door, by its full name."""
    tree = ast.parse(source)
    known: dict[str, str] = {}  # full names, by what the program calls them
    taken: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                known[alias.asname or top] = alias.name if alias.asname else top
                taken.add(alias.name)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                known[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                taken.add(f"{node.module}.{alias.name}")

    def door(node: ast.expr) -> str | None:
        """The door that an expression stands for, if it does for one."""
        name = None
        if isinstance(node, ast.Name):
            name = known.get(node.id)
        elif isinstance(node, ast.Attribute):
            name = f"{door(node.value)}.{node.attr}"
        return name if name in DOORS else None

    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and door(node.value):
            taken.add(f"{door(node.value)}.{node.attr}")
    ours = {name for name in taken if name.partition(".")[0] == "simqueue"}
    return sorted(name for name in ours if not promised(name))


def promised(name: str) -> bool:
    """Whether a full name is a door's, or one that a door has in its ``__all__``."""
    module, _, last = name.rpartition(".")
    return name in DOORS or (module in DOORS and last in import_module(module).__all__)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_lessons_take_only_what_a_door_has(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    source = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    assert "simqueue" in source
    assert inner(source) == []


@pytest.mark.parametrize(
    "source",
    [
        "import numpy as np; from math import pi; np.sort",
        "import simqueue as sq; sq.simulate(sq.read_scenario()).log.rows",
        "import simqueue.course; simqueue.course.figure; simqueue.theory.erlang_c",
        "from simqueue import course, theory; course.digits; theory.erlang_c",
        "from simqueue.simulation import Process as P; P.anything",
    ],
)
def test_doors_are_open(source: str) -> None:
    assert inner(source) == []


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("import simqueue.jobs", "simqueue.jobs"),
        ("import simqueue.jobs as jobs", "simqueue.jobs"),
        ("import simqueue as sq; sq.jobs.Job", "simqueue.jobs"),
        ("import simqueue.course; simqueue.course.marking", "simqueue.course.marking"),
        ("from simqueue import course; course.marking", "simqueue.course.marking"),
        ("from simqueue import jobs", "simqueue.jobs"),
        ("from simqueue import *", "simqueue.*"),
        ("from simqueue.course import nothing", "simqueue.course.nothing"),
        ("from simqueue.simulation.core import Process", "simqueue.simulation.core.Process"),
        ("def f():\n    from simqueue.data import data_path", "simqueue.data.data_path"),
    ],
)
def test_inner_rooms_are_not(source: str, name: str) -> None:
    assert inner(source) == [name]
