"""Arrivals by the hour, in batches and in bursts: as many as they say, and spread as they say."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from simqueue.results.theory import mmpp_dispersion
from simqueue.workload.arrivals import Arrivals, ArrivalStream
from simqueue.workload.draws import generator

READ = TypeAdapter(ArrivalStream)
DAY_S = 86_400.0


def draw(table: dict[str, Any], duration_s: float, seed: int = 1) -> Arrivals:
    return READ.validate_python(table).draw(partial(generator, seed, 0, "q", ""), duration_s)


def expected(table: dict[str, Any], duration_s: float) -> float:
    stream = READ.validate_python(table)
    return float(stream.expected(np.array([duration_s]), duration_s)[0])


# ---- profiles that repeat


@pytest.mark.parametrize("duration_s", [95.0, 100.0, 730.0])
def test_a_profile_that_repeats_is_one_with_all_its_steps(duration_s: float) -> None:
    """The same process of rate 1, stretched in the same way."""
    steps = [(0.0, 2.0), (10.0, 0.0), (30.0, 7.0), (70.0, 0.0)]
    written_out = [[90 * i + start, rate] for i in range(10) for start, rate in steps]
    short = draw({"profile": steps, "repeat_s": 90}, duration_s)
    long = draw({"profile": written_out}, duration_s)

    np.testing.assert_allclose(short.times_s, long.times_s, rtol=1e-12)
    assert len(short.times_s) > 100


@given(t=st.floats(0, 1000), repeat=st.floats(31, 200))
def test_what_is_expected_is_the_area_under_the_rate(t: float, repeat: float) -> None:
    table = {"profile": [[0, 1.0], [30, 5.0]], "repeat_s": repeat}
    rounds, rest = divmod(t, repeat)
    area = rounds * (30 + 5 * (repeat - 30)) + min(rest, 30) + 5 * max(rest - 30, 0)

    stream = READ.validate_python(table)
    assert stream.expected(np.array([t]), 2000.0)[0] == pytest.approx(area, rel=1e-9, abs=1e-9)


def test_a_silent_round_brings_nothing_for_ever() -> None:
    assert len(draw({"profile": [[0, 0.0]], "repeat_s": 10}, 1e6).times_s) == 0


def test_hours_of_a_day_and_of_a_week_have_their_numbers() -> None:
    day = [float(20 * hour) for hour in range(24)]
    week = [number * (1.0 if hour < 120 else 0.25) for hour, number in enumerate(7 * day)]
    times = draw({"per_hour": week}, 14 * DAY_S).times_s
    counts = np.bincount((times // 3600).astype(int), minlength=14 * 24)

    wanted = np.array(2 * week)
    assert (abs(counts - wanted) <= 4.5 * wanted**0.5).all()
    assert counts[0] == counts[24] == 0
    by_day = draw({"per_hour": day}, 2 * DAY_S).times_s
    assert np.histogram(by_day, 48, (0, 2 * DAY_S))[0][:24].sum() == pytest.approx(
        sum(day), abs=4 * sum(day) ** 0.5
    )


def test_a_fast_week_is_the_same_in_less_time() -> None:
    hours = [float(hour % 24) for hour in range(168)]
    slow, fast = draw({"per_hour": hours}, 3 * DAY_S), draw({"per_hour": hours, "speed": 60}, 4320)

    np.testing.assert_allclose(fast.times_s * 60, slow.times_s, rtol=1e-9)


# ---- batches


SIZES = [
    (7, 7.0, 0.0),
    ([1, 1, 4], 2.0, 2.0),
    ({"distribution": "geometric", "mean": 4.0}, 4.0, 12.0),  # (1 - p) / p^2
]


@pytest.mark.parametrize(("batch", "mean", "variance"), SIZES)
def test_batches_have_their_sizes(batch: Any, mean: float, variance: float) -> None:
    arrivals = draw({"rate_per_s": 20, "batch": batch}, 2000)
    moments, sizes = np.unique(arrivals.times_s, return_counts=True)
    n = len(moments)

    assert n == pytest.approx(40_000, abs=4 * 200)
    assert sizes.min() >= 1
    assert sizes.mean() == pytest.approx(mean, abs=4 * (variance / n) ** 0.5 + 1e-12)
    assert sizes.var() == pytest.approx(variance, rel=0.06)
    assert expected({"rate_per_s": 20, "batch": batch}, 2000) == pytest.approx(40_000 * mean)
    assert (np.diff(arrivals.times_s) >= 0).all()


def test_the_moments_are_the_same_with_and_without_batches() -> None:
    alone = draw({"rate_per_s": 3}, 100).times_s
    together = draw({"rate_per_s": 3, "batch": [2, 5]}, 100).times_s

    assert np.unique(together).tolist() == alone.tolist()


@pytest.mark.parametrize(
    "stream",
    [
        {"interval_s": 0.5},
        {"profile": [[0, 2.0], [50, 4.0]]},
        {"per_hour": [3600.0] * 24},
        {"calm": {"rate_per_s": 1, "mean_s": 5}, "burst": {"rate_per_s": 9, "mean_s": 5}},
    ],
)
def test_every_kind_that_is_drawn_may_come_in_batches(stream: dict[str, Any]) -> None:
    once, thrice = draw(stream, 100).times_s, draw({**stream, "batch": 3}, 100).times_s

    assert thrice.tolist() == np.repeat(once, 3).tolist()
    assert expected({**stream, "batch": 3}, 100) == pytest.approx(3 * expected(stream, 100))


# ---- bursts


CALM, BURST = (0.5, 40.0), (8.0, 10.0)  # a second, and how long


def bursts(calm: tuple[float, float] = CALM, burst: tuple[float, float] = BURST) -> dict[str, Any]:
    names = ("rate_per_s", "mean_s")
    return {
        "calm": dict(zip(names, calm, strict=True)),
        "burst": dict(zip(names, burst, strict=True)),
    }


@pytest.mark.parametrize("window_s", [1.0, 10.0, 100.0])
def test_counts_are_dispersed_as_the_closed_form_says(window_s: float) -> None:
    """Fischer and Meier-Hellstern 1993; the first window of 4,000 runs: stationary from the start.

    Four standard errors of the mean, and of the variance by the fourth moment.
    """
    counts = np.array(
        [len(draw(bursts(), window_s, seed).times_s) for seed in range(4000)], dtype=float
    )
    rate = (0.5 * 40 + 8 * 10) / 50
    n, off = len(counts), counts - counts.mean()

    assert counts.mean() == pytest.approx(rate * window_s, abs=4 * counts.std() / n**0.5)
    wanted = mmpp_dispersion(window_s, (0.5, 8.0), (40.0, 10.0)) * rate * window_s
    error = ((off**4).mean() - (off**2).mean() ** 2) ** 0.5 / n**0.5
    assert counts.var(ddof=1) == pytest.approx(wanted, abs=4 * error)
    assert wanted > 1.5 * rate * window_s or window_s == 1.0


def test_two_states_of_one_rate_are_no_bursts() -> None:
    assert mmpp_dispersion(30.0, (2.0, 2.0), (40.0, 10.0)) == 1.0
    times = draw(bursts((2.0, 1.0), (2.0, 3.0)), 5_000).times_s
    np.testing.assert_allclose(times, draw({"rate_per_s": 2.0}, 5_000).times_s, rtol=1e-9)


def test_states_last_as_long_as_they_say() -> None:
    """Half of all runs begin in a state that has them both as long."""
    stream = READ.validate_python(bursts((0.0, 3.0), (1.0, 1.0)))
    rates = stream.rates(partial(generator, 1, 0, "q", ""), 80_000.0)
    lasts = np.diff(rates.starts_s)

    for rate, mean in ((0.0, 3.0), (1.0, 1.0)):
        mine = lasts[rates.per_s[:-1] == rate]
        assert mine.mean() == pytest.approx(mean, abs=4 * mean / len(mine) ** 0.5)
    began = [
        stream.rates(partial(generator, seed, 0, "q", ""), 1.0).per_s[0] for seed in range(2000)
    ]
    assert np.mean(began) == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / 2000) ** 0.5)


@given(seed=st.integers(0, 2**31), duration=st.floats(1, 3000))
@settings(max_examples=30, deadline=None)
def test_a_longer_run_begins_as_the_shorter_one(seed: int, duration: float) -> None:
    for table in (bursts(), {"profile": [[0, 1.0], [5, 0.0]], "repeat_s": 20}):
        short, long = draw(table, duration, seed).times_s, draw(table, 3001, seed).times_s

        assert ((short >= 0) & (short <= duration)).all()
        np.testing.assert_allclose(short, long[: len(short)], rtol=1e-9)
