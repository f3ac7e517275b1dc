"""Classes wait as Cobham's formula says, where it is exact.

Seeds are fixed beforehand. As in `test_closed_forms`, the slow cases ask for a 95 % interval of 4 %
at most and an error of at most four standard errors, for each class; the formula is written out
here.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from fast_runs import fast_run

from simqueue.experiments.run import simulate
from simqueue.workload.reading import build_scenario

T_95_19 = 2.093
REPLICATIONS = 20
#: Second moments of service times of one second.
SERVICES: dict[str, tuple[dict[str, Any], float]] = {
    "exponential": ({"distribution": "exponential", "mean_s": 1.0}, 2.0),
    "constant": ({"distribution": "constant", "mean_s": 1.0}, 1.0),
    "lognormal": ({"distribution": "lognormal", "mean_s": 1.0, "cv": 1.5}, 3.25),
}


def cobham(rates: list[float], means: list[float], moments: list[float]) -> list[float]:
    """Cobham 1954, equation 3: one server, non-preemptive, the best class first."""
    left = sum(rate * moment for rate, moment in zip(rates, moments, strict=True)) / 2
    loads = [rate * mean for rate, mean in zip(rates, means, strict=True)]
    upto = np.concatenate([[0.0], np.cumsum(loads)])
    return [left / ((1 - upto[k]) * (1 - upto[k + 1])) for k in range(len(rates))]


def class_means(table: dict[str, Any], warmup: float) -> dict[str, np.ndarray]:
    """Mean wait of each class, for each replication."""
    log = fast_run(build_scenario(table), REPLICATIONS).log
    rows = log.rows[log.rows["ready_s"] >= warmup]
    waits = rows["started_s"] - rows["ready_s"]
    return {
        name: np.array(
            [
                waits[(rows["replication"] == run) & (rows["class"] == code)].mean()
                for run in range(REPLICATIONS)
            ]
        )
        for code, name in enumerate(log.classes)
    }


def scenario(
    rate: float, classes: dict[str, Any], duration: float, slots: int = 1
) -> dict[str, Any]:
    return {
        "seed": 1954,
        "duration_s": duration,
        "workers": {"count": 1, "concurrency": slots},
        "arrivals": {"q": {"rate_per_s": rate}},
        "queues": {"q": {"service": SERVICES["exponential"][0], "classes": classes}},
    }


def check(table: dict[str, Any], expected: list[float], narrow: float | None = 0.04) -> None:
    for means, wait in zip(class_means(table, 300).values(), expected, strict=True):
        error = means.std(ddof=1) / REPLICATIONS**0.5
        if narrow is not None:
            assert T_95_19 * error / wait < narrow, "too few jobs to tell"
        assert abs(means.mean() - wait) < 4 * error


@pytest.mark.slow
@pytest.mark.parametrize("service", SERVICES)
def test_two_classes(service: str) -> None:
    how, moment = SERVICES[service]
    classes = {
        "vip": {"share": 0.25, "priority": 1, "service": how},
        "bulk": {"share": 0.75, "priority": 7, "service": how},
    }
    expected = cobham([0.175, 0.525], [1.0, 1.0], [moment] * 2)
    check(scenario(0.7, classes, 60_000), expected)


@pytest.mark.slow
def test_three_classes_of_different_lengths() -> None:
    """Plain jobs, those without a priority, are the best class."""
    classes = {
        "plain": {"share": 0.2, "service": SERVICES["lognormal"][0]},
        "short": {
            "share": 0.5,
            "priority": 1,
            "service": {"distribution": "constant", "mean_s": 0.5},
        },
        "long": {
            "share": 0.3,
            "priority": 2,
            "service": {"distribution": "exponential", "mean_s": 2.0},
        },
    }
    rate = 0.6
    rates = [rate * share for share in (0.2, 0.5, 0.3)]
    expected = cobham(rates, [1.0, 0.5, 2.0], [3.25, 0.25, 8.0])
    check(scenario(rate, classes, 90_000), expected, narrow=0.06)


@pytest.mark.slow
def test_two_classes_at_three_slots() -> None:
    """Cobham 1954, equation 5: several servers, exponential service, the same mean for all."""
    load, slots = 0.75, 3
    a = load * slots
    top = a**slots / math.factorial(slots) * slots / (slots - a)
    waiting = top / (sum(a**n / math.factorial(n) for n in range(slots)) + top)
    left = waiting / slots
    expected = [left / (1 - 0.3 * load), left / ((1 - 0.3 * load) * (1 - load))]
    classes = {"vip": {"share": 0.3, "priority": 1}, "bulk": {"share": 0.7, "priority": 2}}
    check(scenario(a, classes, 40_000, slots), expected)


def test_a_short_run_is_near_cobham() -> None:
    """The quick relative of the slow tests: within four standard errors, however wide."""
    classes = {"vip": {"share": 0.25, "priority": 1}, "bulk": {"share": 0.75, "priority": 7}}
    expected = cobham([0.175, 0.525], [1.0, 1.0], [2.0, 2.0])
    check(scenario(0.7, classes, 2000), expected, narrow=None)


def test_who_goes_first_does_not_change_the_mean_over_all() -> None:
    """The same jobs take the same times: with one length for all, the same moments are served."""
    classes = {"vip": {"share": 0.25, "priority": 1}, "bulk": {"share": 0.75, "priority": 7}}
    table = scenario(0.8, classes, 2000)
    table["queues"]["q"]["service"] = SERVICES["constant"][0]
    plain = {**table, "queues": {"q": {"service": SERVICES["constant"][0]}}}

    first, fifo = (simulate(build_scenario(one)).log for one in (table, plain))
    assert first.waits("q").mean() == pytest.approx(fifo.waits("q").mean())
    assert sorted(first.rows["started_s"]) == pytest.approx(sorted(fifo.rows["started_s"]))
    assert np.quantile(first.waits("q"), 0.99) > np.quantile(fifo.waits("q"), 0.99)
