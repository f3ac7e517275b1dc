"""What was measured, where, and how it is shown."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from typing import Any, Self

from simqueue import __version__

_PACKAGES = ("simpy", "ciw", "numpy", "pydantic")


@dataclass(frozen=True)
class Measured:
    """One line of the table.

    Attributes
    ----------
    what
        What was measured.
    value, low, high
        Median, smallest and largest of the rounds; ``None`` if there is nothing to tell.
    unit
        What they count.
    rounds
        How many there were.
    at_least, at_most
        What the project wants the median to be.
    note
        Anything else.
    failed
        Whether something went wrong, so that the whole run should end as a failure.
    """

    what: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    rounds: int = 0
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""
    failed: bool = False

    @classmethod
    def of(
        cls,
        what: str,
        values: Sequence[float],
        unit: str,
        at_least: float | None = None,
        at_most: float | None = None,
        note: str = "",
    ) -> Self:
        """A line from the values of the rounds."""
        return cls(
            what, median(values), min(values), max(values), unit, len(values),
            at_least, at_most, note,
        )  # fmt: skip

    @property
    def met(self) -> bool | None:
        """Whether the median is as wanted; ``None`` if nothing is wanted or known."""
        if self.value is None or self.at_least is self.at_most is None:
            return None
        low = self.at_least is None or self.value >= self.at_least
        return low and (self.at_most is None or self.value <= self.at_most)

    def cells(self) -> tuple[str, ...]:
        """The line as texts."""
        target = {True: "met", False: "MISSED", None: ""}[self.met]
        if self.at_least is not None:
            target = f"at least {self.at_least:g}: {target}"
        if self.at_most is not None:
            target = f"at most {self.at_most:g}: {target}"
        if self.value is None:
            return (self.what, "-", "", "", "", "", self.note)
        spread = f"{_short(self.low)} to {_short(self.high)}" if self.rounds > 1 else ""
        rounds = str(self.rounds)
        return (self.what, _short(self.value), self.unit, spread, rounds, target, self.note)


def environment() -> dict[str, Any]:
    """Where and when: numbers of another machine are other numbers."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "packages": {"simqueue": __version__, **{name: _version(name) for name in _PACKAGES}},
    }


def table(sections: Mapping[str, Iterable[Measured]], where: Mapping[str, Any]) -> str:
    """All of it for people."""
    packages = ", ".join(f"{name} {number}" for name, number in where["packages"].items() if number)
    lines = [
        f"{where['date']}, {where['python']} on {where['system']}, {where['cpus']} CPUs",
        packages,
    ]
    head = ("", "median", "", "min to max", "rounds", "wanted", "")
    rows = {name: [found.cells() for found in section] for name, section in sections.items()}
    every = [head, *(row for section in rows.values() for row in section)]
    widths = [max(map(len, column)) for column in zip(*every, strict=True)]
    for name, section in rows.items():
        lines += ["", _line((name, *head[1:]), widths), "-" * (sum(widths) + 2 * len(widths) - 2)]
        lines += [_line(row, widths) for row in section]
    return "\n".join(lines)


def document(
    sections: Mapping[str, Iterable[Measured]], where: Mapping[str, Any]
) -> dict[str, Any]:
    """All of it for programs."""
    return {
        "schema": 1,
        **where,
        "benchmarks": {
            name: [{**asdict(found), "met": found.met} for found in section]
            for name, section in sections.items()
        },
    }


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    # Numbers to the right, so that their sizes can be compared at a glance.
    sides = ("<", ">", "<", ">", ">", "<", "<")
    padded = (f"{c:{s}{w}}" for c, s, w in zip(cells, sides, widths, strict=True))
    return "  ".join(padded).rstrip()


def _short(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
