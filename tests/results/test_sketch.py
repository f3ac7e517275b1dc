"""Times that are counted in bins: how far off their quantiles may be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from simqueue.results.intervals import Samples
from simqueue.results.sketch import ERROR, Sketch, Sketches, describe_sketches
from simqueue.results.statistics import Statistics, describe

TIMES = arrays(
    np.float64,
    st.integers(1, 200),
    elements=st.floats(0, 1e9) | st.floats(0, 1e-6) | st.sampled_from([0.0, 1.0, 2.0**-30]),
)
NANOSECOND = 1e-9


def sketch(*parts: np.ndarray) -> Sketch:
    found = Sketch()
    for part in parts:
        found.add(part)
    return found


def near(found: float, wanted: float) -> bool:
    """Off by no more than is said, but for the rounding of the interpolation."""
    return abs(found - wanted) <= ERROR * wanted * (1 + 1e-12) + NANOSECOND


@given(times=TIMES, q=st.floats(0, 1))
def test_a_quantile_is_off_by_no_more_than_it_says(times: np.ndarray, q: float) -> None:
    assert near(Sketches([sketch(times)]).quantile(q), float(np.quantile(times, q)))


@given(times=TIMES, cut=st.integers(0, 200))
def test_parts_are_counted_as_the_whole_is(times: np.ndarray, cut: int) -> None:
    whole, parts = sketch(times), sketch(times[:cut], times[cut:])
    assert (parts.number, parts.largest_s) == (whole.number, whole.largest_s)
    assert parts.total_s == pytest.approx(whole.total_s, rel=1e-12)
    np.testing.assert_array_equal(parts.bins, whole.bins)


def test_it_says_of_many_replications_what_the_times_say() -> None:
    rng = np.random.default_rng(1)
    samples = [rng.exponential(mean, 2_000) for mean in (1.0, 1.1, 1.3, 0.9, 1.2)]
    kept, counted = describe(samples), describe_sketches([sketch(one) for one in samples])
    assert counted.max == kept.max
    assert counted.mean == pytest.approx(kept.mean, rel=1e-12)
    assert counted.ci95 == pytest.approx(kept.ci95, rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(samples=st.lists(TIMES, min_size=2, max_size=5), q=st.sampled_from([0.5, 0.95, 0.99]))
def test_intervals_are_those_of_the_middles_of_bins(samples: list[np.ndarray], q: float) -> None:
    def middles(times: np.ndarray) -> np.ndarray:
        # A larger one beside each, as the largest is exact.
        return np.array([Sketches([sketch(np.array([one, 1e12]))]).at(0) for one in times])

    counted = Sketches([sketch(one) for one in samples]).quantile_interval(q)
    wanted = Samples([middles(one) for one in samples]).quantile_interval(q)
    assert counted is not None
    assert wanted is not None
    largest = max(float(one.max()) for one in samples)
    for end, its in zip(counted, wanted, strict=True):
        assert end == its or (end == largest and its is not None and near(its, largest))


def test_the_interval_of_a_quantile_is_open_above_where_that_of_the_times_is() -> None:
    samples = [np.full(100, 1.0), np.full(100, 1.0), np.arange(100.0)]
    counted = describe_sketches([sketch(one) for one in samples])
    assert counted.p99 is not None
    assert counted.p99.interval is not None
    assert counted.p99.interval[1] is None


def test_of_nothing_it_says_nothing() -> None:
    assert describe_sketches([Sketch()]) == Statistics(None, None, None, None, None)
