"""A compiled run in blocks: the log of the whole run to the last bit, slice by slice."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_compiled import COSTS, POOLS, SCHEDULES, WORKERS, times

pytest.importorskip("numba")

from simqueue.record.attempt_log import FINAL
from simqueue.record.slices import Slice
from simqueue.simulation.compiled.in_blocks import InBlocks
from simqueue.simulation.engines import ENGINES
from simqueue.workload.in_blocks import blocks
from simqueue.workload.reading import build_scenario
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload


def queues(later: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    followers = st.lists(st.sampled_from(later), unique=True) if later else st.just([])
    backoffs = [
        {"type": "fixed", "delay_ms": 0},
        {"type": "exponential", "delay_ms": 100, "jitter": 0.5},
        {"type": "list", "delays_ms": [100, 2500]},
    ]
    return st.fixed_dictionaries(
        {
            "service": st.sampled_from([0.02, 0.1, 0.4]).flatmap(times),
            "follow_up": st.fixed_dictionaries({"completed": followers, "failed": followers}),
            "attempts": st.sampled_from([1, 2, 4]),
            "failure_rate": st.sampled_from([0.0, 0.1, 0.6]),
            "backoff": st.sampled_from(backoffs),
        },
        optional={
            "cpu": times(0.02),
            "fatal_rate": st.just(0.3),
            "failure_service": times(0.3),
            "timeout_s": st.sampled_from([0.1, 1.0]),
            "outages": st.just([[5, 10], [12, 14]]),
            "later_attempts": times(0.5).map(lambda service: [{"service": service}]),
            "lifo": st.just(True),
            "downstream": st.just("gateway"),
            "limiter": st.just({"max": 5, "duration_s": 1.0}),
            "global_concurrency": st.sampled_from([1, 4]),
            "paused": st.just([[3, 6], [20, 21]]),
        },
    )


ARRIVALS = st.sampled_from([{"rate_per_s": 3.0}, {"profile": [[0, 1.0], [10, 8.0], [20, 0.0]]}])
TABLES = st.fixed_dictionaries(
    {
        "duration_s": st.just(30),
        "seed": st.integers(0, 2**32),
        "arrivals": st.fixed_dictionaries({"a": ARRIVALS}, optional={"b": ARRIVALS}),
        "queues": st.fixed_dictionaries(
            {"a": queues(("b", "c")), "b": queues(("c",)), "c": queues(())}
        ),
        "downstreams": st.sampled_from(["fail", "wait"]).map(
            lambda when_full: {"gateway": {"places": 2, "when_full": when_full}}
        ),
        "bullmq": st.fixed_dictionaries({"overhead": st.sampled_from(["none", "measured", COSTS])}),
    }
)
#: Jobs of a block, and attempts of a slice.
CUTS = st.tuples(st.sampled_from([1, 10, 50, 10_000]), st.sampled_from([1, 30, 10_000]))


def scenario_of(table: dict[str, Any], workers: dict[str, Any]) -> Scenario:
    return build_scenario({**table, "workers" if "count" in workers else "pools": workers})


def slices(scenario: Scenario, jobs: int, rows: int) -> tuple[InBlocks, list[Slice]]:
    run = InBlocks(blocks(scenario, 1, jobs), rows)
    return run, [
        Slice(one.from_s, one.to_s, one.rows.copy(), one.live, one.flows) for one in run.slices()
    ]


@settings(max_examples=60, deadline=None)
@given(table=TABLES, workers=WORKERS | POOLS | SCHEDULES, cuts=CUTS)
def test_it_writes_the_log_of_the_whole_run(
    table: dict[str, Any], workers: dict[str, Any], cuts: tuple[int, int]
) -> None:
    scenario = scenario_of(table, workers)
    whole = ENGINES["compiled"](Workload(scenario, 1)).log
    run, found = slices(scenario, *cuts)

    # Who waits for ever is at the end of a log, and lives in the last slice.
    ended = np.concatenate([one.rows for one in found])
    assert ended.tobytes() == whole.rows[: len(ended)].tobytes()
    assert sorted(found[-1].live["job"]) == sorted(whole.rows["job"][len(ended) :])
    assert run.empty_log().presence.tobytes() == whole.presence.tobytes()


@settings(max_examples=30, deadline=None)
@given(table=TABLES, cuts=CUTS)
def test_a_job_lives_from_when_it_comes_until_it_ends(
    table: dict[str, Any], cuts: tuple[int, int]
) -> None:
    scenario = scenario_of(table, {"count": 2, "concurrency": 3})
    _, found = slices(scenario, *cuts)
    rows = np.concatenate([one.rows for one in found])
    over = rows[np.isin(rows["outcome"], FINAL)]
    for one in found:
        here = (over["enqueued_s"] < one.to_s) & (over["finished_s"] >= one.to_s)
        # Of what happens at the very moment at which a full slice ends, a part is in the next.
        surely = over[here & (over["finished_s"] > one.to_s)]["job"]
        assert set(surely) <= set(one.live["job"])
        assert not np.isin(one.live["job"], over[over["finished_s"] < one.to_s]["job"]).any()


@settings(max_examples=30, deadline=None)
@given(table=TABLES, cuts=CUTS)
def test_a_flow_is_over_once_with_its_last_job(
    table: dict[str, Any], cuts: tuple[int, int]
) -> None:
    scenario = scenario_of(table, {"count": 2, "concurrency": 3})
    _, found = slices(scenario, *cuts)
    rows = np.concatenate([one.rows for one in found])
    flows = np.concatenate([one.flows for one in found])
    # A root's own rows say when it came.
    roots = rows[(rows["job"] == rows["flow"]) & (rows["attempt"] == 1)]
    assert len(flows) == len(np.unique(rows["flow"]))
    assert sorted(flows["enqueued_s"]) == sorted(roots["enqueued_s"])
    ends = [rows["finished_s"][rows["flow"] == flow].max() for flow in np.unique(rows["flow"])]
    assert sorted(flows["finished_s"]) == sorted(ends)


def test_memory_does_not_grow_with_the_jobs() -> None:
    def peak(duration_s: float) -> int:
        scenario = build_scenario(
            {
                "duration_s": duration_s,
                "workers": {"concurrency": 5},
                "arrivals": {"a": {"rate_per_s": 20.0}},
                "queues": {
                    "a": {
                        "service": {"distribution": "exponential", "mean_s": 0.2},
                        "attempts": 3,
                        "failure_rate": 0.1,
                    }
                },
            }
        )
        tracemalloc.start()
        try:
            for _ in InBlocks(blocks(scenario, 0, 1_000), 1_000).slices():
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100)
    assert peak(5_000) < 1.2 * peak(500)
