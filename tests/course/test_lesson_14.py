"""The answers of lesson 14, found by other roads than the one they were written on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from making import assert_hints

from simqueue.course.judging import mark
from simqueue.course.lessons import exercises
from simqueue.experiments.run import Run, simulate
from simqueue.results.theory import mmck_blocked
from simqueue.workload.reading import build_scenario

HPA = {"metric": "ready", "target": 20, "min": 2, "max": 10}
SEEDS = range(1, 11)


def burst(
    seed: int,
    *,
    pod: dict[str, Any] | None = None,
    at_s: float = 120,
    arrivals: dict[str, Any] | None = None,
    **changes: Any,
) -> Run:
    """A day of the lesson's."""
    pool = {"schedule": [[0, 2]]} if pod is None else pod
    table = {
        "seed": seed,
        "duration_s": 600,
        "pools": {"pod": {"queues": {"price": 5}, "start_s": 60, **pool}},
        "arrivals": {
            "price": {"profile": [[0, 12], [at_s, 40], [at_s + 60, 12]], **(arrivals or {})}
        },
        "queues": {"price": {"service": {"distribution": "exponential", "mean_s": 0.5}}},
    }
    return simulate(build_scenario(table).replace(changes))


def in_time(run: Run, at_s: float = 120) -> float:
    """Per cent of those who come in the burst who are done in 5 s."""
    took = run.log.responses(since_s=at_s, until_s=at_s + 60)
    away = len(run.log.select(outcome="refused", since_s=at_s, until_s=at_s + 60))
    return float(100 * np.sum(took <= 5) / (len(took) + away))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_autoscaler_comes_too_late_on_any_day(seed: int) -> None:
    """It serves just those in time whom two pods serve, and costs more than five pods."""
    alone, scaled = burst(seed), burst(seed, pod={"autoscale": HPA})
    lower = burst(seed, pod={"autoscale": HPA | {"target": 5}})
    assert in_time(alone) == in_time(scaled) == in_time(lower) < 10
    assert scaled.workers().query("asked_s > 0")["ready_s"].min() == 195
    longest = [run.log.responses(since_s=120, until_s=180).max() for run in (alone, scaled)]
    assert longest[0] > 45
    assert 25 < longest[1] < 50


@pytest.mark.parametrize("at_s", [121, 125, 129, 134])
def test_it_comes_too_late_at_any_moment_between_two_looks(at_s: float) -> None:
    scaled = burst(1, pod={"autoscale": HPA}, at_s=at_s)
    assert in_time(burst(1, at_s=at_s), at_s) == in_time(scaled, at_s) < 10


@pytest.mark.parametrize("seed", SEEDS)
def test_what_helps_helps_on_any_day(seed: int) -> None:
    helps = {
        "5 pods": burst(seed, pod={"schedule": [[0, 5]]}),
        "on time": burst(seed, pod={"schedule": [[0, 2], [45, 5], [180, 2]]}),
        "min 4": burst(seed, pod={"autoscale": HPA | {"min": 4}}),
        "quick": burst(seed, pod={"autoscale": HPA | {"every_s": 5}, "start_s": 5}),
    }
    shares = {name: in_time(run) for name, run in helps.items()}
    assert min(shares["5 pods"], shares["on time"]) > 99
    assert shares["min 4"] > 80
    assert shares["quick"] > 85
    bounded = burst(seed, arrivals={"max_waiting": 50})
    assert 40 < in_time(bounded) < 60
    took = bounded.log.responses(since_s=120, until_s=180)
    assert np.mean(took <= 5) > 0.97  # who gets in is in time


@pytest.mark.parametrize("seed", SEEDS)
def test_pod_hours_of_a_quarter_of_an_hour_on_any_day(seed: int) -> None:
    def hours(**pod: Any) -> float:
        run = burst(seed, pod=pod, duration_s=900)
        return run.summary().pools["pod"].worker_hours

    on_time = hours(schedule=[[0, 2], [45, 5], [180, 2]])
    five, scaled = hours(schedule=[[0, 5]]), hours(autoscale=HPA)
    quick = hours(autoscale=HPA | {"every_s": 5}, start_s=5)
    assert scaled > five > 2 * on_time
    assert scaled - 0.5 < 1  # one burst costs less than a pod-hour more than two pods
    assert on_time < quick < scaled


