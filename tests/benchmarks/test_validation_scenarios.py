"""The scenarios that the model is held against the real queue with."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.validation import FOLDER, PAGE
from simqueue.experiments.run import simulate
from simqueue.validation.runnable import check_runnable
from simqueue.workload.reading import read_scenario
from simqueue.workload.scenario import Scenario
from simqueue.workload.schedulers import Scheduler

FILES = sorted(FOLDER.glob("*.toml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_can_be_run_for_real_and_has_something_to_tell(file: Path) -> None:
    scenario = read_scenario(file)
    check_runnable(scenario)

    assert len(simulate(scenario).log) >= 600, "a p99 needs more attempts"


def test_together_they_take_about_half_an_hour() -> None:
    """A run lasts as long as its jobs, starts and ends in some 5 s; a minute measures the cost."""
    last = [simulate(read_scenario(file)).simulated_s for file in FILES]

    assert len(FILES) == 31
    assert sum(last) + len(FILES) * 5 + 60 < 35 * 60


#: Keys that move times, each with what else says the same.
RULES: dict[str, Callable[[Scenario], bool]] = {
    "priorities": lambda one: any(
        part.priority for q in one.queues.values() for _, part in q.parts
    ),
    "classes": lambda one: any(q.classes for q in one.queues.values()),
    "delays": lambda one: any(part.delay for q in one.queues.values() for _, part in q.parts),
    "limiter": lambda one: any(q.limiter for q in one.queues.values()),
    "global concurrency": lambda one: any(q.global_concurrency for q in one.queues.values()),
    "pauses": lambda one: any(q.paused for q in one.queues.values()),
    "flows": lambda one: any(q.children for q in one.queues.values()),
    "fatal failures": lambda one: any(q.fatal_rate for q in one.queues.values()),
    "backoff of a list, a multiplier or a floor": lambda one: any(
        q.backoff.type == "list" or q.backoff.multiplier != 2 or q.backoff.min_ms
        for q in one.queues.values()
    ),
    "sandbox": lambda one: any(q.sandbox for q in one.queues.values()),
    "hangs": lambda one: any(
        out.hang is not None for q in one.queues.values() for out in q.outage_tables
    ),
    "how long failures take": lambda one: any(q.failure_service for q in one.queues.values()),
    "time-outs": lambda one: any(q.timeout_s for q in one.queues.values()),
    "downstreams": lambda one: bool(one.downstreams),
    "job schedulers": lambda one: any(
        isinstance(stream, Scheduler) for stream in one.arrivals.values()
    ),
    "pools": lambda one: bool(one.pools),
    "crashes": lambda one: bool(one.crashes),
    "cpu parts": lambda one: any(q.cpu.mean for q in one.queues.values() if not q.sandbox),
}


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_in_two_of_them(rule: str) -> None:
    assert sum(RULES[rule](read_scenario(file)) for file in FILES) >= 2


def test_the_page_has_a_row_for_each() -> None:
    page = PAGE.read_text(encoding="utf-8")
    table = page.partition("<!-- table -->")[2].partition("<!-- end of table -->")[0]

    for file in FILES:
        assert f"| {read_scenario(file).name} |" in table
