"""The scenario reference is what the models take: every key, its type, range and default."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pages import DOCS, marked, rows

from simqueue.data import data_path
from simqueue.errors import InputError
from simqueue.experiments.run import simulate
from simqueue.policies import POLICIES
from simqueue.workload.modes import unused_keys, unused_warnings
from simqueue.workload.production import MEASURED, MEASURED_NODE, NO_OVERHEAD
from simqueue.workload.queues import default_follow_ups
from simqueue.workload.reading import build_scenario
from simqueue.workload.scenario import Scenario

PAGE = DOCS / "scenario.md"
SCHEMA = Scenario.model_json_schema()
MODELS: dict[str, dict[str, Any]] = {"Scenario": SCHEMA, **SCHEMA["$defs"]}
TABLES = marked(PAGE, "keys")

#: Tables of tables that are not of queues.
EACH = {"pools": "a table for each pool"}
#: Defaults that a value cannot say.
IN_WORDS = {
    ("Scenario", "duration_s"): "the longest trace's",
    ("BullMQSettings", "overhead"): '"none"',
    ("QueueModel", "follow_up"): "{}",
}


def toml(value: Any) -> str:
    """A value as a scenario has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, dict):
        pairs = [f"{key} = {toml(one)}" for key, one in value.items() if one is not None]
        return f"{{ {', '.join(pairs)} }}" if pairs else "{}"
    return f"{value:g}"


def of_value(schema: dict[str, Any]) -> dict[str, Any]:
    """What a key holds if it holds anything."""
    (found,) = (one for one in schema.get("anyOf", [schema]) if one.get("type") != "null")
    return found  # type: ignore[no-any-return]


def kind(schema: dict[str, Any]) -> str:
    """The type of a value in words."""
    schema = of_value(schema)
    if "discriminator" in schema:
        return "distribution"
    if isinstance(schema.get("additionalProperties"), dict):
        if schema["additionalProperties"].get("$ref", "").endswith("JobClass"):
            return "a table for each class"
        inner = of_value(schema["additionalProperties"])
        each = "downstream" if inner.get("$ref", "").endswith("/Downstream") else "queue"
        return (
            "table of whole numbers"
            if inner.get("type") == "integer"
            else f"a table for each {each}"
        )
    if "$ref" in schema:
        return "table"
    if "oneOf" in schema:
        return " or ".join(map(kind, schema["oneOf"]))
    if "prefixItems" in schema:
        return f"pair of {kind(schema['prefixItems'][0])}s"
    if schema["type"] == "array":
        inner = [kind(one) for one in schema["items"].get("oneOf", [schema["items"]])]
        several = ["pairs" if one.startswith("pair") else f"{one}s" for one in inner]
        return f"list of {' or '.join(several)}"
    if schema.get("format") in ("path", "date-time"):
        return {"path": "file", "date-time": "time"}[schema["format"]]
    return {
        "integer": "whole number", "number": "number", "string": "text", "boolean": "true or false",
    }[schema["type"]]  # fmt: skip


def number(value: float) -> str:
    """A bound, short."""
    if value == 2**63:
        return "2^63"
    if value == 1e9:
        return "1e9"
    return f"{value:.0f}" if value == int(value) else f"{value:g}".replace("e-0", "e-")


def span(schema: dict[str, Any]) -> str:
    """The values that are possible, where the type alone does not say it."""
    schema = of_value(schema)
    if "oneOf" in schema and "discriminator" not in schema:
        return ", or ".join(filter(None, dict.fromkeys(map(span, schema["oneOf"]))))
    if isinstance(schema.get("additionalProperties"), dict):
        return span(schema["additionalProperties"])
    if "const" in schema:
        return toml(schema["const"])
    if "enum" in schema:
        return ", ".join(map(toml, schema["enum"]))
    if "items" in schema:
        least = ["one or more"] if schema.get("minItems") else []
        return ", ".join([*least, *filter(None, [span(schema["items"])])])
    if "prefixItems" in schema:
        return ", ".join(dict.fromkeys(span(one) for one in schema["prefixItems"]))
    least, most = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if least is not None and most is not None:
        return f"{number(least)} to {number(most)}"
    words = {"above": above, "to": most, "below": below}
    found = [] if least is None else [f"{number(least)} or more"]
    return ", ".join(
        [*found, *(f"{word} {number(x)}" for word, x in words.items() if x is not None)]
    )


