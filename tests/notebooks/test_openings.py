"""Lessons that open with a view to play with: it can do what their code beside it does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest

import simqueue
from simqueue.live import widget
from simqueue.live.player import Player
from simqueue.live.session import Session

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
STATIC = Path(widget.__file__).parent / "static"
LESSONS = ("02", "04", "07", "08", "09")
#: What a page writes where its buttons and fields are.
LABELS = "".join((STATIC / name).read_text("utf-8") for name in ("app.js", "controls.js"))


@pytest.fixture(params=LESSONS)
def cells(request: pytest.FixtureRequest) -> list[Any]:
    """A lesson's cells, from its first section on, those before it that import included."""
    (path,) = FOLDER.glob(f"{request.param}_*.ipynb")
    found: list[Any] = nbformat.read(path, as_version=4).cells
    return found


def opening(cells: list[Any]) -> list[Any]:
    """The first section: words, a guess, a view, words, code."""
    first = next(n for n, cell in enumerate(cells) if cell.source.startswith("## "))
    return cells[first : first + 5]


def test_it_opens_with_a_guess_a_view_and_code(cells: list[Any]) -> None:
    words, guess, view, said, code = opening(cells)

    assert words.source.startswith("## First by hand")
    assert re.fullmatch(r'predict\("\d\d\.play", None\).*', guess.source)
    assert re.search(r"^play\(\w+\)\Z", view.source, re.MULTILINE)
    assert "in code" in said.source
    assert "Session(" in code.source
    assert "reveal(" in code.source
    assert any(output.get("name") == "stdout" for output in code.outputs)


def test_whoever_has_no_buttons_reads_words(cells: list[Any]) -> None:
    (shown,) = opening(cells)[2].outputs

    assert shown.data.keys() == {"text/html", "text/plain"}
    assert shown.data["text/plain"].startswith("Run in JupyterLab, this cell is a live view of")


def test_the_buttons_that_it_names_are_there(cells: list[Any]) -> None:
    words = opening(cells)[0].source
    named = re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", words)

    assert "Run" in named
    for label in named:
        assert re.search(rf'["`]{re.escape(label)}["`]', LABELS) or label in ("left", "right")


def test_the_view_does_what_the_code_does(
    cells: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each change of the code, sent as the view sends it, gives the same attempts."""
    sessions: list[Session] = []

    class Kept(Session):
        def __init__(self, *how: Any) -> None:
            super().__init__(*how)
            sessions.append(self)

    monkeypatch.setattr(simqueue, "Session", Kept)
    first = cells.index(opening(cells)[0])
    names: dict[str, Any] = {}
    for cell in cells[:first]:
        if cell.cell_type == "code" and "recall(" not in cell.source:
            exec(cell.source, names)
    _, _, scene, _, code = opening(cells)
    for cell in (scene, code):
        exec(cell.source, names)

    assert sessions
    for session in sessions:
        assert session.changes or len(sessions) > 1
        player = Player(session.scenario)
        for change in session.changes:
            table = change.model_dump(mode="json", exclude={"at_s"})
            player.answer({"until": change.at_s})
            assert "error" not in player.answer({"change": table})
        player.answer({"until": session.now})
        ours, theirs = session.log().rows, player.session.log().rows
        for name in ours.dtype.names:
            kind = ours[name].dtype.kind
            assert np.array_equal(ours[name], theirs[name], equal_nan=kind == "f"), name
