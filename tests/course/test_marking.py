from __future__ import annotations

import io
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest

from simqueue.course import answer, check, marking, predict, reveal
from simqueue.course.display import kept
from simqueue.course.lessons import exercises, predictions


class Hostile:
    """Raises whatever is done to it."""

    def __repr__(self) -> str:
        raise RuntimeError

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    def __iter__(self) -> Any:
        raise RuntimeError

    def __float__(self) -> float:
        raise RuntimeError

    __hash__ = None  # type: ignore[assignment]


ODD = [None, ..., True, "", "words", b"x", float("nan"), float("inf"), -1, 0, 1e300, 10**400, 1j]
ODD += [
    [],
    [1, 2],
    {},
    {"a": 1},
    object(),
    int,
    Hostile(),
    pd.NA,
    pd.Series([1, 2]),
    pd.DataFrame(),
]
ODD += [np.array([]), np.float64("nan"), np.array(["a"]), np.datetime64("2011-11-17"), lambda: 1]


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marking, "_guesses", {})


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: type(odd).__name__)
def test_nothing_breaks_a_run(odd: object, capsys: pytest.CaptureFixture[str]) -> None:
    for call in (predict, reveal, check, answer):
        call()  # type: ignore[operator]
    for key in [*predictions(), *exercises(), odd]:
        predict(key)
        predict(key, odd)
        reveal(key, odd, ci95=odd, theory=odd)  # type: ignore[arg-type]
        reveal(key, 1, ci95=(odd, odd), theory=odd)  # type: ignore[arg-type]
        check(key, odd)
        answer(key)
    said = capsys.readouterr().out
    assert said.strip()
    assert "Traceback" not in said


def test_guess_measured_and_theory_stand_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    predict("00.a", "10 min")
    reveal("00.a", 3600.0, ci95=(3500.0, 3700.0), theory=3550)
    said = capsys.readouterr().out
    assert "You expect the p95 of P's last effects to be 10 min." in said
    assert "your guess 10 min; measured 60 min (58.3 to 61.7); by formula 59.2 min" in said
    assert "6 times your guess" in said


@pytest.mark.parametrize(
    ("guess", "words"),
    [
        ("55 min", "close"),
        (3601, "inside the interval"),
        ("10 h", "Your guess is 10 times what came out"),
        (0, "off"),
        ("no idea", "No guess was made"),
        ("55 to 65 min", "lies in your range"),
        ("2-3 h", "near end of your range"),
    ],
)
def test_the_comparison_is_in_words(
    guess: object, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    predict("00.a", guess)
    reveal("00.a", 3600.0, ci95=(3590.0, 3610.0))
    assert words in capsys.readouterr().out


def test_a_guess_that_cannot_be_read_is_not_kept(capsys: pytest.CaptureFixture[str]) -> None:
    predict("00.a", "10 min")
    predict("00.a", "dunno")
    reveal("00.a", 3600.0)
    said = capsys.readouterr().out
    assert "No guess was made" in said
    assert "10 min;" not in said


def test_no_answer_yet_is_not_wrong() -> None:
    assert marking.mark("00.b", None).verdict == "missing"
    assert marking.mark("00.b", ...).verdict == "missing"


def test_a_call_without_an_answer_says_how_to_use_it(capsys: pytest.CaptureFixture[str]) -> None:
    check()
    assert 'Write check("00.b", your answer).' in capsys.readouterr().out
    predict()
    assert 'Write predict("00.a", your guess).' in capsys.readouterr().out
    predict("00.a")
    assert "Your turn: what do you expect the p95" in capsys.readouterr().out
    predict("02.a", 0.05)
    assert "Is that 5 % or 0.05 %?" in capsys.readouterr().out
    reveal("02.a", 0.05)
    assert "measured 0.05 %" in capsys.readouterr().out


def test_right_and_wrong_have_a_sign_for_the_eye(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    check("00.b", 12)
    assert capsys.readouterr().out.startswith("✓ Right.")
    check("00.b", 3)
    assert capsys.readouterr().out.startswith("✗ Not yet.")
    with kept() as things:
        check("00.b", 12)
    assert '<span aria-hidden="true">✓</span> Right.' in things[0][0]["text/html"]
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), "cp1252"))
    check("00.b", 12)


def test_without_a_guess_the_surprise_is_folded() -> None:
    with kept() as things:
        reveal("00.a", 3600.0)
        predict("00.a", "10 min")
        reveal("00.a", 3600.0)
    folded, _, open_ = (data["text/html"] for data, _ in things)
    assert "60 min" not in folded.partition("<details>")[0]
    assert "60 min" in folded
    assert "<details>" not in open_


def test_letters_may_be_given_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    check("00.d", "a", "e")
    assert "Right." in capsys.readouterr().out


def test_the_answer_is_shown_on_demand_only(capsys: pytest.CaptureFixture[str]) -> None:
    check("00.b", 3)
    assert "12 callers" not in capsys.readouterr().out
    answer("00.b")
    assert "12 callers" in capsys.readouterr().out


def test_importing_the_course_loads_neither_jupyter_nor_pandas() -> None:
    code = (
        "import sys; from simqueue.course import check; check('00.b', 12);"
        "print([m for m in ('IPython', 'pandas', 'matplotlib', 'sqlalchemy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("✓ Right.")
    assert done.stdout.strip().endswith("[]")
