"""Plans: the answer is the fewest, on days that are known; and what is said of it."""

from __future__ import annotations

import dataclasses
import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import simqueue as sq
from simqueue.errors import InputError
from simqueue.experiments.run import replicate
from simqueue.planning.shown import limit_lines, tried_table
from simqueue.planning.situations import busiest_s, with_deaths, with_longer_jobs, with_traffic
from simqueue.planning.words import days_words
from simqueue.results.wording import duration
from simqueue.simulation import SimPyEngine

SERVICE: list[dict[str, Any]] = [
    {"distribution": "constant", "mean_s": 2.0},
    {"distribution": "exponential", "mean_s": 2.0},
    {"distribution": "uniform", "low_s": 1.0, "high_s": 3.0},
    {"distribution": "gamma", "mean_s": 2.0, "cv": 0.5},
    {"distribution": "lognormal", "mean_s": 2.0, "cv": 2.0},
    {"distribution": "empirical", "file": "data/checkout_times.csv", "column": "order_ms"},
]


def cafe(**changes: Any) -> sq.Scenario:
    return sq.build_scenario(
        {
            "name": "cafe",
            "duration_s": 900,
            "arrivals": {"coffee": {"rate_per_s": 0.5}},
            "queues": {"coffee": {"service": {"distribution": "exponential", "mean_s": 4}}},
            "workers": {"concurrency": 1},
        }
    ).replace(changes)


TARGET = "coffee.wait.p95 < 8s"


@pytest.mark.parametrize("seed", range(10))
def test_it_is_the_fewest(seed: int) -> None:
    """Each number of workers on each of the days: the first that will do is the answer."""
    scenario = cafe(seed=seed)
    found = sq.plan(scenario, TARGET, days=8, kept=0.75, margins=False, cores=1)
    holds = {}
    for workers in range(1, 7):
        runs = [replicate(scenario.replace({"workers.count": workers}), day) for day in range(8)]
        p95 = [float(run.summary().queues["coffee"].wait_s.p95 or 0) for run in runs]
        holds[workers] = [one < 8 for one in p95]
    assert found.answer == next(workers for workers, days in holds.items() if sum(days) >= 6)
    for near in {found.answer - 1, found.answer, found.answer + 1} - {0}:
        one = found.at(near)
        assert (one.held, one.number) == (sum(holds[near]), 8)


def test_two_processes_say_the_same() -> None:
    one, two = (sq.plan(cafe(), TARGET, days=4, cores=cores) for cores in (1, 2))
    assert one.answer is not None
    assert one.sentence() == two.sentence()
    assert one.frame().equals(two.frame())


@pytest.fixture(scope="module")
def found() -> sq.Plan:
    return sq.plan(cafe(), [TARGET, "coffee.failed <= 0"], days=6, cores=1)


def test_what_is_said(found: sq.Plan) -> None:
    words = found.sentence()
    assert f"workers.count = {found.answer} is enough" in words
    assert "held on 6 of 6 days" in words
    assert [margin.what for margin in found.margins] == [
        "20 % more traffic", "jobs 20 % longer", "20 % less traffic", "jobs 20 % shorter",
    ]  # fmt: skip
    assert found.worker_hours == found.answer * 0.25  # type: ignore[operator]
    assert "slots" in found.binds
    frame = found.frame()
    assert list(frame["workers.count"]) == [one.value for one in found.tried]
    assert found.document()["answer"] == found.answer


def test_it_pickles(found: sq.Plan) -> None:
    assert pickle.loads(pickle.dumps(found)).sentence() == found.sentence()


def test_the_figure_is_titled_by_the_answer(found: sq.Plan, tmp_path: Path) -> None:
    figure = found.plot(tmp_path / "plan.png")
    title = figure.axes[0].get_title(loc="left").replace("\n", " ")
    assert title == found.sentence()
    assert (tmp_path / "plan.png").stat().st_size > 10_000


