"""The search: it finds what trying everything would find, and says so where more is not better."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simqueue.errors import InputError
from simqueue.planning.days import Laboratory, Tried
from simqueue.planning.search import Found, Search, first_allowed
from simqueue.planning.targets import parse_target
from simqueue.results.measures import Measure

TARGETS = (parse_target("q.wait.p95 < 10", [Measure("q", "wait.p95")]),)


class Told(Laboratory):
    """A laboratory whose days are told by a rule: value and day give the measure."""

    def extend(self, some: Sequence[Tried], days: int) -> None:
        rule: Any = self.engine
        for one in some:
            rows = [[rule(one.value, day)] for day in range(one.number, days)]
            if rows:
                one.days = np.vstack([one.days, rows])


def search(
    rule: Callable[[int, int], float], start: int = 1, days: int = 10, kept: float = 0.95,
    most: int = 100,
) -> tuple[Found, Laboratory]:  # fmt: skip
    def at(value: int) -> Any:
        assert 1 <= value <= most, f"{value} is not in the range"

    laboratory = Told(at, TARGETS, 1, None, rule)  # type: ignore[arg-type]
    found = Search(laboratory, kept, days, 1, most, lambda _: None).run(start)
    return found, laboratory


@settings(deadline=None)
@given(
    need=st.integers(1, 100), start=st.integers(1, 100), days=st.integers(1, 20),
)  # fmt: skip
def test_it_finds_the_fewest(need: int, start: int, days: int) -> None:
    found, laboratory = search(lambda n, _: 5.0 if n >= need else 1000 / n, start, days)
    assert found == Found(need, True)
    by_value = {one.value: one for one in laboratory.tried}
    for near in {need - 1, need, need + 1} & set(range(1, 101)):
        assert by_value[near].number == days
    others = [one for one in laboratory.tried if abs(one.value - need) > 1]
    assert all(one.number == min(days, 2 if one.value < need else 4) for one in others)


@settings(deadline=None)
@given(seed=st.integers(0, 10**6), kept=st.sampled_from([0.5, 0.8, 0.95]))
def test_with_days_that_differ_it_finds_what_trying_all_finds(seed: int, kept: float) -> None:
    """More is better on each day; days differ."""
    needs = np.random.default_rng(seed).integers(1, 30, size=10)

    def rule(n: int, day: int) -> float:
        return 5.0 if n >= needs[day] else 1000 / n

    found, laboratory = search(rule, start=5, kept=kept)
    every = [sum(rule(n, day) < 10 for day in range(10)) for n in range(1, 101)]
    assert found.answer == 1 + next(n for n, held in enumerate(every) if held >= 10 * kept - 1e-9)
    assert {t.value: t.held for t in laboratory.tried if t.number == 10}[found.answer] == (
        every[found.answer - 1]
    )


def test_more_that_is_worse_is_said() -> None:
    """Three will do, four will not."""
    found, _ = search(lambda n, _: 5.0 if n == 3 else 50.0, start=3)
    assert found == Found(3, False)


def test_no_number_will_do_and_it_does_not_look_for_ever() -> None:
    found, laboratory = search(lambda n, _: 50.0 + 1 / n, most=10**9)
    assert found.answer is None
    assert len(laboratory.tried) < 10


def test_a_lucky_first_look_is_looked_at_again() -> None:
    """With two, the first three days are quiet."""
    found, _ = search(lambda n, day: 50.0 if n < 2 or (n == 2 and day > 3) else 5.0)
    assert found.answer == 3


@pytest.mark.parametrize("lucky", [set(), {0}, {3}, {5}])
def test_one_fewer_is_simulated_in_full(lucky: set[int]) -> None:
    """With two, only some days are lucky, or none."""
    found, laboratory = search(
        lambda n, day: 1000 / n if n < 2 or (n == 2 and day not in lucky) else 5.0
    )
    assert found.answer == 3
    two = next(one for one in laboratory.tried if one.value == 2)
    assert (two.held, two.number) == (len(lucky), 10)


def test_the_largest_is_not_enough() -> None:
    found, _ = search(lambda n, _: 1000.0 / n, most=8)
    assert found.answer is None


def test_what_a_scenario_cannot_have_is_skipped() -> None:
    def allowed(value: int) -> None:
        if value < 3:
            raise InputError(f"{value}: too few")

    assert first_allowed(allowed, 1, 10) == 3
    with pytest.raises(InputError, match="2: too few"):
        first_allowed(allowed, 1, 2)
