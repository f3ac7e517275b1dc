"""Closed arrivals: which requests there can be, and whose draws are whose."""

from __future__ import annotations

from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from simqueue.workload.arrivals import Arrivals, ArrivalStream
from simqueue.workload.draws import generator
from simqueue.workload.reading import build_scenario
from simqueue.workload.workload import Workload

READ = TypeAdapter(ArrivalStream)
THINKS = [
    {"distribution": "exponential", "mean_s": 5.0},
    {"distribution": "constant", "mean_s": 7.0},
    {"distribution": "gamma", "mean_s": 5.0, "cv": 4.0},
    {"distribution": "uniform", "low_s": 0.0, "high_s": 3.0},
]


def draw(customers: int, think: dict[str, Any], duration_s: float, seed: int = 1) -> Arrivals:
    stream = READ.validate_python({"customers": customers, "think": think})
    return stream.draw(partial(generator, seed, 0, "q", ""), duration_s)


def chains(drawn: Arrivals) -> list[list[int]]:
    """The numbers of each customer's requests, in the order in which they are asked."""
    assert drawn.turns is not None
    following = drawn.turns.following
    found = []
    for first in np.setdiff1d(np.arange(len(following)), following).tolist():
        mine = [first]
        while following[mine[-1]] >= 0:
            mine.append(int(following[mine[-1]]))
        found.append(mine)
    return found


@given(
    customers=st.integers(1, 40),
    think=st.sampled_from(THINKS),
    duration_s=st.floats(10, 400),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=60, deadline=None)
def test_each_customer_asks_as_long_as_there_is_time(
    customers: int, think: dict[str, Any], duration_s: float, seed: int
) -> None:
    drawn = draw(customers, think, duration_s, seed)
    assert drawn.turns is not None
    found = chains(drawn)

    assert sorted(chain.from_iterable(found)) == list(range(len(drawn.times_s)))
    assert len(found) <= customers
    assert (np.diff(drawn.times_s) >= 0).all()
    for mine in found:
        moments = np.cumsum(drawn.turns.think_s[mine])
        np.testing.assert_allclose(drawn.times_s[mine], moments, rtol=1e-12)
        assert moments[-1] < duration_s
    least = READ.validate_python({"customers": customers, "think": think})
    if think["distribution"] == "constant":
        assert len(drawn.times_s) == customers * int(np.ceil(duration_s / 7.0) - 1)
        assert len(drawn.times_s) <= least.expected(np.array([duration_s]), duration_s)[0]


@pytest.mark.parametrize("think", THINKS)
def test_there_are_no_more_requests_than_the_size_check_expects(think: dict[str, Any]) -> None:
    stream = READ.validate_python({"customers": 50, "think": think})
    counts = [len(draw(50, think, 300.0, seed).times_s) for seed in range(50)]
    most = float(stream.expected(np.array([300.0]), 300.0)[0])

    assert np.mean(counts) < most + 4 * np.std(counts) / 50**0.5
    assert np.mean(counts) > 0.7 * 50 * 300 / stream.think.mean


def test_a_customer_thinks_the_same_with_others_and_in_a_longer_run() -> None:
    think = THINKS[0]
    alone, among, longer = (
        draw(count, think, duration_s) for count, duration_s in ((1, 300), (9, 300), (9, 900))
    )
    assert alone.turns is not None
    assert among.turns is not None
    assert longer.turns is not None

    mine = alone.turns.think_s[chains(alone)[0]]
    others = [among.turns.think_s[numbers] for numbers in chains(among)]
    assert any(np.array_equal(mine, one) for one in others)
    n = len(among.times_s)
    assert longer.times_s[:n].tolist() == among.times_s.tolist()
    assert longer.turns.think_s[:n].tolist() == among.turns.think_s.tolist()


def test_work_belongs_to_the_request() -> None:
    """However many workers there are, the same request takes as long."""
    table = {
        "duration_s": 200,
        "arrivals": {"q": {"customers": 5, "think": THINKS[0]}},
        "queues": {"q": {"service": {"distribution": "exponential", "mean_s": 3}}},
    }
    one, other = (
        Workload(build_scenario({**table, "workers": {"count": count}})) for count in (1, 4)
    )

    assert one.attempts(0, 1).io_s == other.attempts(0, 1).io_s
    first = [numbers[0] for numbers in chains(one.streams["q"])]
    assert one.arrivals[2].tolist() == sorted(first)
