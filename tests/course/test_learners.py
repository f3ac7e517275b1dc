"""What a learner guessed and answered: kept across kernels, in a file that is never spoilt."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from simqueue.course import check, marking, predict, progress, recall, reveal
from simqueue.course.judging import judge
from simqueue.course.learners import record
from simqueue.course.learners.record import FILE, Record, read_record
from simqueue.course.learners.score import Score, read_line, score_of
from simqueue.course.learners.scores import Scores, read_scores
from simqueue.course.lessons import exercises, recalls
from simqueue.errors import InputError


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A learner's file, and a kernel that has just begun."""
    found = tmp_path / "mine.json"
    monkeypatch.setenv(record.VARIABLE, str(found))
    monkeypatch.setattr(marking, "_guesses", {})
    return found


def python(code: str, folder: Path, **environment: str) -> str:
    """Run something in a process of its own, in a folder."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=os.environ | environment,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def test_a_guess_and_an_answer_outlive_the_kernel(tmp_path: Path) -> None:
    variable = {record.VARIABLE: "mine.json"}
    first = "from simqueue.course import *; predict('01.a', '5 s'); check('01.b', 15); "
    python(f"{first}check('01.b', 17.5); check('01.b', 3)", tmp_path, **variable)
    later = "predict('01.a'); reveal('01.a', 6.0); check('01.b'); progress()"
    said = python(f"from simqueue.course import *; {later}", tmp_path, **variable)
    assert "Before, you expected the time from placing the order to giving up to be 5 s." in said
    assert "your guess 5 s; measured 6 s" in said
    assert "Before, you answered 17.5: right." in said
    assert "guesses 1/" in said
    assert "exercises 1/" in said
    kept = json.loads((tmp_path / "mine.json").read_text())
    assert kept["answers"] == {"01.b": {"given": 17.5, "right": True, "tries": 2}}


def test_nothing_is_kept_where_nobody_sits(tmp_path: Path) -> None:
    python("from simqueue.course import *; check('01.b', 17.5); predict('01.a', 5)", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_in_an_attended_notebook_it_is_kept_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(record.VARIABLE, raising=False)
    monkeypatch.setattr(record, "_seen", False)
    monkeypatch.setattr(record, "attended", lambda: True)
    assert record.somebody_sits_here()
    monkeypatch.setattr(record, "attended", lambda: False)  # as in the message of a click
    recall("01", "a", "b")
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    assert read_record(tmp_path / FILE).answers.keys() == {"01.1", "01.2"}


def test_a_guess_that_was_taken_back_is_not_kept(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predict("01.a", 5)
    predict("01.a", "dunno")
    reveal("01.a", 6.0)
    assert "No guess was made" in capsys.readouterr().out
    assert read_record(file).guesses == {}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{broken", "not a learner's answers"),
        (b'{"version": 2}', "version: "),
        (b'{"guesses": {"01.a": 5}}', "guesses.01.a: should be a list"),
        (b'{"answers": {}, "name": "Ada"}', "name: unknown key"),
        (b"\xff\xfe\x00", "cannot read the kept answers"),
        (b"[" * 2_000_000, "too long"),
    ],
)
def test_a_broken_file_gives_one_line_and_is_not_overwritten(
    file: Path, content: bytes, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        read_record(file)
    assert "\n" not in str(caught.value)
    for call in (lambda: check("01.b", 17.5), lambda: predict("01.a", 5), progress):
        call()
        said = capsys.readouterr().out
        assert said.count(str(file)) == 1
        assert "Traceback" not in said
    check("01.b", 17.5)
    assert "✓ Right." in capsys.readouterr().out, "the lesson goes on"
    assert file.read_bytes() == content


def test_a_file_that_cannot_be_written_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(record.VARIABLE, str(tmp_path / "no" / "folder.json"))
    check("01.b", 17.5)
    said = capsys.readouterr().out
    assert "✓ Right." in said
    assert "cannot keep your answers there" in said


def right_answers() -> dict[str, object]:
    """Of each exercise whose answer a file can hold, a right one."""
    found: dict[str, object] = {}
    for key, one in exercises().items():
        value = getattr(one.right, "value", getattr(one.right, "right", None))
        if value is not None:
            found[key] = value
    return found


def test_every_right_answer_is_counted_from_the_file(file: Path) -> None:
    for key, answer in right_answers().items():
        check(key, answer)
    for key, item in recalls().items():
        recall_right = [x for x in item.options if judge(item.exercise, x).verdict == "right"]
        record.keep_answer(key, recall_right[0], right=True)
    score = score_of(read_record(file))
    assert score.exercises == (len(right_answers()), len(exercises()))
    assert score.recall == (len(recalls()), len(recalls()))
    assert score.guesses[0] == 0


def test_answers_are_marked_anew_and_functions_believed(file: Path) -> None:
    record.keep_answer("01.b", 15, right=True)
    record.keep_answer("01.f", exercises, right=True)
    assert read_record(file).answers["01.f"].given == "def exercises"
    assert score_of(read_record(file)).exercises[0] == 1


@pytest.mark.parametrize(
    "score",
    [
        Score((1, 20), (2, 80), (3, 48)),
        Score((0, 20), (80, 80), (48, 48), before=(6, 15)),
        Score((0, 20), (80, 80), (48, 48), before=(0, 15), after=(15, 15)),
    ],
)
def test_a_line_says_it_all(score: Score) -> None:
    assert read_line(f"Ada: {score.line} (end)") == score


@pytest.mark.parametrize(
    "line",
    [
        "",
        "guesses 1/20, exercises 2/80, recall 0/48",
        "simqueue score: guesses 1/20, exercises 2/80",
        "simqueue score: guesses 1/20, exercises 99/80, recall 0/48",
        "simqueue score: guesses 1/20, exercises x/80, recall 0/48",
    ],
)
def test_half_a_line_is_none(line: str) -> None:
    assert read_line(line) is None


def test_thirty_learners_add_up(tmp_path: Path) -> None:
    """Twenty hand in files, ten a line: means and gain are those of plain arithmetic."""
    from simqueue.course.quizzes import quiz_items

    def given(form: str, right: int) -> dict[str, object]:
        letters = {}
        for n, item in enumerate(quiz_items(form, 1)):
            fits = [x for x in item.options if judge(item.exercise, x).verdict == "right"]
            letters[n] = fits[0] if item.options else item.exercise.right.value  # type: ignore[attr-defined]
        return {"seed": 1, "given": [letters[n] if n < right else None for n in range(15)]}

    for number in range(20):
        quiz = {"before": given("before", number % 5), "after": given("after", 10)}
        folder = tmp_path / f"learner-{number:02}"
        folder.mkdir()
        (folder / FILE).write_text(json.dumps({"quiz": quiz}))
    line = Score((5, 20), (40, 80), (10, 48), (2, 15), (12, 15)).line
    text = tmp_path / "lines.txt"
    text.write_text("\n".join(["our class", *(f"pupil {n}: {line}" for n in range(10))]))

    found = read_scores([*sorted(tmp_path.glob("*/*.json")), text])

    assert len(found.learners) == 30
    assert {one.name for one in found.learners if one.marked} == {
        f"learner-{number:02}" for number in range(20)
    }
    assert found.mean("before") == ((20 * 2 + 10 * 2) / 30, 30)
    assert found.mean("exercises") == (400 / 30, 30)
    gain = (20 * 10 + 10 * 12 - 20 * 2 - 10 * 2) / (30 * 15 - 20 * 2 - 10 * 2)
    assert found.gain == (pytest.approx(gain), 30)
    assert found.questions("after") == [*[(20, 20)] * 10, *[(0, 20)] * 5]
    assert found.questions("before")[0] == (16, 20)
    json.dumps(found.document(), allow_nan=False)


def test_a_class_without_quizzes_has_no_gain() -> None:
    assert Scores(()).gain is None
    assert Scores(()).mean("before") is None


def test_what_is_no_score_is_named(tmp_path: Path) -> None:
    text = tmp_path / "a.txt"
    text.write_text("nothing\n")
    with pytest.raises(InputError, match=r"a\.txt: expected a learner's file"):
        read_scores([text])
    text.write_text("Ada: simqueue score: guesses 1/2\n")
    with pytest.raises(InputError, match=r"a\.txt, line 1: not a whole score line"):
        read_scores([text])
    with pytest.raises(InputError, match=r"gone\.json: there is no such file"):
        read_scores([tmp_path / "gone.json"])
    text.write_text(f"Ada: {Score((1, 2), (1, 2), (1, 2)).line}\n" * 2)
    with pytest.raises(InputError, match="Ada: handed in 2 times"):
        read_scores([text])


def test_a_record_holds_nothing_else() -> None:
    assert set(Record.model_fields) == {"version", "guesses", "answers", "quiz"}
