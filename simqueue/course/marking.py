"""Predictions and exercises, as a notebook uses them. Nothing here ever breaks a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from simqueue.course.display import code, folded, prose, show, signed, table
from simqueue.course.judging import Mark, mark, shown
from simqueue.course.learners import record
from simqueue.course.lessons import exercises, predictions
from simqueue.course.making import Make
from simqueue.course.questions import Exercise, Prediction
from simqueue.course.reading import Span, UnreadableError, read_span
from simqueue.errors import InputError
from simqueue.results.wording import (
    digits,
    digits_within,
    duration,
    duration_range,
    duration_within,
)

T = TypeVar("T")

_guesses: dict[str, Span] = {}


def predict(key: str = "", guess: Any = None) -> None:
    """Write down what you expect, before you measure it.

    Parameters
    ----------
    key
        Which prediction: ``00.a``.
    guess
        A number, or a range such as ``"5 to 10"``. For a time: seconds, or a text such as
        ``"10 min"``. ``None``: not yet.
    """
    question = _find(key, predictions(), 'predict("{}", your guess)')
    if question is None:
        return
    _guesses.pop(key, None)
    if guess is None or guess is ...:
        before = _guess(key)
        _say(
            f"Your turn: what do you expect the {question.what} to be? Put your guess in the place "
            f"of None. I want {question.wants}."
            if before is None
            else f"Before, you expected the {question.what} to be {_worded(before, question)}."
        )
        return
    try:
        read = read_span(guess, question.unit)
    except UnreadableError as why:
        _keep(lambda: record.forget_guess(key))
        _say(f"I cannot read {shown(guess)}. {why} I want {question.wants}.")
        return
    _guesses[key] = read
    _keep(lambda: record.keep_guess(key, *read))
    _say(f"Noted. You expect the {question.what} to be {_worded(read, question)}.")


def reveal(
    key: str = "",
    measured: Any = None,
    *,
    ci95: tuple[float, float] | None = None,
    theory: Any = None,
) -> None:
    """Set your guess, what was measured and what theory says side by side.

    Without a guess the numbers are folded, so that nobody reads them before guessing.

    Parameters
    ----------
    key
        Which prediction: ``00.a``.
    measured
        What came out; seconds if it is a time, and per cent if it is a share.
    ci95
        The 95 % interval of ``measured``, if it is a mean.
    theory
        What a formula says, if there is one.
    """
    question = _find(key, predictions(), 'reveal("{}", what was measured)')
    if question is None:
        return
    number = _measured(measured, question)
    if number is None:
        _say(f"{shown(measured)} is not what I can read as the {question.what}.")
        return
    guess, interval = _guess(key), _ends(ci95)
    formula = _measured(theory, question)
    cells = {} if guess is None else {"your guess": _worded(guess, question)}
    cells["measured"] = _within(number, interval, question)
    if formula is not None:
        cells["by formula"] = _worded(Span(formula, formula), question)
    what = question.what[0].upper() + question.what[1:]
    markup = table(["", *cells], [[what, *cells.values()]])
    text = f"{what}: " + "; ".join(f"{k} {v}" for k, v in cells.items()) + "."
    if guess is None:
        comment = "No guess was made. Guess before you look, and surprises stay with you."
        show(prose(comment) + folded("What came out", markup), f"{text} {comment}")
    else:
        comment = _comparison(guess, number, interval)
        show(markup + prose(comment), f"{text} {comment}")


def check(key: str = "", answer: Any = None, *more: Any) -> None:
    """Hear whether an answer is right, or a hint; the answer is folded below.

    Parameters
    ----------
    key
        Which exercise: ``00.b``.
    answer
        Yours: a number, letters or a function, as the exercise wants it. ``None``: not yet.
    more
        Further letters, if you write them one by one.
    """
    exercise = _find(key, exercises(), 'check("{}", your answer)')
    if exercise is None:
        return
    given = (answer, *more) if more else answer
    judged = mark(key, given)
    keep_judged(key, given, judged)
    earlier = _earlier(key) if judged.verdict == "missing" else ""
    if exercise.answer:
        below, note = _solution(exercise), f'(answer("{key}") shows the answer.)'
    else:  # the students' edition
        below, note = prose(judged.why), _plain(judged.why)
    show(
        signed(judged.sign, prose(judged.text + earlier))
        + (folded("Answer", below) if below else ""),
        f"{judged.sign} {_plain(judged.text + earlier)}\n{note}".strip(),
    )


def answer(key: str = "") -> None:
    """Show the answer of an exercise."""
    exercise = _find(key, exercises(), 'answer("{}")')
    if exercise is not None and not exercise.answer:
        _say("This is the students' edition: it shows an answer to whoever has found it.")
    elif exercise is not None:
        source = _source(exercise)
        plain = _plain(exercise.answer) + (f"\n\n{source}" if source else "")
        show(_solution(exercise), plain)


def keep_judged(key: str, answer: Any, judged: Mark) -> None:
    """Keep an answer that was judged."""
    if judged.verdict in ("right", "wrong"):
        _keep(lambda: record.keep_answer(key, answer, right=judged.verdict == "right"))


def _keep(act: Callable[[], object]) -> None:
    """Keep something in the learner's file; what is wrong with the file is said, no more."""
    try:
        act()
    except InputError as error:
        _say(str(error))


