"""Jobs that are sent at a moment: which window they belong to, and where arrivals end."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import simqueue as sq
from simqueue.results.offered import offered


def day(duration_s: float = 1000.0, **arrivals: Any) -> sq.Scenario:
    """One queue with five slots; a job every 100 s, of one second, and others beside."""
    return sq.build_scenario(
        {
            "duration_s": duration_s,
            "workers": {"concurrency": 5},
            "arrivals": {"q": {"interval_s": 100, **arrivals}},
            "queues": {"q": {"service": {"distribution": "constant", "mean_s": 1}}},
        }
    )


@pytest.mark.parametrize("at_s", [0.0, 250.0, 500.0, 999.0])
def test_they_belong_to_the_window_that_begins_then(at_s: float) -> None:
    scenario = day(sent=[[at_s, 700]])
    comes = offered(scenario)
    own = offered(day())
    edges = np.array([0.0, 250.0, 500.0, 999.0, 1000.0])
    jobs = (comes.rate("q", edges) - own.rate("q", edges)) * np.diff(edges)

    assert jobs == pytest.approx(np.where(edges[:-1] == at_s, 700.0, 0.0))


def test_a_burst_at_the_start_is_seen() -> None:
    """As one a second later: 1,000 jobs of a second are too many for five slots."""
    verdicts = [sq.simulate(day(sent=[[at_s, 1000]])).verdicts()["q"] for at_s in (0, 1)]
    needs = [re.findall(r"needs (\d+) slots at 0 s; it has 5", verdict) for verdict in verdicts]

    assert needs[0] == needs[1] != []


@pytest.mark.parametrize("at_s", [1000, 2000])
def test_after_the_end_they_count_nowhere_and_that_is_said(at_s: float) -> None:
    run = sq.simulate(day(sent=[[10, 3], [at_s, 1234]], factor=[[5, 2], [at_s, 3]]))
    plain = sq.simulate(day(sent=[[10, 3]], factor=[[5, 2]]))

    assert run.summary().queues["q"].arrived == plain.summary().queues["q"].arrived
    assert len(run.frame()) == len(plain.frame()) + 1234
    said = [one for one in run.warnings() if one not in plain.warnings()]
    assert [one.split(":")[0] for one in said] == ["arrivals.q.sent", "arrivals.q.factor"]
    assert "1,234 jobs" in said[0]


def test_many_may_be_sent_at_once() -> None:
    assert len(sq.simulate(day(sent=[[10, 20_000]])).frame()) == 20_009
