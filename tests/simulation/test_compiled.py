"""The compiled engine: the log of the model in SimPy to the last bit, for what it has.

What it does not have is refused, or is done in SimPy where anybody may do it.
"""

from __future__ import annotations

import re
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_engines import FAILING, shop

from simqueue.errors import InputError
from simqueue.extras import MissingExtraError
from simqueue.simulation.compiled.support import cannot_run
from simqueue.simulation.engines import ENGINES, Replication, engine_of, why_not_compiled
from simqueue.workload.reading import build_scenario
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload

DAY_S = 30


def times(mean_s: float) -> st.SearchStrategy[dict[str, Any]]:
    return st.sampled_from(
        [
            {"distribution": "lognormal", "mean_s": mean_s, "cv": 1.5},
            {"distribution": "exponential", "mean_s": mean_s},
            {"distribution": "constant", "mean_s": mean_s},  # ties
        ]
    )


def queues(later: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    outage = {"from_s": 5, "to_s": 10, "rate": 0.5}
    classes = {
        "vip": {"share": 0.3, "priority": 2},
        "bulk": {
            "share": 0.7,
            "attempts": 3,
            "backoff": {"type": "exponential", "delay_ms": 700},
            "failure_rate": 0.2,
            "priority": 5,
        },
    }
    backoffs = [
        {"type": "fixed", "delay_ms": 0},
        {"type": "fixed", "delay_ms": 300},
        {"type": "exponential", "delay_ms": 100, "jitter": 0.5},
        {"type": "list", "delays_ms": [100, 2500]},
    ]
    followers = st.lists(st.sampled_from(later), unique=True) if later else st.just([])
    numbers = st.sampled_from([1, 3, {"0": 0.4, "1": 0.2, "4": 0.4}])
    children = st.dictionaries(st.sampled_from(later), numbers) if later else st.just({})
    return st.fixed_dictionaries(
        {
            "service": st.sampled_from([0.02, 0.1, 0.4]).flatmap(times),
            "follow_up": st.fixed_dictionaries({"completed": followers, "failed": followers}),
            "attempts": st.sampled_from([1, 2, 4]),
            "failure_rate": st.sampled_from([0.0, 0.1, 0.6]),
            "backoff": st.sampled_from(backoffs),
        },
        optional={
            "children": children,
            "child_failure": st.sampled_from(
                ["fail-parent", "continue-parent", "ignore-dependency"]
            ),
            "keep_failed": st.sampled_from([0, 2]),
            "downstream": st.sampled_from(["gateway", "pool"]),
            "sandbox": st.just(True),
            "cpu": times(0.02),
            "fatal_rate": st.just(0.3),
            "failure_service": times(0.3),
            "timeout_s": st.sampled_from([0.1, 1.0]),
            "outages": st.sampled_from([[[5, 10]], [outage]]) | times(0.5).map(
                lambda takes: [{**outage, "attempt_takes_s": takes}, {"from_s": 12, "to_s": 14}]
            ),
            "later_attempts": times(0.5).map(lambda service: [{"service": service}]),
            "lifo": st.just(True),
            "priority": st.sampled_from([1, 3]),
            "classes": st.just(classes),
            "delay": times(0.5),
            "limiter": st.sampled_from(
                [{"max": 1, "duration_s": 0.3}, {"max": 5, "duration_s": 1.0}]
            ),
            "global_concurrency": st.sampled_from([1, 4]),
            "paused": st.just([[3, 6], [20, 21]]),
        },
    )  # fmt: skip


COSTS = {"pickup_s": 0.002, "retry_s": 0.004, "service_s": 0.0, "loop_s": 0.001, "failure_s": 0.0}
WORKERS = st.fixed_dictionaries(
    {
        "count": st.sampled_from([1, 2, 4]),
        "concurrency": st.sampled_from([1, 3, 20]),
        "cores": st.sampled_from([1, 3]),
    }
)
POOLS = st.fixed_dictionaries(
    {
        "web": st.sampled_from(
            [{"cores": 1, "count": 2, "queues": {"a": 2, "c": 1}}, {"cores": 2, "queues": {"a": 5}}]
        ),
        "night": st.sampled_from(
            [{"cores": 2, "queues": {"b": 3, "a": 1}}, {"cores": 1, "queues": {"c": 4}}]
        ),
    }
)
#: Workers come, some time after they were asked for, and go while they have something to finish.
SCHEDULES = st.fixed_dictionaries(
    {
        "web": st.fixed_dictionaries(
            {
                "schedule": st.lists(st.integers(0, 3), min_size=2, max_size=6)
                .filter(any)
                .map(lambda counts: [[4.5 * place, count] for place, count in enumerate(counts)]),
                "start_s": st.sampled_from([0.0, 2.0, 6.0]),
                "cores": st.sampled_from([1, 2]),
                "queues": st.sampled_from([{"a": 2, "c": 1}, {"a": 3}]),
            }
        ),
        "night": st.just({"cores": 1, "queues": {"a": 1, "b": 3, "c": 1}}),
    }
)
ARRIVALS = st.fixed_dictionaries(
    {
        "a": st.sampled_from(
            [{"rate_per_s": 3.0}, {"interval_s": 0.25}, {"rate_per_s": 1.0, "batch": 4}]
        )
    },
    optional={
        "b": times(1.0).map(lambda think: {"follows": "a", "think": think}),
        "c": st.sampled_from([0.05, 0.4, 1.7]).flatmap(
            lambda every_s: st.sampled_from([0.0, 0.25]).map(
                lambda offset_s: {"every_s": every_s, "offset_s": offset_s}
            )
        ),
    },
)


def without_what_is_refused(table: dict[str, Any]) -> dict[str, Any]:
    """All jobs of a scheduler are made from one template; child processes call no downstream."""
    queues = {name: dict(queue) for name, queue in table["queues"].items()}
    for name, queue in queues.items():
        if queue.get("sandbox"):
            queue.pop("downstream", None)
        if name == "c" and "c" in table["arrivals"]:
            for key in ("classes", "delay"):
                queue.pop(key, None)
    return {**table, "queues": queues}


SCENARIOS = st.fixed_dictionaries(
    {
        "duration_s": st.just(DAY_S),
        "seed": st.integers(0, 2**32),
        "arrivals": ARRIVALS,
        "queues": st.fixed_dictionaries(
            {"a": queues(("b", "c")), "b": queues(("c",)), "c": queues(())}
        ),
        "downstreams": st.fixed_dictionaries(
            {
                "gateway": st.sampled_from([{"places": 1}, {"places": 3, "when_full": "wait"}]),
                "pool": st.just({"places": 2, "when_full": "wait"}),
            }
        ),
        "bullmq": st.fixed_dictionaries(
            {
                "client": st.sampled_from(["python", "node"]),
                "overhead": st.sampled_from(["none", "measured", COSTS]),
            }
        ),
    }
).map(without_what_is_refused)


def alike(compiled: Replication, simpy: Replication) -> None:
    """To the last bit, every column but ``engine``; and who worked."""
    assert compiled.log.engine == "compiled"
    assert compiled.log.rows.dtype == simpy.log.rows.dtype
    assert compiled.log.rows.tobytes() == simpy.log.rows.tobytes()
    for name in ("queues", "names", "results", "workers", "classes", "pools"):
        assert getattr(compiled.log, name) == getattr(simpy.log, name)
    assert compiled.log.presence.tobytes() == simpy.log.presence.tobytes()
    assert compiled.cut_off_s == simpy.cut_off_s


def both(scenario: Scenario, **options: Any) -> tuple[Replication, Replication]:
    one, other = (ENGINES[name](Workload(scenario, 1), **options) for name in ("compiled", "simpy"))
    return one, other


@settings(max_examples=80, deadline=None)
@given(table=SCENARIOS, workers=WORKERS | POOLS | SCHEDULES)
def test_it_writes_the_log_of_the_model(table: dict[str, Any], workers: dict[str, Any]) -> None:
    kind = "workers" if "count" in workers else "pools"
    alike(*both(build_scenario({**table, kind: workers})))


@settings(max_examples=25, deadline=None)
@given(table=SCENARIOS, workers=WORKERS, share=st.floats(0.01, 1.2))
def test_so_it_does_when_it_is_cut_off(
    table: dict[str, Any], workers: dict[str, Any], share: float
) -> None:
    alike(*both(build_scenario({**table, "workers": workers}), until_s=share * DAY_S))


def everything() -> Scenario:
    """All that the engine has, in one scenario of some 6,000 jobs."""
    slow = {"distribution": "lognormal", "mean_s": 0.3, "cv": 1.5}
    jitter = {"type": "exponential", "delay_ms": 400, "jitter": 1.0}
    cpu = {"distribution": "exponential", "mean_s": 0.004}
    failing = {"service": slow, "attempts": 4, "failure_rate": 0.2, "backoff": jitter, "cpu": cpu}
    classes = {
        "vip": {"share": 0.2, "priority": 1},
        "bulk": {"share": 0.8, "priority": 7, "service": {**slow, "cv": 3}},
    }
    hangs = {"from_s": 60, "to_s": 90, "rate": 0.7, "attempt_takes_s": slow}
    return build_scenario(
        {
            "duration_s": 300,
            "seed": 16,
            "pools": {
                "web": {"count": 3, "queues": {"a": 3, "b": 2}},
                "mail": {
                    "cores": 2,
                    "schedule": [[0, 1], [50, 4], [120, 2]],
                    "start_s": 10,
                    "queues": {"b": 1, "c": 4, "d": 2, "tick": 1, "report": 2, "part": 2},
                },
            },
            "arrivals": {
                "a": {"rate_per_s": 8},
                "b": {"follows": "a", "think": slow},
                "d": {"rate_per_s": 2, "batch": 2},
                "tick": {"every_s": 0.5, "offset_s": 3},
                "report": {"rate_per_s": 0.5},
            },
            "queues": {
                "a": {**failing, "classes": classes, "follow_up": {"completed": ["c", "d"]}},
                "b": {
                    **failing,
                    "downstream": "gateway",
                    "lifo": True,
                    "outages": [hangs],
                    "follow_up": {"failed": ["c"]},
                },
                "c": {
                    **failing,
                    "service": {**slow, "mean_s": 0.1},
                    "fatal_rate": 0.2,
                    "limiter": {"max": 9, "duration_s": 1.0},
                    "paused": [[100, 110]],
                },
                "d": {
                    **failing,
                    "sandbox": True,
                    "delay": slow,
                    "global_concurrency": 3,
                    "timeout_s": 1.0,
                },
                "tick": {**failing, "follow_up": {"completed": ["c"]}},
                "report": {
                    **failing,
                    "children": {"part": 2, "c": {"0": 0.5, "3": 0.5}},
                    "child_failure": "continue-parent",
                    "follow_up": {"completed": ["b"]},
                },
                "part": {
                    "failure_rate": 0.2,
                    "keep_failed": 5,
                    "children": {"c": 1},
                    "child_failure": "fail-parent",
                },
            },
            "downstreams": {"gateway": {"places": 5, "when_full": "wait"}},
            "bullmq": {"overhead": "measured"},
        }
    )


def test_all_of_it_at_once_on_thousands_of_jobs() -> None:
    scenario = everything()
    compiled, simpy = both(scenario)

    alike(compiled, simpy)
    rows = simpy.log.rows
    assert len(np.unique(rows["job"])) >= 5000
    assert set(np.unique(rows["queue"])) == set(range(len(scenario.queues)))
    assert (rows["attempt"] == 4).any()


def test_thousands_of_parents_fail_at_one_moment() -> None:
    """Who takes their queue's jobs comes late; each has jobs that follow it."""
    scenario = build_scenario(
        {
            "duration_s": 600,
            "pools": {
                "day": {"count": 2, "queues": {"child": 10, "mail": 2, "alarm": 2}},
                "late": {"schedule": [[0, 0], [500, 1]], "queues": {"parent": 2}},
            },
            "arrivals": {"parent": {"rate_per_s": 10}},
            "queues": {
                "parent": {
                    "children": {"child": 2},
                    "child_failure": "fail-parent",
                    "follow_up": {"failed": ["mail", "alarm"]},
                },
                "child": {"failure_rate": 0.9},
                "mail": {"delay": {"distribution": "constant", "mean_s": 1.0}},
                "alarm": {},
            },
        }
    )
    compiled, simpy = both(scenario)

    alike(compiled, simpy)
    unrun = compiled.log.rows[np.isnan(compiled.log.rows["started_s"])]
    assert np.unique(unrun["finished_s"], return_counts=True)[1].max() > 4000


def test_the_tables_agree() -> None:
    """As a person sees them, ids and words."""
    compiled, simpy = both(everything().replace({"duration_s": 60}))

    frames = (one.log.frame().drop(columns="engine") for one in (compiled, simpy))
    pd.testing.assert_frame_equal(*frames)


HAS_NOT: dict[str, dict[str, Any]] = {
    "mode": {"mode": "in-process"},
    "workers.crashes": {"workers.crashes": [{"at_s": 5, "down_s": 3}]},
    "arrivals.order.client": {"arrivals.order.client": {"timeout_s": 3}},
    "arrivals.order.max_waiting": {"arrivals.order.max_waiting": 3},
    "arrivals.order.customers": {
        "arrivals": {"order": {"customers": 3, "think": FAILING["service"]}}
    },
    "pools.web.autoscale": {
        "pools": {
            "web": {
                "autoscale": {"metric": "ready", "target": 5, "max": 3},
                "queues": {"order": 2},
            }
        }
    },
}


@pytest.mark.parametrize("key", HAS_NOT)
def test_what_it_does_not_have_is_named(key: str) -> None:
    """And SimPy does it where anybody may."""
    scenario = shop(0.3).replace({"duration_s": 20, **HAS_NOT[key]})

    with pytest.raises(InputError, match=rf"^{key}: the compiled engine .*'simpy'$"):
        ENGINES["compiled"](Workload(scenario))
    assert (why_not_compiled(scenario) or "").startswith(f"{key}: ")
    log = engine_of("auto")(Workload(scenario)).log
    assert log.engine == "simpy"
    assert log.rows.tobytes() == ENGINES["simpy"](Workload(scenario)).log.rows.tobytes()


def held_for(cpu_s: float) -> Scenario:
    """Jobs that hold the event loop of their worker; a lock is renewed each 7.5 s."""
    cpu = {"distribution": "constant", "mean_s": cpu_s}
    return build_scenario(
        {"duration_s": 100, "arrivals": {"q": {"interval_s": 20}}, "queues": {"q": {"cpu": cpu}}}
    )


def test_who_may_lose_a_lock_is_left_to_simpy() -> None:
    assert cannot_run(held_for(8.0)) is None
    with pytest.raises(InputError, match=r"^bullmq\.lock_duration_s: some job may lose its lock"):
        ENGINES["compiled"](Workload(held_for(8.0)))
    shares: list[float] = []
    log = engine_of("auto")(Workload(held_for(8.0)), progress=shares.append).log

    assert log.engine == "simpy"
    assert shares == sorted(set(shares))
    alike(*both(held_for(7.0)))


def test_auto_is_the_compiled_one_where_it_can_be() -> None:
    scenario = shop(0.3)

    assert why_not_compiled(scenario) is None
    assert engine_of("auto")(Workload(scenario)).log.engine == "compiled"


def test_without_numba_all_is_done_in_simpy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("simqueue.simulation.compiled.")]:
        if not name.endswith("support"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "numba", None)
    workload = Workload(shop(0.3))

    assert engine_of("auto")(workload).log.engine == "simpy"
    said = why_not_compiled(workload.scenario) or ""
    assert re.fullmatch(r"package numba is missing: .*\[fast\]\"", said)
    with pytest.raises(MissingExtraError, match=re.escape(said)):
        ENGINES["compiled"](workload)


def test_numba_keeps_nothing_of_rules_that_have_changed() -> None:
    """What it keeps is for these files, word for word."""
    from simqueue.simulation.compiled import jit, loop

    assert jit.sources() in [cell.cell_contents for cell in loop.run.py_func.__closure__]
    assert loop.kept_for(1).py_func.__closure__ != loop.run.py_func.__closure__
