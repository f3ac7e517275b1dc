"""How what a learner writes is read: forms, units, ranges, and what is asked back."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from simqueue.course.reading import Span, UnreadableError, read_span


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
    assert read_span(value, "slots") == Span(12, 12)


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, np.True_, float("nan"), float("inf"), "", "many", "5, 10 or 15", "1 2"),
        *(b"7", [], [1, 2], {}, object(), np.array([1, 2]), timedelta(seconds=1), 1j, "nan", "8/9"),
        *("7 s", "7 min", "7 %", "10 to 5", "1 to 2 to 3"),
    ],
)
def test_what_is_no_number_is_not_read(value: object) -> None:
    with pytest.raises(UnreadableError):
        read_span(value, "slots")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("10 min", 600),
        ("10min", 600),
        ("2 hours", 7200),
        ("1,200 ms", 1.2),
        ("700 ms", 0.7),
        ("1 day", 86400),
        ("45 H", 162000),
        ("8 min 20 s", 500),
        ("8 min and 20 s", 500),
        ("1h30min", 5400),
        ("half a minute: 0.5 min", 30),
        (timedelta(hours=2), 7200),
        (np.timedelta64(3, "s"), 3),
        (90, 90),
        ("90", 90),
        (np.float64(0.25), 0.25),
    ],
)
def test_times_know_their_units(value: object, seconds: float) -> None:
    assert read_span(value, "s").low == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("value", "unit", "low", "high"),
    [
        ("70 to 90", "days", 70, 90),
        ("between 70 and 90 days", "days", 70, 90),
        ("28-33 s", "s", 28, 33),
        ("28 s - 33 s", "s", 28, 33),
        ("28–33", "s", 28, 33),
        ("1 to 2 min", "s", 60, 120),
        ("50 s to 2 min", "s", 50, 120),
        ("8 min 20 s to 9 min", "s", 500, 540),
        ("80 ± 10", "days", 70, 90),
        ("-3 to 5", "", -3, 5),
        ("80-82 %", "%", 80, 82),
    ],
)
def test_ranges_have_two_ends(value: str, unit: str, low: float, high: float) -> None:
    span = read_span(value, unit)
    assert (span.low, span.high) == (low, high)
    assert not span.single


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        ("17,5 s", "s", "decimal point: 17.5"),
        ("0,814", "", "decimal point: 0.814"),
        ("2 fortnights", "s", "'fortnights'"),
        (0.81, "%", "81 % or 0.81 %"),
        ("0.05", "%", "5 % or 0.05 %"),
        (1, "%", "100 % or 1 %"),
        ("17 s", "slots", "a time"),
        ("17 %", "slots", "per cent"),
        ("5 or 10", "", "several numbers"),
    ],
)
def test_what_could_mean_two_things_is_asked_back(value: object, unit: str, words: str) -> None:
    with pytest.raises(UnreadableError, match=words):
        read_span(value, unit)


@pytest.mark.parametrize("value", [81, "81", "81 %", "81%", "81 per cent", "81 percent"])
def test_per_cent_may_say_so(value: object) -> None:
    assert read_span(value, "%").low == 81


def test_less_than_one_per_cent_needs_the_sign() -> None:
    assert read_span("0.5 %", "%").low == 0.5
    assert read_span(0, "%").low == 0
