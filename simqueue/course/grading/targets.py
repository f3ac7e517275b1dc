"""The eight targets of a repair: what is measured, its limit, and the hint if it is missed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simqueue.course.grading.hints import FEW_LOST, HINTS
from simqueue.results.wording import digits, duration

if TYPE_CHECKING:
    from simqueue.workload.scenario import Scenario


@dataclass(frozen=True)
class Row:
    """One target, and what became of it.

    Attributes
    ----------
    key
        ``response``, ``given_up``, ``calls``, ``slowest_payment``, ``recovery``, ``twice``,
        ``workers`` or ``slots``.
    name
        What is measured.
    value
        The worst of the graded days; infinite for what never happened.
    measured, target
        In words.
    passed
        Whether it is held.
    hint
        What to think about, if it is not.
    """

    key: str
    name: str
    value: float
    measured: str
    target: str
    passed: bool
    hint: str


def _time(seconds: float) -> str:
    return "not done by 17:00" if math.isinf(seconds) else duration(seconds)


def _share(share: float) -> str:
    return f"{digits(share * 100, 2)} %"


@dataclass(frozen=True)
class Target:
    """Something to keep at or below a limit.

    Attributes
    ----------
    key, name
        As in `Row`.
    limit
        The most that is allowed.
    words
        Words a value.
    """

    key: str
    name: str
    limit: float
    words: Callable[[float], str] = digits

    def row(self, scenario: Scenario, worst: Mapping[str, float]) -> Row:
        """What became of it, from the worst of the days."""
        value = worst[self.key]
        passed = value <= self.limit
        return Row(
            key=self.key,
            name=self.name,
            value=value,
            measured=self.words(value),
            target=f"at most {self.words(self.limit)}",
            passed=passed,
            hint="" if passed else HINTS[self.key](scenario, worst),
        )


TARGETS = (
    Target("response", "orders, p95 of the response time", 30.0, _time),
    Target("given_up", "jobs given up (worst queue)", 0.001, _share),
    Target("calls", "calls to the dead gateway, per payment", 10.0),
    Target("slowest_payment", "slowest payment", 900.0, _time),
    Target("recovery", "from the crash until its last job runs again", 180.0, _time),
    Target("twice", "runs lost though the worker lived", FEW_LOST),
    Target("workers", "workers", 4.0),
    Target("slots", "slots for each queue, over all workers", 40.0),
)