@pytest.mark.parametrize("seed", SEEDS)
def test_a_bound_hides_the_burst_from_the_autoscaler_on_any_day(seed: int) -> None:
    most = {}
    for target in (20, 5):
        run = burst(seed, pod={"autoscale": HPA | {"target": target}}, arrivals={"max_waiting": 50})
        most[target] = run.summary().pools["pod"].most
        assert 40 < in_time(run) < 60
    assert most == {20: 3, 5: 10}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_brake_moves_the_line_on_any_day(seed: int) -> None:
    def parts(**brake: Any) -> list[float]:
        """p95 of the burst's customers: in the queue, on a slot, in all."""
        changes = {
            "pools.pod.queues.price": 1_000,
            "queues.price.downstream": "database",
            "downstreams": {"database": {"places": 10, "when_full": "wait"}},
        }
        run = burst(seed, **changes, **{f"queues.price.{k}": v for k, v in brake.items()})
        rows = run.log.select(since_s=120, until_s=180).rows
        ready, started, finished = rows["ready_s"], rows["started_s"], rows["finished_s"]
        pieces = (started - ready, finished - started, finished - ready)
        return [float(np.quantile(piece, 0.95)) for piece in pieces]

    wide = parts()
    held = parts(global_concurrency=10)
    limited = parts(limiter={"max": 20, "duration_s": 1})
    assert wide[0] < 0.1
    assert wide[1] > 40
    assert min(held[0], limited[0]) > 40
    assert max(held[1], limited[1]) < 12
    assert wide[2] == pytest.approx(held[2])
    assert 0.99 < limited[2] / held[2] < 1.15


@pytest.mark.parametrize("bound", [None, 50])
def test_training_mode_is_the_same_line(bound: int | None) -> None:
    queue = burst(3, arrivals={} if bound is None else {"max_waiting": bound})
    train = burst(
        3,
        mode="in-process",
        caller={"processes": 2, "concurrency": 5}
        | ({} if bound is None else {"max_waiting": bound}),
    )
    one, other = (np.sort(run.log.rows["finished_s"]) for run in (queue, train))
    assert np.array_equal(one, other, equal_nan=True)


def test_share_in_time_of_a_steep_burst_by_a_fluid() -> None:
    """Milliseconds, one after the other: what came, and what was done."""
    came, line, good = 0.0, 0.0, 0
    for _ in range(120_000):
        good += line / 20 <= 6
        came += 80 / 1000
        line += (80 - 20) / 1000
    assert came == pytest.approx(9_600)
    assert mark("14.b", 100 * good / 120_000).verdict == "right"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_share_in_time_of_a_steep_burst_by_simulation(seed: int) -> None:
    table = {
        "seed": seed,
        "duration_s": 140,
        "workers": {"concurrency": 10},
        "arrivals": {"a": {"profile": [[0, 1], [20, 80]]}},
        "queues": {"a": {"service": {"distribution": "exponential", "mean_s": 0.5}}},
    }
    waits = simulate(build_scenario(table)).log.waits(since_s=20)
    assert 100 * np.mean(waits <= 6) == pytest.approx(100 * 2 / 120, abs=0.5)


def test_places_in_the_line_by_adding_up_states() -> None:
    """Each state's weight from the one before; what is turned away is the last one's share."""

    def away(waiting: int) -> float:
        weights = [1.0]
        for jobs in range(1, 10 + waiting + 1):
            weights.append(weights[-1] * 16 * 0.5 / min(jobs, 10))
        return weights[-1] / sum(weights)

    least = next(n for n in range(100) if away(n) <= 0.001)
    assert mark("14.c", least).verdict == "right"
    assert away(least) == pytest.approx(mmck_blocked(10, least, 8))
    calm = next(n for n in range(100) if mmck_blocked(10, n, 6) <= 0.001)
    assert "16 come" in mark("14.c", calm).text
    assert "1 in 100." in mark("14.c", next(n for n in range(99) if away(n) <= 0.01)).text


