"""Answers under seal: the students' edition marks them, and does not hold them.

An answer is the key to its own seal. For each answer that has something to be said about it there
is an entry, found and opened by a hash of that answer alone: whoever has not given the answer
cannot read what is there. Whoever tries every number finds the right one, as by asking the marker.

A number is right if it is near enough, so it opens the seals of a few cells of the number line,
each as wide as the margin; what it finds there is the right number, and the explanation. What a
function must return is not sealed: the marker tells that anyway. Its solution is left out.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from hashlib import pbkdf2_hmac, shake_256
from itertools import combinations
from math import floor
from pathlib import Path
from typing import Any

from simqueue.course.choices import Item
from simqueue.course.making import Function, Like, Make, Results
from simqueue.course.questions import (
    Asked,
    Exercise,
    Hint,
    Letters,
    Number,
    Prediction,
    Whole,
)
from simqueue.course.reading import Span, read_span

#: Where the students' edition has its questions.
FILE = Path(__file__).with_name("sealed.pickle")
#: A millisecond for each answer that is tried.
_ROUNDS = 1_000


@dataclass(frozen=True)
class Under:
    """What lies under a seal: whether the answer is right, and what to say.

    Attributes
    ----------
    right
        What judges a number, exactly; for letters, whether they are right.
    say
        The explanation of a right answer, or the hint for a wrong one.
    """

    right: Asked | bool
    say: str


@dataclass(frozen=True)
class Seals:
    """Things that only an answer opens."""

    salt: str
    entries: Mapping[str, bytes]

    def opened(self, answer: str) -> Under | None:
        """What an answer opens, if anything."""
        name, key = _hashes(self.salt, answer)
        found = self.entries.get(name)
        return None if found is None else pickle.loads(_crossed(found, key))


def sealed(salt: str, things: Mapping[str, Under]) -> Seals:
    """Put things under seal, each by the answer that opens it."""
    entries = {}
    for answer, thing in things.items():
        name, key = _hashes(salt, answer)
        entries[name] = _crossed(pickle.dumps(thing, protocol=4), key)
    return Seals(salt, dict(sorted(entries.items())))


def _hashes(salt: str, answer: str) -> tuple[str, bytes]:
    """The name of an entry, and the key to it."""
    made = pbkdf2_hmac("sha256", answer.encode(), salt.encode(), _ROUNDS, 48)
    return made[:16].hex(), made[16:]


def _crossed(data: bytes, key: bytes) -> bytes:
    """Data and a stream that no other entry has, crossed; once more, and it is as before."""
    stream = shake_256(key).digest(len(data))
    return bytes(one ^ other for one, other in zip(data, stream, strict=True))


@dataclass(frozen=True)
class SealedNumber:
    """What `Number` or `Whole` ask for; ``width`` is that of a cell, 0 for whole numbers."""

    wants: str
    unit: str
    width: float
    seals: Seals

    def read(self, answer: Any) -> Span:
        """Read a number or a range; raises `UnreadableError`."""
        return read_span(answer, self.unit)

    def fits(self, read: Span) -> bool:
        """Whether what it opens says that it is right."""
        under = self._under(read)
        return under is not None and not isinstance(under.right, bool) and under.right.fits(read)

    def remark(self, read: Span) -> str:
        """What the exercise would say, if the answer comes near."""
        if not (self.width or read.single):
            return "That is a range. I want one number."
        under = self._under(read)
        return "" if under is None or isinstance(under.right, bool) else under.right.remark(read)

    def explained(self, read: Span) -> str:
        """The explanation, to whoever was right."""
        under = self._under(read)
        return under.say if under is not None else ""

    def _under(self, read: Span) -> Under | None:
        return self.seals.opened(_cell((read.low + read.high) / 2, self.width))


def _cell(value: float, width: float) -> str:
    return str(floor(value / width)) if width else f"{value:.9g}"


@dataclass(frozen=True)
class SealedLetters(Letters):
    """What `Letters` asks for."""

    seals: Seals | None = None

    def fits(self, read: frozenset[str]) -> bool:
        """Whether what they open says that they are right."""
        under = self._under(read)
        return under is not None and bool(under.right)

    def remark(self, read: frozenset[str]) -> str:
        """The hint for just these letters."""
        under = self._under(read)
        return under.say if under is not None else super().remark(read)

    def explained(self, read: frozenset[str]) -> str:
        """The explanation, to whoever was right."""
        under = self._under(read)
        return under.say if under is not None else ""

    def _under(self, read: frozenset[str]) -> Under | None:
        assert self.seals is not None
        return self.seals.opened("".join(sorted(read)))


def _no_solution(*_: Any) -> Any:
    raise NotImplementedError("the students' edition has no solutions")


@dataclass(frozen=True, kw_only=True)
class SealedMake(Make):
    """What `Make` asks for: results that were written down, and no solution."""

    solution: Function = _no_solution
    called: str
    takes: tuple[str, ...]
    results: tuple[Any, ...]

    @property
    def name(self) -> str:
        """The name that the function should have."""
        return self.called

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of what it takes."""
        return self.takes

    @property
    def source(self) -> str:
        """Nothing."""
        return ""

    def _right(self) -> tuple[Any, ...]:
        return self.results


