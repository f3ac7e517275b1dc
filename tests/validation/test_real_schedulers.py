"""Job schedulers on the real queue: the same slots have jobs, with workers of both languages."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simqueue.errors import InputError
from simqueue.record.attempt_log import AttemptLog
from simqueue.simulation.engines import ENGINES
from simqueue.validation.node.installed import NodeBullMQ
from simqueue.validation.node.plan import plan_of
from simqueue.validation.real import RealRun, run_real
from simqueue.validation.runnable import check_runnable
from simqueue.validation.schedulers import check_skips
from simqueue.validation.server import Server
from simqueue.workload.arrivals import Scheduler
from simqueue.workload.reading import build_scenario
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload

#: Jobs take longer than from one slot to the next: many are skipped.
TABLE: dict[str, Any] = {
    "seed": 3,
    "duration_s": 2.5,
    "workers": {"count": 1, "concurrency": 1},
    "arrivals": {"report": {"every_s": 0.25, "offset_s": 0.05}},
    "queues": {
        "report": {
            "attempts": 2,
            "service": {"distribution": "constant", "mean_s": 0.37},
            "failure_rate": 0.3,
            "follow_up": {"completed": ["mail"], "failed": ["mail"]},
        },
        "mail": {},
    },
}


#: On a busy machine.
ROUND_TRIP_S = 0.1


def ran(scenario: Scenario, url: str, **options: Any) -> RealRun:
    return run_real(Workload(scenario), Server(url, "7", "given", "bull"), **options)


def ends(log: AttemptLog) -> dict[str, list[tuple[Any, ...]]]:
    """What each job is, and what became of its attempts."""
    columns = ["queue", "flow", "parent_id", "name", "attempt", "run", "outcome"]
    frame = log.frame().sort_values(["attempt", "run"])
    return {
        str(job): list(mine[columns].itertuples(index=False, name=None))
        for job, mine in frame.groupby("job_id")
    }


def check_slots(log: AttemptLog, scenario: Scenario) -> None:
    """Each job is enqueued at its slot, and the next one's is the first that is to come then."""
    stream = scenario.arrivals["report"]
    assert isinstance(stream, Scheduler)
    mine = log.frame().query("queue == 'report' and attempt == 1").sort_values("enqueued_s")
    numbers = mine["job_id"].str.removeprefix("report-").astype(int) - 1
    np.testing.assert_allclose(mine["enqueued_s"], stream.slots_s(60.0)[numbers], atol=2e-3)
    assert (mine["ready_s"] >= mine["enqueued_s"] - 1e-9).all()
    assert (mine["started_s"] >= mine["ready_s"] - 1e-9).all()
    for (slot, started), (following, _) in pairwise(zip(numbers, mine["started_s"], strict=True)):
        # It is added a round trip after the start.
        moments_ms = (int(1000 * started), int(1000 * (started + ROUND_TRIP_S)))
        assert following in {stream.slot_after(slot, now_ms) for now_ms in moments_ms}


def check_jobs(real: AttemptLog, scenario: Scenario) -> None:
    """Slots that have jobs in the model too are the same jobs, and the same becomes of them."""
    check_slots(real, scenario)
    found, wanted = ends(real), ends(ENGINES["simpy"](Workload(scenario)).log)
    both = found.keys() & wanted.keys()

    assert {"report-1", "mail-1-report-completed"} <= both
    assert {job: found[job] for job in both} == {job: wanted[job] for job in both}


def test_our_workers_do_the_models_slots(redis_url: str) -> None:
    scenario = build_scenario(TABLE)
    check_runnable(scenario)

    check_jobs(ran(scenario, redis_url).log, scenario)


def test_nodes_workers_do_the_models_slots(redis_url: str, node_bullmq: NodeBullMQ) -> None:
    scenario = build_scenario({**TABLE, "bullmq": {"client": "node"}})
    check_runnable(scenario)
    check_skips(scenario, node_bullmq)

    check_jobs(ran(scenario, redis_url, node=node_bullmq).log, scenario)


def test_fakeredis_does_them_too() -> None:
    scenario = build_scenario({**TABLE, "duration_s": 1})
    server = Server("embedded://", "7", "embedded", "bull")

    check_jobs(run_real(Workload(scenario), server).log, scenario)


def test_priorities_and_classes_are_those_of_the_template(redis_url: str) -> None:
    quick = {"distribution": "constant", "mean_s": 0.01}
    queue = {"priority": 4, "service": quick, "classes": {"a": {"share": 0.5}, "b": {"share": 0.5}}}
    scenario = build_scenario({**TABLE, "duration_s": 1, "queues": {"report": queue}})
    real, model = ran(scenario, redis_url).log, ENGINES["simpy"](Workload(scenario)).log

    columns = ["job_id", "class", "priority"]
    found, wanted = (
        sorted(log.frame()[columns].itertuples(index=False, name=None)) for log in (real, model)
    )
    assert found == wanted
    assert {priority for *_, priority in found} == {4}


def test_no_slot_at_all_is_a_run_without_jobs(redis_url: str) -> None:
    late = build_scenario(TABLE).replace({"arrivals.report.offset_s": 9, "duration_s": 0.2})

    assert len(ran(late, redis_url).log) == 0


@pytest.mark.parametrize(
    ("version", "said"),
    [("5.58.0", "bullmq 5.58.0 skip a slot too many .* 5.80.2 or later"), ("5.80.1", "5.80.1")],
)
def test_an_older_version_of_nodes_is_refused(version: str, said: str) -> None:
    scenario = build_scenario(TABLE)
    installed = NodeBullMQ("node", Path("node_modules"), version, "20")

    with pytest.raises(InputError, match=said):
        check_skips(scenario, installed)
    check_skips(scenario, replace(installed, version="5.80.2"))
    check_skips(scenario, replace(installed, version="6.0.0-beta.1"))
    check_skips(scenario.replace({"arrivals.report": {"rate_per_s": 1}}), installed)


def test_the_plan_tells_nodes_workers_the_slots() -> None:
    report, *_ = plan_of(Workload(build_scenario(TABLE)))["kinds"]

    assert report["slots"] == {"first_ms": 50, "every_ms": 250}
    assert report["ids"][:2] == ["report-1", "report-2"]
