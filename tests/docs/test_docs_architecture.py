"""The map is the house: its rooms, what they import, and where things are."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from pages import DOCS, PAGES, ROOT, blocks, marked, prose, rows
from test_architecture import GROUND, MAY_IMPORT

from simqueue.adapters import InProcessAdapter
from simqueue.adapters.bull_queue import BullQueueAdapter
from simqueue.simulation import BullMQ, InProcess, Model

PAGE = DOCS / "architecture.md"
PACKAGE = ROOT / "simqueue"


def drawing(name: str) -> str:
    (found,) = (block.code for block in blocks(PAGE) if block.note.endswith(f"::{name}"))
    return found


def test_the_rooms_are_the_folders() -> None:
    """In the order in which they may import each other."""
    shown = re.findall(r"^  ([\w.]+?)(\.py|/) ", drawing("test_the_rooms_are_the_folders"), re.M)

    assert [name for name, end in shown if end == ".py"] == list(GROUND)
    assert [name for name, end in shown if end == "/"] == list(MAY_IMPORT)
    for name, end in shown:
        assert (PACKAGE / f"{name}{end.rstrip('/')}").exists(), name


def test_the_table_of_imports_is_the_rule() -> None:
    shown = {
        row[0]: set(filter(None, row[1].split(", ")))
        for row in rows(marked(PAGE, "table")["imports"])
    }

    assert shown == MAY_IMPORT


def test_the_drawing_names_what_there_is() -> None:
    """Adapters and models by the names that they have."""
    text = drawing("test_the_drawing_names_what_there_is")

    adapters = {InProcessAdapter.__name__, BullQueueAdapter.__name__}
    models = {model.__name__ for model in (BullMQ, InProcess) if issubclass(model, Model)}

    assert set(re.findall(r"\w+Adapter", text)) == adapters
    assert set(re.findall(r"(\w+) model\b", text)) == models


def defined(path: Path) -> set[str]:
    """Functions, classes and constants of a file, methods with their class in front."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        found |= {target.id for target in targets if isinstance(target, ast.Name)}
        if isinstance(node, ast.ClassDef):
            found |= {
                f"{node.name}.{one.name}"
                for one in node.body
                if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
            }
    return found


WHERE = rows(marked(PAGE, "table")["where"])


@pytest.mark.parametrize("row", WHERE, ids=[row[0] for row in WHERE])
def test_what_is_asked_for_is_where_the_page_says(row: list[str]) -> None:
    """The link leads to the file that is named, and the name is defined there."""
    named, target, name = re.fullmatch(r"\[(.+)\]\((.+)\)::(.+)", row[2]).groups()  # type: ignore[union-attr]

    assert (PAGE.parent / target).resolve() == ROOT / named
    assert name in defined(ROOT / named)


def test_a_rule_is_where_the_page_says_in_both_engines() -> None:
    """By one name: a reader finds the two side by side."""
    simulation = PACKAGE / "simulation"
    for rule, in_simpy, compiled in rows(marked(PAGE, "table")["rules"]):
        names = []
        for folder, told in ((simulation, in_simpy), (simulation / "compiled", compiled)):
            file, name = told.split("::")
            assert name in defined(folder / file), rule
            names.append(name.rpartition(".")[2].strip("_").lower())
        assert names[1].partition("_job")[0] in names[0] or names[0] in names[1], rule


def test_a_newcomers_questions_are_two_hops_away() -> None:
    """README to architecture to the file."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    questions = {row[0] for row in WHERE}

    assert "(docs/architecture.md" in readme
    assert {"Where is the p99 wait computed?", "Why does a retry go to the tail?"} <= questions


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_files_that_are_named_exist(page: Path) -> None:
    """Whatever a page says about a file of the project, the file is there."""
    for path in re.findall(r"`((?:simqueue|tests|benchmarks|data|docs|notebooks)/[^`\s:]*)`",
                           prose(page)):  # fmt: skip
        if "NN" in path:  # yours to choose
            continue
        assert (ROOT / path).exists(), path


def test_a_decision_says_why_and_what_it_cost() -> None:
    text = (DOCS / "decisions.md").read_text(encoding="utf-8")
    entries = re.split(r"^## ", text, flags=re.MULTILINE)[1:]

    assert len(entries) >= 12
    for entry in entries:
        found = re.findall(r"^\*\*(\w+):\*\* \S", entry, re.MULTILINE)
        assert found == ["Decided", "Why", "Cost"], entry.partition("\n")[0]