def default(model: str, key: str, schema: dict[str, Any]) -> str:
    """What a key is if nobody says it."""
    if (model, key) in IN_WORDS:
        return IN_WORDS[model, key]
    if "default" not in schema:
        return "required" if key in MODELS[model].get("required", ()) else "none"
    if schema["default"] is None:
        return "none"
    ref = of_value(schema).get("$ref")
    return "its own" if ref is not None else toml(schema["default"])


def expected(model: str) -> list[list[str]]:
    """The first cells of a model's table: key, type, range and default."""
    return [
        [key, EACH.get(key) or kind(schema), span(schema), default(model, key, schema)]
        for key, schema in MODELS[model]["properties"].items()
    ]


def test_every_table_of_a_scenario_is_on_the_page() -> None:
    assert TABLES.keys() == MODELS.keys()


@pytest.mark.parametrize("model", MODELS)
def test_every_key_is_on_the_page(model: str) -> None:
    """Neither the page nor the model has a key, a type, a range or a default of its own."""
    shown = rows(TABLES[model])

    assert sorted(row[:4] for row in shown) == sorted(expected(model))
    assert all(row[4] for row in shown), "a key has no meaning"


def test_the_defaults_in_words_are_what_they_say() -> None:
    """A trace lasts its own time, nothing costs anything, and nothing follows."""
    table = {
        "arrivals": {"a": {"trace": data_path("arrivals.csv"), "speed": 1e6}},
        "queues": {"a": {}},
    }
    scenario = Scenario.model_validate(table)

    assert scenario.duration_s == scenario.traces[0].duration_s
    assert scenario.bullmq.overhead == NO_OVERHEAD
    assert not any(scenario.queues["a"].follow_up.model_dump().values())


def test_the_policies_of_the_shop_are_on_the_page() -> None:
    shown = {row[0]: row[1:] for row in rows(marked(PAGE, "table")["policies"])}

    assert shown == {
        queue: [
            str(policy.attempts),
            toml(policy.backoff.model_dump(exclude_unset=True)),
            str(policy.keep_completed),
            str(policy.keep_failed),
            toml(default_follow_ups(queue, POLICIES)),
        ]
        for queue, policy in POLICIES.items()
    }


def test_the_measured_overhead_is_on_the_page() -> None:
    shown = {row[0]: row[1:] for row in rows(marked(PAGE, "table")["measured"])}
    tables = MEASURED.model_dump(), MEASURED_NODE.model_dump()

    assert shown == {name: [f"{one[name]:g}" for one in tables] for name in tables[0]}


#: Where each table stands in a scenario; a distribution is the value of a key.
PLACES = {
    "Scenario": "",
    "WorkerSettings": "workers.",
    "Crash": "workers.crashes.",
    "Pool": "pools.POOL.",
    "Autoscale": "pools.POOL.autoscale.",
    "Steps": "pools.POOL.autoscale.up.",
    "CallerSettings": "caller.",
    "CallerCrash": "caller.crashes.",
    **dict.fromkeys(("Poisson", "Regular", "Profile", "Trace", "Follows"), "arrivals.QUEUE."),
    **dict.fromkeys(("Hourly", "Bursts", "Customers", "Scheduler"), "arrivals.QUEUE."),
    "State": "arrivals.QUEUE.burst.",
    "Geometric": "arrivals.QUEUE.batch.",
    "LaterAttempt": "queues.QUEUE.later_attempts.",
    "Client": "arrivals.QUEUE.client.",
    "QueueModel": "queues.QUEUE.",
    "JobClass": "queues.QUEUE.classes.CLASS.",
    "Limiter": "queues.QUEUE.limiter.",
    "Backoff": "queues.QUEUE.backoff.",
    "FollowUps": "queues.QUEUE.follow_up.",
    "Outage": "queues.QUEUE.outages.",
    "Downstream": "downstreams.NAME.",
    "BullMQSettings": "bullmq.",
    "Overhead": "bullmq.overhead.",
}
DISTRIBUTIONS = {
    *("Constant", "Exponential", "Uniform", "Gamma", "Lognormal", "Empirical"),
    *("Weibull", "Pareto", "Hyperexponential", "Mixture", "Part"),
}
#: Tables whose keys have places of their own.
INNER = {re.sub(r"(\.(QUEUE|NAME|CLASS|POOL))?\.$", "", place) for place in PLACES.values()}
TRAINING = {
    key.strip("`"): said
    for row in rows(marked(PAGE, "table")["training"])
    for key, said in [(key, row[1]) for key in row[0].split(", ")]
}


