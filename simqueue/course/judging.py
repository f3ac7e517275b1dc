"""Judging answers: what is right, and what to say of what is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from simqueue.course.choices import Item
from simqueue.course.lessons import exercises
from simqueue.course.making import Make, StumbledError
from simqueue.course.questions import Asked, Exercise
from simqueue.course.reading import UnreadableError
from simqueue.course.sealing import SealedLetters, SealedNumber


@dataclass(frozen=True)
class Mark:
    """What `mark` thinks of an answer, and the words for it; ``why`` is what was under seal."""

    verdict: Literal["right", "wrong", "unread", "missing"]
    text: str
    why: str = ""

    @property
    def sign(self) -> str:
        """A sign that goes with the words: whoever does not see it hears them."""
        return {"right": "✓", "wrong": "✗", "unread": "?", "missing": "…"}[self.verdict]


def mark(key: str, answer: Any) -> Mark:
    """Judge an answer without showing anything.

    Raises
    ------
    KeyError
        If there is no such exercise.
    """
    return judge(exercises()[key], answer)


def judge(exercise: Exercise, answer: Any) -> Mark:
    """Judge an answer to an exercise."""
    asked = exercise.right
    if answer is None or answer is ...:
        text = f"Your turn: put your answer in the place of None. I want {asked.wants}."
        return Mark("missing", text)
    try:
        read = asked.read(answer)
        if asked.fits(read):
            return Mark("right", "Right.", _explained(asked, read))
        hints = (hint.say for hint in exercise.hints if hint.when.fits(read))
        hint, remark = next(hints, ""), asked.remark(read)
    except StumbledError as why:
        return Mark("wrong", f"Not yet. {why}")
    except UnreadableError as why:
        return Mark("unread", f"I cannot read {shown(answer)}. {why} I want {asked.wants}.")
    except Exception:
        # An answer may be any object, and may misbehave when it is looked at.
        return Mark("unread", f"I cannot read {shown(answer)}. I want {asked.wants}.")
    if isinstance(asked, Make):  # a case that fails helps beside any hint
        return Mark("wrong", f"Not yet. {hint or exercise.otherwise} {remark}".strip())
    return Mark("wrong", f"Not yet. {hint or remark or exercise.otherwise}")


def _explained(asked: Asked, read: Any) -> str:
    """What a sealed question says to whoever was right."""
    return asked.explained(read) if isinstance(asked, SealedNumber | SealedLetters) else ""


def shown(value: Any) -> str:
    """A value as an answer is shown."""
    try:
        text = f"`{value.__name__}`" if callable(value) else repr(value)
    except Exception:
        # Even this may fail for some object.
        text = f"a {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."


def said(item: Item, judged: Mark) -> str:
    """A verdict in words; of a right answer, why it is."""
    if judged.verdict != "right":
        return judged.text
    why = (item.exercise.answer or judged.why).partition("\n\n")[2]
    return f"{judged.text} {' '.join(why.split())}".strip()
