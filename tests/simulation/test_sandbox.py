"""Sandboxed cpu parts: cores that are shared evenly, against closed forms of processor sharing."""

import itertools
from typing import Any

import numpy as np
import pytest
import simpy

import simqueue as sq
from simqueue.results.theory import mmc_wait_mean
from simqueue.simulation.bullmq.cores import Cores
from simqueue.simulation.engines import ENGINES
from simqueue.workload.reading import build_scenario
from simqueue.workload.workload import Workload

#: A run's mean may lie outside its interval of 95 % in one of twenty: half as far again is allowed.
WIDER = 1.5
#: All have a mean of 1 s: without variation, without memory, and with much variation.
SERVICES: dict[str, dict[str, Any]] = {
    "constant": {"distribution": "constant", "mean_s": 1.0},
    "exponential": {"distribution": "exponential", "mean_s": 1.0},
    "gamma": {"distribution": "gamma", "mean_s": 1.0, "cv": 2.0},
}


def sandboxed(cores: int, rate: float, cpu: dict[str, Any], **queue: Any) -> dict[str, Any]:
    """So many slots that nobody waits for one: what is left is the sharing of cores."""
    return {
        "name": "sandbox",
        "duration_s": 4000,
        "warmup_s": 200,
        "arrivals": {"image": {"rate_per_s": rate}},
        "workers": {"count": 2, "concurrency": 1000, "cores": cores},
        "queues": {"image": {"sandbox": True, "cpu": cpu, **queue}},
    }


def response(table: dict[str, Any], queue: str = "image") -> Any:
    return sq.simulate(build_scenario(table), replications=10).summary().queues[queue].response_s


def within(found: Any, expected: float) -> bool:
    low, high = found.interval
    return abs(found - expected) <= WIDER * (high - low) / 2


@pytest.mark.parametrize("name", SERVICES)
def test_one_core_is_processor_sharing(name: str) -> None:
    """M/G/1-PS: the mean response is E[S] / (1 - rho), whatever the shape of the service.

    Kleinrock, Queueing Systems vol. 2 (1976), section 4.4.
    """
    assert within(response(sandboxed(1, 0.7, SERVICES[name])).mean, 1 / (1 - 0.7))


def test_a_part_is_slowed_down_by_the_same_factor_whatever_its_length() -> None:
    """E[T | x] = x / (1 - rho): Kleinrock, vol. 2, equation 4.17."""
    scenario = build_scenario(sandboxed(1, 0.6, SERVICES["exponential"]))
    parts: list[Any] = []
    took_s: list[Any] = []
    for number in range(10):
        workload = Workload(scenario, number)
        rows = ENGINES["simpy"](workload).log.rows
        parts.append(np.asarray(workload.attempts(0, 1).cpu_s)[rows["job"]])
        took_s.append(rows["finished_s"] - rows["started_s"])
    cpu, took = np.concatenate(parts), np.concatenate(took_s)
    for low, high in itertools.pairwise([0.0, 0.5, 1.0, 2.0, 8.0]):
        mine = (cpu >= low) & (cpu < high)
        slowed = took[mine].mean() / cpu[mine].mean()
        assert slowed == pytest.approx(1 / (1 - 0.6), rel=0.06)


@pytest.mark.parametrize("name", ["constant", "exponential"])
def test_with_ample_cores_nobody_slows_anybody_down(name: str) -> None:
    """With one part on each core they take what they take."""
    found = response(sandboxed(10_000, 2.0, SERVICES[name]))

    assert within(found.mean, 1.0) if name == "exponential" else found.max == pytest.approx(1.0)


def test_three_cores_serve_exponential_parts_as_three_servers_do() -> None:
    """In M/M/c the number of jobs is the same with sharing as first come first served.

    So is the mean response, by Little's law.
    """
    expected = mmc_wait_mean(2.1, 1.0, 3) + 1.0
    assert within(response(sandboxed(3, 2.1, SERVICES["exponential"])).mean, expected)


def test_three_cores_do_not_care_about_the_shape_either() -> None:
    """Limited processor sharing by rates min(1, c/n) is insensitive (Kelly 1979, section 3.3)."""
    expected = mmc_wait_mean(2.1, 1.0, 3) + 1.0
    assert within(response(sandboxed(3, 2.1, SERVICES["gamma"])).mean, expected)


