"""Editions for a class: students get no answers, and are marked as everybody is."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import nbformat
import pytest

from simqueue.course.display import kept as shown_instead
from simqueue.course.editions.build import build_students, build_teachers
from simqueue.course.editions.notes import NOTES
from simqueue.course.judging import judge
from simqueue.course.learners.record import read_record
from simqueue.course.learners.score import score_of
from simqueue.course.lessons import exercises, recalls
from simqueue.course.making import Make
from simqueue.course.questions import Exercise, Letters, Number, Whole
from simqueue.course.quizzes import FORMS, quiz_items
from simqueue.course.sealing import SealedNumber, seal
from simqueue.errors import InputError

SEED = 7
NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


@pytest.fixture(scope="module")
def students(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("class") / "students"
    build_students(folder, SEED)
    return folder


@pytest.fixture(scope="module")
def teachers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("class") / "teachers"
    build_teachers(folder, SEED)
    return folder


def secrets() -> Iterator[tuple[str, str]]:
    """Every paragraph of an answer, and every solution, by its question."""
    asked = {**exercises(), **{key: item.exercise for key, item in recalls().items()}}
    for form in FORMS:
        for number, item in enumerate(quiz_items(form, SEED)):
            asked[f"{form} {number}"] = item.exercise
    for key, one in asked.items():
        for paragraph in textwrap.dedent(one.answer).strip().split("\n\n"):
            yield key, paragraph
        if isinstance(one.right, Make):
            body = one.right.source.partition("\n")[2]
            yield key, "\n".join(body.splitlines()[1:])


def test_no_answer_is_in_the_students_package(students: Path) -> None:
    files = {path: path.read_bytes() for path in students.rglob("*") if path.is_file()}
    texts = {path: " ".join(data.decode("utf-8", "ignore").split()) for path, data in files.items()}
    looked = 0
    for key, secret in secrets():
        plain = " ".join(secret.split())
        if len(plain) < 25 or plain.startswith("Arrival rate times"):
            continue  # "12 callers." is no secret by itself
        looked += 1
        for path, text in texts.items():
            assert plain not in text, f"{key}: {path.relative_to(students)} has {plain!r}"
    assert looked > 200


def test_what_is_looked_for_would_be_found() -> None:
    """In the whole package every secret is found: the search is able to fail."""
    package = NOTEBOOKS.parent / "simqueue" / "course" / "lessons"
    text = " ".join(" ".join(path.read_text("utf-8").split()) for path in package.glob("*.py"))
    found = [key for key, secret in secrets() if " ".join(secret.split()) in text]
    assert len({key for key in found if key in exercises()}) >= 0.9 * len(exercises())


def test_lessons_have_no_outputs_and_everything_else(students: Path) -> None:
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        ours = nbformat.read(path, as_version=4).cells
        theirs = nbformat.read(students / "notebooks" / path.name, as_version=4).cells
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            if one.cell_type == "code":
                assert other.outputs == []
                assert other.execution_count is None
                assert other.source == one.source
            else:
                assert "folded answer" not in other.source
                assert other.source.split()[:5] == one.source.split()[:5]


#: Marks what it is given, and prints the verdicts; run with one package or the other.
MARKER = """
import json, sys
import simqueue.course
from simqueue.course.judging import judge
from simqueue.course.learners.record import read_record
from simqueue.course.learners.score import score_of
from simqueue.course.lessons import exercises, recalls
from simqueue.course.quizzes import quiz_items, quiz_seed

asked = dict(exercises()) | {key: item.exercise for key, item in recalls().items()}
for form in ("before", "after"):
    for number, item in enumerate(quiz_items(form, 7)):
        asked[f"{form} {number}"] = item.exercise
functions = {"zero": lambda *_: 0, "first": lambda one, *_: one, "raises": lambda *_: 1 / 0}
found = []
for key, answer in json.load(sys.stdin):
    given = functions.get(answer, answer) if isinstance(answer, str) else answer
    judged = judge(asked[key], given)
    found.append([judged.verdict, judged.text if key[0] != "b" else ""])
