"""The model agrees with queueing theory where theory is exact.

Seeds are fixed beforehand. Each case asks two things of the mean wait over 20 replications: a 95 %
interval no wider than 2 % to either side, and an error of at most four standard errors. The
formulas are written out here, so that they share no code with what they judge.
"""

import math
from typing import Any

import numpy as np
import pytest
from fast_runs import fast_run

from simqueue.workload.reading import build_scenario

T_95_19 = 2.093  # Student's t, 19 degrees of freedom, 97.5 %
REPLICATIONS = 20


def erlang_c(servers: int, load: float) -> float:
    """P(wait) in M/M/c, summed term by term (Gross and others, Fundamentals, 4th ed., eq. 2.33)."""
    top = load**servers / math.factorial(servers) * servers / (servers - load)
    return top / (sum(load**n / math.factorial(n) for n in range(servers)) + top)


def mmc_wait(rate: float, service: float, servers: int) -> float:
    return erlang_c(servers, rate * service) * service / (servers - rate * service)


def mean_waits(table: dict[str, Any], warmup: float) -> np.ndarray:
    """Mean wait of the attempts ready after the warm-up, for each replication."""
    rows = fast_run(build_scenario(table), REPLICATIONS).log.rows
    rows = rows[rows["ready_s"] >= warmup]
    waits = rows["started_s"] - rows["ready_s"]
    return np.array([waits[rows["replication"] == r].mean() for r in range(REPLICATIONS)])


def check(table: dict[str, Any], expected: float, warmup: float = 300) -> None:
    means = mean_waits(table, warmup)
    error = means.std(ddof=1) / REPLICATIONS**0.5

    assert T_95_19 * error / expected < 0.02, "too few jobs to tell"
    assert abs(means.mean() - expected) < 4 * error


def one_queue(
    rate: float, service: dict[str, Any], servers: int, duration: float, **queue: Any
) -> dict[str, Any]:
    return {
        "seed": 2011,
        "duration_s": duration,
        "workers": {"count": 1, "concurrency": servers},
        "arrivals": {"q": {"rate_per_s": rate}},
        "queues": {"q": {"service": service, **queue}},
    }


def exponential(mean: float) -> dict[str, Any]:
    return {"distribution": "exponential", "mean_s": mean}


@pytest.mark.slow
@pytest.mark.parametrize("load", [0.5, 0.7])
def test_mm1(load: float) -> None:
    duration = {0.5: 70_000, 0.7: 100_000}[load]
    check(one_queue(load, exponential(1.0), 1, duration), load / (1 - load))


@pytest.mark.slow
@pytest.mark.parametrize(("servers", "load", "duration"), [(2, 0.7, 55_000), (5, 0.8, 55_000)])
def test_mmc(servers: int, load: float, duration: float) -> None:
    rate = load * servers
    check(one_queue(rate, exponential(1.0), servers, duration), mmc_wait(rate, 1.0, servers))


@pytest.mark.slow
def test_several_workers_are_as_one_of_all_their_slots() -> None:
    table = one_queue(4.2, exponential(1.0), 2, 46_000)
    table["workers"]["count"] = 3
    check(table, mmc_wait(4.2, 1.0, 6))


@pytest.mark.slow
def test_md1() -> None:
    service = {"distribution": "constant", "mean_s": 1.0}
    check(one_queue(0.7, service, 1, 25_000), 0.7 / (2 * (1 - 0.7)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("service", "scv"),
    [
        ({"distribution": "lognormal", "mean_s": 1.0, "cv": 1.2}, 1.44),
        ({"distribution": "gamma", "mean_s": 1.0, "cv": 0.5}, 0.25),
        ({"distribution": "uniform", "low_s": 0.5, "high_s": 1.5}, 1 / 12),
    ],
)
def test_mg1(service: dict[str, Any], scv: float) -> None:
    """Pollaczek-Khinchine: rho (1 + scv) / 2 / (1 - rho) services."""
    load = 0.5
    check(one_queue(load, service, 1, 85_000), load * (1 + scv) / 2 / (1 - load))


BACKOFFS = {
    "none": {"type": "fixed", "delay_ms": 0},
    "fixed": {"type": "fixed", "delay_ms": 5000},
    "exponential": {"type": "exponential", "delay_ms": 2000},
    "exponential, full jitter": {"type": "exponential", "delay_ms": 2000, "jitter": 1.0},
    "exponential, capped": {"type": "exponential", "delay_ms": 1000, "max_ms": 3000, "jitter": 0.5},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKOFFS)
def test_retries_load_a_queue_as_the_product_form_says(name: str) -> None:
    """Whatever the backoff, attempts wait as in M/M/c at rate lambda (1 - p^N) / (1 - p)."""
    rate, failure, attempts, servers = 0.9, 0.3, 4, 2
    table = one_queue(
        rate,
        exponential(1.0),
        servers,
        60_000,
        failure_rate=failure,
        attempts=attempts,
        backoff=BACKOFFS[name],
    )
    offered = rate * (1 - failure**attempts) / (1 - failure)
    check(table, mmc_wait(offered, 1.0, servers))


@pytest.mark.parametrize("workers", [1, 3])
def test_a_short_run_is_near_mmc(workers: int) -> None:
    """The quick relative of the slow tests: within four standard errors, however wide."""
    table = one_queue(1.6 * workers, exponential(1.0), 2, 1500)
    table["workers"]["count"] = workers
    means = mean_waits(table, warmup=100)
    error = means.std(ddof=1) / REPLICATIONS**0.5

    assert abs(means.mean() - mmc_wait(1.6 * workers, 1.0, 2 * workers)) < 4 * error
