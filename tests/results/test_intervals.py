"""How sure: intervals of means, quantiles and counts over replications."""

from __future__ import annotations

import copy
import json
import math
import pickle
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from simqueue.results.intervals import (
    Samples,
    count_interval,
    mean_ci95,
    mean_interval,
    paired_interval,
)
from simqueue.results.statistics import Estimate, describe

VALUES = st.lists(st.floats(0, 1e6), min_size=2, max_size=40).map(np.array)


def students(values: Sequence[float]) -> tuple[float, float]:
    low, high = stats.t.interval(
        0.95, len(values) - 1, loc=np.mean(values), scale=stats.sem(values)
    )
    return low, high


def test_without_skewness_it_is_the_textbooks_students_t() -> None:
    for values in ([-3.0, 1.0, 5.0], [999.0, 1000.0, 1001.0]):
        found = mean_interval(np.array(values))
        assert found == pytest.approx(students(values), abs=0.01)


def test_what_notebooks_get_is_what_a_run_has() -> None:
    values = [3.0, 4.5, 2.5, 6.0]
    assert mean_ci95(values) == (4.0, mean_interval(np.array(values)))
    assert mean_ci95([None, *values]) == mean_ci95(values)
    assert mean_ci95([]) == (None, None)
    assert mean_ci95([None, 1.0]) == (1.0, None)


def test_differences_may_be_negative() -> None:
    """They have no weights: turned round they have the interval turned round."""
    values = np.array([-1.0, 0.5, 0.75, 4.0])
    low, high = mean_interval(values) or (math.nan, math.nan)
    assert low < 0
    assert mean_interval(-values) == pytest.approx((-high, -low))
    assert high - values.mean() > values.mean() - low


def test_a_long_right_tail_reaches_further_up() -> None:
    """Willink's example by hand: n = 4, the third moment as he estimates it."""
    values = np.array([1.0, 1.0, 1.0, 6.0])
    found = mean_interval(values)
    assert found is not None
    n, mean = 4, 2.25
    spread = values.std(ddof=1)
    third = n * ((values - mean) ** 3).sum() / ((n - 1) * (n - 2))
    a = third / (6 * math.sqrt(n) * spread**3)
    kurtosis = 3 + 6 * (spread / mean) ** 2
    degrees = 2 * n / (kurtosis - (n - 3) / (n - 1))
    assert degrees < 1  # one is the least
    t = stats.t.ppf(0.975, 1)

    def g(r: float) -> float:
        return float((math.cbrt(1 + 6 * a * (r - a)) - 1) / (2 * a))

    error = spread / math.sqrt(n)
    assert found == pytest.approx((max(mean - g(t) * error, 0.0), mean - g(-t) * error))
    assert found[1] - mean > mean - found[0]


@given(values=VALUES, scale=st.floats(1e-3, 1e3))
def test_an_interval_holds_its_mean_and_scales_with_it(values: np.ndarray, scale: float) -> None:
    found, scaled = mean_interval(values), mean_interval(values * scale)
    assert found is not None
    assert scaled is not None
    assert found[0] <= values.mean() * (1 + 1e-9) + 1e-9
    assert found[1] >= values.mean() * (1 - 1e-9) - 1e-9
    assert scaled == pytest.approx((found[0] * scale, found[1] * scale), rel=1e-6, abs=1e-6)


def test_one_replication_has_no_interval() -> None:
    assert mean_interval(np.array([1.0])) is None
    assert count_interval(np.array([1.0])) is None
    assert Samples([np.array([1.0, 2.0])]).quantile_interval(0.5) is None
    assert describe([np.array([1.0])]).ci95 is None


def test_none_lost_is_no_proof_that_none_will_be() -> None:
    low, high = count_interval(np.zeros(20)) or (math.nan, math.nan)
    assert low == 0.0
    # With a mean of `high` twenty empty runs in a row happen once in forty times.
    assert stats.poisson.pmf(0, 20 * high) == pytest.approx(0.025)


@given(
    samples=st.lists(st.lists(st.integers(0, 50), min_size=1, max_size=30), min_size=2, max_size=8),
    q=st.sampled_from([0.5, 0.95, 0.99]),
)
def test_a_quantiles_interval_holds_it(samples: list[list[int]], q: float) -> None:
    arrays = [np.array(sample, dtype=float) for sample in samples]
    pooled = np.sort(np.concatenate(arrays))
    found = Samples(arrays).quantile_interval(q)
    assert found is not None
    low, high = found
    value = pooled[math.ceil(q * len(pooled)) - 1]
    assert low is not None
    assert low <= value
    assert high is None or value <= high


@given(
    samples=st.lists(st.lists(st.floats(0, 1e6), min_size=1, max_size=30), min_size=1, max_size=4),
    q=st.sampled_from([0.0, 0.5, 0.95, 0.99, 1.0]) | st.floats(0, 1),
)
def test_a_quantile_is_numpys_to_the_bit(samples: list[list[float]], q: float) -> None:
    found = Samples([np.array(sample) for sample in samples]).quantile(q)

    assert found == float(np.quantile(np.concatenate(samples), q))


def test_what_one_replication_tells_is_open_above() -> None:
    calm = [np.arange(100) / 100 for _ in range(9)]
    storm = np.arange(100.0) * 10
    low, high = Samples([*calm, storm]).quantile_interval(0.95) or (None, None)
    assert high is None
    assert low is not None
    assert low < 950

    low, high = Samples([*calm, calm[0]]).quantile_interval(0.95) or (None, None)
    assert high == pytest.approx(0.95, abs=0.02)


def test_an_estimate_is_a_number_that_knows_its_interval() -> None:
    one = Estimate(2.5, (2.0, None))
    for other in (pickle.loads(pickle.dumps(one)), copy.deepcopy(one)):
        assert other == 2.5
        assert other.interval == (2.0, None)
    assert json.dumps(one) == "2.5"
    assert f"{one:.1f} {one}" == "2.5 2.5"
    assert one + 1 == 3.5


def test_of_normal_values_a_variance_has_one_degree_less_than_there_are() -> None:
    """A gamma distribution of next to no spread is normal."""
    values = np.array([999.0, 1000.0, 1001.0, 1002.0])
    assert mean_interval(values) == pytest.approx(students(list(values)), abs=0.01)


def test_few_values_do_not_lean_to_the_left() -> None:
    """Of times, that is chance: they have the interval of values that lean to no side."""
    low, high = mean_interval(np.array([1.0, 5.0, 6.0])) or (math.nan, math.nan)
    assert high - 4.0 == pytest.approx(4.0 - (2 * 4.0 - high))
    assert low == max(0.0, 8.0 - high)


def test_differences_of_one_sign_are_as_unsure_as_times() -> None:
    values = np.array([2.0, 3.0, 9.0, 2.5])
    low, high = paired_interval(-values) or (math.nan, math.nan)
    assert (-high, -low) == pytest.approx(paired_interval(values))
    assert -low == pytest.approx((mean_interval(values) or (0, 0))[1])