print(json.dumps({"from": simqueue.course.__file__, "found": found}))
"""


def marked(package: Path, answers: list[tuple[str, Any]], folder: Path) -> list[list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", MARKER], input=json.dumps(answers), capture_output=True, text=True,
        cwd=folder, env=os.environ | {"PYTHONPATH": str(package)}, check=True,
    )  # fmt: skip
    document = json.loads(done.stdout)
    assert Path(document["from"]).is_relative_to(package)
    found: list[list[str]] = document["found"]
    return found


def tries(key: str, exercise: Exercise) -> Iterator[tuple[str, Any]]:
    """Answers to a question, right ones and all kinds of wrong ones."""
    right = exercise.right
    if isinstance(right, Letters):
        for size in (1, 2, 3, len(right.right)):
            yield from ((key, "".join(some)) for some in combinations(right.among, size))
    elif isinstance(right, Number | Whole):
        margin = right.margin if isinstance(right, Number) else 1
        for off in (-5, -1.01, -0.99, -0.5, 0, 0.3, 0.999, 1.001, 2, 40):
            yield key, right.value + off * margin
        yield from ((key, one) for one in (0, 1, 2.5, 1e9, "no idea", "5 to 10", "10 min", None))
        yield key, f"{right.value - margin / 2!r} to {right.value + margin / 2!r}"
        for hint in exercise.hints:
            yield key, (hint.when.low + hint.when.high) / 2  # type: ignore[attr-defined]
    else:
        yield from ((key, one) for one in ("zero", "first", "raises", 3))


def test_students_are_marked_as_everybody_is(students: Path, tmp_path: Path) -> None:
    asked = {**exercises(), **{key: item.exercise for key, item in recalls().items()}}
    for form in FORMS:
        for number, item in enumerate(quiz_items(form, SEED)):
            asked[f"{form} {number}"] = item.exercise
    answers = [one for key, exercise in asked.items() if key != "capstone.e"
               for one in tries(key, exercise)]  # fmt: skip
    ours = marked(NOTEBOOKS.parent, answers, tmp_path)
    theirs = marked(students, answers, tmp_path)
    verdicts = [one[0] for one in ours]
    assert verdicts == [one[0] for one in theirs]
    assert {"right", "wrong", "unread", "missing"} == set(verdicts)
    # Only what is said of a near miss needs the right answer, which is not there.
    alike = sum(one[1] == other[1] for one, other in zip(ours, theirs, strict=True))
    assert alike >= 0.97 * len(answers)


def test_an_answer_is_explained_to_whoever_has_found_it() -> None:
    exercise = exercises()["03.b"]
    under_seal = seal("03.b", exercise)
    assert under_seal.answer == ""
    assert judge(under_seal, 88.9).why == exercise.answer
    assert judge(under_seal, 85).why == ""
    assert isinstance(under_seal.right, SealedNumber)
    assert repr(exercise.right) not in repr(under_seal)
    assert not re.search(r"88\.8|0\.888", repr(under_seal.right))


def test_the_students_package_says_what_it_is(students: Path, tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments], capture_output=True, text=True, cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(students)}, check=False,
        )  # fmt: skip

    refused = run("-m", "simqueue", "course", "teacher", "mine")
    assert refused.returncode == 2
    assert refused.stderr.startswith("error: this is the students' edition")
    code = "from simqueue.course import *; check('03.b', 88.9); answer('03.b'); quiz('before')"
    said = run("-c", code).stdout
    assert "✓ Right.\n88.9 %, or 8/9." in said
    assert "it shows an answer to whoever has found it" in said
    assert quiz_items("before", SEED)[0].asks.replace("`", "") in said


def test_the_students_folder_can_be_installed_and_used(students: Path) -> None:
    """What pip needs is there; that a whole package can be built, another test says."""
    assert {path.name for path in students.iterdir()} == {
        "LICENSE", "README.md", "data", "formulas.html", "glossary.html", "notebooks",
        "pyproject.toml", "simqueue",
    }  # fmt: skip
    assert not list(students.rglob("__pycache__"))
    names = {path.stem for path in (students / "notebooks").iterdir()}
    assert {"quiz_before", "quiz_after"} <= names


def test_teachers_have_every_answer_below_its_question(teachers: Path) -> None:
    answered = set()
    for path in sorted((teachers / "notebooks").glob("*_*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        for number, cell in enumerate(cells):
            if cell.cell_type != "code":
                continue
            for key in re.findall(r'^check\(\s*"([^"]+)"', cell.source, re.MULTILINE):
                answered.add(key)
                below = cells[number + 1].source
                assert below.startswith(f"**Answer to {key}.**")
                assert textwrap.dedent(exercises()[key].answer).strip() in below
                for hint in exercises()[key].hints:
                    assert hint.say in below
            if "recall(" in cell.source:
                answered |= set(re.findall(r"Answer to (\S+)\.\*\*", "\n".join(
                    one.source for one in cells[number + 1 : number + 4]
                )))  # fmt: skip
    assert answered == exercises().keys() | recalls().keys()


def test_teachers_have_notes_outputs_and_the_quiz(teachers: Path) -> None:
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        lesson = path.stem.partition("_")[0]
        ours = nbformat.read(path, as_version=4).cells
        theirs = nbformat.read(teachers / "notebooks" / path.name, as_version=4).cells
        kept = [cell for cell in theirs if "teacher" not in cell.metadata.get("tags", [])]
        assert kept == ours
        if lesson in NOTES:
            assert NOTES[lesson] in theirs[1].source
    sheet = (teachers / "quiz-answers.md").read_text(encoding="utf-8")
    for form in FORMS:
        for item in quiz_items(form, SEED):
            assert item.asks in sheet
            assert " ".join(item.exercise.answer.split()) in sheet


@pytest.mark.parametrize("form", FORMS)
def test_the_notebook_of_a_quiz_asks_what_the_class_is_asked(
    form: str, students: Path, teachers: Path
) -> None:
    """In both editions; and the call that is to be filled in asks the same again."""
    for folder in (students, teachers):
        cells = nbformat.read(folder / "notebooks" / f"quiz_{form}.ipynb", as_version=4).cells
        with shown_instead() as shown:
            exec(cells[1].source, {})
        asked = shown[0][0]["text/plain"]
        for item in quiz_items(form, SEED):
            assert item.asks.replace("`", "") in asked
        assert asked.endswith(f", None, seed={SEED}).")


def test_the_teachers_readme_names_what_is_there(teachers: Path, tmp_path: Path) -> None:
    """Every file of the folder, and commands that work on what a learner hands in."""
    readme = (teachers / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:notebooks/)?[\w-]+\.(?:ipynb|md|html)|notebooks/)`", readme))
    there = {path.name for path in teachers.iterdir()} - {"README.md"}
    assert {one.partition("/")[0] for one in named} - {"quiz_before.ipynb", "quiz_after.ipynb"} == (
        there
    )
    assert all((teachers / "notebooks" / f"quiz_{form}.ipynb").exists() for form in FORMS)
    assert f"--quiz-seed {SEED}" in readme

    ada = tmp_path / "handed-in" / "ada.json"
    ada.parent.mkdir()
    ada.write_text('{"guesses": {"02.play": [8, 8]}}')
    (tmp_path / "lines.txt").write_text(f"grace {score_of(read_record(ada)).line}\n")
    commands = re.findall(r"^simqueue (course (?:scores|progress) .*)$", readme, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        words = command.replace("handed-in/*.json", "handed-in/ada.json").split()
        done = subprocess.run(
            [sys.executable, "-m", "simqueue", *words], capture_output=True, text=True,
            cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(NOTEBOOKS.parent)}, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert {"ada", "grace"} <= set(done.stdout.split()) or "progress" in command


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "work.txt").write_text("precious")
    with pytest.raises(InputError, match="mine: is there already"):
        build_teachers(tmp_path / "mine", SEED)
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", "work.txt"]
