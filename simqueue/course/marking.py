"""Predictions and exercises, as a notebook uses them. Nothing here ever breaks a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from simqueue.course.display import folded, prose, show, table
from simqueue.course.lessons import exercises, predictions
from simqueue.course.questions import Exercise, Prediction, read_number, wanted
from simqueue.results.wording import digits, duration, duration_within

T = TypeVar("T")

_guesses: dict[str, float] = {}


def predict(key: str, guess: Any) -> None:
    """Write down what you expect, before you measure it.

    Parameters
    ----------
    key
        Which prediction: ``00.a``.
    guess
        A number. For a time: seconds, or a text such as ``"10 min"``.
    """
    question = _find(key, predictions())
    if question is None:
        return
    number = read_number(guess, question.time)
    _guesses.pop(key, None)
    if number is None:
        _say(f"{_shown(guess)} is not what I can read. Please guess {wanted(question.time)}.")
        return
    _guesses[key] = number
    _say(f"Noted. You expect the {question.what} to be {_worded(number, question)}.")


def reveal(
    key: str,
    measured: Any,
    *,
    ci95: tuple[float, float] | None = None,
    theory: Any = None,
) -> None:
    """Set your guess, what was measured and what theory says side by side.

    Parameters
    ----------
    key
        Which prediction: ``00.a``.
    measured
        What came out; seconds if it is a time.
    ci95
        The 95 % interval of ``measured``, if it is a mean.
    theory
        What a formula says, if there is one.
    """
    question = _find(key, predictions())
    if question is None:
        return
    number = read_number(measured, question.time)
    if number is None:
        _say(f"{_shown(measured)} is not what I can read as the {question.what}.")
        return
    guess, interval = _guesses.get(key), _ends(ci95)
    formula = read_number(theory, question.time)
    cells = {"your guess": "none" if guess is None else _worded(guess, question)}
    cells["measured"] = _within(number, interval, question)
    if formula is not None:
        cells["by formula"] = _worded(formula, question)
    what = question.what[0].upper() + question.what[1:]
    comment = _comparison(guess, number, interval)
    show(
        table(["", *cells], [[what, *cells.values()]]) + prose(comment),
        f"{what}: " + "; ".join(f"{k} {v}" for k, v in cells.items()) + f". {comment}",
    )


def check(key: str, answer: Any = None) -> None:
    """Hear whether an answer is right, or a hint; the answer is folded below.

    Parameters
    ----------
    key
        Which exercise: ``00.b``.
    answer
        Yours. ``None``: not yet.
    """
    exercise = _find(key, exercises())
    if exercise is None:
        return
    text = mark(key, answer).text
    show(
        prose(text) + folded("Answer", prose(exercise.answer)),
        f'{text}\n(answer("{key}") shows the answer.)',
    )


def answer(key: str) -> None:
    """Show the answer of an exercise."""
    exercise = _find(key, exercises())
    if exercise is not None:
        _say(exercise.answer)


@dataclass(frozen=True)
class Mark:
    """What `mark` thinks of an answer, and the words for it."""

    verdict: Literal["right", "wrong", "unread", "missing"]
    text: str


def mark(key: str, answer: Any) -> Mark:
    """Judge an answer without showing anything.

    Raises
    ------
    KeyError
        If there is no such exercise.
    """
    exercise = exercises()[key]
    if answer is None or answer is ...:
        wants = exercise.right.wants
        return Mark("missing", f"Your turn: put your answer in the place of None. I want {wants}.")
    fits = _fits(exercise, answer)
    if fits is None:
        wants = exercise.right.wants
        return Mark("unread", f"{_shown(answer)} is not what I can read. I want {wants}.")
    if fits:
        return Mark("right", "Right.")
    hints = (hint.say for hint in exercise.hints if hint.when.fits(answer))
    return Mark("wrong", f"Not yet. {next(hints, exercise.otherwise)}")


def _fits(exercise: Exercise, answer: Any) -> bool | None:
    try:
        return exercise.right.fits(answer)
    except Exception:
        # An answer may be any object, and may misbehave when it is looked at.
        return None


def _find(key: Any, among: dict[str, T]) -> T | None:
    try:
        return among[key]
    except (KeyError, TypeError):
        _say(f"There is no question {_shown(key)} of this kind; there are {', '.join(among)}.")
        return None


def _say(text: str) -> None:
    show(prose(text), text.strip().replace("`", ""))


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:
        # Even this may fail for some object.
        text = f"a {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."


def _worded(number: float, question: Prediction) -> str:
    return duration(number) if question.time else f"{digits(number)} {question.unit}".strip()


def _ends(ci95: Any) -> tuple[float, float] | None:
    """The ends of an interval that has a length."""
    try:
        low, high = (read_number(end) for end in ci95)
    except Exception:
        # Anything may have been handed over.
        return None
    return (low, high) if low is not None and high is not None and low < high else None


def _within(number: float, interval: tuple[float, float] | None, question: Prediction) -> str:
    if interval is None:
        return _worded(number, question)
    half = (interval[1] - interval[0]) / 2
    if question.time:
        return duration_within(number, half)
    return f"{digits(number)} ± {digits(half, 2)} {question.unit}".strip()


def _comparison(guess: float | None, measured: float, interval: tuple[float, float] | None) -> str:
    if guess is None:
        return "You made no guess: predict before you run, and surprises stay with you."
    if interval is not None and interval[0] <= guess <= interval[1]:
        return "Your guess lies inside the interval."
    if guess <= 0 or measured <= 0:
        return "Right." if guess == measured else "Your guess is off."
    ratio = measured / guess
    if 0.8 <= ratio <= 1.25:
        return "Your guess is close."
    if ratio > 1:
        return f"What came out is {digits(ratio, 2)} times your guess."
    return f"Your guess is {digits(1 / ratio, 2)} times what came out."
