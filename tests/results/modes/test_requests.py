"""Requests are put together from the rows of a log; counted again here, row by row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import simqueue as sq
from simqueue.results.modes.requests import measure, requests_of

SHOP: dict[str, Any] = {
    "duration_s": 60,
    "workers": {"concurrency": 2, "crashes": [{"at_s": 30, "down_s": 5}]},
    "caller": {"concurrency": 6, "max_waiting": 2, "crashes": [{"at_s": 30, "down_s": 5}]},
    "arrivals": {
        "order": {"rate_per_s": 2},
        "payment": {
            "follows": "order",
            "think": {"distribution": "exponential", "mean_s": 3},
        },
    },
    "queues": {
        "order": {"service": {"distribution": "exponential", "mean_s": 1}, "failure_rate": 0.2},
        "payment": {"service": {"distribution": "exponential", "mean_s": 1}, "failure_rate": 0.2},
        "email": {"service": {"distribution": "constant", "mean_s": 0.5}, "failure_rate": 0.1},
    },
}


def by_hand(log: sq.AttemptLog) -> dict[tuple[int, str], dict[str, float]]:
    """Each request by its replication and the id of the job that it added."""
    frame = log.frame()
    parents = dict(zip(frame["job_id"], frame["parent_id"], strict=True))
    came = {
        (row.replication, row.job_id): row.enqueued_s
        for row in frame.itertuples()
        if row.job_id == row.flow
    }
    found: dict[tuple[int, str], dict[str, float]] = {}
    for row in frame.itertuples():
        root = row.job_id
        while parents[root]:
            root = parents[root]
        one = found.setdefault(
            (row.replication, root),
            {
                "left": 0.0, "failed": 0, "lost": 0, "again": 0, "refused": 0,
                "root": came[row.replication, row.flow],
            },
        )  # fmt: skip
        one["left"] = max(one["left"], row.finished_s)
        one["failed"] += row.outcome == "failed"
        one["lost"] += row.outcome == "lost"
        one["refused"] += row.outcome == "refused"
        one["again"] += row.run > 1
        if row.job_id == root:
            one["arrived"] = row.enqueued_s
    return found


@pytest.mark.parametrize("mode", ["bull-queue", "in-process"])
@pytest.mark.parametrize("seed", range(5))
def test_requests_are_those_of_the_rows(mode: str, seed: int) -> None:
    scenario = sq.build_scenario({**SHOP, "mode": mode, "seed": seed})
    log = sq.simulate(scenario, replications=2).log
    found, expected = requests_of(log), by_hand(log)
    given_up = (found.lost > 0) | found.refused

    def table(*columns: np.ndarray) -> list[tuple[float, ...]]:
        return sorted(map(tuple, np.column_stack([c.astype(float) for c in columns]).tolist()))

    assert table(
        found.replication, found.arrived_s, found.root_s, found.left_s, found.failed, found.lost,
        found.refused, found.again,
    ) == sorted(
        tuple(float(one) for one in (
            replication, row["arrived"], row["root"], row["left"], row["failed"], row["lost"],
            row["refused"], row["again"],
        ))
        for (replication, _), row in expected.items()
    )  # fmt: skip
    np.testing.assert_array_equal(np.isnan(found.ended_s), given_up)
    np.testing.assert_array_equal(found.ended_s[~given_up], found.left_s[~given_up])
    if mode == "in-process":
        assert found.lost.any()
        assert found.refused.any()
    else:
        assert found.again.any()


def test_a_request_counts_if_its_root_came_in_the_window() -> None:
    """A payment belongs to the moment of its order."""
    scenario = sq.build_scenario({**SHOP, "duration_s": 200})
    log = sq.simulate(scenario).log
    found = requests_of(log)
    window = (50.0, 150.0)
    kept = measure(found, window, 1, answers_at_once=True)
    orders, payments = (
        measure(found, window, 1, log.queues.index(queue), answers_at_once=True)
        for queue in ("order", "payment")
    )

    came = [row["root"] for row in by_hand(log).values()]
    assert kept.requests == sum(50 <= moment < 150 for moment in came)
    assert orders.requests == payments.requests == kept.requests / 2


def test_a_run_that_was_cut_off_has_requests_without_an_end() -> None:
    from simqueue.simulation import ENGINES

    scenario = sq.build_scenario({**SHOP, "workers": {"concurrency": 1}})
    log = ENGINES["simpy"](sq.Workload(scenario), until_s=30).log
    found = measure(requests_of(log), (0, 60), 1, answers_at_once=False)

    assert found.unfinished > 0
