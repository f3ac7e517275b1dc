"""Arrivals: the right number, at the right times, the same for the same seed."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from simqueue.data import data_path
from simqueue.workload.arrivals import Arrivals, ArrivalStream
from simqueue.workload.draws import generator

READ = TypeAdapter(ArrivalStream)
TRACE = str(data_path("arrivals.csv"))
QUIET = {"rate_per_s": 0, "mean_s": 10}
ONE_S = {"distribution": "constant", "mean_s": 1}
BUSIEST_DAY = ["2011-11-17T00:00", "2011-11-18T00:00"]


def draw(table: dict[str, Any], duration_s: float, seed: int = 1) -> Arrivals:
    return READ.validate_python(table).draw(partial(generator, seed, 0, "order", ""), duration_s)


def test_regular_arrivals_are_one_interval_apart() -> None:
    assert draw({"interval_s": 0.2}, 1.0).times_s.tolist() == pytest.approx([0.2, 0.4, 0.6, 0.8])


def test_poisson_counts_have_the_variance_of_their_mean() -> None:
    times = draw({"rate_per_s": 5}, 40_000).times_s
    counts = np.bincount(times.astype(int), minlength=40_000)

    assert counts.mean() == pytest.approx(5, abs=4 * (5 / 40_000) ** 0.5)
    # The index of dispersion of n Poisson counts has standard deviation sqrt(2 / (n - 1)).
    assert counts.var(ddof=1) / counts.mean() == pytest.approx(1, abs=4 * (2 / 39_999) ** 0.5)


def test_a_profile_steps() -> None:
    times = draw({"profile": [[0, 2.0], [600, 8.0], [1200, 0.0], [1800, 1.0]]}, 2400).times_s
    counts = np.histogram(times, [0, 600, 1200, 1800, 2400])[0]

    expected = np.array([1200, 4800, 0, 600])
    assert (abs(counts - expected) <= 4 * expected**0.5).all()


@given(
    steps=st.lists(st.floats(0, 50), min_size=1, max_size=6),
    duration=st.floats(1, 300),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=60, deadline=None)
def test_stepped_arrivals_rise_and_keep_to_the_steps(
    steps: list[float], duration: float, seed: int
) -> None:
    profile = [[20.0 * i, rate] for i, rate in enumerate(steps)]
    times = draw({"profile": profile}, duration, seed).times_s

    assert (np.diff(times) >= 0).all()
    assert ((times >= 0) & (times <= duration)).all()
    rates = np.array(steps)[np.minimum(times // 20, len(steps) - 1).astype(int)]
    # Rounding may put an arrival on the edge of a silent step, never inside it.
    assert ((rates > 0) | (times % 20 < 1e-6)).all()


def test_the_recorded_orders_move_within_their_minute() -> None:
    arrivals = draw({"trace": TRACE, "window": BUSIEST_DAY}, 86_400)

    assert len(arrivals.times_s) == 136
    assert arrivals.keys is not None
    assert len(set(arrivals.keys)) == 136
    by_key = dict(zip(arrivals.keys, arrivals.times_s, strict=True))
    # The first order of the day, 576892, is stamped 08:20.
    assert 8 * 3600 + 20 * 60 <= by_key["576892"] < 8 * 3600 + 21 * 60
    assert (np.diff(arrivals.times_s) >= 0).all()


def test_speed_divides_times() -> None:
    plain = draw({"trace": TRACE, "window": BUSIEST_DAY}, 86_400)
    fast = draw({"trace": TRACE, "window": BUSIEST_DAY, "speed": 60}, 1440)

    assert fast.keys == plain.keys
    np.testing.assert_allclose(fast.times_s, plain.times_s / 60)


def test_a_scaled_trace_keeps_the_count_of_each_quarter_hour() -> None:
    table = {"trace": TRACE, "window": BUSIEST_DAY}
    recorded = np.histogram(draw(table, 86_400).times_s, 96, (0, 86_400))[0]
    scaled = np.histogram(draw({**table, "scale": 400}, 86_400).times_s, 96, (0, 86_400))[0]

    assert scaled.sum() == pytest.approx(400 * 136, abs=4 * (400 * 136) ** 0.5)
    assert (abs(scaled - 400 * recorded) <= 4.5 * (400 * recorded) ** 0.5).all()


def test_stamps_with_fractions_are_left_where_they_are(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("placed_at\n2024-01-01T00:00:01.5\n2024-01-01T00:00:09\n")

    times = draw({"trace": str(file), "window": ["2024-01-01", "2024-01-02"]}, 86_400).times_s

    assert times.tolist() == [1.5, 9.0]


@given(scale=st.floats(1.01, 30), seed=st.integers(0, 2**31))
@settings(max_examples=20, deadline=None)
def test_more_load_is_the_same_randomness_sooner(scale: float, seed: int) -> None:
    low = draw({"rate_per_s": 1}, 100, seed).times_s
    high = draw({"rate_per_s": scale}, 100, seed).times_s

    np.testing.assert_allclose(high[: len(low)], low / scale)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"rate_per_s": -3}, "greater than 0"),
        ({"rate_per_s": float("nan")}, "finite"),
        ({"rate_per_s": 1, "interval_s": 1}, "exactly one of the keys trace, rate_per_s"),
        ({}, "exactly one of the keys"),
        ({"rate_per_s": 1, "speed": 2}, "Extra inputs"),
        ({"profile": [[5, 1]]}, "start at 0"),
        ({"profile": [[0, 1], [9, 2]], "repeat_s": 9}, "repeat_s: 9 should come after the last"),
        ({"profile": [[0, 1]], "repeat_s": 0}, "greater than 0"),
        ({"per_hour": [1] * 23}, "24 numbers, a day's, or 168, a week's, not 23"),
        ({"per_hour": [1] * 25}, "24 numbers, a day's, or 168, a week's, not 25"),
        ({"per_hour": [1] * 23 + [-1]}, "greater than or equal to 0"),
        ({"per_hour": [1] * 24, "speed": 0}, "greater than 0"),
        ({"rate_per_s": 1, "batch": 0}, "greater than or equal to 1"),
        ({"rate_per_s": 1, "batch": 1.5}, "valid integer"),
        ({"rate_per_s": 1, "batch": []}, "at least 1 item"),
        ({"rate_per_s": 1, "batch": [1, 0]}, "greater than or equal to 1"),
        ({"rate_per_s": 1, "batch": {"distribution": "geometric", "mean": 0.5}}, "equal to 1"),
        ({"rate_per_s": 1, "batch": {"mean": 2}}, "required"),
        ({"trace": TRACE, "batch": 2}, "Extra inputs"),
        ({"burst": {"rate_per_s": 5, "mean_s": 1}}, "required"),
        ({"calm": {"rate_per_s": 5, "mean_s": 1}}, "exactly one of the keys"),
        ({"calm": QUIET, "burst": {"rate_per_s": -1, "mean_s": 1}}, "greater than or equal to 0"),
        ({"calm": QUIET, "burst": {"rate_per_s": 1, "mean_s": 0}}, "greater than 0"),
        ({"calm": QUIET, "burst": QUIET}, "burst.rate_per_s: should be greater than 0"),
        ({"customers": 0, "think": ONE_S}, "greater than or equal to 1"),
        ({"customers": 2.5, "think": ONE_S}, "valid integer"),
        ({"customers": 5}, "required"),
        ({"customers": 5, "think": {**ONE_S, "mean_s": 0}}, "would ask for ever"),
        ({"customers": 5, "think": ONE_S, "client": {"timeout_s": 1}}, "Extra inputs"),
        ({"customers": 5, "think": ONE_S, "follows": "a"}, "exactly one of the keys"),
        ({"rate_per_s": 1, "max_waiting": 0}, "greater than or equal to 1"),
        ({"rate_per_s": 1, "max_waiting": 1.5}, "valid integer"),
        ({"profile": [[0, 1], [9, 1], [9, 2]]}, "start at 0 and rise"),
        ({"trace": TRACE, "window": ["2011-11-18", "2011-11-17"]}, "should come after"),
        ({"trace": TRACE, "window": ["2031-11-17", "2031-11-18"]}, "has no order from"),
        ({"trace": "nowhere.csv"}, "cannot be read"),
        ({"trace": str(data_path("checkout_times.csv"))}, "no column placed_at"),
    ],
)
def test_what_cannot_arrive_is_refused(table: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        READ.validate_python(table)


def test_a_malformed_row_is_named_by_its_line(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("placed_at,order_id\n2024-01-01T00:00,1\nyesterday,2\n")

    with pytest.raises(ValidationError, match=r"orders\.csv:3: placed_at 'yesterday'"):
        READ.validate_python({"trace": str(file)})


@pytest.mark.parametrize(
    ("window", "duration"),
    [
        # Windows may end within a quarter-hour.
        (["2011-11-17T12:30", "2011-11-17T12:50"], 1200),
        (["2011-11-17T12:30", "2011-11-17T12:40"], 600),
        # Nothing comes after the window, however long the run.
        (["2011-11-17T08:00", "2011-11-17T13:00"], 43_200),
    ],
)
def test_a_scaled_window_brings_scale_times_its_orders(window: list[str], duration: float) -> None:
    table = {"trace": TRACE, "window": window}
    recorded = len(draw(table, duration).times_s)
    scaled = draw({**table, "scale": 400}, duration).times_s

    assert len(scaled) == pytest.approx(400 * recorded, abs=4.5 * (400 * recorded) ** 0.5)
    assert scaled.max() <= min(duration, 5 * 3600)


def test_stamps_are_whole_minutes_wherever_the_window_starts() -> None:
    window = ["2011-11-17T12:30:30", "2011-11-17T13:00:30"]
    times = draw({"trace": TRACE, "window": window}, 1800).times_s

    assert ((times + 30) % 60 != 0).all()


@pytest.mark.parametrize(
    "window", [["2011-11-17T08:00Z", "2011-11-17T20:00Z"], ["2011-11-17T08:00+01:00", "2011-11-18"]]
)
def test_a_window_with_a_zone_is_refused(window: list[str]) -> None:
    with pytest.raises(ValidationError, match="timezone"):
        READ.validate_python({"trace": TRACE, "window": window})


def test_a_trace_that_was_edited_is_read_again(tmp_path: Path) -> None:
    """In a notebook the kernel stays, and the file does not."""
    file = tmp_path / "mine.csv"
    file.write_text("placed_at\n2024-05-03T10:00:01.5\n")
    trace = READ.validate_python({"trace": str(file)})
    file.write_text("placed_at\n2024-05-03T10:00:01.5\n2024-05-03T10:00:03.5\n")

    assert draw({"trace": str(file)}, 60).times_s.tolist() == [0.0, 2.0]
    assert len(trace.draw(partial(generator, 1, 0, "order", ""), 60).times_s) == 2
