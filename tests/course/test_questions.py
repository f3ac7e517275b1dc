from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from simqueue.course.questions import Between, Letters, near, read_number


@pytest.mark.parametrize(
    "value",
    [
        12,
        12.0,
        "12",
        " 12 slots ",
        "about 12",
        "≈12",
        "x = 12",
        "1.2e1",
        Decimal(12),
        Fraction(24, 2),
        *(np.int64(12), np.float32(12), np.array(12), np.array([12.0]), pd.Series([12])),
    ],
)
def test_a_number_may_be_written_in_many_ways(value: object) -> None:
    assert read_number(value) == 12


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, np.True_, float("nan"), float("inf"), "", "many", "between 5 and 10", "5-6"),
        *(b"\xff", [], [1, 2], {}, object(), np.array([1, 2]), timedelta(seconds=1), 1j, "nan"),
    ],
)
def test_what_is_no_number_is_none(value: object) -> None:
    assert read_number(value) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("10 min", 600),
        ("10min", 600),
        ("2 hours", 7200),
        ("1,200 ms", 1.2),
        ("1 day", 86400),
        ("45 H", 162000),
        (timedelta(hours=2), 7200),
        (90, 90),
        ("90", 90),
        ("2 fortnights", None),
    ],
)
def test_times_know_their_units(value: object, seconds: float | None) -> None:
    assert read_number(value, time=True) == seconds


def test_judges_tell_wrong_from_unreadable() -> None:
    assert Between(1, 2).fits("1.5") is True
    assert Between(1, 2).fits(3) is False
    assert Between(1, 2).fits("what?") is None
    assert near(-10, 0.1).fits(-10.5) is True
    assert near(3600, time=True).fits("1 h") is True


@pytest.mark.parametrize(
    "answer", ["ae", "EA", "a, e", "a and e", ["a", "e"], {"e", "a"}, ("E", "a")]
)
def test_letters_come_in_any_order_and_form(answer: object) -> None:
    assert Letters("ae", among="abcde").fits(answer) is True


@pytest.mark.parametrize("answer", [3, "", "xyz", [], [1, 2], object()])
def test_other_things_are_no_letters(answer: object) -> None:
    assert Letters("ae", among="abcde").fits(answer) is None