@pytest.mark.parametrize("asked", exercises()["14.d"].right.tries, ids=str)
def test_next_pods_by_the_simulator(asked: tuple[int, int, int, int]) -> None:
    """So many jobs are there at one moment, and nobody gets through one before the first look."""
    ready, pods, target, most = asked
    slots = 1
    autoscale = {"metric": "ready", "target": target, "min": pods, "max": most, "tolerance": 0}
    table = {
        "duration_s": 20,
        "pools": {"pod": {"queues": {"a": slots}, "start_s": 1, "autoscale": autoscale}},
        "arrivals": {"a": {"interval_s": 10, "batch": ready + pods}},
        "queues": {"a": {"service": {"distribution": "constant", "mean_s": 100}}},
    }
    if ready == 0:
        table["arrivals"] = {"a": {"interval_s": 10, "batch": pods}}
    workers = simulate(build_scenario(table)).workers()
    there = int((workers["asked_s"] <= 15).sum())
    assert exercises()["14.d"].right.solution(*asked) == there


def test_what_helps_by_simulation() -> None:
    ways: dict[str, Run] = {
        "a": burst(4, pod={"autoscale": HPA | {"target": 5}}),
        "b": burst(4, pod={"autoscale": HPA | {"max": 30}}),
        "c": burst(4, pod={"autoscale": HPA | {"min": 5}}),
        "d": burst(4, pod={"schedule": [[0, 2], [120, 5]]}),
        "e": burst(4, pod={"autoscale": HPA}, arrivals={"max_waiting": 50}),
        "f": burst(4, pod={"schedule": [[0, 2], [60, 5]]}),
    }
    letters = [letter for letter, run in ways.items() if in_time(run) >= 20]
    assert mark("14.e", letters).verdict == "right"


def test_bursts_a_day_by_counting() -> None:
    bursts, spent_min = 0, 0
    while spent_min < 3 * 24 * 60:
        bursts, spent_min = bursts + 1, spent_min + 8 * 6
    assert mark("14.f", bursts).verdict == "right"


@pytest.mark.parametrize(
    ("key", "wrong", "hint"),
    [
        ("14.b", 5, "a second each second"),
        ("14.b", 25, "whom a bound"),
        ("14.b", 1.25, "not 80"),
        ("14.b", 2, "share of the two minutes"),
        ("14.b", 100 * 8 / 120, "worked off at 20"),
        ("14.b", 50, "How long is the line"),
        ("14.c", 19, "1.2 in"),
        ("14.c", 8, "16 come"),
        ("14.c", 30, "counts the slots"),
        ("14.c", 10, "1 in 100."),
        ("14.c", 90, "chance need"),
        ("14.c", 0, "Erlang's loss"),
        ("14.c", 55, "Put it into"),
        ("14.e", "cf", "needs no pod"),
        ("14.e", "ce", "a minute before"),
        ("14.e", "cdef", "Look at d"),
        ("14.e", "acef", "Look at a"),
        ("14.e", "bcef", "Look at b"),
        ("14.e", "ab", "sooner"),
        ("14.e", "d", "15th second"),
        ("14.f", 30, "one pod all day"),
        ("14.f", 240, "not 1"),
        ("14.f", 640, "Turned round"),
        ("14.f", 1.5, "6 minutes"),
        ("14.f", 720, "asks for 8"),
        ("14.f", 10, "How many pod-hours"),
    ],
)
def test_wrong_answers_get_a_hint(key: str, wrong: object, hint: str) -> None:
    judged = mark(key, wrong)
    assert judged.verdict == "wrong"
    assert hint in judged.text.replace("*", "")


def test_wrong_functions_get_a_hint() -> None:
    def stepped(ready: int, pods: int, target: int, most: int, step: int) -> int:
        return max(pods, min(math.ceil(ready / target), step, most))

    assert_hints(
        "14.d",
        (lambda r, p, t, m: stepped(r, p, t, m, m), "So many at once"),
        (lambda r, p, t, m: stepped(r // t * t, p, t, m, max(p + 4, 2 * p)), "round up"),
        (lambda r, p, t, m: stepped(r, p, t, m, p + 4), "from 6 pods on"),
        (lambda r, p, t, m: stepped(r, p, t, m, 2 * p), "From 2 pods"),
        (lambda r, p, t, _: stepped(r, p, t, 10**6, max(p + 4, 2 * p)), "a `most`"),
        (lambda r, p, t, m: min(math.ceil(r / t), max(p + 4, 2 * p), m), "lets pods go"),
        (
            lambda r, p, t, m: min(p + math.ceil(r / t), max(p + 4, 2 * p), max(m, p)),
            "in all",
        ),
        (lambda *_: 6, "no more than the wider step"),
    )