def test_what_binds_is_said_of_the_queue_that_was_asked_about() -> None:
    """The tea is overloaded, too; but no number of workers brings more than one coffee in 4 s."""
    table = cafe(**{"queues.coffee.limiter": {"max": 1, "duration_s": 4}}).table()
    table["arrivals"]["tea"] = {"rate_per_s": 9}
    table["queues"]["tea"] = table["queues"]["coffee"] | {"limiter": {"max": 1, "duration_s": 1}}
    both = sq.build_scenario(table)
    found = sq.plan(both, TARGET, days=2, most=2, margins=False, cores=1)
    assert found.answer is None
    assert "coffee" in found.binds
    assert "tea" not in found.binds
    assert "tea" in sq.simulate(both).finding({"tea"})


def with_pools(**pools: dict[str, Any]) -> sq.Scenario:
    table = cafe().table()
    del table["workers"]
    table["arrivals"]["tea"] = {"rate_per_s": 0.1}
    table["queues"]["tea"] = table["queues"]["coffee"]
    return sq.build_scenario({**table, "pools": pools})


def test_of_pools_it_is_the_one_that_works_on_the_queue() -> None:
    two = with_pools(counter={"queues": {"coffee": 1}}, kettle={"queues": {"tea": 1}})
    found = sq.plan(two, TARGET, days=2, margins=False, cores=1)
    named = sq.plan(two, TARGET, "pools.counter.count", days=2, margins=False, cores=1)
    assert found.vary == "pools.counter.count"
    assert found.frame().equals(named.frame())
    with pytest.raises(
        InputError, match=r"of coffee, tea\? .* pools\.counter\.count, pools\.kettle"
    ):
        sq.plan(two, [TARGET, "tea.wait.p95 < 8s"])


def test_lost_jobs_bind_only_who_asked_about_them() -> None:
    losing = cafe(**{"queues.coffee.failure_rate": 0.3, "queues.coffee.attempts": 1})
    waits = sq.plan(losing, TARGET, days=2, margins=False, cores=1)
    assert "coffee queue needs" in waits.binds
    lost = sq.plan(losing, "coffee.failed < 1", days=2, most=2, margins=False, cores=1)
    assert lost.answer is None
    assert "failed for good" in lost.binds


def test_where_no_number_helps_it_says_what_binds() -> None:
    """Nobody can be done faster than the work itself takes."""
    found = sq.plan(cafe(), "coffee.response.mean < 1s", days=4, cores=1)
    assert found.answer is None
    assert "no number will do" in found.sentence()
    assert found.binds


def test_other_keys() -> None:
    """The fewest attempts that lose nobody: a job fails for good with probability 0.3^attempts."""
    flaky = cafe(**{"queues.coffee.failure_rate": 0.3, "workers.count": 5})
    found = sq.plan(
        flaky, "coffee.failed < 3", "queues.coffee.attempts", days=4, margins=False, cores=1
    )
    assert found.answer is not None
    assert 3 <= found.answer <= 7
    assert all(one.scenario.workers.count == 5 for one in found.tried)


def test_a_worker_that_dies_costs_one_more() -> None:
    target = "coffee.wait.max < 30s"
    calm = sq.plan(cafe(), target, days=4, margins=False, cores=1).answer
    hurt = sq.plan(cafe(), target, survive=1, days=4, margins=False, cores=1)
    assert calm is not None
    assert hurt.answer == calm + 1
    assert "one worker dead for 600 s" in hurt.sentence()


def test_more_traffic() -> None:
    found = sq.plan(cafe(), TARGET, traffic=3, days=4, margins=False, cores=1)
    assert found.answer is not None
    assert found.answer > 6  # 3 * 0.5 * 4 = 6 are busy all the time
    assert "3 times the traffic" in found.sentence()


class _Interrupted:
    def __init__(self, at: int = 5) -> None:
        self.runs, self.at = 0, at

    def __call__(self, *arguments: Any) -> Any:
        self.runs += 1
        if self.runs == self.at:
            raise KeyboardInterrupt
        return SimPyEngine()(*arguments)


