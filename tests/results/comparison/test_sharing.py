"""What runs do not share is found: keys, places, work, draws; and nothing is where nothing is."""

from __future__ import annotations

from typing import Any

import pytest

import simqueue as sq
from simqueue.results.comparison.sharing import differences
from simqueue.workload.draws import generator
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload

QUICK = {"distribution": "constant", "mean_s": 0.0}


def scenario(**changes: Any) -> Scenario:
    return sq.build_scenario(
        {
            "duration_s": 20,
            "arrivals": {"a": {"rate_per_s": 2.0}},
            "queues": {
                "a": {
                    "service": {"distribution": "exponential", "mean_s": 1.0},
                    "failure_rate": 0.1,
                    "follow_up": {"completed": ["b"]},
                },
                "b": {"service": {"distribution": "constant", "mean_s": 0.5}},
            },
        }
    ).replace(changes)


def apart(other: dict[str, Any], replications: int = 1) -> dict[str, str]:
    """What differs between a run and one of a scenario with changes."""
    one, two = sq.simulate(scenario()), sq.simulate(scenario(**other), replications)
    return {key: str(found) for key, found in differences({"one": one, "two": two}).items()}


def test_equal_runs_share_all() -> None:
    assert apart({}) == {}
    assert apart({"name": "of another name"}) == {}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"workers.count": 2}, {"workers.count 1 / 2", "places in all 10 / 20"}),
        ({"queues.a.attempts": 3}, {"queues.a.attempts 1 / 3"}),
        ({"seed": 2}, {"seed 1 / 2, so every draw"}),
        ({"bullmq.overhead": {"loop_s": 0.01}}, {"bullmq.overhead.loop_s 0 / 0.01"}),
        (
            {"queues.b.service": {"distribution": "constant", "mean_s": 1.0}},
            {"queues.b.service.mean_s 0.5 / 1", "work per arrival 1.5 s / 2 s"},
        ),
        (
            {"queues.a.classes": {"x": {"share": 0.5, "service": QUICK}, "y": {"share": 0.5}}},
            {
                *("queues.a.classes.x.share – / 0.5", "queues.a.classes.y.share – / 0.5"),
                "queues.a.classes.x.service.distribution – / constant",
                *("queues.a.classes.x.service.mean_s – / 0", "work per arrival 1.5 s / 1 s"),
            },
        ),
        (
            {"mode": "in-process", "caller.concurrency": 10},
            {"mode bull-queue / in-process", "caller.concurrency 1 / 10"},
        ),
    ],
    ids=["workers", "attempts", "seed", "overhead", "work", "classes", "mode"],
)
def test_what_differs_is_named(changes: dict[str, Any], words: set[str]) -> None:
    assert set(apart(changes).values()) == words


def test_a_file_is_told_by_its_name() -> None:
    """Its folder is another on each machine."""
    measured = {"distribution": "empirical", "file": "checkout_times.csv", "column": "email_ms"}
    found = apart({"queues.b.service": {**measured, "mean_s": 0.5}})
    assert found["queues.b.service.file"] == "queues.b.service.file – / checkout_times.csv"


def test_replications_differ() -> None:
    assert apart({}, replications=2) == {"replications": "replications 1 / 2"}


def test_a_difference_of_draws_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if io times depended on how many workers there are: no key says that they do."""
    drawn = Workload._generator

    def other(self: Workload, queue: str, kind: str, purpose: str, attempt: int = 0) -> Any:
        if purpose == "io":
            return generator(self.scenario.workers.count, 0, queue, kind, purpose, attempt)
        return drawn(self, queue, kind, purpose, attempt)

    monkeypatch.setattr(Workload, "_generator", other)
    for key, value in {
        "priority": 1,
        "limiter": {"max": 1, "duration_s": 0.1},
        "global_concurrency": 3,
        "paused": [[1, 2]],
    }.items():
        found = apart({"workers.count": 2, f"queues.a.{key}": value})

        assert found["draws"] == "draws (io times of the first attempts at a jobs)", key


def test_a_key_with_dots_stands_in_quotes() -> None:
    changes = {"queues": {"a": {}, "x.y": {}}}
    one, two = (scenario(**changes, **{'queues."x.y".attempts': n}) for n in (1, 2))
    found = differences({"one": sq.simulate(one), "two": sq.simulate(two)})

    assert [*found] == ['queues."x.y".attempts']
    assert str(*found.values()) == 'queues."x.y".attempts 1 / 2'


def test_three_runs() -> None:
    """Values stand in the order of the runs."""
    runs = {str(n): sq.simulate(scenario(**{"workers.concurrency": n})) for n in (1, 2, 4)}

    found = differences(runs)["workers.concurrency"]
    assert found.values == ("1", "2", "4")
    assert str(found) == "workers.concurrency 1 / 2 / 4"


def test_a_table_in_the_place_of_a_number_is_one_difference() -> None:
    found = apart({"workers.concurrency": {"a": 6, "b": 4}})

    assert found == {"workers.concurrency": "workers.concurrency 5 / {a 6, b 4}"}


def test_defaults_of_a_table_that_one_has_and_the_other_has_not_are_left_out() -> None:
    one = scenario(pools={"web": {"count": 2, "queues": {"a": 5, "b": 5}}})
    scaler = {"metric": "ready", "target": 20, "max": 2}
    two = one.replace({"pools.web": {"queues": {"a": 5, "b": 5}, "autoscale": scaler}})
    slow = two.replace({"pools.web.autoscale.every_s": 30})

    def apart_of(*scenarios: Scenario) -> set[str]:
        runs = {str(number): sq.simulate(each) for number, each in enumerate(scenarios)}
        return {str(found) for found in differences(runs).values()}

    metric = {f"pools.web.autoscale.{key} – / {value}" for key, value in scaler.items()}
    assert apart_of(one, two) == {"pools.web.count 2 / 1", *metric}
    assert apart_of(two, slow) == {"pools.web.autoscale.every_s 15 / 30"}
    assert "pools.web.autoscale.every_s – / 15 / 30" in apart_of(one, two, slow)


def test_a_long_value_is_counted() -> None:
    crashes = [{"at_s": 1.23456 * n, "down_s": 0.5} for n in range(5)]

    assert apart({"workers.crashes": crashes}) == {
        "workers.crashes": "workers.crashes none / 5 entries"
    }


def test_one_run_has_nothing_to_differ_from() -> None:
    with pytest.raises(ValueError, match="nothing to differ from"):
        differences({"one": sq.simulate(scenario())})
