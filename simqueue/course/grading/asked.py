"""What the capstone's exercise asks for: a repair, and how the wrong ones are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simqueue.course.grading.grades import Grade, grade
from simqueue.course.reading import UnreadableError


@dataclass(frozen=True)
class Repair:
    """A repair of the incident; right if it holds every target."""

    wants: str = "settings that grade() can read, such as ['workers.count=2']"

    def read(self, answer: Any) -> Grade:
        """Grade it; raises `UnreadableError`."""
        found = grade(answer)
        if found.problem:
            raise UnreadableError(found.problem)
        return found

    def fits(self, read: Grade) -> bool:
        """Whether it passes."""
        return read.passed

    def remark(self, read: Grade) -> str:  # noqa: ARG002
        """Nothing: there is a hint for each target."""
        return ""


@dataclass(frozen=True)
class Misses:
    """Sign of a repair that misses one target, whatever it does about the others."""

    key: str

    def fits(self, read: Grade) -> bool:
        """Whether it misses the target."""
        return self.key in read.missed
