"""Counts over time, against counting heads at every moment."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simqueue.results.timeline import steps

INTERVALS = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 12) | st.just(math.inf)), max_size=12
)


def open_at(intervals: list[tuple[float, float]], moment: float) -> int:
    return sum(start <= moment < end for start, end in intervals)


@given(INTERVALS, st.integers(-2, 14), st.integers(1, 10))
def test_the_most_in_a_window_is_what_a_head_count_finds(
    intervals: list[tuple[float, float]], low: int, length: int
) -> None:
    found = steps(*np.array(intervals, dtype=float).reshape(-1, 2).T)

    most = max(open_at(intervals, moment) for moment in range(low, low + length))
    assert found.most(low, low + length) == most


@given(INTERVALS)
def test_the_area_is_that_of_a_head_count(intervals: list[tuple[float, float]]) -> None:
    found = steps(*np.array(intervals, dtype=float).reshape(-1, 2).T)

    assert found.area(13.0) == sum(open_at(intervals, moment) for moment in range(13))
    assert (np.diff(found.moments) > 0).all()