@dataclass(frozen=True)
class Returned:
    """Sign of a wrong function: it returns just this."""

    results: tuple[Any, ...]

    def fits(self, read: Results) -> bool:
        """Whether it does."""
        return all(map(read.of.same, read.returned, self.results))


@dataclass(frozen=True)
class Course:
    """All questions of the course, under seal."""

    predictions: dict[str, Prediction]
    exercises: dict[str, Exercise]
    recalls: dict[str, Item]
    quiz_seed: int
    quiz: dict[str, list[Item]]


@cache
def sealed_course() -> Course | None:
    """The questions of the students' edition; ``None`` where the answers are at hand."""
    if not FILE.exists():
        return None
    found = pickle.loads(FILE.read_bytes())
    assert isinstance(found, Course)
    return found


def seal(salt: str, exercise: Exercise) -> Exercise:
    """The exercise without its answer: it marks as before."""
    right, say = exercise.right, exercise.answer
    hints = exercise.hints
    asked: Asked = right
    if isinstance(right, Make):
        asked, hints = _sealed_make(right, hints)
    elif isinstance(right, Letters):
        asked, hints = _sealed_letters(salt, exercise, right), ()
    elif isinstance(right, Number | Whole):
        width = right.margin if isinstance(right, Number) else 0.0
        things = dict.fromkeys(_cells(right, width), Under(right, say))
        asked = SealedNumber(right.wants, right.unit, width, sealed(salt, things))
    return replace(exercise, right=asked, answer="", hints=hints)


def seal_item(salt: str, item: Item) -> Item:
    """The question without its answer."""
    return replace(item, exercise=seal(salt, item.exercise))


def _cells(right: Number | Whole, width: float) -> Iterator[str]:
    if isinstance(right, Number):
        at = floor(right.value / width)
        yield from (str(cell) for cell in range(at - 2, at + 3))
    else:
        yield from (_cell(value, 0.0) for value in (right.value, *right.also))


def _sealed_letters(salt: str, exercise: Exercise, right: Letters) -> SealedLetters:
    things = {}
    for size in range(1, len(right.among) + 1):
        for chosen in combinations(right.among, size):
            read = frozenset(chosen)
            hints = (hint.say for hint in exercise.hints if hint.when.fits(read))
            if right.fits(read):
                things["".join(chosen)] = Under(True, exercise.answer)
            elif say := next(hints, ""):
                things["".join(chosen)] = Under(False, say)
    return SealedLetters("", right.among, right.one, sealed(salt, things))


def _sealed_make(right: Make, hints: tuple[Hint, ...]) -> tuple[SealedMake, tuple[Hint, ...]]:
    results = right.results_of(right.truth or right.solution)
    asked = SealedMake(
        called=right.name, takes=right.parameters, results=results,
        tries=right.tries, share=right.share, play=right.play, limit_s=right.limit_s,
    )  # fmt: skip
    kept = []
    for hint in hints:
        sign = hint.when
        if isinstance(sign, Like):
            try:
                sign = Returned(right.results_of(sign.mistake))
            except Exception:
                continue  # where the model of a mistake fails, it fits nothing
        kept.append(Hint(sign, hint.say))
    return asked, tuple(kept)
