"""The windows that a run is looked at through."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simqueue.results.windows import window_edges


@pytest.mark.parametrize(
    ("span", "width", "windows"),
    [
        ((0, 86_400), 900, 96),
        ((0, 43_200), 900, 48),
        ((0, 3_600), 60, 60),
        ((600, 4_200), 60, 60),
        ((0, 600), 15, 40),
        ((0, 48), 1, 48),
        ((0, 10), 0.2, 50),
        ((0, 7 * 86_400), 900, 672),
        ((0, 3_610), 60, 60),  # the last ten seconds go with the last minute
        ((0, 3_650), 60, 61),
    ],
)
def test_windows_have_round_lengths(span, width, windows):
    edges = window_edges(*span)
    assert len(edges) == windows + 1
    assert edges[1] - edges[0] == pytest.approx(width)
    assert (edges[0], edges[-1]) == span


def test_windows_are_no_shorter_than_they_should_be():
    assert len(window_edges(0, 600, least=22)) == 600 / 30 + 1
    assert list(window_edges(0, 600, least=5000)) == [0, 600]


@given(low=st.floats(0, 1e5), span=st.floats(1e-3, 1e7))
def test_windows_cover_any_run(low, span):
    edges = window_edges(low, low + span)
    assert (np.diff(edges) > 0).all()
    assert 1 <= len(edges) - 1 <= max(120, span / 900 + 1)
