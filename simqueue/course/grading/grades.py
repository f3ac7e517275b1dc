"""Grading: a repair meets the days, and its worst one is held against the targets."""

from __future__ import annotations

import html
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from simqueue.course.display import prose, table
from simqueue.course.grading.days import DAYS, worst_day
from simqueue.course.grading.repair import read_repair
from simqueue.course.grading.targets import TARGETS, Row
from simqueue.errors import InputError
from simqueue.workload.scenario import Scenario

#: Nobody rents so many; such a repair misses the budget, and is not simulated.
_MANY_WORKERS, _MANY_SLOTS = 20, 200


@dataclass(frozen=True)
class Grade:
    """What `grade` says; a notebook shows it as a table, `print` as text.

    Attributes
    ----------
    rows
        A row for each target; none if there is a ``problem``.
    problem
        One line that says why nothing could be graded.
    """

    rows: tuple[Row, ...] = ()
    problem: str = ""

    @property
    def passed(self) -> bool:
        """Whether every target is held."""
        return bool(self.rows) and all(row.passed for row in self.rows)

    @property
    def missed(self) -> tuple[str, ...]:
        """Keys of the targets that are not held."""
        return tuple(row.key for row in self.rows if not row.passed)

    @property
    def value(self) -> dict[str, float]:
        """The measured values by key."""
        return {row.key: row.value for row in self.rows}

    @property
    def verdict(self) -> str:
        """The outcome in a sentence."""
        if self.problem:
            return f"Not graded. {self.problem}"
        if self.passed:
            return f"Repaired: all {len(self.rows)} targets are held on each of {DAYS} days."
        if "response" not in self.value:
            return "Not yet: so far over the budget that nothing was simulated."
        held = len(self.rows) - len(self.missed)
        return f"Not yet: {held} of {len(self.rows)} targets are held on each of {DAYS} days."

    def __str__(self) -> str:
        lines = [self.verdict]
        for row in self.rows:
            lines.append(
                f"  {_worded(row.passed)}  {row.name}: {row.measured} (target: {row.target})"
            )
            if not row.passed:
                lines.append(f"        {row.hint}")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        if self.problem:
            return prose(self.verdict)
        rows = [
            [
                r.name,
                r.measured,
                r.target,
                _worded(r.passed),
                "" if r.passed else r.hint,
            ]
            for r in self.rows
        ]
        head = ["", "worst day", "target", "", "hint"]
        return f"<p><b>{html.escape(self.verdict)}</b></p>" + table(head, rows)


def _worded(passed: bool) -> str:
    """A sign for the eye, and a word for everybody."""
    return "✓ pass" if passed else "✗ FAIL"


def grade(repair: Any) -> Grade:
    """Grade a repair of the incident by simulation. It never raises.

    Parameters
    ----------
    repair
        A list of settings on top of the incident, such as ``["workers.count=2"]``; or the path of
        a TOML file (a text that ends in ``.toml``); or a scenario.

    Notes
    -----
    Three days are simulated, always the same; they are not the day of the log. Every target must be
    held on each of them. Only the shop's settings are taken from ``repair``: what happens to the
    shop stays as it was.

    Examples
    --------
    >>> grade(["workers.count=0"])
    Not graded. --set workers.count=0: workers.count: should be greater than or equal to 1, not 0
    """
    try:
        return _graded(read_repair(repair).model_dump_json())
    except InputError as error:
        return Grade(problem=" ".join(str(error).split()))
    except Exception as error:
        # Anything may have been handed over; a lesson goes on.
        return Grade(problem=f"That cannot be read: {type(error).__name__}: {error}")


@lru_cache(maxsize=64)
def _graded(text: str) -> Grade:
    scenario = Scenario.model_validate_json(text)
    found: dict[str, float] = {
        "workers": scenario.workers.count,
        "slots": scenario.slots["order"],
    }
    if found["workers"] <= _MANY_WORKERS and found["slots"] <= _MANY_SLOTS:
        found |= worst_day(scenario)
    return Grade(tuple(target.row(scenario, found) for target in TARGETS if target.key in found))
