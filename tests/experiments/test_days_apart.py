"""Days that are not alike: said where a queue is short for a while, with what each day was."""

from __future__ import annotations

import re

import numpy as np
import pytest

import simqueue as sq


def rush(rate_per_s: float, seed: int) -> sq.Scenario:
    """Five slots, jobs of a second; in the middle third more come than they can do."""
    profile = [[0, 2.0], [200, rate_per_s], [400, 2.0]]
    return sq.build_scenario(
        {
            "seed": seed,
            "duration_s": 600,
            "workers": {"concurrency": 5},
            "arrivals": {"tea": {"profile": profile}, "mail": {"rate_per_s": 0.5}},
            "queues": {
                "tea": {"service": {"distribution": "lognormal", "mean_s": 1, "cv": 2}},
                "mail": {"service": {"distribution": "exponential", "mean_s": 1}},
            },
        }
    )


@pytest.mark.parametrize("seed", range(10))
def test_it_says_between_what_the_days_were(seed: int) -> None:
    run = sq.simulate(rush(5.2, seed), 10)
    (said,) = (line for line in run.warnings() if "from day to day" in line)
    days = [np.quantile(day.responses("tea"), 0.95) for day in run.log.by_replication()]
    low, high = re.findall(r"([0-9.]+) s", said)
    assert said.startswith("tea: ")
    assert float(low) == pytest.approx(min(days), rel=0.01)
    assert float(high) == pytest.approx(max(days), rel=0.01)


@pytest.mark.parametrize("seed", range(10))
def test_of_days_that_are_alike_or_of_one_day_it_says_nothing(seed: int) -> None:
    """Four times as much as the slots can do: the line is as long on each day."""
    for run in (sq.simulate(rush(20, seed), 10), sq.simulate(rush(5.2, seed), 1)):
        assert not any("from day to day" in line for line in run.warnings())
