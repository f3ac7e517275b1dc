"""One slot and any service times: the model waits as Pollaczek and Khinchine say (M/G/1).

Kleinrock, Queueing Systems, vol. 1, 1975, section 5.7: rate E[S^2] / 2 / (1 - rho) on average.
The second moments are written out here, so that they share no code with what they judge; and the
formula that a run prints is the same.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from fast_runs import fast_run

from simqueue.experiments.run import simulate
from simqueue.workload.reading import build_scenario

REPLICATIONS = 20
WARMUP_S = 200.0
RATE = 0.6


def exponential(mean_s: float) -> dict[str, Any]:
    return {"distribution": "exponential", "mean_s": mean_s}


#: Service times of mean 1, and their second moments.
SERVICES: dict[str, tuple[dict[str, Any], float]] = {
    # Shape 2, Rayleigh: E[S^2] = 4 / pi of the squared mean.
    "weibull, short tail": (
        {"distribution": "weibull", "mean_s": 1.0, "cv": math.sqrt(4 / math.pi - 1)},
        4 / math.pi,
    ),
    # Shape 1/2: E[S^n] = scale^n (2n)!, so E[S^2] = 24 / 2^2.
    "weibull, long tail": (
        {"distribution": "weibull", "mean_s": 1.0, "cv": math.sqrt(5)},
        6.0,
    ),
    # Index 10, scale 9: E[S^2] = 2 * 81 / (9 * 8).
    "pareto": ({"distribution": "pareto", "mean_s": 1.0, "cv": math.sqrt(10 / 8)}, 2.25),
    "hyperexponential": ({"distribution": "hyperexponential", "mean_s": 1.0, "cv": 2.0}, 5.0),
    # Nine in ten of 0.5 s always, the rest exponential of 5.5 s.
    "mixture": (
        {
            "distribution": "mixture",
            "parts": [
                {"share": 0.9, "time": {"distribution": "constant", "mean_s": 0.5}},
                {"share": 0.1, "time": exponential(5.5)},
            ],
        },
        0.9 * 0.25 + 0.1 * 2 * 5.5**2,
    ),
}


def check(name: str, seed: int, duration_s: float) -> None:
    service, second = SERVICES[name]
    scenario = build_scenario(
        {
            "seed": seed,
            "duration_s": duration_s,
            "warmup_s": WARMUP_S,
            "workers": {"concurrency": 1},
            "arrivals": {"q": {"rate_per_s": RATE}},
            "queues": {"q": {"service": service}},
        }
    )
    done = fast_run(scenario, REPLICATIONS)
    wanted = RATE * second / 2 / (1 - RATE)
    theory = done.theory()["q"]
    assert theory is not None
    assert theory["model"] == "M/G/1"
    assert theory["wait_mean_s"] == pytest.approx(wanted)

    logs = (done.log.replication(number) for number in range(REPLICATIONS))
    found = [float(log.waits("q", since_s=WARMUP_S, until_s=duration_s).mean()) for log in logs]
    error = np.std(found, ddof=1) / REPLICATIONS**0.5
    assert 0 < error < 0.2 * wanted, "too few jobs to tell"
    assert abs(np.mean(found) - wanted) < 4 * error


@pytest.mark.parametrize("name", SERVICES)
def test_waits_are_those_of_mg1(name: str) -> None:
    check(name, seed=1, duration_s=4000)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("name", SERVICES)
def test_waits_are_those_of_mg1_whatever_the_seed(name: str, seed: int) -> None:
    check(name, seed, duration_s=8000)


def test_a_tail_without_a_third_moment_has_no_formula_that_can_be_trusted() -> None:
    """The mean wait is known; how long it takes to come near it is not."""
    service = {"distribution": "pareto", "mean_s": 1.0, "cv": 2.0}
    scenario = build_scenario(
        {
            "duration_s": 5000,
            "workers": {"concurrency": 1},
            "arrivals": {"q": {"rate_per_s": RATE}},
            "queues": {"q": {"service": service}},
        }
    )
    done = simulate(scenario)

    assert done.theory() == {"q": None}
    assert done.warnings() == []


@pytest.mark.parametrize(
    "stream",
    [
        {"rate_per_s": 0.3, "batch": 2},
        {"calm": {"rate_per_s": 0.5, "mean_s": 10}, "burst": {"rate_per_s": 0.7, "mean_s": 10}},
        {"profile": [[0, 0.6]], "repeat_s": 10},
        {"per_hour": [2160] * 24},
        {"rate_per_s": 0.6, "max_waiting": 100},
        {"customers": 6, "think": exponential(9)},
    ],
)
def test_no_formula_holds_for_other_arrivals(stream: dict[str, Any]) -> None:
    """As much work on average, and another wait."""
    table = {
        "duration_s": 5000,
        "workers": {"concurrency": 1},
        "arrivals": {"q": {"rate_per_s": 0.6}},
        "queues": {"q": {"service": exponential(1)}},
    }

    assert simulate(build_scenario(table)).theory()["q"] is not None
    assert simulate(build_scenario({**table, "arrivals": {"q": stream}})).theory()["q"] is None
