"""The answers of lesson 12, found by other roads than the one they were written on."""

from __future__ import annotations

import math

import numpy as np
import pytest
from making import assert_hints
from scipy import stats
from scipy.optimize import brentq

from simqueue import read_log, simulate
from simqueue.course.judging import mark
from simqueue.course.lessons import exercises
from simqueue.course.lessons.lesson_12 import Attempts, retries_error
from simqueue.data import data_path
from simqueue.record.attempt_log import AttemptLog
from simqueue.simulation.bullmq import BullMQ
from simqueue.simulation.engines import SimPyEngine
from simqueue.simulation.job import SimJob
from simqueue.workload.production import Overhead
from simqueue.workload.reading import build_scenario
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload

COST_S = 0.0029
COST = Overhead(pickup_s=0.0015, service_s=0.0002, loop_s=0.0012)


def scenario(seconds: float, seed: int, overhead: Overhead) -> Scenario:
    service = {"distribution": "exponential", "mean_s": 0.15}
    order = {
        "service": service,
        "failure_rate": 0.1,
        "follow_up": {},
        "backoff": {"delay_ms": 500},
    }
    return build_scenario(
        {
            "duration_s": seconds,
            "seed": seed,
            "workers": {"count": 2, "concurrency": 3},
            "arrivals": {"order": {"rate_per_s": 28}},
            "queues": {"order": order},
            "bullmq": {"overhead": overhead},
        }
    )


def waits(log: AttemptLog, retries: bool | None = None) -> np.ndarray:
    rows = log.rows
    if retries is not None:
        rows = rows[(rows["attempt"] > 1) == retries]
    found: np.ndarray = rows["started_s"] - rows["ready_s"]
    return found


def test_the_recorded_log_is_of_two_real_runs_of_one_workload() -> None:
    both = read_log(data_path("validated.csv.gz"))
    assert both.engine == "bullmq"
    frame = both.frame()
    runs = [frame[frame["replication"] == n].set_index(["job_id", "attempt"]) for n in (0, 1)]
    assert len(frame) == len(runs[0]) + len(runs[1])
    assert set(runs[0].index) == set(runs[1].index)
    apart = runs[0]["enqueued_s"] - runs[1]["enqueued_s"].reindex(runs[0].index)
    assert apart.abs().max() < 0.005
    assert data_path("validated.csv.gz").stat().st_size < 150_000


def test_the_cost_by_the_root_of_the_equation() -> None:
    seconds = brentq(lambda t: COST_S / (t + COST_S) - 0.01, 0.001, 10)
    for answer in (seconds, f"{1000 * seconds:.0f} ms", "290 ms"):
        assert mark("12.b", answer).verdict == "right"


def test_the_cost_by_simulation() -> None:
    """One job a second finds its slot idle."""
    seconds = exercises()["12.b"].right.value  # type: ignore[attr-defined]
    assert mark("12.b", seconds).verdict == "right"
    response = {}
    for cost in (COST, Overhead()):
        table = {
            "duration_s": 20,
            "arrivals": {"order": {"interval_s": 1}},
            "queues": {
                "order": {"service": {"distribution": "constant", "mean_s": 0.287}, "follow_up": {}}
            },
            "bullmq": {"overhead": cost},
        }
        rows = simulate(build_scenario(table)).log.rows
        response[cost] = (rows["finished_s"] - rows["enqueued_s"]).mean()
    assert 1 - response[Overhead()] / response[COST] == pytest.approx(0.01, rel=0.01)


def test_what_retries_first_changes() -> None:
    class RetriesFirst(BullMQ):
        def retry(self, job: SimJob) -> None:
            job.next_attempt(job.ready)
            self.queue_of[job.kind].put_back([job])

    changes = []
    for seed in (1, 2, 3):
        workload = Workload(scenario(60, seed, COST))
        logs = [SimPyEngine(model)(workload).log for model in (BullMQ, RetriesFirst)]
        right, wrong = logs
        assert len(right) == len(wrong)  # d
        busy = [(log.rows["finished_s"] - log.rows["started_s"]).sum() for log in logs]
        assert busy[1] == pytest.approx(busy[0], rel=0.01)  # c
        changes.append(
            {
                "a": waits(wrong).mean() / waits(right).mean(),
                "b": waits(wrong, True).mean() / waits(right, True).mean(),
                "e": waits(wrong).max() / waits(right).max(),
            }
        )
    for change in changes:
        clearest = max(change, key=lambda letter: abs(math.log(change[letter])))
        assert mark("12.c", clearest).verdict == "right"
        assert change["b"] < 0.4
    assert mark("12.c", ["B"]).verdict == "right"


