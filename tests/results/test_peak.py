"""The busiest window."""

import pytest
from days import day
from hand import NAN, hand_log, row

from simqueue.results.peak import peaks


def test_too_few_slots():
    # At 12:45 come 110 jobs of 60 s in a quarter-hour: 7.33 slots' worth. At 9:00, one.
    log = hand_log(*day(9 * 3600, 1, 60), *day(45900, 105, 60), *day(46000, 5, 60, wait=41.0))
    peak = peaks(log, (0, 86_400), {"order": 5})["order"]
    assert (peak.load, peak.needed, peak.slots) == (pytest.approx(110 * 60 / 900), 8, 5)
    assert (peak.start_s, peak.end_s) == (45900, 46800)
    assert (peak.worst_wait_s, peak.worst_at_s) == (41.0, 46000)


def test_a_whole_load_needs_one_slot_more():
    log = hand_log(*day(0, 30, 90))
    peak = peaks(log, (0, 86_400), {"order": 3})["order"]
    assert (peak.load, peak.needed) == (3.0, 4)


def test_replications_share_the_load():
    log = hand_log(*day(0, 40, 90), *day(0, 20, 90, replication=1))
    assert peaks(log, (0, 86_400), {"order": 3})["order"].load == 3.0


def test_warm_up_and_drain_are_left_out():
    log = hand_log(*day(0, 90, 90), *day(90_000, 90, 90, wait=5.0), *day(3600, 10, 90))
    peak = peaks(log, (1800, 86_400), {"order": 3})["order"]
    assert (peak.start_s, peak.load, peak.worst_wait_s) == (3600, 1.0, 0.0)


def test_in_process_mode_has_one_caller():
    log = hand_log(*day(0, 10, 90), *day(100, 10, 90, queue="email", wait=2.0))
    found = peaks(log, (0, 86_400), {"order": 1, "email": 1}, shared=True)
    assert list(found) == ["caller"]
    assert (found["caller"].needed, found["caller"].slots) == (3, 1)
    assert peaks(hand_log(), (0, 10), {"order": 1}, shared=True) == {}


def test_queues_where_nothing_happens():
    waiting = row(job=1, queue="email", times=(0, 0, NAN, NAN), outcome="")
    found = peaks(hand_log(waiting), (0, 86_400), {"order": 5, "email": 0})
    assert list(found) == ["email"]
    assert (found["email"].worst_wait_s, found["email"].worst_at_s) == (None, None)
    assert peaks(hand_log(), (0, 10), {"order": 1}) == {}


def test_no_particular_engine_is_needed():
    log = hand_log(*day(0, 1, 1), engine="in-process")
    assert peaks(log, (0, 10), {"order": 1})["order"].needed == 1
