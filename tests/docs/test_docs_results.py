"""The pages about the attempt log and the JSON documents say what is really in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pages import DOCS, marked, rows

import simqueue as sq
from simqueue.cli import run
from simqueue.record.attempt_log import COLUMNS, OUTCOMES, UNFINISHED, AttemptLog
from simqueue.results.comparison.compare import compare
from simqueue.simulation import ENGINES
from simqueue.workload.production import MEASURED
from simqueue.workload.scenario import Scenario

LOG = marked(DOCS / "attempt-log.md", "table")
DOCUMENTS = {
    name: {row[0]: row[1] for row in rows(text)}
    for name, text in marked(DOCS / "results.md", "document").items()
}
#: A queue's summary in a comparison, which has its formula elsewhere.
DOCUMENTS["summary"] = {k: v for k, v in DOCUMENTS["queue"].items() if k != "theory"}

#: Two queues, one with a formula; jobs that fail for good, a crash, and jobs that it caught.
BUSY: dict[str, Any] = {
    "name": "busy",
    "duration_s": 100,
    "workers": {"count": 2, "concurrency": 3, "crashes": [{"at_s": 50, "down_s": 5}]},
    "arrivals": {"order": {"rate_per_s": 3}, "invoices": {"rate_per_s": 3}},
    "queues": {
        "order": {
            "service": {"distribution": "exponential", "mean_s": 1},
            "failure_rate": 0.3,
            "follow_up": {},
        },
        "invoices": {"service": {"distribution": "exponential", "mean_s": 1}},
    },
    "bullmq": {"lock_duration_s": 3, "stalled_interval_s": 3},
}


def busy(**changes: Any) -> Scenario:
    return sq.build_scenario({**BUSY, **changes})


PLAIN: dict[str, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, float | int) and not isinstance(value, bool),
    "whole number": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "true or false": lambda value: isinstance(value, bool),
    "interval": lambda value: is_interval(*value),
    "open interval": lambda value: is_interval(value[0], inf if value[1] is None else value[1]),
}


def is_interval(low: Any, high: Any) -> bool:
    return type(low) is type(high) is float and low <= high


class Checker:
    """Holds documents against the tables of the page, and remembers what it has seen."""

    def __init__(self) -> None:
        self.seen: set[tuple[str, str, bool]] = set()

    def table(self, name: str, value: dict[str, Any], *more: str) -> None:
        """A document has the keys of a table, or of several, and no other."""
        keys = {
            key: (part, kind) for part in (name, *more) for key, kind in DOCUMENTS[part].items()
        }
        assert value.keys() == keys.keys(), name
        for key, (part, kind) in keys.items():
            self.value(kind, value[key], f"{part}.{key}")

    def value(self, kind: str, value: Any, place: str) -> None:
        bare = kind.removesuffix(" or null")
        self.seen.add((place, kind, value is None))
        if value is None:
            assert bare != kind, f"{place} is null"
        elif bare.endswith(" by name"):
            for one in value.values():
                self.value(bare.removesuffix(" by name"), one, f"{place}[]")
        elif bare.startswith("list of "):
            for one in value:
                self.value(bare.removeprefix("list of "), one, f"{place}[]")
        elif bare in PLAIN:
            assert PLAIN[bare](value), f"{place} is {value!r}, not {kind}"
        else:
            self.table(bare, value)


def read(text: str) -> Any:
    """A document as it is read by others: what is a tuple in Python is a list there."""
    return json.loads(text)


def test_the_document_of_a_simulation() -> None:
    """With one replication and with several, in both modes, with jobs and without."""
    checker = Checker()
    calm = {"workers": {"count": 2}}
    idle = {"arrivals": {"order": {"profile": [[0, 0]]}, "invoices": {"rate_per_s": 1}}}
    for scenario, replications in (
        (busy(**calm), 2),
        (busy(**calm), 6),
        (busy(**idle), 1),
        (busy(**calm, mode="in-process"), 1),
        (busy(workers={"type": "order"}), 1),
    ):
        found = sq.simulate(scenario, replications).document()
        checker.table("simulation", read(json.dumps(found, allow_nan=False)))

    for name in ("queue", "level", "statistics", "flow", "littles-law", "theory"):
        for key, kind in DOCUMENTS[name].items():
            assert (f"{name}.{key}", kind, False) in checker.seen, f"no document has {name}.{key}"
    never = {kind for _, kind, _ in checker.seen if kind.endswith(" or null")} - {
        kind for _, kind, null in checker.seen if null
    }
    assert not never, "what can be null was never"


def test_the_document_of_a_simulation_with_pools() -> None:
    checker = Checker()
    slots = {"order": 2, "invoices": 3}
    scaler = {"metric": "ready", "target": 2, "min": 1, "max": 4}
    pools = {
        "web": {"queues": slots, "autoscale": scaler, "cost_per_hour": 0.5},
        "bulk": {"queues": {"order": 1}},
    }
    table = {key: value for key, value in BUSY.items() if key != "workers"}
    for replications in (1, 3):
        found = sq.simulate(sq.build_scenario({**table, "pools": pools}), replications).document()
        checker.table("simulation", read(json.dumps(found, allow_nan=False)), "pooled")

    for key, kind in DOCUMENTS["pool"].items():
        assert (f"pool.{key}", kind, False) in checker.seen, f"no document has pool.{key}"


def test_the_document_of_the_modes() -> None:
    """Few replications and several; a formula, a fluid, and neither; crashes, and a full line."""
    checker = Checker()
    calm = {"workers": {"count": 2, "concurrency": 3}}
    swamped = {"arrivals": {"order": {"rate_per_s": 20}}, **calm, "caller": {"max_waiting": 3}}
    for scenario, replications in (
        (busy(), 1),
        (busy(), 3),
        (busy(**calm), 2),
        (busy(**swamped), 2),
    ):
        found = sq.compare_modes(scenario, replications, loads=(0.5, 1)).document()
        checker.table("modes", read(json.dumps(found, allow_nan=False)))

    for name in ("requests", "known"):
        for key, kind in DOCUMENTS[name].items():
            assert (f"{name}.{key}", kind, False) in checker.seen, f"no document has {name}.{key}"


def test_a_comparison() -> None:
    """Jobs that differ, jobs that only one side has, and jobs that a crash caught."""
    real = sq.simulate(busy()).log
    model = sq.simulate(busy(seed=2)).log
    checker = Checker()
    document = compare(real, model, busy()).as_dict()

    checker.table("comparison", read(json.dumps(document, allow_nan=False)))

    for name in ("both", "figure", "differing", "fate", "recovery", "summary"):
        assert any(place.startswith(f"{name}.") for place, *_ in checker.seen), name
    assert ("differing.real", "fate or null", True) in checker.seen
    assert ("recovery.model_s", "number or null", False) in checker.seen


@pytest.fixture
def small(tmp_path: Path) -> Path:
    file = tmp_path / "small.toml"
    file.write_text(
        "duration_s = 2\n[arrivals.order]\nrate_per_s = 5\n[queues.order]\nfollow_up = {}\n"
    )
    return file


def test_the_document_of_a_validation(
    small: Path, redis_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--json", "--redis", redis_url, "--tolerance", "1000000%")

    assert run(["validate", str(small), *arguments]) == 0
    document = read(capsys.readouterr().out)
    Checker().table("validation", document, "comparison")
    assert document["overhead"].keys() == MEASURED.model_dump().keys()


def test_the_document_of_a_replayed_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "real.csv"
    sq.simulate(busy(workers={"count": 2})).log.write(log)

    assert run(["validate-log", str(log), "--json"]) in (0, 1)
    Checker().table("replay", read(capsys.readouterr().out), "comparison")


def test_the_document_of_a_measured_cost(
    monkeypatch: pytest.MonkeyPatch, redis_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "simqueue.validation.overhead.measure_overhead", lambda *_: MEASURED
    )  # It takes 40 s.

    assert run(["measure-overhead", "--json", "--redis", redis_url]) == 0
    Checker().table("cost", read(capsys.readouterr().out))


@pytest.fixture(scope="module")
def logs() -> dict[str, AttemptLog]:
    """The attempts of runs with everything: of a queue, whole and cut off; of training mode."""
    workload = sq.Workload(busy())
    caller = {"max_waiting": 1, "crashes": [{"at_s": 50, "down_s": 5}]}
    training = busy(mode="in-process", caller=caller)
    return {
        "whole": ENGINES["simpy"](workload).log,
        "cut off": ENGINES["simpy"](workload, until_s=54).log,
        "training": ENGINES["simpy"](sq.Workload(training)).log,
    }


def test_the_columns_are_those_of_the_log(logs: dict[str, AttemptLog]) -> None:
    """In order; and what is said to be empty now and then is, and nothing else."""
    shown = {row[0]: (row[1], row[2] == "yes") for row in rows(LOG["columns"])}
    frame = pd.concat([log.frame() for log in logs.values()])

    assert tuple(shown) == COLUMNS == tuple(frame.columns)
    for column, (kind, may_be_empty) in shown.items():
        cells = frame[column]
        empty = cells.isna() | (cells.astype(object) == "")
        assert may_be_empty or not empty.any(), column
        if kind == "text":
            assert all(isinstance(cell, str) for cell in cells[~empty].unique()), column
        elif kind == "whole number":
            assert pd.api.types.is_integer_dtype(cells), column
        else:
            assert kind == "seconds"
            assert column.endswith("_s")
            assert cells.dtype == np.float64
    assert frame["started_s"].isna().any()
    assert frame["slot"].isna().any()


def test_the_outcomes_are_those_of_the_log(logs: dict[str, AttemptLog]) -> None:
    shown = [row[0] for row in rows(LOG["outcomes"])]
    found = np.concatenate([log.rows["outcome"] for log in logs.values()])

    assert shown == [*OUTCOMES[1:], "(empty)"]
    assert set(found.tolist()) == set(range(len(OUTCOMES)))
    waiting = logs["cut off"].rows
    waiting = waiting[waiting["outcome"] == UNFINISHED]
    assert len(waiting)
    assert np.isnan(waiting["started_s"]).all()
