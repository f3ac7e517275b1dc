"""How long a warm-up is enough."""

from __future__ import annotations

import numpy as np
import pytest

from simqueue.experiments.run import simulate
from simqueue.results.warmup import mser5, warmup_s
from simqueue.workload.reading import build_scenario, read_scenario


def slow_mser5(values: np.ndarray) -> int:
    """The definition, word for word."""
    means = [values[5 * j : 5 * j + 5].mean() for j in range(len(values) // 5)]
    k = len(means)
    errors = []
    for d in range(k // 2 + 1):
        rest = np.array(means[d:])
        errors.append(((rest - rest.mean()) ** 2).sum() / (k - d) ** 2)
    return 5 * int(np.argmin(errors))


@pytest.mark.parametrize("seed", range(10))
def test_it_is_what_its_authors_define(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.exponential(1.0, 303) + 5 * np.exp(-np.arange(303) / 20)
    assert mser5(values) == slow_mser5(values)
    assert mser5(values[:19]) == 0


def queue(load: float, duration_s: float, **more: object):
    return build_scenario(
        {
            "duration_s": duration_s,
            "warmup_s": "auto",
            "workers": {"concurrency": 1},
            "arrivals": {"q": {"rate_per_s": load}},
            "queues": {"q": {"service": {"distribution": "exponential", "mean_s": 1.0}}},
            **more,
        }
    )


def test_a_busy_queue_needs_a_longer_one() -> None:
    found = [
        warmup_s(simulate(queue(load, 4000), replications=20).log, 4000) for load in (0.3, 0.9)
    ]
    assert found[0] < found[1]


def test_auto_leaves_out_what_it_found_and_says_so() -> None:
    run = simulate(queue(0.8, 3000), replications=10)
    assert run.warmup_s == warmup_s(run.log, 3000)
    assert run.window == (run.warmup_s, 3000)
    counted = sum(len(one.responses("q", *run.window)) for one in run.log.by_replication())
    assert run.summary().queues["q"].arrived == counted
    assert any("MSER-5" in line for line in run.warnings())


def test_a_day_that_changes_has_no_warm_up() -> None:
    run = simulate(read_scenario("incident.toml").replace({"warmup_s": "auto"}))
    assert run.warmup_s == 0.0
    assert any("arrivals change" in line for line in run.warnings())
