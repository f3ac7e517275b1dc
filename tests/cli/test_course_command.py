"""``simqueue course``: what a learner, a teacher and a script see."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simqueue.cli import run
from simqueue.course.sheets import formulas_markdown, glossary_page
from simqueue.course.words import WORDS

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def learner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Somebody with a guess, a right and a wrong answer."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    answers = {
        "01.b": {"given": 17.5, "right": True, "tries": 2},
        "01.c": {"given": 5, "right": False, "tries": 1},
    }
    record = {"guesses": {"01.a": [5, 6]}, "answers": answers}
    file = tmp_path / "simqueue-progress.json"
    file.write_text(json.dumps(record))
    return file


def test_a_learner_sees_the_way_behind(learner: Path, capsys: Capture) -> None:
    assert run(["course", "progress"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].split() == ["lesson", "guesses", "made", "exercises", "right", "recalled"]
    assert said[2].split() == ["01", "1", "of", "1", "1", "of", "5", "0", "of", "3"]
    assert said[-1].startswith("simqueue score: guesses 1/")
    assert max(map(len, said)) <= 80


def test_a_teacher_adds_up(learner: Path, capsys: Capture) -> None:
    other = learner.with_name("lines.txt")
    run(["course", "progress"])
    other.write_text("Grace: " + capsys.readouterr().out.splitlines()[-1])

    assert run(["course", "scores", str(learner), str(other)]) == 0
    said = capsys.readouterr().out
    assert learner.parent.name[:20] in said
    assert "Grace *" in said
    assert "Files are marked anew" in said
    assert run(["course", "scores", str(learner), str(other), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["means"]["exercises"] == 1.0
    assert [one["marked"] for one in document["learners"]].count(False) == 1
    assert document["gain"] is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["progress", "gone.json"], "gone.json: nothing is kept there yet"),
        (["progress", "broken.json"], "broken.json: not a learner's answers"),
        (["scores", "broken.json"], "broken.json: not a learner's answers"),
        (["scores", "gone.txt"], "gone.txt: cannot read scores"),
        (["scores"], "Missing argument"),
        (["teacher", "."], ".: is there already"),
        (["formulas", "--page", "sheet.pdf"], "sheet.pdf"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_2(
    learner: Path, arguments: list[str], words: str, capsys: Capture
) -> None:
    broken = learner.with_name("broken.json")
    broken.write_text("{")
    assert run(["course", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert words in captured.err
    assert broken.read_text() == "{"


def test_sheets_are_text_or_a_page(learner: Path, capsys: Capture) -> None:
    assert run(["course", "formulas"]) == 0
    assert capsys.readouterr().out == formulas_markdown()
    assert run(["course", "glossary"]) == 0
    assert capsys.readouterr().out.count("\n| **") == len(WORDS)
    assert run(["course", "glossary", "--page", "words.html"]) == 0
    assert learner.with_name("words.html").read_text("utf-8") == glossary_page()


def test_without_a_command_there_is_help(capsys: Capture) -> None:
    assert run(["course"]) == 0
    said = capsys.readouterr().out
    for command in ("student", "teacher", "progress", "scores", "glossary", "formulas"):
        assert f"  {command} " in said
