"""How often intervals hold the truth: what is measured is what a run prints, and it can fail."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import beta, binomtest

from benchmarks.coverage import plans, runs, shares
from benchmarks.coverage.queue import Queue, started
from simqueue.experiments.run import simulate
from simqueue.workload.reading import build_scenario
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload


def scenario_of(queue: Queue, seed: int) -> Scenario:
    service = {"distribution": "exponential", "mean_s": 1.0}
    return build_scenario(
        {
            "seed": seed,
            "duration_s": queue.duration_s,
            "arrivals": {"q": {"rate_per_s": queue.rate_per_s}},
            "queues": {"q": {"attempts": 1, "failure_rate": 0.05, "service": service}},
            "workers": {"count": 1, "concurrency": queue.servers},
        }
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("servers", [1, 5])
def test_the_recursion_makes_the_models_log(servers: int, seed: int) -> None:
    """Attempt for attempt, over the workload's own draws; and a run prints what is measured."""
    queue = Queue(servers, 0.9, 300)
    scenario = scenario_of(queue, seed)
    run = simulate(scenario, replications=4)
    rows = run.log.rows[np.lexsort((run.log.rows["job"], run.log.rows["replication"]))]
    some = []
    for number in range(4):
        workload = Workload(scenario, number)
        arrived = workload.arrivals[0][:, None]
        drawn = workload.attempts(0, 1)
        service = np.array(drawn.io_s)[:, None]
        begun = started(arrived, service, servers)
        mine = rows[rows["replication"] == number]
        np.testing.assert_allclose(mine["started_s"], begun[:, 0], rtol=0, atol=1e-9)
        lost = np.array(drawn.fails) > 0
        some.append(runs.day(queue, arrived[:, 0], service[:, 0], begun[:, 0], begun[:, 0], lost))
    found, printed = runs.intervals(some), run.summary().queues["q"]
    for measure, estimate in {
        "mean": printed.wait_s.mean, "p50": printed.wait_s.p50, "p95": printed.wait_s.p95,
        "p99": printed.wait_s.p99, "utilisation": printed.utilisation,
        "queue length": printed.queue_length.mean, "lost jobs": printed.failed_per_run,
    }.items():  # fmt: skip
        assert estimate is not None
        for one, other in zip(found[measure] or (), estimate.interval or (), strict=True):
            assert one == (None if other is None else pytest.approx(other, rel=1e-6, abs=1e-9))


def test_days_of_a_plan_are_those_of_a_run() -> None:
    """The p95 of a day, with each number of places."""
    (known,) = plans.measured(5, np.random.default_rng(5))
    ((arrived, service),) = plans.QUEUE.days(5, np.random.default_rng(5))
    for places in (1, 3):
        waits = started(arrived, service, places) - arrived
        for day in range(5):
            mine = waits[arrived[:, day] < plans.QUEUE.duration_s, day]
            assert known[day, places - 1] == pytest.approx(np.quantile(mine, 0.95))


@pytest.mark.slow
@pytest.mark.parametrize(("servers", "replications"), [(1, 3), (5, 10)])
def test_intervals_hold_the_truth_as_often_as_they_say(servers: int, replications: int) -> None:
    """A small piece of ``python -m benchmarks.coverage``, which has the whole grid."""
    trials = 400
    found = runs.covered(Queue(servers, 0.8, 200), replications, trials)
    for measure, one in found.items():
        # 90 % is the least that is allowed; four standard deviations of 400 trials are 6 points.
        assert one.share > 0.90 - 4 * math.sqrt(0.9 * 0.1 / trials), measure
    assert np.mean([one.share for one in found.values()]) > 0.92


@pytest.mark.slow
def test_shares_of_days_hold_the_truth_as_often_as_they_say() -> None:
    for row, held in plans.covered(plans.Cell(days=10, kept=0.8), 400).items():
        assert held.number >= 40, row
        assert held.share > 0.90 - 4 * math.sqrt(0.9 * 0.1 / held.number), row


def test_a_share_that_cannot_be_missed_is_counted_apart() -> None:
    held = plans.Held()
    for ends, truth in (((0.7, 1.0), 0.8), ((0.7, 0.9), 0.95), ((0.7, 1.0), 0.995), ((0, 1), 0.0)):
        held.count(ends, truth)
    assert (held.number, held.right, held.sure, held.sure_right) == (2, 1, 2, 2)


def test_the_interval_of_a_share_holds_it() -> None:
    """On 95 of a hundred on average, never on fewer than 90; others do not."""
    every = [shares.coverage(shares.INTERVALS["mid-p, as printed"], of) for of in range(3, 101)]
    assert min(one.min() for one in every) >= 0.91
    assert 0.95 <= np.mean(every) <= 0.96
    for name in ("Jeffreys", "Wilson", "Agresti and Coull"):
        others = [shares.coverage(shares.INTERVALS[name], of) for of in shares.DAYS]
        assert min(one.min() for one in others) < 0.9, name


@pytest.mark.parametrize(
    ("name", "method"), [("Wilson", "wilson"), ("Clopper and Pearson", "exact")]
)
def test_intervals_of_the_literature_are_scipys(name: str, method: str) -> None:
    found = shares.INTERVALS[name](np.arange(11.0), 10)
    for held in range(11):
        theirs = binomtest(held, 10).proportion_ci(method=method)
        np.testing.assert_allclose(found[:, held], theirs, rtol=1e-6, atol=1e-6)


def test_jeffreys_interval_is_that_of_his_prior() -> None:
    low, high = shares.INTERVALS["Jeffreys"](np.arange(11.0), 10)
    np.testing.assert_allclose((low[3], high[3]), beta.ppf([0.025, 0.975], 3.5, 7.5))
    assert (low[0], high[-1]) == (0.0, 1.0)


def test_the_benchmark_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Intervals that are too short are seen to be."""
    monkeypatch.setattr(runs, "_JOBS_OF_TRUTH", 200_000)
    monkeypatch.setattr(runs, "mean_interval", lambda x: (0.99 * x.mean(), 1.01 * x.mean()))
    found = runs.covered(Queue(1, 0.81, 200), 5, 40)
    assert found["queue length"].share < 0.5