def test_training_mode_says_something_of_every_key() -> None:
    """A new key without a row fails, and so does a row without a key."""
    assert PLACES.keys() | DISTRIBUTIONS == MODELS.keys()
    keys = {
        f"{place}{key}"
        for model, place in PLACES.items()
        for key in MODELS[model]["properties"]
        if f"{place}{key}" not in INNER
    }
    found = {key: [row for row in TRAINING if fits(key, row)] for key in keys}

    assert [key for key, mine in found.items() if len(mine) != 1] == []
    assert TRAINING.keys() == {row for mine in found.values() for row in mine}


def fits(key: str, row: str) -> bool:
    """Whether a row of the table is about a key."""
    return key == row or (row.endswith("*") and key.startswith(row[:-1]))


STATE = {"rate_per_s": 1, "mean_s": 2}
#: For each row another value than the default, for the key with that name or one inside.
OTHER: dict[str, tuple[str, Any]] = {
    "name": ("name", "other"),
    "seed": ("seed", 7),
    "duration_s": ("duration_s", 5),
    "warmup_s": ("warmup_s", 1),
    "mode": ("mode", "in-process"),
    "workers.*": ("workers.crashes", [{"at_s": 1, "down_s": 1}]),
    "pools.*": ("pools.web", {"queues": {"q": 1, "r": 1}}),
    "caller.*": ("caller.processes", 2),
    "arrivals.QUEUE.rate_per_s": ("arrivals.q.rate_per_s", 2),
    "arrivals.QUEUE.interval_s": ("arrivals.q", {"interval_s": 1}),
    "arrivals.QUEUE.profile": ("arrivals.q", {"profile": [[0, 1]]}),
    "arrivals.QUEUE.repeat_s": ("arrivals.q", {"profile": [[0, 1]], "repeat_s": 5}),
    "arrivals.QUEUE.per_hour": ("arrivals.q", {"per_hour": [3600] * 24}),
    "arrivals.QUEUE.calm": ("arrivals.q", {"calm": STATE, "burst": {**STATE, "rate_per_s": 3}}),
    "arrivals.QUEUE.burst.*": ("arrivals.q", {"calm": STATE, "burst": STATE}),
    "arrivals.QUEUE.batch.*": ("arrivals.q.batch", 3),
    "arrivals.QUEUE.customers": (
        "arrivals.r",
        {"customers": 3, "think": {"distribution": "constant", "mean_s": 1}},
    ),
    "arrivals.QUEUE.every_s": ("arrivals.r", {"every_s": 1}),
    "arrivals.QUEUE.offset_s": ("arrivals.r", {"every_s": 1, "offset_s": 1}),
    "arrivals.QUEUE.sent": ("arrivals.q.sent", [[1, 2]]),
    "arrivals.QUEUE.factor": ("arrivals.q.factor", [[1, 2.0]]),
    "arrivals.QUEUE.max_waiting": ("arrivals.q.max_waiting", 9),
    "arrivals.QUEUE.trace": ("arrivals.q", {"trace": "data/arrivals.csv"}),
    "arrivals.QUEUE.window": (
        "arrivals.q",
        {"trace": "data/arrivals.csv", "window": ["2011-11-17T08:00", "2011-11-17T20:00"]},
    ),
    "arrivals.QUEUE.speed": ("arrivals.q", {"trace": "data/arrivals.csv", "speed": 2}),
    "arrivals.QUEUE.scale": ("arrivals.q", {"trace": "data/arrivals.csv", "scale": 2}),
    "arrivals.QUEUE.resample": ("arrivals.q", {"trace": "data/arrivals.csv", "resample": True}),
    "arrivals.QUEUE.shape": (
        "arrivals.q",
        {"trace": "data/arrivals.csv", "resample": True, "shape": "data/arrivals.csv"},
    ),
    "arrivals.QUEUE.follows": ("arrivals.r.follows", "q"),
    "arrivals.QUEUE.think": ("arrivals.r.think.mean_s", 2),
    "arrivals.QUEUE.client.*": ("arrivals.q.client", {"timeout_s": 1}),
    "queues.QUEUE.attempts": ("queues.q.attempts", 2),
    "queues.QUEUE.backoff.*": ("queues.q.backoff", {"delay_ms": 5}),
    "queues.QUEUE.service": ("queues.q.service", {"distribution": "constant", "mean_s": 1}),
    "queues.QUEUE.cpu": ("queues.q.cpu", {"distribution": "constant", "mean_s": 1}),
    "queues.QUEUE.later_attempts.*": ("queues.q.later_attempts", [{}]),
    "queues.QUEUE.failure_rate": ("queues.q.failure_rate", 0.5),
    "queues.QUEUE.fatal_rate": ("queues.q.fatal_rate", 0.5),
    "queues.QUEUE.failure_service": (
        "queues.q.failure_service",
        {"distribution": "constant", "mean_s": 1},
    ),
    "queues.QUEUE.timeout_s": ("queues.q.timeout_s", 1),
    "queues.QUEUE.outages.*": ("queues.q.outages", [[1, 2]]),
    "queues.QUEUE.downstream": ("queues.q.downstream", "g"),
    "downstreams.NAME.*": ("downstreams", {"g": {"places": 2, "when_full": "wait"}}),
    "queues.QUEUE.follow_up.*": ("queues.q.follow_up", {"completed": ["r"]}),
    "queues.QUEUE.children": ("queues.q.children", {"r": 2}),
    "queues.QUEUE.child_failure": ("queues.q.child_failure", "fail-parent"),
    "queues.QUEUE.sandbox": ("queues.q.sandbox", True),
    "queues.QUEUE.lifo": ("queues.q.lifo", True),
    "queues.QUEUE.priority": ("queues.q.priority", 1),
    "queues.QUEUE.delay": ("queues.q.delay", {"distribution": "constant", "mean_s": 1}),
    "queues.QUEUE.limiter.*": ("queues.q.limiter", {"max": 1, "duration_s": 1}),
    "queues.QUEUE.global_concurrency": ("queues.q.global_concurrency", 1),
    "queues.QUEUE.paused": ("queues.q.paused", [[1, 2]]),
    "queues.QUEUE.classes.CLASS.share": ("queues.q.classes", {"a": {"share": 1}}),
    **{
        f"queues.QUEUE.classes.CLASS.{key}": ("queues.q.classes", {"a": {"share": 1, key: value}})
        for key, value in {
            "service": {"distribution": "constant", "mean_s": 1},
            "cpu": {"distribution": "constant", "mean_s": 1},
            "failure_rate": 0.5,
            "priority": 1,
            "attempts": 2,
            "backoff": {"delay_ms": 5},
            "delay": {"distribution": "constant", "mean_s": 1},
        }.items()
    },
    "queues.QUEUE.keep_completed": ("queues.q.keep_completed", 1),
    "queues.QUEUE.keep_failed": ("queues.q.keep_failed", 1),
    "bullmq.*": ("bullmq.max_stalled", 3),
}


