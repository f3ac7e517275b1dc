"""The busiest window and its sentence, on logs whose loads are counted on fingers."""

import numpy as np
import pytest
from hand import NAN, hand_log, row
from hypothesis import given
from hypothesis import strategies as st

from simqueue.record.attempt_log import AttemptLog
from simqueue.results.peak import peaks, window_edges
from simqueue.results.wording import duration_up


def clock(seconds: float) -> str:
    return f"{int(seconds // 3600):02}:{int(seconds % 3600 // 60):02}"


def day(start: float, jobs: int, work: float, wait: float = 0.0, **more: object) -> list[dict]:
    """``jobs`` ready at ``start``, each waiting ``wait`` and taking ``work``."""
    times = (start, start, start + wait, start + wait + work)
    return [row(job=int(start) + n, times=times, **more) for n in range(jobs)]


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
    assert peaks(log, (0, 60), {"order": 1}, clock)["order"].load == pytest.approx(0.5)


@given(low=st.floats(0, 1e5), span=st.floats(1e-3, 1e7))
def test_windows_cover_any_run(low, span):
    edges = window_edges(low, low + span)
    assert (np.diff(edges) > 0).all()
    assert 1 <= len(edges) - 1 <= max(120, span / 900 + 1)


def test_too_few_slots():
    # At 12:45 come 110 jobs of 60 s in a quarter-hour: 7.33 slots' worth. At 9:00, one.
    log = hand_log(*day(9 * 3600, 1, 60), *day(45900, 105, 60), *day(46000, 5, 60, wait=41.0))
    peak = peaks(log, (0, 86_400), {"order": 5}, clock)["order"]
    assert (peak.load, peak.needed, peak.slots) == (pytest.approx(110 * 60 / 900), 8, 5)
    assert (peak.start_s, peak.end_s) == (45900, 46800)
    assert (peak.worst_wait_s, peak.worst_at_s) == (41.0, 46000)
    assert peak.verdict == "The order queue needs 8 slots at 12:45; it has 5: waits reach 41 s."


def test_a_worst_wait_elsewhere_is_dated():
    log = hand_log(*day(45900, 110, 60), *day(54000, 1, 5, wait=90.0))
    assert peaks(log, (0, 86_400), {"order": 5}, clock)["order"].verdict == (
        "The order queue needs 8 slots at 12:45; it has 5: waits reach 90 s (at 15:00)."
    )


def test_slots_enough():
    log = hand_log(*day(45900, 20, 60, wait=0.291, queue="email"))
    assert peaks(log, (0, 86_400), {"order": 5, "email": 5}, clock)["email"].verdict == (
        "The email queue has 5 slots and needs 2 at its busiest (12:45): waits stay under 300 ms."
    )


def test_slots_enough_on_average_but_not_for_a_burst():
    log = hand_log(*day(45900, 2, 0.5, wait=0.291), *day(50000, 1, 0.5, wait=5.1))
    assert peaks(log, (0, 86_400), {"order": 5}, clock)["order"].verdict == (
        "The order queue has 5 slots and needs 1 at its busiest (12:45), "
        "yet bursts make jobs wait up to 5.1 s (at 13:53)."
    )


def test_a_whole_load_needs_one_slot_more():
    log = hand_log(*day(0, 30, 90))
    peak = peaks(log, (0, 86_400), {"order": 3}, clock)["order"]
    assert (peak.load, peak.needed) == (3.0, 4)


def test_replications_share_the_load():
    log = hand_log(*day(0, 40, 90), *day(0, 20, 90, replication=1))
    assert peaks(log, (0, 86_400), {"order": 3}, clock)["order"].load == 3.0


def test_warm_up_and_drain_are_left_out():
    log = hand_log(*day(0, 90, 90), *day(90_000, 90, 90, wait=5.0), *day(3600, 10, 90))
    peak = peaks(log, (1800, 86_400), {"order": 3}, clock)["order"]
    assert (peak.start_s, peak.load, peak.worst_wait_s) == (3600, 1.0, 0.0)


def test_in_process_mode_has_one_caller():
    log = hand_log(*day(0, 10, 90), *day(100, 10, 90, queue="email", wait=2.0))
    found = peaks(log, (0, 86_400), {"order": 1, "email": 1}, clock, shared=True)
    assert list(found) == ["caller"]
    assert found["caller"].verdict == (
        "The caller needs 3 slots at 00:00; it has 1: waits reach 2 s."
    )


def test_queues_where_nothing_happens():
    waiting = row(job=1, queue="email", times=(0, 0, NAN, NAN), outcome="")
    late = row(job=2, times=(99_999, 99_999, 99_999, 100_000))
    found = peaks(hand_log(waiting, late), (0, 86_400), {"order": 5, "email": 0}, clock)
    assert found["email"].verdict == "The email queue has no slots: nothing starts."
    assert found["order"].verdict.endswith("nothing started in this window.")
    assert "payment" not in found
    assert peaks(hand_log(), (0, 10), {"order": 1}, clock) == {}


@given(seconds=st.floats(1e-6, 1e5))
def test_under_is_under(seconds):
    number, unit = duration_up(seconds).replace(",", "").split()
    assert float(number) * {"ms": 1e-3, "s": 1, "min": 60, "h": 3600}[unit] > seconds


def test_verdicts_need_no_particular_engine():
    log = hand_log(*day(0, 1, 1), engine="in-process")
    assert isinstance(log, AttemptLog)
    assert peaks(log, (0, 10), {"order": 1}, clock)["order"].needed == 1


def test_a_callers_work_counts_when_the_request_came_in():
    """An email that is ready an hour late, its caller being behind, came with the order."""
    rows = [
        row(job=1, times=(10, 10, 10, 30)),
        row(job=2, parent=1, flow=1, times=(3600, 3600, 3600, 3640), queue="email"),
        row(job=3, parent=2, flow=1, times=(3640, 3640, 3640, 3645), queue="email"),
    ]
    log = hand_log(*rows)
    (peak,) = peaks(log, (0, 7200), dict.fromkeys(("order", "email"), 1), clock, True).values()

    width = peak.end_s - peak.start_s
    assert peak.start_s == 0
    assert peak.load * width == pytest.approx(20 + 40 + 5)
