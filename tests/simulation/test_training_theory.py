"""Training mode agrees with queueing theory where theory is exact.

Ten seeds each, fixed beforehand; each may be off by four standard errors of its replications. The
formulas are written out here, state by state, so that they share no code with what they judge.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from simqueue.experiments.run import Run, simulate
from simqueue.workload.reading import build_scenario

REPLICATIONS = 20
WARMUP_S = 60.0
SEEDS = range(10)


def states(servers: int, most: int, load: float) -> np.ndarray:
    """P(n customers) for n to ``most``: at rate lambda up, at min(n, c) mu down."""
    found = np.ones(most + 1)
    for n in range(1, most + 1):
        found[n] = found[n - 1] * load / min(n, servers)
    return found / found.sum()


def run(seed: int, rate: float, **caller: Any) -> Run:
    """Requests of one exponential second."""
    service = {"distribution": "exponential", "mean_s": 1.0}
    scenario = build_scenario(
        {
            "mode": "in-process",
            "seed": seed,
            "duration_s": 600,
            "warmup_s": WARMUP_S,
            "caller": caller,
            "arrivals": {"q": {"rate_per_s": rate}},
            "queues": {"q": {"service": service}},
        }
    )
    return simulate(scenario, REPLICATIONS)


def within_four_errors(found: list[float], expected: float) -> None:
    error = np.std(found, ddof=1) / REPLICATIONS**0.5
    assert 0 < error < 0.2 * expected, "too few requests to tell"
    assert abs(np.mean(found) - expected) < 4 * error


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("processes", "concurrency", "waiting", "rate"),
    [(1, 3, 0, 2.5), (1, 2, 4, 1.8), (3, 1, 2, 4.0)],
)
def test_a_full_line_turns_away_as_many_as_mmck_says(
    processes: int, concurrency: int, waiting: int, rate: float, seed: int
) -> None:
    """Blocked: the share that finds all callers busy and the line full; one load is above 1."""
    servers = processes * concurrency
    done = run(seed, rate, processes=processes, concurrency=concurrency, max_waiting=waiting)
    shares, waits = [], []
    for number in range(REPLICATIONS):
        log = done.log.replication(number).select("q", since_s=WARMUP_S)
        refused = len(log.select(outcome="refused"))
        shares.append(refused / len(log))
        waits.append(float(log.waits().mean()))

    likely = states(servers, servers + waiting, rate)
    within_four_errors(shares, likely[-1])
    queue = done.summary().queues["q"]
    assert queue.refused + queue.completed == queue.arrived
    if waiting:
        in_line = float(np.arange(waiting + 1) @ likely[servers:])
        within_four_errors(waits, in_line / (rate * (1 - likely[-1])))
    assert done.summary().littles_law["q"].relative_error < 1e-9


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("processes", "concurrency"), [(1, 4), (4, 1), (2, 2)])
def test_callers_wait_as_in_mmc_however_they_are_divided(
    processes: int, concurrency: int, seed: int
) -> None:
    """Without cpu parts it does not matter which process a caller is of."""
    rate, servers = 2.6, 4
    done = run(seed, rate, processes=processes, concurrency=concurrency)
    waits = [
        float(done.log.replication(number).waits("q", since_s=WARMUP_S).mean())
        for number in range(REPLICATIONS)
    ]

    likely = states(servers, 2_000, rate)  # as good as infinite
    in_line = float(np.arange(len(likely) - servers) @ likely[servers:])
    within_four_errors(waits, in_line / rate)
