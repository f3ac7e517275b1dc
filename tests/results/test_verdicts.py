"""What a run came to, in a sentence."""

from typing import Any

import pytest
from days import clock, day
from hand import NAN, hand_log, row
from hypothesis import given
from hypothesis import strategies as st

from simqueue.record.attempt_log import AttemptLog
from simqueue.results.peak import peaks
from simqueue.results.verdicts import verdict, verdicts
from simqueue.results.wording import duration_up
from simqueue.workload.reading import build_scenario


def said(log: AttemptLog, slots: dict[str, int], shared: bool = False) -> dict[str, str]:
    found = peaks(log, (0, 86_400), slots, shared)
    return {name: verdict(name, peak, clock, shared) for name, peak in found.items()}


def test_too_few_slots():
    log = hand_log(*day(9 * 3600, 1, 60), *day(45900, 105, 60), *day(46000, 5, 60, wait=41.0))
    assert said(log, {"order": 5})["order"] == (
        "The order queue needs 8 slots at 12:45; it has 5: waits reach 41 s."
    )


def test_a_worst_wait_elsewhere_is_dated():
    log = hand_log(*day(45900, 110, 60), *day(54000, 1, 5, wait=90.0))
    assert said(log, {"order": 5})["order"] == (
        "The order queue needs 8 slots at 12:45; it has 5: waits reach 90 s (at 15:00)."
    )


def test_slots_enough():
    log = hand_log(*day(45900, 20, 60, wait=0.291, queue="email"))
    assert said(log, {"order": 5, "email": 5})["email"] == (
        "The email queue has 5 slots and needs 2 at its busiest (12:45): waits stay under 300 ms."
    )


def test_slots_enough_on_average_but_not_for_a_burst():
    log = hand_log(*day(45900, 2, 0.5, wait=0.291), *day(50000, 1, 0.5, wait=5.1))
    assert said(log, {"order": 5})["order"] == (
        "The order queue has 5 slots and needs 1 at its busiest (12:45), "
        "yet bursts make jobs wait up to 5.1 s (at 13:53)."
    )


def test_a_caller_is_no_queue():
    rows = [*day(0, 10, 90), *day(100, 10, 90, queue="email", wait=2.0)]
    assert said(hand_log(*rows), {"order": 1, "email": 1}, shared=True) == {
        "caller": "The caller needs 3 slots at 00:00; it has 1: waits reach 2 s."
    }
    log = hand_log(*day(0, 1, 90, queue="caller"), queues=("caller",))
    assert said(log, {"caller": 5})["caller"].startswith("The caller queue has 5 slots")


def test_queues_where_nothing_starts():
    waiting = row(job=1, queue="email", times=(0, 0, NAN, NAN), outcome="")
    late = row(job=2, times=(99_999, 99_999, 99_999, 100_000))
    found = said(hand_log(waiting, late), {"order": 5, "email": 0})
    assert found["email"] == "The email queue has no slots: nothing starts."
    assert found["order"].endswith("nothing started in this window.")


@given(seconds=st.floats(1e-6, 1e5))
def test_under_is_under(seconds):
    number, unit = duration_up(seconds).replace(",", "").split()
    assert float(number) * {"ms": 1e-3, "s": 1, "min": 60, "h": 3600}[unit] > seconds


@pytest.mark.parametrize(
    ("more", "there_are"),
    [
        ({"workers": {"count": 1, "concurrency": 9}}, "there is 1"),
        ({"workers": {"count": 2, "concurrency": 9}}, "there are 2"),
        ({"workers": {"count": 3, "concurrency": 9}}, None),
        ({"workers": {"count": 3}, "mode": "in-process"}, "there is 1"),  # the web process's
    ],
)
def test_event_loops_are_the_limit_before_slots_are(more: dict[str, Any], there_are: str | None):
    """75 orders at one moment, 30 s of cpu each: 2.5 loops' worth in a quarter-hour."""
    cpu = {"distribution": "constant", "mean_s": 30}
    scenario = build_scenario(
        {
            "duration_s": 86_400,
            "arrivals": {"order": {"rate_per_s": 1}},
            "queues": {"order": {"cpu": cpu}, "email": {}},
            **more,
        }
    )
    found = verdicts(hand_log(*day(45_900, 75, 31)), scenario, (0, 86_400), 1)

    if there_are is None:
        assert list(found) == ["order"]
    else:
        assert found == {
            "event loop": "The event loop is the limit: at 45,900 s the cpu parts of jobs need "
            f"3 loops, one of each worker; {there_are}. More slots would not help, more workers "
            "would."
        }
