"""A summary put together slice by slice is the summary of the log."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numba")

from simqueue.record.merging import merge
from simqueue.results.fold import Fold, summary_of
from simqueue.results.sketch import ERROR
from simqueue.results.summary import summarise
from simqueue.simulation.compiled.in_blocks import InBlocks
from simqueue.simulation.engines import ENGINES
from simqueue.workload.in_blocks import blocks
from simqueue.workload.reading import build_scenario
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload

RUNS = 2


def shop(load: float = 0.7, **workers: Any) -> Scenario:
    """Two streams whose jobs fail, are tried again, and are followed by mails."""
    return build_scenario(
        {
            "duration_s": 120,
            "seed": 16,
            **(workers or {"workers": {"count": 2, "concurrency": 3}}),
            "arrivals": {
                "order": {"rate_per_s": 30 * load},
                "payment": {"profile": [[0, 0.0], [30, 20.0], [90, 2.0]]},
            },
            "queues": {
                queue: {
                    "service": {"distribution": "lognormal", "mean_s": 0.15, "cv": 1.5},
                    "attempts": 3,
                    "failure_rate": 0.2,
                    "backoff": {"type": "exponential", "delay_ms": 1500, "jitter": 0.5},
                    "follow_up": {"completed": follow_up, "failed": follow_up},
                }
                for queue, follow_up in {"order": ["email"], "payment": [], "email": []}.items()
            },
        }
    )


def flat(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield from flat(one, f"{place}.{key}")
    elif isinstance(value, list | tuple):
        for number, one in enumerate(value):
            yield from flat(one, f"{place}.{number}")
    else:
        yield place, value


def alike(scenario: Scenario, window: tuple[float, float], jobs: int, rows: int) -> None:
    folds, logs = [], []
    for number in range(RUNS):
        run = InBlocks(blocks(scenario, number, jobs), rows)
        fold = Fold(window, tuple(scenario.queues), number)
        for one in run.slices():
            fold.add(one)
        folds.append(fold)
        logs.append(run.empty_log())
    whole = merge([ENGINES["compiled"](Workload(scenario, number)).log for number in range(RUNS)])
    slots, pools = scenario.slots, scenario.worker_pools
    wanted = dict(flat(summarise(whole, window, slots, RUNS, (), pools).as_dict()))
    found = dict(flat(summary_of(folds, window, slots, merge(logs), pools).as_dict()))
    assert found.pop(".quantile_error") == ERROR
    assert found.keys() == wanted.keys()
    for place, value in wanted.items():
        assert agrees(place, found[place], value), (place, found[place], value)


def agrees(place: str, found: Any, wanted: Any) -> bool:
    """Counts are the same; sums are, but for rounding; quantiles are those of sketches."""
    if any(f"{name}_ci95" in place for name in ("p50", "p95", "p99")):
        return True  # see test_sketch.py
    if wanted is None or isinstance(wanted, int | str):
        return bool(found == wanted)
    if "relative_error" in place:
        return abs(found - wanted) < 1e-9
    if place.endswith((".p50", ".p95", ".p99")):
        return bool(found == pytest.approx(wanted, rel=ERROR, abs=1e-9))
    # An interval is made of differences between replications.
    return bool(found == pytest.approx(wanted, rel=1e-9 if "ci95" in place else 1e-12))


@settings(max_examples=10, deadline=None)
@given(
    load=st.sampled_from([0.0001, 0.5, 2.0]),
    window=st.sampled_from([(0.0, 120.0), (17.5, 120.0), (40.0, 70.0)]),
    cuts=st.tuples(st.sampled_from([100, 700, 100_000]), st.sampled_from([300, 100_000])),
)
def test_it_is_the_summary_of_the_log(
    load: float, window: tuple[float, float], cuts: tuple[int, int]
) -> None:
    alike(shop(load), window, *cuts)


@pytest.mark.parametrize(
    "workers",
    [
        # Nobody ever takes a mail: all of them wait for ever.
        {"pools": {"web": {"count": 2, "queues": {"order": 3, "payment": 3}}}},
        # Workers come and go, and for a while there is none.
        {
            "pools": {
                "web": {
                    "schedule": [[0, 1], [40, 0], [60, 3]],
                    "cost_per_hour": 0.5,
                    "queues": {"order": 4, "payment": 2, "email": 3},
                }
            }
        },
    ],
)
def test_it_is_so_whoever_works(workers: dict[str, Any]) -> None:
    alike(shop(**workers), (10.0, 120.0), 300, 500)


def test_a_window_has_a_length() -> None:
    with pytest.raises(ValueError, match="must have a length"):
        Fold((math.pi, math.pi), ("order",))
