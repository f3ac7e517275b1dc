"""Autoscalers judged: what is compared are the same days, and each number is what it says."""

from __future__ import annotations

import itertools
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import simqueue as sq
from simqueue.errors import InputError
from simqueue.experiments.run import replicate
from simqueue.planning.autoscaling.judge import Autoscaling
from simqueue.planning.autoscaling.pool_day import Need, late_s, turns, worst_minute_s
from simqueue.planning.autoscaling.settings import (
    alternatives,
    setting_of,
    with_autoscaler,
    with_changes,
    with_pool,
)

TARGET = "tea.wait.p95 < 8s"


def shop(**changes: Any) -> sq.Scenario:
    """A rush of ten minutes; each job takes 4 s, each worker does one at a time."""
    return sq.build_scenario(
        {
            "name": "shop",
            "duration_s": 1800,
            "arrivals": {"tea": {"profile": [[0, 0.3], [600, 1.2], [1200, 0.3]]}},
            "queues": {"tea": {"service": {"distribution": "exponential", "mean_s": 4}}},
            "pools": {
                "web": {
                    "queues": {"tea": 1},
                    "start_s": 40,
                    "autoscale": {"metric": "ready", "target": 4, "min": 1, "max": 12},
                }
            },
        }
    ).replace(changes)


@pytest.fixture(scope="module")
def found() -> Autoscaling:
    return sq.autoscale(shop(), [TARGET, "tea.failed <= 0"], days=4, cores=1)


# ---- against workers all day


@pytest.mark.parametrize("seed", range(10))
def test_with_one_number_at_least_and_at_most_it_is_so_many_all_day(seed: int) -> None:
    """The same attempts, to the last digit, and the same hours."""
    day = shop(seed=seed)
    scaled = replicate(with_changes(day, "web", {"min": 5, "max": 5}), 1)
    static = replicate(with_pool(day, "web", count=5), 1)

    assert scaled.log.frame().equals(static.log.frame())
    assert scaled.summary().pools["web"].worker_hours == static.summary().pools["web"].worker_hours


def test_workers_become_a_pool_that_does_the_same() -> None:
    table = shop().table()
    del table["pools"]
    plain = sq.build_scenario({**table, "workers": {"count": 3, "concurrency": 2}})
    scaled, pool = with_autoscaler(plain, None, {"target": 4, "min": 3, "max": 3}, None)
    times = ["job_id", "started_s", "finished_s"]

    assert pool == "workers"
    assert setting_of(scaled, pool).metric == "ready"
    assert sq.simulate(scaled).frame()[times].equals(sq.simulate(plain).frame()[times])


@pytest.mark.parametrize("seed", range(10))
def test_all_day_is_what_a_plan_says(seed: int) -> None:
    day = shop(seed=seed)
    found = sq.autoscale(day, TARGET, days=3, proposals=False, cores=1)
    static = with_pool(day, "web", count=3)
    plan = sq.plan(static, TARGET, "pools.web.count", days=3, margins=False, cores=1)

    assert found.all_day is not None
    assert found.all_day.tried.value == plan.answer
    np.testing.assert_array_equal(found.all_day.tried.days, plan.at(plan.answer).days)
    assert found.all_day.worker_hours == pytest.approx(plan.answer * 0.5)


def test_its_days_are_those_of_its_scenario(found: Autoscaling) -> None:
    for day in range(4):
        run = replicate(found.scenario, day)
        wait = run.summary().queues["tea"].wait_s
        assert found.as_it_is.tried.days[day, 0] == wait.p95
        assert found.as_it_is.of("worker_hours")[day] == run.summary().pools["web"].worker_hours
        assert found.as_it_is.of("most")[day] == run.summary().pools["web"].most


# ---- what is proposed


def test_what_is_proposed_was_simulated_in_full_and_holds(found: Autoscaling) -> None:
    assert found.proposal is not None
    assert (found.proposal.held, found.proposal.number) == (4, 4)
    assert found.proposal.scenario == with_changes(found.scenario, "web", found.proposal.changes)


@pytest.mark.parametrize("seed", range(10))
def test_a_proposal_holds_and_beats_what_holds_already(seed: int) -> None:
    """On every seed: a generous setting holds, and what is proposed in its place is cheaper."""
    day = with_changes(shop(seed=seed), "web", {"min": 10})
    found = sq.autoscale(day, TARGET, days=3, cores=1)

    assert found.will_do
    if found.proposal is not None:
        assert found.proposal.keeps(0.95)
        assert found.proposal.worker_hours < found.as_it_is.worker_hours


def test_alternatives_differ_from_the_setting_and_from_each_other() -> None:
    setting = setting_of(shop(), "web")
    some = alternatives(setting, 8)

    assert {} not in some
    assert all(one != other for one, other in itertools.combinations(some, 2))
    assert {one.get("min", 1) for one in some} == {1, 2, 4, 6, 8}
    assert {one.get("target", 4) for one in some} == {8, 4, 2, 1}


def test_where_there_may_be_too_few_alternatives_may_have_more() -> None:
    few = setting_of(with_changes(shop(), "web", {"max": 3}), "web")

    assert {one["max"] for one in alternatives(few, 8)} == {8}


def test_max_too_small_is_said() -> None:
    found = sq.autoscale(shop(), TARGET, {"max": 2}, days=3, proposals=False, cores=1)

    assert "max = 2 is too few" in found.sentence()


@pytest.mark.parametrize("proposals", [False, True])
def test_nothing_is_said_of_other_settings_where_none_was_tried(*, proposals: bool) -> None:
    """Of KEDA's, with no worker kept, none brings the wait below what a start-up takes."""
    setting = {"metric": "wait_list", "min": 0, "polling_s": 15}
    found = sq.autoscale(shop(), TARGET, setting, days=2, proposals=proposals, cores=1)

    assert not found.will_do
    assert found.all_day is not None
    assert found.proposal is None
    assert ("none of the other settings that were tried" in found.sentence()) == proposals