def test_ctrl_c_keeps_what_was_tried() -> None:
    found = sq.plan(cafe(), TARGET, cores=1, engine=_Interrupted())
    assert found.interrupted
    assert found.answer is None
    assert sum(one.number for one in found.tried) == 4
    assert "interrupted" in found.sentence()


@pytest.mark.parametrize("done", range(1, 12))
def test_ctrl_c_keeps_each_day_that_was_done(done: int) -> None:
    """Also of those that run side by side."""
    engine = _Interrupted(done + 1)
    found = sq.plan(cafe(), TARGET, cores=1, engine=engine)
    assert found.interrupted
    assert sum(one.number for one in found.tried) == done


# ---- days that are not alike


RUSH = {"arrivals.coffee": {"profile": [[0, 0.1], [300, 0.9], [600, 0.1]]}, "workers.count": 3}


def test_it_says_how_far_days_lie_apart_where_slots_are_short_for_a_while() -> None:
    """In the words of `simulate`, of the answer's days."""
    found = sq.plan(cafe(**RUSH), "coffee.response.p95 < 180s", days=6, margins=False, cores=1)
    assert found.answer is not None
    days = found.at(found.answer).days[:, 0]
    (said,) = found.warnings
    ends = f"between {duration(days.min())} and {duration(days.max())} on 6 days"
    assert said.endswith(f"coffee.response.p95 was {ends}")
    assert said in "\n".join(limit_lines(found))
    assert found.document()["warnings"] == [said]
    run = sq.simulate(cafe(**RUSH).replace({"workers.count": found.answer}), replications=6)
    (same,) = [one for one in run.warnings() if ends in one]
    assert same.startswith(said.partition("coffee.response")[0])