def _earlier(key: str) -> str:
    """What is kept of an answer, in a sentence that follows another one."""
    try:
        before = record.kept().answers.get(key)
    except InputError as error:
        return f" ({error})"
    if before is None:
        return ""
    given = ", ".join(before.given) if isinstance(before.given, list) else before.given
    return f" Before, you answered {shown(given)}: {'right' if before.right else 'not yet right'}."


def _guess(key: str) -> Span | None:
    """The guess of this kernel, or one of an earlier one."""
    if key in _guesses:
        return _guesses[key]
    try:
        ends = record.kept().guesses.get(key)
    except InputError:
        return None  # whoever guessed was told
    return None if ends is None else Span(*ends)


def _solution(exercise: Exercise) -> str:
    source = _source(exercise)
    return prose(exercise.answer) + (code(source) if source else "")


def _source(exercise: Exercise) -> str:
    return exercise.right.source if isinstance(exercise.right, Make) else ""


def _find(key: Any, among: dict[str, T], usage: str) -> T | None:
    try:
        return among[key]
    except (KeyError, TypeError):
        wrong = "" if isinstance(key, str) and not key else f"There is no question {shown(key)}. "
        keys = sorted(among)
        _say(f"{wrong}Write `{usage.format(keys[0])}`. There are {', '.join(keys)}.")
        return None


def _say(text: str) -> None:
    show(prose(text), _plain(text))


def _plain(text: str) -> str:
    return text.strip().replace("`", "")


def _measured(value: Any, question: Prediction) -> float | None:
    """A number that a notebook measured: it is in the question's unit already."""
    try:
        return read_span(value, "s" if question.unit == "s" else "").low
    except UnreadableError:
        return None


def _worded(span: Span, question: Prediction) -> str:
    if question.unit == "s":
        return duration(span.low) if span.single else duration_range(*span)
    ends = digits(span.low) if span.single else f"{digits(span.low)} to {digits(span.high)}"
    return f"{ends} {question.unit}".strip()


def _ends(ci95: Any) -> tuple[float, float] | None:
    """The ends of an interval that has a length."""
    try:
        low, high = (read_span(end).low for end in ci95)
    except Exception:
        # Anything may have been handed over.
        return None
    return (low, high) if low < high else None


def _within(number: float, interval: tuple[float, float] | None, question: Prediction) -> str:
    if interval is None:
        return _worded(Span(number, number), question)
    if question.unit == "s":
        return duration_within(number, interval)
    return digits_within(number, interval, question.unit)


def _comparison(guess: Span, measured: float, interval: tuple[float, float] | None) -> str:
    if not guess.single and guess.low <= measured <= guess.high:
        return "What came out lies in your range."
    if interval is not None and interval[0] <= guess.low and guess.high <= interval[1]:
        return "Your guess lies inside the interval."
    nearest = min(max(measured, guess.low), guess.high)
    if nearest <= 0 or measured <= 0:
        return "Right." if nearest == measured else "Your guess is off."
    end = "your guess" if guess.single else "the near end of your range"
    ratio = measured / nearest
    if 0.8 <= ratio <= 1.25:
        return f"{end[0].upper()}{end[1:]} is close."
    if ratio > 1:
        return f"What came out is {digits(ratio, 2)} times {end}."
    return f"{end[0].upper()}{end[1:]} is {digits(1 / ratio, 2)} times what came out."