def test_the_number_of_runs_by_students_t() -> None:
    runs = next(
        n for n in range(2, 10_000) if stats.t.ppf(0.975, n - 1) * 0.44 / math.sqrt(n) <= 0.02
    )
    assert mark("12.d", runs).verdict == "right"
    for answer in ((1.96 * 44 / 2) ** 2, 44**2, "about 1,900 runs"):
        assert mark("12.d", answer).verdict == "right"


def test_the_number_of_runs_by_trying_it() -> None:
    rng = np.random.default_rng(7)
    means = 1 + 0.44 * rng.standard_normal((400, 1900)).mean(axis=1)
    assert np.mean(np.abs(means - 1) <= 0.02) == pytest.approx(0.95, abs=0.03)


def attempts(log: AttemptLog) -> Attempts:
    frame = log.frame()[["job_id", "attempt", "ready_s", "started_s"]]
    return [tuple(row) for row in frame.itertuples(index=False)]


def test_a_function_for_the_error_of_the_retries_by_the_recorded_log() -> None:
    real, again = read_log(data_path("validated.csv.gz")).by_replication()
    found = retries_error(attempts(real), attempts(again))
    assert found == pytest.approx(waits(again, True).mean() / waits(real, True).mean() - 1)
    assert abs(found) < 0.1


def test_a_function_for_the_error_of_the_retries_may_be_wrong() -> None:
    def mean(log: Attempts, least: int = 2, most: int = 99) -> float:
        return float(np.mean([s - r for _, n, r, s in log if least <= n <= most]))

    def total(log: Attempts) -> float:
        return sum(s - r for _, n, r, s in log if n > 1)

    assert_hints(
        "12.e",
        (lambda real, model: mean(model, 1) / mean(real, 1) - 1, "all attempts"),
        (lambda real, model: mean(model, 1, 1) / mean(real, 1, 1) - 1, "first attempts"),
        (lambda real, model: mean(model, 2, 2) / mean(real, 2, 2) - 1, "third attempt"),
        (lambda real, model: mean(real) / mean(model) - 1, "the judge"),
        (lambda real, model: (mean(model) - mean(real)) / mean(model), "share of what"),
        (lambda real, model: abs(mean(model) / mean(real) - 1), "Keep the sign"),
        (lambda real, model: 100 * (mean(model) / mean(real) - 1), "in percent"),
        (lambda real, model: total(model) / total(real) - 1, "Those are sums"),
        (lambda real, model: mean(model) - mean(real), "less the moment"),
    )


@pytest.mark.parametrize(
    ("key", "wrong", "hint"),
    [
        ("12.b", "2.9 ms", "half of what is true"),
        ("12.b", "29 ms", "9 % off"),
        ("12.b", "2.9 s", "thousand times"),
        ("12.b", 290, "Write the unit"),
        ("12.b", "150 ms", "2 % off"),
        ("12.b", "1 s", "For which T"),
        ("12.c", "a", "Somebody has to wait"),
        ("12.c", "c", "same attempts"),
        ("12.c", "d", "in the draws"),
        ("12.c", "e", "noisy"),
        ("12.c", "ab", "One letter"),
        ("12.c", "bce", "one letter only"),
        ("12.d", 1.96 * 44 / 2, "forget to square"),
        ("12.d", 22**2, "1.96"),
        ("12.d", (1.96 * 44) ** 2, "to either side"),
        ("12.d", 22, "Square it"),
        ("12.d", 1, "each side has its own"),
        ("12.d", 100, "half-width"),
    ],
)
def test_wrong_answers_get_a_hint(key: str, wrong: object, hint: str) -> None:
    judged = mark(key, wrong)
    assert judged.verdict == "wrong"
    assert hint in judged.text


def test_a_run_can_be_told_from_the_other() -> None:
    real, again = read_log(data_path("validated.csv.gz")).by_replication()
    assert waits(real).mean() == pytest.approx(waits(again).mean(), rel=0.05)
