"""The scenario reference is what the models take: every key, its type, range and default."""

from __future__ import annotations

from typing import Any

import pytest
from pages import DOCS, marked, rows

from simqueue.data import data_path
from simqueue.policies import POLICIES
from simqueue.workload.production import MEASURED, NO_OVERHEAD
from simqueue.workload.scenario import Scenario, default_follow_ups

PAGE = DOCS / "scenario.md"
SCHEMA = Scenario.model_json_schema()
MODELS: dict[str, dict[str, Any]] = {"Scenario": SCHEMA, **SCHEMA["$defs"]}
TABLES = marked(PAGE, "keys")

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
    if "additionalProperties" in schema:
        return "a table for each queue"
    if "$ref" in schema:
        return "table"
    if "oneOf" in schema:
        return " or ".join(map(kind, schema["oneOf"]))
    if "prefixItems" in schema:
        return f"pair of {kind(schema['prefixItems'][0])}s"
    if schema["type"] == "array":
        inner = kind(schema["items"])
        return "list of pairs" if inner.startswith("pair") else f"list of {inner}s"
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
        return ", or ".join(map(span, schema["oneOf"]))
    if "const" in schema:
        return toml(schema["const"])
    if "enum" in schema:
        return ", ".join(map(toml, schema["enum"]))
    if "items" in schema:
        least = ["one or more"] if schema.get("minItems") else []
        return ", ".join([*least, *filter(None, [span(schema["items"])])])
    if "prefixItems" in schema:
        (found,) = {span(one) for one in schema["prefixItems"]}
        return found
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
        [key, kind(schema), span(schema), default(model, key, schema)]
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
    shown = {row[0]: row[1] for row in rows(marked(PAGE, "table")["measured"])}

    assert shown == {name: f"{value:g}" for name, value in MEASURED.model_dump().items()}
