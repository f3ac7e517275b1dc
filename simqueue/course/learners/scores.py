"""What a class has done: learners' files and score lines, added up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simqueue.course.learners.record import FILE, read_record
from simqueue.course.learners.score import MARK, Score, quiz_right, read_line, score_of
from simqueue.course.quizzes import FORMS
from simqueue.errors import InputError
from simqueue.files import open_text, reason
from simqueue.safe_text import one_line

if TYPE_CHECKING:
    from rich.console import RenderableType

_LONGEST_FILE = 1_000_000
_PARTS = ("guesses", "exercises", "recall", "before", "after")


@dataclass(frozen=True)
class Learner:
    """Somebody of the class.

    Attributes
    ----------
    name
        The file's name, that of its folder, or what stood before the score line.
    score
        What was counted.
    marked
        Whether the answers were at hand and marked anew; a line has to be believed.
    quiz
        Of each quiz that was taken, which questions were answered right; empty without a file.
    """

    name: str
    score: Score
    marked: bool
    quiz: dict[str, list[bool]]


@dataclass(frozen=True)
class Scores:
    """All learners of a class."""

    learners: tuple[Learner, ...]

    def mean(self, part: str) -> tuple[float, int] | None:
        """The mean of a part, such as ``exercises``, and of how many learners; none: ``None``."""
        found = [of[0] for one in self.learners if (of := getattr(one.score, part)) is not None]
        return (sum(found) / len(found), len(found)) if found else None

    @property
    def gain(self) -> tuple[float, int] | None:
        """What was learned, of what there was to learn, and of how many learners.

        The normalised gain (Hake, *Interactive-engagement versus traditional methods*, American
        Journal of Physics 66 (1998)): means of the class, (after - before) / (all - before), over
        those who took both quizzes; ``None`` without any, or if nothing was left to learn.
        """
        both = [
            (before, after)
            for one in self.learners
            if (before := one.score.before) and (after := one.score.after)
        ]
        left = sum(before[1] - before[0] for before, _ in both)
        if not left:
            return None
        return sum(after[0] - before[0] for before, after in both) / left, len(both)

    def questions(self, form: str) -> list[tuple[int, int]]:
        """Of each question of a quiz, how many learners were right, of how many."""
        taken = [one.quiz[form] for one in self.learners if form in one.quiz]
        return [(sum(right), len(right)) for right in zip(*taken, strict=True)]

    def document(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        return {
            "schema": 1,
            "learners": [
                {
                    "name": one.name,
                    "marked": one.marked,
                    **{part: getattr(one.score, part) for part in _PARTS},
                }
                for one in self.learners
            ],
            "means": {
                part: None if (mean := self.mean(part)) is None else mean[0] for part in _PARTS
            },
            "gain": None if self.gain is None else self.gain[0],
            "questions": {form: self.questions(form) for form in FORMS},
        }

    def report(self) -> RenderableType:
        """What is printed otherwise, for ``rich``."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, header_style="bold")
        table.add_column("learner")
        for part in _PARTS:
            table.add_column(part, justify="right")
        for one in self.learners:
            name = one.name if one.marked else f"{one.name} *"
            table.add_row(Text(one_line(name, 40)), *(_cell(getattr(one.score, p)) for p in _PARTS))
        means = [self.mean(part) for part in _PARTS]
        cells = ("" if mean is None else f"{mean[0]:.1f}" for mean in means)
        table.add_row("mean", *cells, style="bold")
        return Group(table, *(Text(line) for line in self._notes()))

    def _notes(self) -> Iterator[str]:
        if self.gain is not None:
            share, learners = self.gain
            yield (
                f"Learned: {100 * share:.0f} % of what the quiz asks and was not known before "
                f"({learners} took both)."
            )
        before, after = self.questions("before"), self.questions("after")
        if before and after:
            shares = (
                f"{number}: {100 * b[0] / b[1]:.0f} → {100 * a[0] / a[1]:.0f}"
                for number, (b, a) in enumerate(zip(before, after, strict=True), 1)
            )
            yield f"Right before → after, %, by question: {'; '.join(shares)}."
        if not all(one.marked for one in self.learners):
            yield "* From a line, as it was handed in. Files are marked anew."


def _cell(of: tuple[int, int] | None) -> str:
    return "" if of is None else f"{of[0]}/{of[1]}"


def read_scores(paths: Iterable[Path]) -> Scores:
    """Read what a class handed in: learners' files, or texts with score lines.

    Raises
    ------
    InputError
        If one of them is neither, or two learners have one name.
    """
    learners = [learner for path in paths for learner in _learners(path)]
    names = [one.name for one in learners]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{name}: handed in {names.count(name)} times; keep one of them")
    return Scores(tuple(sorted(learners, key=lambda one: one.name)))


def _learners(path: Path) -> list[Learner]:
    if path.suffix.lower() == ".json":
        if not path.exists():
            raise InputError(f"{path}: there is no such file")
        record = read_record(path)
        try:
            score, quiz = score_of(record), quiz_right(record)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        name = path.resolve().parent.name if path.name == FILE else path.stem
        return [Learner(name, score, True, quiz)]
    try:
        with open_text(path) as file:
            lines = file.read(_LONGEST_FILE).splitlines()
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot read scores: {reason(error)}") from error
    found = []
    for number, line in enumerate(lines, 1):
        if MARK not in line:
            continue
        read = read_line(line)
        if read is None:
            raise InputError(f"{path}, line {number}: not a whole score line, as `progress` prints")
        name = line.partition(MARK)[0].strip(" \t:,;-") or f"{path.stem}, line {number}"
        found.append(Learner(name, read, False, {}))
    if not found:
        raise InputError(f"{path}: expected a learner's file (.json) or lines with {MARK!r}")
    return found