def shared(mode: str) -> Scenario:
    """A scenario of defaults."""
    think = {"distribution": "constant", "mean_s": 1}
    return build_scenario(
        {
            "mode": mode,
            "duration_s": 9,
            "arrivals": {"q": {"rate_per_s": 1}, "r": {"follows": "q", "think": think}},
            "queues": {"q": {}, "r": {}},
            "downstreams": {"g": {"places": 1}},
        }
    )


@pytest.mark.parametrize("row", TRAINING)
def test_what_training_mode_does_not_use_is_named(row: str) -> None:
    key, value = OTHER[row]
    if TRAINING[row].startswith("refused"):
        with pytest.raises(InputError, match="in-process mode has none"):
            shared("in-process").replace({key: value})
        return
    scenario = shared("in-process").replace({key: value})
    found = unused_keys(scenario)

    shown = row.replace("QUEUE", "q").replace("CLASS", "a") if "CLASS" in row else key
    assert found == ([shown] if TRAINING[row].startswith("not used") else [])
    assert (shown in " ".join(unused_warnings(scenario))) == bool(found)


@pytest.mark.parametrize("row", TRAINING)
def test_in_the_queue_it_is_the_callers_that_are_not_used(row: str) -> None:
    key, value = OTHER[row]
    if key == "mode":
        return
    found = unused_keys(shared("bull-queue").replace({key: value}))

    assert found == ([key] if row == "caller.*" else [])


def test_a_run_warns_of_what_it_does_not_use() -> None:
    changes = {"workers.count": 2, "queues.q.attempts": 4, "bullmq.max_stalled": 3}
    scenario = shared("in-process").replace(changes)

    assert simulate(scenario).warnings() == [
        "in-process mode has no workers, queue or retries: workers.count, queues.q.attempts, "
        "bullmq.max_stalled are not used"
    ]
    assert simulate(shared("in-process")).warnings() == []
