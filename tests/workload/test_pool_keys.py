"""Pools of workers: what a scenario may say of them, and what follows for its slots."""

from __future__ import annotations

from typing import Any

import pytest

from simqueue.errors import InputError
from simqueue.workload.changes import Change, parse_set
from simqueue.workload.modes import unused_warnings
from simqueue.workload.reading import build_scenario
from simqueue.workload.scenario import Scenario

TABLE: dict[str, Any] = {
    "duration_s": 600,
    "arrivals": {"invoices": {"rate_per_s": 1}, "webhooks": {"rate_per_s": 1}},
    "queues": {"invoices": {}, "webhooks": {}},
}
WEB: dict[str, Any] = {"queues": {"invoices": 10, "webhooks": 25}}
HPA: dict[str, Any] = {"metric": "ready", "target": 20, "max": 9}


def of(**pools: dict[str, Any]) -> Scenario:
    return build_scenario({**TABLE, "pools": pools})


def web(**keys: Any) -> Scenario:
    return of(web={**WEB, **keys})


def test_slots_are_added_up_over_pools() -> None:
    scenario = of(
        web={**WEB, "count": 2}, bulk={"count": 3, "queues": {"invoices": 4}, "start_s": 20}
    )

    assert scenario.slots == {"invoices": 32, "webhooks": 50}
    assert scenario.event_loops == 5
    assert scenario.constant


def test_workers_are_the_short_form_of_one_pool() -> None:
    """Without a name: its workers are called 0, 1... as ever."""
    workers = build_scenario({**TABLE, "workers": {"count": 3, "concurrency": 4}})
    (name,) = workers.worker_pools
    pool = workers.worker_pools[name]

    assert name == ""
    assert (pool.count, pool.queues) == (3, {"invoices": 4, "webhooks": 4})
    assert workers.slots == of(all={"count": 3, "queues": pool.queues}).slots


def test_a_schedule_says_how_many_slots_there_are_when() -> None:
    """Two processes are asked for at 100 s and take jobs at 120 s; three go at 200 s."""
    scenario = web(schedule=[[0, 2], [100, 4], [200, 1]], start_s=20)

    assert scenario.slots_from("invoices") == [
        (0, 20), (100, 20), (120, 40), (200, 10), (220, 10),
    ]  # fmt: skip
    assert scenario.slots == {"invoices": 40, "webhooks": 100}
    assert not scenario.constant


def test_who_is_asked_for_and_dismissed_while_it_starts_never_takes_jobs() -> None:
    scenario = web(schedule=[[0, 1], [100, 5], [110, 2], [300, 1]], start_s=20)

    assert [slots // 10 for _, slots in scenario.slots_from("invoices")] == [1, 1, 1, 2, 2, 1, 1]


def test_with_an_autoscaler_there_are_as_many_as_it_may_ask_for() -> None:
    scenario = of(web={**WEB, "autoscale": HPA}, bulk={"queues": {"invoices": 1}})

    assert scenario.slots == {"invoices": 91, "webhooks": 225}


def test_the_defaults_of_an_autoscaler_are_kubernetes_and_kedas() -> None:
    """As in their documentation: 15 s, 0.1, 300 s down, 0 up, 100 % or 4 pods; 30 s, 300 s, 0."""
    one = web(autoscale=HPA).pools["web"].autoscale
    assert one is not None

    assert (one.every_s, one.tolerance, one.down_after_s, one.up_after_s) == (15, 0.1, 300, 0)
    assert (one.up.percent, one.up.processes, one.up.per_s) == (100, 4, 15)
    assert (one.down.percent, one.down.processes, one.down.per_s) == (100, None, 15)
    assert (one.polling_s, one.cooldown_s, one.activation) == (30, 300, 0)
    assert (one.min, one.of) == (1, [])


def test_set_and_replace_reach_into_a_pool() -> None:
    scenario = build_scenario(
        {**TABLE, "pools": {"web": WEB}},
        changes=[parse_set("pools.web.count=3"), parse_set("pools.web.queues.invoices=7")],
    )

    assert scenario.slots["invoices"] == 21
    assert scenario.replace({"pools.web.count": 1}).slots["invoices"] == 7


def test_all_that_a_scenario_says_can_be_read_again() -> None:
    """Defaults included: so it goes to the workers of a real run."""
    scenario = of(
        web={**WEB, "schedule": [[0, 2], [100, 4]], "start_s": 20},
        bulk={"queues": {"invoices": 1}, "autoscale": {**HPA, "min": 0, "activation": 2}},
        rest={"queues": {"webhooks": 1}, "autoscale": HPA},
    )

    assert Scenario.model_validate_json(scenario.model_dump_json()) == scenario
    assert build_scenario(scenario.table()) == scenario


def test_a_scenario_with_workers_may_change_over_to_pools() -> None:
    scenario = build_scenario({**TABLE, "workers": {"count": 3}})

    assert scenario.replace({"workers": {}, "pools.web": WEB}).slots["invoices"] == 10


def test_a_number_of_workers_is_a_pools_where_there_are_pools() -> None:
    change = Change(("workers", "count"), 3, "--workers 3")

    with pytest.raises(InputError, match=r"--workers 3: .*not both; .*--set pools\.web\.count=3"):
        build_scenario({**TABLE, "pools": {"web": WEB}}, changes=[change])


def test_pools_are_named_where_nobody_works_on_queues() -> None:
    (warning,) = unused_warnings(web().replace({"mode": "in-process"}))

    assert "pools.web is not used" in warning


def test_names_of_crashes_are_those_of_logs() -> None:
    scenario = of(
        web={**WEB, "count": 2, "crashes": [{"at_s": 5, "worker": 1, "down_s": 2}]},
        bulk={"queues": {"invoices": 1}, "crashes": [{"at_s": 9, "down_s": 1, "drain": True}]},
    )

    assert [(one.worker, one.pool) for one in scenario.crashes] == [
        ("web-1", "web"), ("bulk-0", "bulk"),
    ]  # fmt: skip
    assert [one.worker for one in scenario.kills] == ["web-1"]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, r"pools\.web\.queues: missing"),
    ({"queues": {}}, r"pools\.web\.queues: should not be empty"),
    ({"queues": {"invoices": 0}}, r"pools\.web\.queues\.invoices: .*greater than or equal to 1"),
    ({"queues": {"letters": 1}}, r"pools\.web\.queues\.letters: there is no queues\.letters"),
    ({**WEB, "count": 0}, r"pools\.web\.count: .*greater than or equal to 1"),
    ({**WEB, "counts": 1}, r"pools\.web\.counts: unknown key"),
    ({**WEB, "count": 2, "schedule": [[0, 1]]}, "count and schedule: expected one of"),
    ({**WEB, "count": 2, "autoscale": HPA}, "count and autoscale: expected one of"),
    ({**WEB, "schedule": [[5, 1]]}, "schedule: should begin at 0 s"),
    ({**WEB, "schedule": [[0, 1], [9, 2], [9, 3]]}, "schedule: moments should go up; 9 s follows"),
    ({**WEB, "schedule": [[0, 0], [9, 0]]}, "schedule: there is never a worker"),
    ({**WEB, "schedule": [[0, 1.5]]}, r"pools\.web\.schedule\.0\.1: should be a valid integer"),
    ({**WEB, "start_s": -1}, r"pools\.web\.start_s: .*greater than or equal to 0"),
    ({**WEB, "cost_per_hour": -1}, r"pools\.web\.cost_per_hour: .*greater than or equal to 0"),
    (
        {**WEB, "crashes": [{"at_s": 1, "worker": 1, "down_s": 1}]},
        "crashes: there is no worker 1; they are counted from 0 to 0",
    ),
    (
        {**WEB, "crashes": [{"at_s": 1, "down_s": 5}, {"at_s": 3, "down_s": 1}]},
        "crashes: worker 0 cannot die at 3 s",
    ),
    (
        {"queues": {"invoices": 10_000, "webhooks": 10_000}, "count": 100},
        r"pools\.web: 100 workers with 20,000 slots each have 2,000,000 slots",
    ),
]


