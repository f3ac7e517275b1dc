"""A formula stands beside a number only where it holds: each condition by itself, and at random."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
from fast_runs import fast_run

from simqueue.results.formulas import CONDITIONS, Case, broken, formulas, short_run_warnings
from simqueue.results.offered import Outlook
from simqueue.results.relaxation import deficit, mg1_relaxation_s, mmc_relaxation_s
from simqueue.results.theory import mg1_wait_mean, mmc_wait_mean
from simqueue.workload.reading import build_scenario
from simqueue.workload.scenario import Scenario

EXPONENTIAL = {"distribution": "exponential", "mean_s": 1.0}
GOOD: dict[str, Any] = {
    "duration_s": 7200,
    "workers": {"concurrency": 2},
    "arrivals": {"q": {"rate_per_s": 1.2}},
    "queues": {
        "q": {
            "service": EXPONENTIAL,
            "attempts": 3,
            "failure_rate": 0.1,
            "backoff": {"type": "fixed", "delay_ms": 3000},
        }
    },
}
STATE = {"rate_per_s": 1.4, "mean_s": 9}
#: For each condition, changes of a good scenario that break it and nothing before it.
BREAKS: dict[str, list[dict[str, Any]]] = {
    "jobs wait in queues of their own": [{"mode": "in-process"}],
    "some slot takes them": [{"queues.other": {}, "workers.type": "other"}],
    "they come at random, at one rate": [
        {"arrivals.q": {"interval_s": 1.0}},
        {"arrivals.q": {"profile": [[0, 1.0], [3600, 1.4]]}},
        {"arrivals.q": {"profile": [[0, 1.2]], "repeat_s": 60}},
        {"arrivals.q": {"per_hour": [4320] * 24}},
        {"arrivals.q": {"rate_per_s": 0.6, "batch": 2}},
        {"arrivals.q": {"calm": {"rate_per_s": 1, "mean_s": 9}, "burst": STATE}},
        {"arrivals.q": {"customers": 6, "think": {"distribution": "exponential", "mean_s": 4}}},
    ],
    "they wait for no children": [{"queues.q.children": {"part": 1}, "queues.part": {}}],
    "from one stream": [
        {
            "arrivals.first": {"rate_per_s": 0.1},
            "queues.first": {"follow_up": {"completed": ["q"]}},
        },
        {"arrivals.first": {"rate_per_s": 0.1}, "queues.first": {"children": {"q": 1}}},
    ],
    "nobody asks twice": [{"arrivals.q.client": {"timeout_s": 5}}],
    "nobody is turned away": [
        {"arrivals.q.max_waiting": 50},
        {
            "arrivals.q": {"follows": "root", "think": {"distribution": "constant", "mean_s": 1}},
            "arrivals.root": {"rate_per_s": 1.2, "max_waiting": 50},
            "queues.root": {},
        },
    ],
    "first come, first served": [{"queues.q.lifo": True}],
    "no class or priority goes first": [
        {"queues.q.classes": {"a": {"share": 0.5, "priority": 1}, "b": {"share": 0.5}}},
        {"queues.q.classes": {"a": {"share": 0.5}, "b": {"share": 0.5, "service": EXPONENTIAL}}},
    ],
    "no job is delayed": [{"queues.q.delay": {"distribution": "constant", "mean_s": 1}}],
    "whoever is idle may start": [
        {"queues.q.limiter": {"max": 100, "duration_s": 1}},
        {"queues.q.global_concurrency": 2},
        {"queues.q.paused": [[100, 101]]},
    ],
    "no outage": [{"queues.q.outages": [[100, 101]]}],
    "no time-out": [{"queues.q.timeout_s": 30}],
    "a failure takes as long": [{"queues.q.failure_service": EXPONENTIAL}],
    "nobody else's places are needed": [
        {"downstreams": {"g": {"places": 9}}, "queues.q.downstream": "g"}
    ],
    "no worker dies": [
        {"workers.crashes": [{"at_s": 10, "down_s": 1}]},
        {"workers.crashes": [{"at_s": 10, "down_s": 1, "drain": True}]},
    ],
    "as many workers all the time": [
        {"workers": {}, "pools.x": {"queues": {"q": 1}, "schedule": [[0, 2], [600, 3]]}},
        {
            "workers": {},
            "pools.x": {
                "queues": {"q": 1},
                "autoscale": {"metric": "ready", "target": 5, "min": 2, "max": 3},
            },
        },
    ],
    "the queue costs nothing": [{"bullmq.overhead": "measured"}],
    "nobody holds the event loop": [
        {"queues.q.cpu": {"distribution": "constant", "mean_s": 0.001}},
        {
            "arrivals.other": {"rate_per_s": 0.1},
            "queues.other": {"cpu": {"distribution": "constant", "mean_s": 0.001}},
        },
    ],
    "no cores are shared": [
        {
            "workers.cores": 1,
            "queues.q.sandbox": True,
            "queues.q.cpu": {"distribution": "constant", "mean_s": 0.001},
        }
    ],
    "service without memory, or one slot": [
        {"queues.q.service": {"distribution": "constant", "mean_s": 1.0}}
    ],
    "retries of such service only": [
        {
            "workers.concurrency": 1,
            "arrivals.q.rate_per_s": 0.5,
            "queues.q.service": {"distribution": "constant", "mean_s": 1.0},
        }
    ],
    "all attempts alike": [
        {
            "queues.q.later_attempts": [
                {"service": {"distribution": "exponential", "mean_s": 0.5}},
            ]
        }
    ],
    "less work than the slots can do": [
        {"arrivals.q.rate_per_s": 1.9},
        {"queues.q.failure_rate": 0.8},
    ],
    "all that is to come has come": [
        {"queues.q.backoff.delay_ms": 3_600_000},
        {
            "arrivals.q": {
                "follows": "root",
                "think": {"distribution": "exponential", "mean_s": 1500},
            },
            "arrivals.root": {"rate_per_s": 1.2},
            "queues.root": {},
        },
    ],
    "it is known how long a start is felt": [
        {
            "workers.concurrency": 1,
            "arrivals.q.rate_per_s": 0.5,
            "queues.q.attempts": 1,
            "queues.q.service": {"distribution": "pareto", "mean_s": 1, "cv": 2},
        }
    ],
    "the run is long": [
        {"duration_s": 20, "queues.q.attempts": 1},
        {"arrivals.q.rate_per_s": 1.795},
    ],
}


def case(scenario: Scenario) -> Case:
    return Case(Outlook(scenario, scenario.fixed_warmup_s), "q")


def printed(scenario: Scenario) -> dict[str, Any] | None:
    return formulas(Outlook(scenario, scenario.fixed_warmup_s))["q"]


def test_a_good_scenario_breaks_none() -> None:
    scenario = build_scenario(GOOD)

    assert broken(case(scenario)) is None
    expected = mmc_wait_mean(1.2 * (1 + 0.1 + 0.01), 1.0, 2)
    found = printed(scenario)
    assert found is not None
    assert (found["model"], found["wait_mean_s"]) == ("M/M/2", pytest.approx(expected))


def test_each_condition_is_tried() -> None:
    assert list(BREAKS) == [condition.name for condition in CONDITIONS]


@pytest.mark.parametrize(
    ("name", "changes"), [(name, one) for name, all_ in BREAKS.items() for one in all_]
)
def test_a_broken_condition_takes_the_formula_away(name: str, changes: dict[str, Any]) -> None:
    scenario = build_scenario(GOOD).replace(changes)

    condition = broken(case(scenario))
    assert condition is not None
    assert condition.name == name
    assert printed(scenario) is None


def test_one_slot_takes_any_service() -> None:
    one = {"workers.concurrency": 1, "arrivals.q.rate_per_s": 0.6, "queues.q.attempts": 1}
    lognormal = {"distribution": "lognormal", "mean_s": 1.0, "cv": 1.5}
    found = printed(build_scenario(GOOD).replace({**one, "queues.q.service": lognormal}))
    assert found is not None
    assert found["model"] == "M/G/1"
    assert found["wait_mean_s"] == pytest.approx(mg1_wait_mean(0.6, 1.0, 2.25))

    constant = {"distribution": "constant", "mean_s": 1.0}
    found = printed(build_scenario(GOOD).replace({**one, "queues.q.service": constant}))
    assert found is not None
    assert found["model"] == "M/D/1"


def test_a_short_run_says_what_it_lacks() -> None:
    scenario = build_scenario(GOOD).replace(
        {"arrivals.q.rate_per_s": 0.999, "workers.concurrency": 1, "queues.q.attempts": 1,
         "duration_s": 3600}
    )  # fmt: skip
    (line,) = short_run_warnings(Outlook(scenario, 0.0))

    assert "at a load of 0.999" in line
    assert "below the 16.6 min of steady state" in line
    assert short_run_warnings(Outlook(build_scenario(GOOD), 0.0)) == []


def deficit_by_its_equations(rate: float, servers: int) -> float:
    """Deficit of the mean virtual wait of M/M/c (mean service 1) after an empty start, summed up
    over time, over the mean: Kolmogorov's equations, integrated step by step."""
    from scipy.integrate import solve_ivp

    number = np.arange(150)
    up, down = np.full(150, rate), np.minimum(number, servers).astype(float)
    up[-1] = 0.0

    def change(_: float, p: np.ndarray) -> np.ndarray:
        flow = -(up + down) * p
        flow[1:] += up[:-1] * p[:-1]
        flow[:-1] += down[1:] * p[1:]
        return flow

    times = np.linspace(0.0, 400.0, 8001)
    solved = solve_ivp(change, (0, 400), np.eye(150)[0], "LSODA", times, rtol=1e-8, atol=1e-12)
    waits = np.maximum(number - servers + 1, 0) / servers @ solved.y
    return float(np.trapezoid(waits[-1] - waits, times) / waits[-1])


