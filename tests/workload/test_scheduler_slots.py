"""Job schedulers: their slots, which is next after a late start, and what is refused."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lupa.lua51 import LuaRuntime  # what Redis runs; two versions in one process may crash it
from pydantic import TypeAdapter

from simqueue.errors import InputError
from simqueue.workload.arrivals import ArrivalStream, Scheduler
from simqueue.workload.reading import build_scenario
from simqueue.workload.workload import Workload

READ: TypeAdapter[Any] = TypeAdapter(ArrivalStream)


def scheduler(every_s: float, offset_s: float = 0.0) -> Scheduler:
    found = READ.validate_python({"every_s": every_s, "offset_s": offset_s})
    assert isinstance(found, Scheduler)
    return found


def fed(**report: Any) -> dict[str, Any]:
    return {
        "duration_s": 10,
        "arrivals": {"report": {"every_s": 1}},
        "queues": {"report": report, "other": {}},
    }


def test_slots_are_on_the_grid_that_the_first_begins() -> None:
    assert scheduler(30, 5).slots_s(100).tolist() == [5, 35, 65, 95]
    assert scheduler(30).slots_s(90).tolist() == [0, 30, 60]
    assert scheduler(30, 200).slots_s(100).tolist() == []
    assert scheduler(30, 5).expected(np.array([0.0, 5.0, 65.0, 500.0]), 95.0).tolist() == [
        *(0, 0, 2, 3)
    ]


def test_whole_milliseconds_count() -> None:
    """As BullMQ's ``every`` does; the shortest is one."""
    assert scheduler(0.0014).slots_s(0.004).tolist() == [0, 0.001, 0.002, 0.003]
    assert scheduler(1 / 3, 0.0006).slots_s(1).tolist() == [0.001, 0.334, 0.667]


@pytest.fixture(scope="module")
def bullmqs_own() -> Callable[..., int]:
    """The function of BullMQ's script that says when a scheduler's next job is due."""
    script = files("bullmq").joinpath("commands/updateJobScheduler-12.lua").read_text()
    own = re.search(r"local function getJobSchedulerEveryNextMillis.*?\nend\n", script, re.DOTALL)
    assert own is not None
    found: Callable[..., int] = LuaRuntime().execute(
        f"{own[0]} return function(prev, every, now, offset) "
        "return (getJobSchedulerEveryNextMillis(prev, every, now, offset, nil)) end"
    )
    return found


@given(
    origin_ms=st.integers(1_700_000_000_000, 1_800_000_000_000),
    every_ms=st.integers(1, 100_000),
    first_ms=st.integers(0, 200_000),
    slot=st.integers(0, 50),
    late=st.one_of(st.integers(0, 500_000), st.integers(0, 5).map(float)),
)
def test_the_next_slot_is_bullmqs(
    bullmqs_own: Callable[..., int],
    origin_ms: int,
    every_ms: int,
    first_ms: int,
    slot: int,
    late: float,
) -> None:
    """However late the start: milliseconds, or just so many intervals."""
    late_ms = late if isinstance(late, int) else int(late) * every_ms
    one = scheduler(every_ms / 1000, first_ms / 1000)
    assert (one.every_ms, one.first_ms) == (every_ms, first_ms)

    own_ms = first_ms + every_ms * slot
    start_ms = origin_ms + first_ms
    next_ms = bullmqs_own(
        origin_ms + own_ms, every_ms, origin_ms + own_ms + late_ms, start_ms % every_ms
    )
    found = one.slot_after(slot, own_ms + late_ms)

    assert origin_ms + first_ms + every_ms * found == next_ms
    assert found > slot
    assert first_ms + every_ms * found >= own_ms + late_ms


def test_work_belongs_to_the_slot() -> None:
    """However many workers there are, and whichever slots have a job."""
    table = fed(service={"distribution": "exponential", "mean_s": 3}, failure_rate=0.5)
    one, other = (
        Workload(build_scenario({**table, "workers": {"count": count}})) for count in (1, 4)
    )
    assert one.attempts(0, 1).io_s == other.attempts(0, 1).io_s
    assert one.size(one.kinds[0]) == 10
    assert [len(column) for column in one.arrivals] == [0, 0, 0]
    longer = Workload(build_scenario({**table, "duration_s": 20}))
    assert longer.attempts(0, 1).io_s[:10].tolist() == one.attempts(0, 1).io_s.tolist()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"arrivals.report.every_s": 0}, r"arrivals\.report\.every_s: .*0\.001"),
        ({"arrivals.report": {"every_s": 1, "interval_s": 1}}, "exactly one of the keys"),
        ({"arrivals.report.client": {"timeout_s": 1}}, r"arrivals\.report\.client"),
        ({"arrivals.report.max_waiting": 3}, r"arrivals\.report\.max_waiting"),
        (
            {"arrivals.other": {"follows": "report", "think": {"distribution": "constant"}}},
            r"arrivals\.other\.think",
        ),
        ({"queues.report.children": {"other": 2}}, "a job scheduler adds jobs without children"),
        (
            {"queues.report.delay": {"distribution": "constant", "mean_s": 1}},
            r"queues\.report\.delay: a job scheduler says itself when",
        ),
        (
            {"queues.report.classes": {"vip": {"share": 1, "priority": 2}}},
            r"queues\.report\.classes\.vip\.priority: .* one template \(arrivals\.report\.every_s",
        ),
        ({"mode": "in-process"}, "in-process mode has none; expected another kind of arrivals"),
    ],
)
def test_what_no_scheduler_does_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        build_scenario(fed()).replace(changes)


def test_nothing_follows_a_scheduler() -> None:
    think = {"distribution": "constant", "mean_s": 1}
    with pytest.raises(InputError, match="nobody who could ask for another one"):
        build_scenario(fed()).replace({"arrivals.other": {"follows": "report", "think": think}})


def test_so_many_slots_that_memory_would_not_hold_them_are_refused() -> None:
    with pytest.raises(InputError, match="attempts"):
        build_scenario({**fed(), "duration_s": 1e6}).replace({"arrivals.report.every_s": 0.001})


def test_classes_may_say_how_long_jobs_take() -> None:
    slow = {"distribution": "constant", "mean_s": 2}
    scenario = build_scenario(fed(classes={"a": {"share": 1, "service": slow}}))

    assert Workload(scenario).attempts(0, 1).io_s.tolist() == [2.0] * 10
    assert math.isclose(scenario.arrivals["report"].expected(np.array([10.0]), 10.0)[0], 10)
