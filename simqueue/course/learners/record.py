"""A learner's guesses and answers, kept in one file: on this machine, and without a name.

The file lies where the notebook does, `FILE`, unless the environment variable `VARIABLE` says
otherwise. It is written where somebody sits in front of the notebook, or where the variable is set:
a program that only runs notebooks leaves nothing behind. A file that cannot be read is never
written to.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from numbers import Real
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from simqueue.checked import Checked, first_problem
from simqueue.errors import InputError
from simqueue.files import open_text, reason, writing
from simqueue.notebook import attended

#: The file's name, in the folder of the notebook.
FILE = "simqueue-progress.json"
#: Says where the file is, if not there.
VARIABLE = "SIMQUEUE_PROGRESS"
#: No learner writes so much, and no file has to be read that is longer.
_LONGEST_ANSWER, _LONGEST_FILE = 200, 1_000_000

Given = float | str | list[str]

_seen = False


class Answered(Checked):
    """An exercise that somebody tried.

    Attributes
    ----------
    given
        The answer, and once there was a right one, that. A function is kept by its name alone.
    right
        Whether it was right.
    tries
        How many answers were judged, up to the first right one.
    """

    given: Given
    right: bool
    tries: int = Field(ge=1)


class HandedIn(Checked):
    """A quiz that was handed in: the seed of its numbers, and the answers; none is ``null``."""

    seed: int
    given: list[Given | None]


class Record(Checked):
    """All that is kept of a learner."""

    version: Literal[1] = 1
    guesses: dict[str, tuple[float, float]] = {}
    answers: dict[str, Answered] = {}
    quiz: dict[str, HandedIn] = {}


def place() -> Path | None:
    """Where the file is; nowhere if nothing is to be kept."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    return Path(FILE) if somebody_sits_here() else None


def somebody_sits_here() -> bool:
    """Whether somebody sits in front of this notebook, or has done so.

    A click comes to the kernel in a message that does not tell, unlike a cell that is run.
    """
    global _seen
    _seen = _seen or attended()
    return _seen


def read_record(path: Path) -> Record:
    """Read a learner's file; an empty record if there is none.

    Raises
    ------
    InputError
        If the file cannot be read, or is not one of these.
    """
    try:
        with open_text(path) as file:
            text = file.read(_LONGEST_FILE + 1)
    except FileNotFoundError:
        return Record()
    except (OSError, ValueError) as error:  # ValueError: bytes that are no text
        raise InputError(f"{path}: cannot read the kept answers: {reason(error)}") from None
    try:
        if len(text) > _LONGEST_FILE:
            raise InputError(f"{path}: not a learner's answers: it is too long")
        return Record.model_validate_json(text)
    except ValidationError as error:
        problem = first_problem(error)
        where = ".".join(problem.path)
        raise InputError(
            f"{path}: not a learner's answers, so nothing is kept there: "
            f"{where + ': ' if where else ''}{problem}; move the file away to begin anew"
        ) from None


def kept() -> Record:
    """What was kept so far; raises `InputError` as `read_record` does."""
    path = place()
    return Record() if path is None else read_record(path)


def keep_guess(key: str, low: float, high: float) -> None:
    """Keep a guess, from ``low`` to ``high`` in the unit of its question."""
    before = kept()
    _write(before, guesses={**before.guesses, key: (low, high)})


def forget_guess(key: str) -> None:
    """Keep no guess: it was taken back."""
    before = kept()
    if key in before.guesses:
        _write(before, guesses={k: one for k, one in before.guesses.items() if k != key})


def keep_answer(key: str, answer: Any, *, right: bool) -> None:
    """Keep an answer that was judged, unless a right one was before."""
    before = kept()
    last = before.answers.get(key)
    if last is None or not last.right:
        tries = 1 if last is None else last.tries + 1
        now = Answered(given=as_given(answer), right=right, tries=tries)
        _write(before, answers={**before.answers, key: now})


def keep_quiz(form: str, seed: int, answers: Iterable[Any]) -> bool:
    """Keep what was handed in; whether it was: only the first time counts."""
    before = kept()
    if form in before.quiz:
        return False
    given = [None if answer in (None, ...) else as_given(answer) for answer in answers]
    _write(before, quiz={**before.quiz, form: HandedIn(seed=seed, given=given)})
    return True


def as_given(answer: Any) -> Given:
    """An answer as it is kept: a number, a text, or some letters."""
    if isinstance(answer, Real) and not isinstance(answer, bool):
        return float(answer)
    if isinstance(answer, list | tuple | set | frozenset):
        return sorted(str(part)[:_LONGEST_ANSWER] for part in answer)[:26]
    text = f"def {answer.__name__}" if callable(answer) else str(answer)
    return text[:_LONGEST_ANSWER]


def _write(before: Record, **changed: Any) -> None:
    path = place()
    if path is None:
        return
    try:
        with writing(path) as file:
            file.write(before.model_copy(update=changed).model_dump_json(indent=1) + "\n")
    except OSError as error:
        raise InputError(f"{path}: cannot keep your answers there: {reason(error)}") from error
