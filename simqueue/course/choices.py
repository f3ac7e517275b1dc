"""Questions with options to choose from, and questions as they are put to somebody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from simqueue.course.questions import Exercise, Hint, Letters

_ALPHABET = "abcdefgh"


@dataclass(frozen=True)
class Item:
    """A question as it is put: its words, the options by their letters, and what marks it."""

    asks: str
    options: dict[str, str]
    exercise: Exercise

    @property
    def wants(self) -> str:
        """How an answer must look."""
        return "a letter" if self.options else self.exercise.right.wants


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A question of which one option is right.

    Attributes
    ----------
    of
        The lesson that has answered it: ``00``.
    asks
        The question. Backticks mark code.
    right
        The option that is right.
    why
        Why it is.
    wrong
        The other options, each with a hint for whoever takes it.
    """

    of: str
    asks: str
    right: str
    why: str
    wrong: Mapping[str, str]

    @property
    def item(self) -> Item:
        """The question as it is put: its options stand in an order that says nothing."""
        texts = sorted((self.right, *self.wrong), key=lambda text: _mixed(self.asks + text))
        options = dict(zip(_ALPHABET, texts, strict=False))
        letter = {text: letter for letter, text in options.items()}
        among = "".join(options)
        exercise = Exercise(
            right=Letters(letter[self.right], among=among, one=True),
            answer=f"{letter[self.right]}: {self.right}\n\n{self.why}",
            hints=tuple(
                Hint(Letters(letter[text], among=among, one=True), say)
                for text, say in self.wrong.items()
            ),
            otherwise="One letter, please.",
        )
        return Item(self.asks, options, exercise)


def _mixed(text: str) -> bytes:
    return sha256(text.encode()).digest()