def test_days_far_apart_are_not_warned_of_where_slots_are_enough() -> None:
    idle = sq.plan(cafe(), "coffee.wait.p95 < 8s", days=6, margins=False, cores=1)
    assert idle.answer is not None
    days = idle.at(idle.answer).days[:, 0]
    assert days.max() > 1.5 * days.min()
    assert idle.warnings == ()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"targets": []}, "no target"),
        ({"targets": "coffee.wait.p95"}, "expected QUEUE.MEASURE"),
        ({"vary": "workers.cuont"}, "cuont"),
        ({"vary": "a b"}, "not a key"),
        ({"days": 0}, "days = 0"),
        ({"kept": 0}, "kept = 0"),
        ({"kept": 95}, "kept = 95"),
        ({"traffic": 0}, "traffic = 0"),
        ({"traffic": float("nan")}, "traffic = nan"),
        ({"survive": -1}, "survive = -1"),
        ({"survive": 1, "vary": "workers.concurrency"}, "there are 1 workers"),
        ({"down_s": 0}, "down_s = 0"),
        ({"most": 0}, "from 1 to 0"),
        ({"cores": 0}, "cores = 0"),
    ],
)
def test_bad_input(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as error:
        sq.plan(cafe(), **({"targets": TARGET} | arguments))
    assert said in str(error.value)
    assert "\n" not in str(error.value)


# ---- situations


@pytest.mark.parametrize("service", SERVICE, ids=lambda one: str(one["distribution"]))
def test_longer_jobs_are_longer_and_of_the_same_shape(service: dict[str, Any]) -> None:
    scenario = cafe(**{"queues.coffee.service": service})
    before = scenario.queues["coffee"].service
    after = with_longer_jobs(scenario, 1.2).queues["coffee"].service
    assert after.mean == pytest.approx(1.2 * before.mean)
    assert after.scv == pytest.approx(before.scv)


def test_all_that_an_attempt_may_take_is_longer() -> None:
    """Of each class, of later attempts, and of those that fail."""

    def constant(seconds: float) -> dict[str, Any]:
        return {"distribution": "constant", "mean_s": seconds}

    classes = {
        "vip": {"share": 0.5, "service": constant(1)},
        "bulk": {"share": 0.5, "cpu": constant(3)},
    }
    more = {"classes": classes, "later_attempts": [{"service": constant(2)}]}
    more |= {"failure_service": constant(4), "cpu": constant(5)}
    scenario = cafe(**{f"queues.coffee.{key}": value for key, value in more.items()})
    after = with_longer_jobs(scenario, 1.5).queues["coffee"]

    vip, bulk = after.by_class["vip"], after.by_class["bulk"]
    found = [vip.service, bulk.cpu, after.times_of(2).service, after.failure_service, vip.cpu]
    assert [one.mean for one in found if one] == pytest.approx([1.5, 4.5, 3.0, 6.0, 7.5])


def test_customers_who_wait_bring_no_traffic_that_could_be_more() -> None:
    think = {"distribution": "exponential", "mean_s": 60}
    closed = cafe(**{"arrivals.coffee": {"customers": 20, "think": think}})
    with pytest.raises(InputError, match="change the number of customers"):
        sq.plan(closed, TARGET, traffic=3)
    found = sq.plan(closed, TARGET, days=2, cores=1)
    assert found.margins[0].what == "jobs 20 % longer"
    assert not [one for one in found.margins if "traffic" in one.what]


def test_a_schedulers_clock_is_no_traffic() -> None:
    """Alone it has none that could be more; beside others it goes on as it does."""
    clock = cafe(**{"arrivals.coffee": {"every_s": 2}})
    with pytest.raises(InputError, match=r"coffee\.every_s: .* no traffic; change every_s"):
        sq.plan(clock, TARGET, traffic=3)
    found = sq.plan(clock, TARGET, days=2, cores=1)
    assert not [one for one in found.margins if "traffic" in one.what]

    beside = cafe(**{"queues.clean": {}, "arrivals.clean": {"every_s": 60}})
    more = with_traffic(beside, 3)
    assert more.arrivals["clean"] == beside.arrivals["clean"]
    assert (
        more.arrivals["coffee"]
        == sq.build_scenario(
            {**beside.table(), "arrivals": {"coffee": {"rate_per_s": 1.5}}}
        ).arrivals["coffee"]
    )


def test_more_traffic_keeps_the_shape() -> None:
    day = sq.read_scenario()
    more = with_traffic(day, 3)
    times = np.linspace(0, day.duration_s, 50)
    before, after = (
        one.arrivals["order"].expected(times, day.duration_s)  # type: ignore[union-attr]
        for one in (day, more)
    )
    np.testing.assert_allclose(after, 3 * before)
    assert with_traffic(day, 1) is day


def test_a_worker_dies_when_most_is_to_be_done() -> None:
    rush = cafe(**{"arrivals.coffee": {"profile": [[0, 0.1], [600, 0.9], [750, 0.1]]}})
    assert 600 <= busiest_s(rush) < 750
    (crash,) = with_deaths(rush, 1, 60).workers.crashes
    assert (crash.at_s, crash.worker, crash.down_s) == (busiest_s(rush), 0, 60)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_each_row_says_its_value(found: sq.Plan, width: int) -> None:
    """However many targets there are, and wherever lines are folded: nothing is cut off."""
    many = dataclasses.replace(
        found,
        targets=found.targets * 3,
        tried=tuple(
            dataclasses.replace(one, targets=one.targets * 3, days=np.tile(one.days, 3))
            for one in found.tried
        ),
    )
    out = io.StringIO()
    Console(file=out, width=width).print(tried_table(many))
    rows = [line.split()[0] for line in out.getvalue().splitlines() if " of " in line]
    assert [one for one in rows if one.isdigit()] == [str(one.value) for one in found.tried]
    assert "…" not in out.getvalue()


def test_days_are_counted_alike(found: sq.Plan) -> None:
    tried = dataclasses.replace(found.tried[-1], days=np.zeros((1000, 2)))
    assert days_words(tried) == "1,000 of 1,000 days"