def test_start_up_is_named_where_it_is_in_the_way() -> None:
    """Without it the setting does; the longest start-up with which it does is named."""
    found = sq.autoscale(shop(), "tea.wait.p95 < 25s", start_s=240, days=3, cores=1)

    assert not found.will_do
    assert found.quicker is not None
    assert found.quicker.keeps(0.95)
    assert found.quicker.changes["start_s"] in (0, 60, 120)


# ---- what a day says


def test_the_worst_minute_by_hand() -> None:
    ready = np.array([1.0, 59.0, 60.0, 61.0, 200.0, 300.0])
    wait = np.array([2.0, 4.0, 9.0, 1.0, math.nan, 99.0])

    assert worst_minute_s(ready, wait, 0, 300) == 5.0
    assert worst_minute_s(ready, wait, 59, 300) == 14 / 3
    assert math.isnan(worst_minute_s(ready, wait, 120, 300))


@pytest.mark.parametrize(
    ("up", "down", "number"),
    [
        ([], [], 0),
        ([1, 2, 3], [], 0),
        ([1, 2], [5], 1),
        ([1, 9], [5], 2),
        ([1, 5], [5, 7], 1),  # one comes as one goes: that is no change
        ([1, 200], [5], 1),  # after the end of arrivals nobody counts
    ],
)
def test_turns_by_hand(up: list[float], down: list[float], number: int) -> None:
    assert turns(np.array(up, float), np.array(down, float), 0, 100) == number


@pytest.mark.parametrize(
    ("ready_after", "late"), [(0, 0.0), (40, 40.0), (500, 500.0), (900, 600.0)]
)
def test_late_by_hand(ready_after: float, late: float) -> None:
    """The load rises at 600 s, for ten minutes; a second worker takes jobs some time after."""
    day = with_pool(shop(), "web", schedule=[[0, 1], [600 + ready_after, 2]], start_s=0)
    edges = np.array([0.0, 600.0, 1200.0, 1800.0])
    need = Need("tea", edges, np.array([1.0, 2.0, 1.0]))

    assert late_s(replicate(day, 2), [need]) == late


def test_jobs_that_are_left_do_not_hold() -> None:
    """Nobody is ever woken up: no job waits, for none ever starts."""
    setting = {"min": 0, "activation": 1e6}
    found = sq.autoscale(shop(), TARGET, setting, days=2, proposals=False, cores=1)

    assert found.as_it_is.held == 0
    assert "jobs are left for which no worker ever comes" in found.sentence()


def test_costs() -> None:
    found = sq.autoscale(
        shop(**{"pools.web.cost_per_hour": 2.0}), TARGET, days=2, proposals=False, cores=1
    )
    np.testing.assert_allclose(found.as_it_is.of("cost"), 2 * found.as_it_is.of("worker_hours"))


# ---- what is said


def test_what_is_said(found: Autoscaling, tmp_path: Path) -> None:
    words = found.sentence()
    assert words.startswith("shop: as it is (ready 4 for each worker, 1 to 12 workers, which start")
    assert f"hold on {found.as_it_is.held} of 4 days" in words
    assert f"{found.all_day and found.all_day.what} hold them" in words
    assert pickle.loads(pickle.dumps(found)).sentence() == words
    assert len(found.frame()) == 4 * len(found.judged)
    figure = found.plot(tmp_path / "day.png")
    title = figure.axes[0].get_title(loc="left").replace("\n", " ")
    assert title.startswith("shop: as it is, tea.wait.p95 < 8 s and tea.failed <= 0 hold on")
    assert title.endswith(words[-60:])
    assert (tmp_path / "day.png").stat().st_size > 10_000


def test_where_no_number_will_do_it_is_said() -> None:
    found = sq.autoscale(shop(), "tea.response.mean < 1s", days=2, cores=1)

    assert found.all_day is None
    assert "No number of workers will do" in found.sentence()


def test_two_processes_say_the_same() -> None:
    one, two = (
        sq.autoscale(shop(), TARGET, days=2, proposals=False, cores=cores) for cores in (1, 2)
    )
    assert one.sentence() == two.sentence()
    np.testing.assert_array_equal(one.as_it_is.tried.beside, two.as_it_is.tried.beside)


def without_autoscaler() -> sq.Scenario:
    return with_pool(shop(), "web", count=2)


@pytest.mark.parametrize(
    ("scenario", "arguments", "said"),
    [
        (shop(), {"targets": []}, "no target"),
        (shop(), {"pool": "wbe"}, "there are web"),
        (shop(), {"setting": {"max": 0}}, "max"),
        (shop(), {"setting": {"mxa": 3}}, "mxa"),
        (shop(), {"setting": {"metric": "queue"}}, "metric"),
        (shop(), {"start_s": -1}, "start_s"),
        (shop(), {"days": 0}, "days = 0"),
        (shop(), {"kept": 2}, "kept = 2"),
        (shop(), {"most": 0}, "most = 0"),
        (shop(), {"traffic": 0}, "traffic = 0"),
        (without_autoscaler(), {}, "pools.web has no autoscaler"),
        (without_autoscaler(), {"setting": {"target": 3}}, "metric, target and max"),
        (shop(mode="in-process"), {}, "in-process"),
    ],
)
def test_bad_input(scenario: sq.Scenario, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as error:
        sq.autoscale(scenario, **({"targets": TARGET} | arguments))
    assert said in str(error.value)
    assert "\n" not in str(error.value)