def test_a_sandbox_holds_no_event_loop() -> None:
    """Another queue of the same processes is served as if there were no cpu part."""
    table = sandboxed(1, 0.5, SERVICES["constant"])
    table["arrivals"]["mail"] = {"rate_per_s": 1.0}
    table["queues"]["mail"] = {"service": {"distribution": "constant", "mean_s": 0.1}}

    assert response(table, "mail").max == pytest.approx(0.1)
    table["queues"]["image"]["sandbox"] = False
    table["duration_s"] = 1000
    assert response(table, "mail").max > 0.5


def test_the_io_part_needs_no_core() -> None:
    """Two jobs at once on one core: their cpu parts share it, their io parts do not."""
    table = sandboxed(
        1,
        1.0,
        SERVICES["constant"],
        service={"distribution": "constant", "mean_s": 3.0},
    )
    table |= {"duration_s": 4, "warmup_s": 0, "arrivals": {"image": {"interval_s": 2.0}}}
    table["arrivals"]["thumb"] = {"interval_s": 2.0}
    table["queues"]["thumb"] = table["queues"]["image"]

    log = sq.simulate(build_scenario(table)).log.frame()
    assert (log["finished_s"] - log["started_s"]).to_numpy() == pytest.approx(2.0 + 3.0)


def test_a_killed_worker_takes_its_parts_off_the_cores() -> None:
    """From then on the other worker's part has the core to itself."""
    table = sandboxed(1, 1.0, {"distribution": "constant", "mean_s": 10.0})
    table |= {"duration_s": 2.5, "warmup_s": 0, "arrivals": {"image": {"interval_s": 1.0}}}
    table["workers"] |= {
        "concurrency": 1,
        "crashes": [{"at_s": 8.0, "worker": 0, "down_s": 1000.0}],
    }
    log = sq.simulate(build_scenario(table)).log.frame()
    survived = log[log["worker"] == "1"].sort_values("started_s").iloc[0]

    shared_s = (8.0 - 2.0) / 2
    assert survived["started_s"] == pytest.approx(2.0)
    assert survived["finished_s"] == pytest.approx(8.0 + 10.0 - shared_s)


def test_training_mode_has_no_sandbox() -> None:
    """There the web process does everything itself: the key changes nothing."""
    table = sandboxed(1, 0.5, SERVICES["constant"]) | {"mode": "in-process", "duration_s": 1000}
    plain = sandboxed(1, 0.5, SERVICES["constant"], sandbox=False) | {
        "mode": "in-process",
        "duration_s": 1000,
    }
    logs = [sq.simulate(build_scenario(one)).log.rows for one in (table, plain)]
    assert (logs[0] == logs[1]).all()


def slowly(count: int, parts: list[tuple[float, float]]) -> list[float]:
    """When parts (arrival, seconds) end, found step by step: from one change to the next."""
    left = {number: seconds for number, (_, seconds) in enumerate(parts)}
    ends = [0.0] * len(parts)
    now = 0.0
    while left:
        there = [number for number in left if parts[number][0] <= now]
        later = min((parts[n][0] for n in left if parts[n][0] > now), default=np.inf)
        rate = min(1.0, count / len(there)) if there else 0.0
        soonest = min((left[n] / rate for n in there), default=np.inf)
        step = min(soonest, later - now)
        for number in there:
            left[number] -= step * rate
        now += step
        for number in [n for n in there if left[n] <= 1e-9]:
            ends[number] = now
            del left[number]
    return ends


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("count", [1, 2, 5])
def test_one_timer_gives_the_ends_that_steps_give(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = np.sort(rng.uniform(0, 10, 30)).tolist()
    parts = list(zip(times, rng.exponential(1.0, 30).tolist(), strict=True))
    env = simpy.Environment()
    cores = Cores(env, count)
    ends = [0.0] * len(parts)

    def ended(number: int) -> None:
        ends[number] = env.now

    def arrive(number: int, at: float, seconds: float) -> Any:
        yield env.timeout(at)
        cores.run(seconds, lambda: ended(number))

    for number, (at, seconds) in enumerate(parts):
        env.process(arrive(number, at, seconds))
    env.run()
    assert ends == pytest.approx(slowly(count, parts), abs=1e-6)
