"""Sets of questions, as a notebook asks them: of earlier lessons, and of the quiz."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from simqueue.course.choices import Item
from simqueue.course.display import prose, show, signed
from simqueue.course.judging import Mark, judge, said, shown
from simqueue.course.learners import record
from simqueue.course.lessons import recalls
from simqueue.course.marking import keep_judged
from simqueue.course.quizzes import FORMS, quiz_items, quiz_seed
from simqueue.errors import InputError
from simqueue.notebook import attended


def recall(lesson: str = "", *answers: Any) -> None:
    """Ask the three questions from earlier lessons, and mark the answers.

    In JupyterLab there are options to click. Everywhere else, and beside them, letters in the
    place of ``None`` will do.

    Parameters
    ----------
    lesson
        The lesson that begins: ``03``.
    answers
        A letter for each question; ``None``: not yet.
    """
    items = {key: one for key, one in recalls().items() if key.partition(".")[0] == lesson}
    if not items:
        known = sorted({key.partition(".")[0] for key in recalls()})
        wrong = f"Nothing is asked for {shown(lesson)}. " if lesson else ""
        _say(
            f'{wrong}Write `recall("{known[0]}", None, None, None)`. There are {", ".join(known)}.'
        )
        return
    given = _padded(answers, len(items))
    marks = {key: judge(items[key].exercise, one) for key, one in zip(items, given, strict=True)}
    for (key, judged), one in zip(marks.items(), given, strict=True):
        keep_judged(key, one, judged)
    title = "What do you remember? Three questions from earlier lessons."
    call = f'recall("{lesson}", "a", None, None)'
    if attended() and find_spec("ipywidgets") and not any(_given(one) for one in given):
        from simqueue.course.buttons import RecallButtons

        RecallButtons(title, items).show(_markup(title, items, {}), _text(title, items, {}, call))
    else:
        show(_markup(title, items, marks, call), _text(title, items, marks, call))


def quiz(form: str = "", *answers: Any, seed: int | None = None) -> None:
    """Ask the quiz of fifteen questions, before or after the course, and take it in.

    It marks when all is handed in, and says how many are right, not which: the same is asked again
    after the course, with other numbers.

    Parameters
    ----------
    form
        ``before`` or ``after``.
    answers
        One for each question, in their order; ``None``: I do not know.
    seed
        Fixes the numbers; a class should have the same. By default that of the edition, or 1.
    """
    try:
        said_seed = [] if seed is None else [f"seed={seed}"]
        seed = quiz_seed() if seed is None else seed
        items = {str(number): one for number, one in enumerate(quiz_items(form, seed), 1)}
    except InputError as error:
        _say(f'{error}. Write `quiz("before")`, or `quiz("after")`.')
        return
    title = f"The quiz, {form} the course: {len(items)} questions. Leave out what you do not know."
    if not answers:
        call = f'quiz("{form}", ' + ", ".join([*["None"] * len(items), *said_seed]) + ")"
        if attended() and find_spec("ipywidgets"):
            from simqueue.course.buttons import QuizButtons

            buttons = QuizButtons(title, items, lambda given: taken_in(form, seed, given))
            buttons.show(_markup(title, items, {}), _text(title, items, {}, call))
        else:
            show(_markup(title, items, {}, call), _text(title, items, {}, call))
        return
    _say(taken_in(form, seed, _padded(answers, len(items))))


def taken_in(form: str, seed: int, answers: Sequence[Any]) -> str:
    """Mark a quiz, keep it, and say how it went; an answer that cannot be read is asked for again.

    Raises
    ------
    InputError
        If there is no such form.
    """
    items = quiz_items(form, seed)
    marks = [judge(item.exercise, one) for item, one in zip(items, answers, strict=True)]
    for number, judged in enumerate(marks, 1):
        if judged.verdict == "unread":
            return f"Question {number}: {judged.text} Nothing was handed in yet."
    right = sum(judged.verdict == "right" for judged in marks)
    said = f"Handed in: {right} of {len(items)} are right."
    try:
        if record.place() is not None and not record.keep_quiz(form, seed, answers):
            return f"{said} It was handed in before: the first time counts, and is kept."
    except InputError as error:
        return f"{said} {error}"
    return f"{said} {FORMS[form]}"


def _padded(answers: Sequence[Any], length: int) -> list[Any]:
    return [*answers, *[None] * length][:length]


def _given(answer: Any) -> bool:
    return answer is not None and answer is not ...


def _say(text: str) -> None:
    show(prose(text), text.replace("`", ""))


def _markup(
    title: str, items: Mapping[str, Item], marks: Mapping[str, Mark], call: str = ""
) -> str:
    parts = [f"<p><b>{html.escape(title)}</b></p><ol>"]
    for key, item in items.items():
        parts.append(f"<li>{prose(item.asks)}")
        if item.options:
            rows = (f"{letter}: {text}" for letter, text in item.options.items())
            parts.append("<ul>" + "".join(f"<li>{prose(row)}</li>" for row in rows) + "</ul>")
        else:
            parts.append(f"<p><i>I want {html.escape(item.wants)}.</i></p>")
        judged = marks.get(key)
        if judged is not None and judged.verdict != "missing":
            parts.append(signed(judged.sign, prose(said(item, judged))))
        parts.append("</li>")
    note = prose(f"Put your answers in the place of `None`: `{call}`.") if call else ""
    return "".join(parts) + "</ol>" + note


def _text(title: str, items: Mapping[str, Item], marks: Mapping[str, Mark], call: str) -> str:
    lines = [title]
    for number, (key, item) in enumerate(items.items(), 1):
        lines.append(f"{number}. {item.asks}")
        lines += [f"   {letter}: {text}" for letter, text in item.options.items()]
        if not item.options:
            lines.append(f"   I want {item.wants}.")
        judged = marks.get(key)
        if judged is not None and judged.verdict != "missing":
            lines.append(f"   {judged.sign} {said(item, judged)}")
    lines.append(f"Put your answers in the place of None: {call}.")
    return "\n".join(lines).replace("`", "")
