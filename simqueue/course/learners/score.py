"""What a learner has done so far, counted: a page for the learner, a line for the teacher."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from simqueue.course.display import prose, show, table
from simqueue.course.judging import judge
from simqueue.course.learners.record import Answered, Record, kept, place
from simqueue.course.lessons import exercises, predictions, recalls
from simqueue.course.questions import Exercise, Letters, Number, Whole
from simqueue.course.quizzes import FORMS, quiz_items
from simqueue.course.sealing import SealedNumber
from simqueue.errors import InputError

#: What a score line begins with, and the words of its parts.
MARK = "simqueue score:"
_PARTS = {
    "guesses": "guesses",
    "exercises": "exercises",
    "recall": "recall",
    "before": "quiz before",
    "after": "quiz after",
}


@dataclass(frozen=True)
class Score:
    """How many of how many: guesses made, answers right, and questions of each quiz, if taken."""

    guesses: tuple[int, int]
    exercises: tuple[int, int]
    recall: tuple[int, int]
    before: tuple[int, int] | None = None
    after: tuple[int, int] | None = None

    @property
    def line(self) -> str:
        """All of it in one line, which `read_line` reads."""
        found = ((words, getattr(self, part)) for part, words in _PARTS.items())
        return f"{MARK} " + ", ".join(f"{words} {of[0]}/{of[1]}" for words, of in found if of)


def read_line(text: str) -> Score | None:
    """The score of a line; ``None`` if it has none.

    >>> read_line("simqueue score: guesses 1/20, exercises 2/80, recall 0/48").exercises
    (2, 80)
    """
    _, mark, said = text.partition(MARK)
    found: dict[str, tuple[int, int]] = {}
    for part, words in _PARTS.items():
        match = re.search(rf"(?:^|,)\s*{words} (\d{{1,4}})/(\d{{1,4}})(?=,|\s|$)", said)
        if match and int(match[1]) <= int(match[2]):
            found[part] = (int(match[1]), int(match[2]))
    if not mark or not {"guesses", "exercises", "recall"} <= found.keys():
        return None
    return Score(**found)


def score_of(record: Record) -> Score:
    """Count what is in a learner's file; its answers are marked anew.

    Raises
    ------
    InputError
        If a quiz in it is none of ours.
    """
    asked = exercises()
    recalled = {key: item.exercise for key, item in recalls().items()}
    quiz = {form: _quiz_right(record, form) for form in FORMS if form in record.quiz}
    return Score(
        guesses=(len(record.guesses.keys() & predictions().keys()), len(predictions())),
        exercises=(_right(record.answers, asked), len(asked)),
        recall=(_right(record.answers, recalled), len(recalled)),
        **{form: (sum(right), len(right)) for form, right in quiz.items()},
    )


def _right(answers: Mapping[str, Answered], among: Mapping[str, Exercise]) -> int:
    return sum(_is_right(answers[key], among[key]) for key in answers.keys() & among.keys())


def _is_right(answered: Answered, exercise: Exercise) -> bool:
    """Whether an answer is right; of a function only that is in the file, so it is believed."""
    if not isinstance(exercise.right, Number | Whole | Letters | SealedNumber):
        return answered.right
    return judge(exercise, answered.given).verdict == "right"


def _quiz_right(record: Record, form: str) -> list[bool]:
    """Of each question of a quiz, whether it was answered right."""
    taken = record.quiz[form]
    items = quiz_items(form, taken.seed)
    given = [*taken.given, *[None] * len(items)][: len(items)]
    return [
        judge(item.exercise, one).verdict == "right" for item, one in zip(items, given, strict=True)
    ]


def quiz_right(record: Record) -> dict[str, list[bool]]:
    """Of each quiz that was taken, which questions were answered right."""
    return {form: _quiz_right(record, form) for form in FORMS if form in record.quiz}


def rows_of(record: Record) -> list[list[str]]:
    """A row for each lesson: guesses, exercises, and questions from earlier lessons."""
    recalled = {key: item.exercise for key, item in recalls().items()}
    groups: tuple[tuple[Mapping[str, Any], Mapping[str, Any], Callable[..., int]], ...] = (
        (predictions(), record.guesses, lambda given, of: len(given.keys() & of.keys())),
        (exercises(), record.answers, _right),
        (recalled, record.answers, _right),
    )
    lessons = sorted({key.partition(".")[0] for key in exercises()})
    rows = []
    for lesson in lessons:
        cells = [lesson]
        for asked, given, count in groups:
            of = {key: one for key, one in asked.items() if key.partition(".")[0] == lesson}
            done = count(given, of)
            cells.append(f"{done} of {len(of)}" if of else "")
        rows.append(cells)
    return rows


#: What stands above `rows_of`.
HEAD = ("lesson", "guesses made", "exercises right", "recalled")


def progress() -> None:
    """Show what you have done so far, and a line that you can hand in."""
    try:
        record = kept()
        score = score_of(record)
    except InputError as error:
        show(prose(str(error)), str(error))
        return
    rows = rows_of(record)
    where = place()
    note = "Nothing is kept here." if where is None else f"It is kept in {where}."
    page = table(HEAD, rows) + prose(f"{note} To hand in: `{score.line}`")
    text = "\n".join("  ".join(cell.ljust(15) for cell in row).rstrip() for row in (HEAD, *rows))
    show(page, f"{text}\n{note}\n{score.line}")
