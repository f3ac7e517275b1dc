"""One page lists the whole public API: nothing is missing there, and nothing else is named."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path

import public_api as api
import pytest
from pages import DOCS, PAGES, blocks, marked

NAMES = [(door, name) for door in api.DOORS for name in api.names(door)]


def ids(pairs: list[tuple[str, api.Name]]) -> list[str]:
    return [f"{door}.{name.path}" for door, name in pairs]


@pytest.mark.parametrize("door", api.DOORS)
def test_the_page_lists_what_is_public_and_nothing_else(door: str) -> None:
    """If this fails, ``python tests/public_api.py`` writes the tables anew."""
    table, end, _ = marked(api.PAGE, "api")[door].partition(api.END)

    assert end
    assert table == api.expected(door)


def test_the_page_has_no_other_door() -> None:
    assert marked(api.PAGE, "api").keys() == api.DOORS.keys()


@pytest.mark.parametrize(("door", "name"), NAMES, ids=ids(NAMES))
def test_every_public_name_is_documented(door: str, name: api.Name) -> None:
    """In words of its own: what a dataclass or a type in general is says nothing."""
    assert name.doc.strip(), f"{door}.{name.path} has no docstring"
    assert not name.doc.startswith(f"{name.path}("), f"{door}.{name.path}: a signature is no word"


CLASSES = [
    (door, found) for door in api.DOORS for found in api.public(door).values()
    if inspect.isclass(found)
]  # fmt: skip


@pytest.mark.parametrize(("door", "cls"), CLASSES, ids=[f"{d}.{c.__name__}" for d, c in CLASSES])
def test_every_field_of_a_public_class_is_documented(door: str, cls: type) -> None:
    ours = [one for one in cls.__mro__ if one.__module__.startswith("simqueue")]
    doc = " ".join(one.__doc__ or "" for one in ours)

    for field in api.fields(cls):
        assert re.search(rf"\b{field}\b", doc), (
            f"{door}.{cls.__name__} does not say what {field} is"
        )


def resolves(path: str) -> bool:
    """Whether ``simqueue.course.figure`` and the like is a door, or a public name of one."""
    if path in api.DOORS:
        return True
    door, _, name = path.rpartition(".")
    while door:
        if door in api.DOORS and name.partition(".")[0] in api.public(door):
            return True
        door, _, more = door.rpartition(".")
        name = f"{more}.{name}"
    return False


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_python_on_the_pages_comes_through_the_doors(page: Path) -> None:
    """No example imports from an inner room, or uses what is not public."""
    code = "\n".join(block.code for block in blocks(page, "python"))
    code = re.sub(r"^(>>> |\.\.\. )", "", code, flags=re.MULTILINE)

    for module, names in re.findall(r"^\s*from (simqueue[\w.]*) import ([\w, ]+)", code, re.M):
        assert module in api.DOORS, module
        for name in re.split(r", *", names):
            assert resolves(f"{module}.{name}"), f"{module}.{name}"
    for path in re.findall(r"\b(?:sq|simqueue)\.(\w+(?:\.\w+)*)", code):
        if not path.startswith("errors."):  # a traceback says where an error is from
            assert resolves(f"simqueue.{path}"), path


def test_what_the_page_says_in_words_is_public() -> None:
    text = api.PAGE.read_text(encoding="utf-8")
    for path in re.findall(r"`(simqueue(?:\.\w+)+)`", text):
        assert resolves(path), path


def test_the_doors_are_what_people_import() -> None:
    for door, module in api.DOORS.items():
        outer, _, name = door.rpartition(".")
        found = getattr(import_module(outer), name) if outer else import_module(module)
        assert found.__name__ == module
    assert api.PAGE.parent == DOCS