@pytest.mark.parametrize(("keys", "words"), WRONG)
def test_what_is_wrong_with_a_pool_is_one_line(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words) as error:
        of(web=keys)
    assert "\n" not in str(error.value)


WRONG_SCALER: list[tuple[dict[str, Any], str]] = [
    ({"metric": "cpu"}, r"autoscale\.metric: should be 'ready'"),
    ({"target": 0}, r"autoscale\.target: should be greater than 0"),
    ({"max": 0}, r"autoscale\.max: should be greater than or equal to 1"),
    ({"min": -1}, r"autoscale\.min: should be greater than or equal to 0"),
    ({"min": 10}, "max: should be min, 10, or more, not 9"),
    ({"metric": "utilisation", "target": 70}, "target: a utilisation is a share"),
    ({"metric": "busy", "min": 0}, "min: should be 1 or more with metric = 'busy'"),
    ({"metric": "utilisation", "target": 0.7, "min": 0}, "min: should be 1 or more"),
    ({"activation": 5}, "activation: only where min = 0"),
    ({"cooldown_s": 5}, "cooldown_s: only where min = 0"),
    ({"polling_s": 5}, "polling_s: only where min = 0"),
    ({"of": ["letters"]}, r"pools\.web\.autoscale\.of: there is no queues\.letters"),
    ({"of": ["invoices", "invoices"]}, "of: a queue is named twice"),
    ({"every_s": 0}, r"autoscale\.every_s: should be greater than or equal to 1"),
    ({"tolerance": -0.1}, r"autoscale\.tolerance: should be greater than or equal to 0"),
    ({"down_after_s": 3601}, r"autoscale\.down_after_s: should be less than or equal to 3600"),
    ({"up": {}}, "up: expected percent, processes, or both"),
    ({"up": {"percent": 0}}, r"up\.percent: should be greater than 0"),
    ({"down": {"processes": 0}}, r"down\.processes: should be greater than or equal to 1"),
    ({"up": {"pods": 4}}, r"up\.pods: unknown key"),
]


@pytest.mark.parametrize(("keys", "words"), WRONG_SCALER)
def test_what_is_wrong_with_an_autoscaler_is_one_line(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words) as error:
        web(autoscale={**HPA, **keys})
    assert "\n" not in str(error.value)


def test_an_autoscaler_by_busy_slots_has_slots_to_look_at() -> None:
    with pytest.raises(InputError, match="of: the pool has no slots for webhooks"):
        of(
            web={
                "queues": {"invoices": 1},
                "autoscale": {**HPA, "metric": "busy", "of": ["webhooks"]},
            },
            hooks={"queues": {"webhooks": 1}},
        )


@pytest.mark.parametrize("name", ["", "a.b", "1st", "ü", "a" * 64, "two words"])
def test_a_pools_name_can_begin_a_workers(name: str) -> None:
    with pytest.raises(InputError, match="a pool's name begins with a letter"):
        of(**{name: WEB})


def test_a_run_of_an_autoscaler_that_would_look_for_ever_is_refused() -> None:
    with pytest.raises(InputError, match=r"every_s: an autoscaler that looks every 1 s does so"):
        web(autoscale={**HPA, "every_s": 1}).replace({"duration_s": 1e9, "arrivals": {
            "invoices": {"interval_s": 1e6}}})  # fmt: skip