@pytest.mark.parametrize(("rate", "servers"), [(0.7, 1), (1.4, 2), (4.0, 5), (8.5, 10), (4.0, 10)])
def test_relaxation_is_what_the_equations_of_the_process_say(rate: float, servers: int) -> None:
    found = mmc_relaxation_s(rate, 1.0, servers)

    assert found == pytest.approx(deficit_by_its_equations(rate, servers), rel=2e-3)
    if servers == 1:
        assert mg1_relaxation_s(rate, 1.0, 2.0, 6.0) == pytest.approx(found)


@pytest.mark.parametrize("servers", [1, 2, 10, 100, 1000])
@pytest.mark.parametrize("load", [0.01, 0.5, 0.9, 0.999])
def test_relaxation_is_a_time_whatever_the_load(servers: int, load: float) -> None:
    found = mmc_relaxation_s(load * servers, 1.0, servers)
    one = 1 / servers / (1 - load) ** 2

    assert one <= found * (1 + 1e-6) < 1e7


def test_a_deficit_fades_with_the_warm_up() -> None:
    assert deficit(100.0, (0, 1000)) == pytest.approx(0.1, rel=1e-3)
    assert deficit(100.0, (500, 1000)) == pytest.approx(100 * (math.exp(-5) - math.exp(-10)) / 500)
    assert deficit(1e9, (0, 1.0)) == pytest.approx(1.0)
    assert deficit(0.0, (0, 1.0)) == 0.0


