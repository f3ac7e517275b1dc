"""The windows that a run is looked at through."""

import numpy as np
import pytest
from days import day
from hand import hand_log, row
from hypothesis import given
from hypothesis import strategies as st
from simqueue.results.peak import peaks

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


def test_windows_are_no_shorter_than_ten_jobs():
    assert len(window_edges(0, 600, least=22)) == 600 / 30 + 1
    assert list(window_edges(0, 600, least=5000)) == [0, 600]
    # One job of 30 s an otherwise idle minute is half a slot, not thirty slots for a second.
    log = hand_log(*day(10, 1, 30))
    assert peaks(log, (0, 60), {"order": 1})["order"].load == pytest.approx(0.5)


@given(low=st.floats(0, 1e5), span=st.floats(1e-3, 1e7))
def test_windows_cover_any_run(low, span):
    edges = window_edges(low, low + span)
    assert (np.diff(edges) > 0).all()
    assert 1 <= len(edges) - 1 <= max(120, span / 900 + 1)


def test_a_callers_work_counts_when_the_request_came_in():
    """An email that is ready an hour late, its caller being behind, came with the order."""
    rows = [
        row(job=1, times=(10, 10, 10, 30)),
        row(job=2, parent=1, flow=1, times=(3600, 3600, 3600, 3640), queue="email"),
        row(job=3, parent=2, flow=1, times=(3640, 3640, 3640, 3645), queue="email"),
    ]
    log = hand_log(*rows)
    (peak,) = peaks(log, (0, 7200), dict.fromkeys(("order", "email"), 1), True).values()

    width = peak.end_s - peak.start_s
    assert peak.start_s == 0
    assert peak.load * width == pytest.approx(20 + 40 + 5)
