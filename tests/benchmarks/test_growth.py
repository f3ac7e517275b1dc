"""Sizes of the growth table: what they are called, and that each brings the work that it says."""

import pytest

from benchmarks.growth import SIZES, Size, here


def test_a_size_says_what_is_not_as_usual():
    assert Size().words == "100,000 jobs"
    some = Size(jobs=10_000, slots=1, workers=1_000, queues=100, cpu_s=0.002)
    assert some.words == "10,000 jobs, 1 slots, 1,000 workers, 100 queues, that compute"


def test_no_two_sizes_are_called_alike():
    assert len({size.words for size in SIZES}) == len(SIZES)


@pytest.mark.parametrize("size", [Size(jobs=2_000), Size(jobs=2_000, queues=10, workers=3)])
def test_the_jobs_are_spread_over_the_queues(size):
    day = size.scenario
    expected = sum(one.rate_per_s * day.duration_s for one in day.arrivals.values())
    assert len(day.queues) == size.queues
    assert expected == pytest.approx(size.jobs)
    assert set(day.slots.values()) == {size.slots * size.workers}


def test_a_size_is_measured():
    found = here(Size(jobs=3_000), "simpy")
    assert 0 < found["summary_micro_s"] < found["micro_s"]
    assert found["mib"] >= 0
