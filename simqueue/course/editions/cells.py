"""A lesson's notebook, made into that of an edition."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import Any

import nbformat

from simqueue.course.editions.notes import NOTES
from simqueue.course.lessons import exercises, recalls
from simqueue.course.making import Make
from simqueue.course.questions import Between, Exercise, Letters
from simqueue.results.wording import digits

_v4: Any = nbformat.v4
#: What a lesson says of its answers, and what it says in the students' edition.
_FOLDED = "The folded answer is below it."
_EXPLAINED = "What is right is explained then."
_CHECK = re.compile(r'^check\(\s*"([^"]+)"', re.MULTILINE)
_RECALL = re.compile(r'^recall\(\s*"([^"]+)"', re.MULTILINE)


def for_students(notebook: Any) -> Any:
    """A lesson without outputs: they hold answers, and what is to be guessed."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        else:
            cell.source = cell.source.replace(_FOLDED, _EXPLAINED)
    return notebook


def for_teachers(notebook: Any, lesson: str) -> Any:
    """A lesson with notes below its title, and the answer below each question."""
    cells = []
    for number, cell in enumerate(notebook.cells):
        cells.append(cell)
        if number == 0 and lesson in NOTES:
            cells.append(_note("note", f"**For the teacher.** {NOTES[lesson]}"))
        if cell.cell_type == "code":
            cells += [_note(f"answer-{key}", text) for key, text in _answers(cell.source)]
    notebook.cells = cells
    return notebook


def quiz_notebook(form: str, seed: int) -> Any:
    """A notebook in which the quiz is taken; the teacher's package has no seed of its own."""
    words = f"# The quiz, {form} the course\n\nRun the cell, answer, and hand in once at the end."
    code = f'from simqueue.course import quiz\n\nquiz("{form}", seed={seed})'
    cells = [_v4.new_markdown_cell(words, id="title"), _v4.new_code_cell(code, id="quiz")]
    notebook = _v4.new_notebook(cells=cells)
    nbformat.validate(notebook)
    return notebook


def _note(name: str, text: str) -> Any:
    return _v4.new_markdown_cell(text, id=name.replace(".", ""), metadata={"tags": ["teacher"]})


def _answers(source: str) -> Iterator[tuple[str, str]]:
    for key in _CHECK.findall(source):
        yield key, answer_text(key, exercises()[key])
    for lesson in _RECALL.findall(source):
        for key, item in recalls().items():
            if key.partition(".")[0] == lesson:
                yield key, answer_text(key, item.exercise)


def answer_text(key: str, exercise: Exercise) -> str:
    """An answer and the way to it, and the mistakes to expect, in Markdown."""
    parts = [f"**Answer to {key}.** {textwrap.dedent(exercise.answer).strip()}"]
    if isinstance(exercise.right, Make):
        parts.append(f"```python\n{exercise.right.source}\n```")
    said = [f"- {_sign(hint.when)}{hint.say}" for hint in exercise.hints if hint.say]
    if said:
        parts.append("**To expect:**\n\n" + "\n".join(said))
    return "\n\n".join(parts)


def _sign(sign: Any) -> str:
    """What a known wrong answer looks like, if it can be said in short."""
    if isinstance(sign, Letters):
        return f"{', '.join(sign.right)}: "
    if isinstance(sign, Between):
        middle = (sign.low + sign.high) / 2
        near = sign.high - sign.low <= 0.1 * abs(middle)
        ends = digits(middle) if near else f"{digits(sign.low)} to {digits(sign.high)}"
        return f"{ends}: "
    return ""
