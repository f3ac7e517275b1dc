"""Manifests: YAML that says what was judged, no less and nothing else, and harms no file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

import simqueue as sq
from simqueue.errors import InputError
from simqueue.operations.metrics import QueueGauges
from simqueue.planning.autoscaling.manifest import check_is_ours, manifest_of, write_manifest
from simqueue.planning.autoscaling.yaml import to_yaml
from simqueue.workload.autoscale import Autoscale

METRICS = ("ready", "wait_list", "busy", "oldest_s", "utilisation")


def day(setting: dict[str, Any], queues: tuple[str, ...] = ("tea",), **pool: Any) -> sq.Scenario:
    service = {"service": {"distribution": "constant", "mean_s": 1}}
    return sq.build_scenario(
        {
            "duration_s": 600,
            "arrivals": {queues[0]: {"rate_per_s": 0.1}},
            "queues": dict.fromkeys(queues, service),
            "pools": {
                "Web_1": {"queues": dict.fromkeys(queues, 3), "autoscale": setting, **pool},
            },
        }
    )


def read(setting: dict[str, Any], kind: str = "keda", **more: Any) -> Any:
    return yaml.safe_load(manifest_of(day(setting, **more), "Web_1", kind))  # type: ignore[arg-type]


def steps_of(rules: dict[str, Any]) -> dict[str, Any]:
    keys = {"Percent": "percent", "Pods": "processes"}
    (period,) = {one["periodSeconds"] for one in rules["policies"]}
    assert rules["selectPolicy"] == "Max"
    return {"per_s": period, **{keys[one["type"]]: one["value"] for one in rules["policies"]}}


def judged(manifest: Any) -> dict[str, Any]:
    """What a manifest says, in the keys of a scenario: its reader in Kubernetes is this simple."""
    spec = manifest["spec"]
    if manifest["kind"] == "ScaledObject":
        behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
        said = {"min": spec["minReplicaCount"], "max": spec["maxReplicaCount"]}
        (trigger,) = spec["triggers"]
        data = trigger["metadata"]
        said["target"] = float(data.get("threshold", data.get("listLength")))
        said["shared"] = trigger["metricType"] == "AverageValue"
        if spec["minReplicaCount"] == 0:
            said["polling_s"] = spec["pollingInterval"]
            said["cooldown_s"] = spec["cooldownPeriod"]
            active = data.get("activationThreshold", data.get("activationListLength"))
            said["activation"] = float(active)
    else:
        behavior = spec["behavior"]
        said = {"min": spec["minReplicas"], "max": spec["maxReplicas"]}
        (metric,) = spec["metrics"]
        target = metric["external"]["target"]
        value = target["averageValue" if target["type"] == "AverageValue" else "value"]
        said["target"] = float(value)
        said["shared"] = target["type"] == "AverageValue"
    for way in ("up", "down"):
        rules = behavior[f"scale{way.title()}"]
        said[way] = steps_of(rules)
        said[f"{way}_after_s"] = rules["stabilizationWindowSeconds"]
    return said


STEPS = st.fixed_dictionaries(
    {"per_s": st.integers(1, 1800), "processes": st.integers(1, 50)},
    optional={"percent": st.integers(1, 1000)},
)
SETTINGS = st.fixed_dictionaries(
    {
        "metric": st.sampled_from(METRICS),
        "target": st.integers(1, 1000).map(lambda one: one / 1000),
        "min": st.integers(0, 5),
        "max": st.integers(5, 50),
        "up": STEPS,
        "down": STEPS,
        "up_after_s": st.integers(0, 3600),
        "down_after_s": st.integers(0, 3600),
    }
)


@given(SETTINGS, st.sampled_from(["keda", "hpa"]), st.integers(1, 900), st.integers(0, 900))
def test_it_says_what_was_judged(
    setting: dict[str, Any], kind: str, polling: int, cooldown: int
) -> None:
    if setting["metric"] in ("busy", "utilisation") or kind == "hpa":
        setting["min"] = max(setting["min"], 1)
    if setting["metric"] == "wait_list":
        setting["target"] = round(1000 * setting["target"])
    if setting["min"] == 0:
        setting |= {"polling_s": polling, "cooldown_s": cooldown, "activation": polling}

    said = judged(read(setting, kind))

    wanted = Autoscale(**setting)
    assert said.pop("shared") == wanted.shared
    assert Autoscale(metric=wanted.metric, **said) == wanted


def test_keda_by_hand() -> None:
    manifest = read({"metric": "wait_list", "target": 20, "min": 0, "max": 9, "polling_s": 10})

    assert manifest["apiVersion"] == "keda.sh/v1alpha1"
    assert manifest["metadata"] == {"name": "web-1"}
    assert manifest["spec"]["scaleTargetRef"] == {"name": "web-1"}
    assert manifest["spec"]["pollingInterval"] == 10
    assert manifest["spec"]["triggers"] == [
        {
            "type": "redis",
            "metricType": "AverageValue",
            "metadata": {
                "address": "redis:6379",
                "listName": "bull:tea:wait",
                "listLength": "20",
                "activationListLength": "0",
            },
        }
    ]


def test_lists_of_several_queues_are_added_up() -> None:
    """Of two triggers KEDA would take the larger one."""
    setting = {"metric": "wait_list", "target": 20, "max": 9}
    spec = read(setting, queues=("tea", "coffee"))["spec"]

    assert [one["name"] for one in spec["triggers"]] == ["list0", "list1"]
    assert spec["advanced"]["scalingModifiers"] == {
        "formula": "list0 + list1", "target": "20", "metricType": "AverageValue",
    }  # fmt: skip


def test_hpa_by_hand() -> None:
    text = manifest_of(day({"metric": "oldest_s", "target": 1.5, "max": 9}), "Web_1", "hpa")
    manifest = yaml.safe_load(text)

    assert manifest["apiVersion"] == "autoscaling/v2"
    (metric,) = manifest["spec"]["metrics"]
    assert metric["external"] == {
        "metric": {"name": "simqueue_web_1_oldest_s"},
        "target": {"type": "Value", "value": "1.5"},
    }
    assert '#   max(simqueue_oldest_waiting_age_seconds{queue="tea"})' in text


@pytest.mark.parametrize("metric", [one for one in METRICS if one != "wait_list"])
def test_queries_ask_for_gauges_that_serve_has(metric: str) -> None:
    registry = CollectorRegistry()
    QueueGauges(registry)
    served = {one.name for one in registry.collect()}
    setting = {"metric": metric, "target": 0.5, "max": 9}
    (trigger,) = read(setting, queues=("tea", "a.b"))["spec"]["triggers"]
    query = trigger["metadata"]["query"]

    asked = {name for name in served if f"{name}{{" in query}
    assert asked
    assert query.count("simqueue_") == query.count("{") == sum(query.count(n + "{") for n in asked)
    assert r'queue=~"tea|a\\.b"' in query


def test_utilisation_is_of_the_slots_of_each_worker() -> None:
    setting = {"metric": "utilisation", "target": 0.8, "max": 9}
    (trigger,) = read(setting)["spec"]["triggers"]

    assert trigger["metadata"]["query"] == (
        'sum(max by (queue) (simqueue_busy_slots{queue="tea"})) / '
        '(3 * sum(max by (queue) (simqueue_workers{queue="tea"})))'
    )


def test_what_it_cannot_say_is_a_comment() -> None:
    setting = {"metric": "ready", "target": 4, "max": 9, "every_s": 30, "tolerance": 0.2}
    text = manifest_of(day(setting, start_s=40), "Web_1", "keda")

    assert "a look every 30 s" in text
    assert "a tolerance of 0.2" in text
    assert "40 s after they are asked for" in text


NAME = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=20)


@given(NAME.filter(lambda one: one.isprintable() and one == one.strip()))
def test_any_name_of_a_queue_is_text(name: str) -> None:
    spec = read({"metric": "wait_list", "target": 4, "max": 9}, queues=(name,))["spec"]
    assert spec["triggers"][0]["metadata"]["listName"] == f"bull:{name}:wait"


TEXT = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=10)
VALUES = st.recursive(
    TEXT | st.integers(),
    lambda one: (
        st.dictionaries(st.sampled_from("abcd"), one, min_size=1)
        | st.lists(st.dictionaries(st.sampled_from("abcd"), one, min_size=1), min_size=1)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from("abcd"), VALUES, min_size=1))
def test_yaml_is_read_as_it_was_meant(table: dict[str, Any]) -> None:
    assert yaml.safe_load(to_yaml(table)) == table


@pytest.mark.parametrize(
    "text", ["no", "On", "null", "1e3", "0x1", "1:30", "", "- a", "a: b", "=", "y"]
)
def test_texts_that_yaml_takes_for_something_else(text: str) -> None:
    assert yaml.safe_load(to_yaml({"a": text})) == {"a": text}


# ---- what it cannot be


@pytest.mark.parametrize(
    ("setting", "kind", "said"),
    [
        ({"min": 0}, "hpa", "has no 0 workers"),
        ({"target": 1.2345}, "keda", "target = 1.2345: a manifest holds three decimals"),
        ({"target": 1.5, "metric": "wait_list"}, "keda", "target = 1.5: a manifest holds whole"),
        ({"down_after_s": 0.5}, "keda", "down_after_s = 0.5: a manifest holds whole"),
        ({"up": {"percent": 12.5}}, "hpa", "up.percent = 12.5"),
        ({"min": 0, "polling_s": 2.5}, "keda", "polling_s = 2.5"),
        ({}, "helm", "expected keda or hpa"),
    ],
)
def test_what_a_manifest_cannot_say_is_refused(
    setting: dict[str, Any], kind: str, said: str
) -> None:
    with pytest.raises(InputError) as error:
        read({"metric": "ready", "target": 4, "max": 9} | setting, kind)
    assert said in str(error.value)


def test_it_writes_over_its_own_files_only(tmp_path: Path) -> None:
    text = manifest_of(day({"metric": "ready", "target": 4, "max": 9}), "Web_1", "keda")
    ours, theirs = tmp_path / "keda.yaml", tmp_path / "values.yaml"
    theirs.write_text("replicas: 3\n")
    write_manifest(ours, text)
    write_manifest(ours, text)

    assert ours.read_text() == text
    for write in (check_is_ours, lambda path: write_manifest(path, text)):
        with pytest.raises(InputError, match="not written by simqueue autoscale"):
            write(theirs)
    assert theirs.read_text() == "replicas: 3\n"