def at_random(chance: random.Random) -> Scenario:
    """A scenario with a queue of which a formula may hold."""
    slots = chance.choice([1, 1, 2, 3, 5, 10])
    load = chance.uniform(0.2, 0.97)
    mean = chance.choice([0.1, 0.5, 2.0])
    exponential = chance.random() < 0.7
    service: dict[str, Any] = {"distribution": "exponential", "mean_s": mean}
    if not exponential:
        service = chance.choice(
            [
                {"distribution": "constant", "mean_s": mean},
                {"distribution": "uniform", "low_s": 0.0, "high_s": 2 * mean},
                {"distribution": "gamma", "mean_s": mean, "cv": chance.uniform(0.3, 2)},
                {"distribution": "lognormal", "mean_s": mean, "cv": chance.uniform(0.3, 2)},
            ]
        )
    attempts = chance.choice([1, 2, 3, 5]) if exponential else 1
    fails = chance.uniform(0.0, 0.5)
    per_job = sum(fails**n for n in range(attempts))
    rate = load * slots / mean / per_job
    queue = {
        "service": service,
        "attempts": attempts,
        "failure_rate": fails,
        "backoff": {
            "type": chance.choice(["fixed", "exponential"]),
            "delay_ms": chance.choice([0, 100, 5000, 300_000]),
            "jitter": chance.choice([0.0, 0.5]),
        },
        "follow_up": {},
    }
    duration = chance.choice([300, 3000, 10_000]) * mean / slots + 30
    arrivals: dict[str, Any] = {"q": {"rate_per_s": rate}}
    queues = {"q": queue}
    if chance.random() < 0.3:
        think = {"distribution": "exponential", "mean_s": chance.choice([0.1, 5, 500])}
        arrivals = {"root": {"rate_per_s": rate}, "q": {"follows": "root", "think": think}}
        queues["root"] = {"follow_up": {}}
    return build_scenario(
        {
            "seed": chance.randrange(10**6),
            "duration_s": duration,
            "warmup_s": chance.choice([0, 0.2]) * duration,
            "workers": {"count": 1, "concurrency": slots},
            "arrivals": arrivals,
            "queues": queues,
        }
    )


def agreement(wanted: int, seed: int) -> list[tuple[float, Scenario]]:
    """How many standard errors the mean wait is off, for so many scenarios that print a formula."""
    chance = random.Random(seed)
    found: list[tuple[float, Scenario]] = []
    while len(found) < wanted:
        scenario = at_random(chance)
        said = printed(scenario)
        if said is None:
            continue
        runs = 12
        log = fast_run(scenario, runs).log
        window = scenario.fixed_warmup_s, scenario.duration_s
        means = [one.waits("q", *window).mean() for one in log.by_replication()]
        error = np.std(means, ddof=1) / math.sqrt(len(means))
        if np.count_nonzero(log.waits("q", *window)) < 50:
            continue  # where hardly anybody waits there is no error to measure with
        found.append(((float(np.mean(means)) - float(said["wait_mean_s"])) / error, scenario))
    return found


def test_where_a_formula_is_printed_the_simulation_agrees() -> None:
    # 12 runs each: Student's t with 11 degrees of freedom exceeds 6 once in 10,000 times.
    for off, scenario in agreement(12, seed=1):
        assert abs(off) < 6, scenario


@pytest.mark.slow
def test_two_hundred_formulas_agree_with_the_simulation() -> None:
    found = agreement(200, seed=2)
    off = np.array([one for one, _ in found])
    far = [(round(one, 1), scenario.table()) for one, scenario in found if abs(one) > 4]

    # Of 200 values of Student's t with 11 degrees of freedom 0.4 are beyond 4 by chance.
    assert len(far) <= 2, far
    assert abs(off.mean()) < 0.5, "they lean to one side"
