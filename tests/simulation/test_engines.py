"""The engines that there are, each under the contract; and how one is chosen."""

import asyncio
from concurrent.futures import Executor
from pickle import dumps, loads
from typing import Any

import numpy as np
import pandas as pd
import pytest
from engine_contract import EngineContract, tell_the_same

from simqueue.adapters.scripted import run_in_process
from simqueue.errors import InputError
from simqueue.experiments.run import Run, simulate
from simqueue.record.attempt_log import STALLED, UNFINISHED, AttemptLog
from simqueue.simulation.engines import ENGINES, Replication, engine_of
from simqueue.simulation.recorded import RecordedWorkload
from simqueue.workload.reading import build_scenario
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload

IO = {"distribution": "gamma", "mean_s": 0.8, "cv": 1.0}
FAILING = {
    "service": IO,
    "failure_rate": 0.3,
    "attempts": 3,
    "backoff": {"type": "exponential", "delay_ms": 700, "jitter": 0.5},
}


def shop(rate_per_s: float, **table: Any) -> Scenario:
    """Orders, payments and emails, all of which may fail, and an alarm when a payment does."""
    return build_scenario(
        {
            "seed": 5,
            "duration_s": 100,
            "arrivals": {
                "order": {"rate_per_s": rate_per_s},
                "payment": {"follows": "order", "think": IO},
            },
            "queues": {
                "order": {**FAILING, "follow_up": {"completed": ["email"]}},
                "payment": {
                    **FAILING,
                    "outages": [[40, 45]],
                    "follow_up": {"completed": ["email"], "failed": ["email", "alarm"]},
                },
                "email": {**FAILING, "service": {**IO, "mean_s": 0.3}},
                "alarm": {},
            },
            **table,
        }
    )


def recorded(log: AttemptLog, scenario: Scenario) -> RecordedWorkload:
    """What was made of a queue, as if it had been for real."""
    rows = log.rows[np.lexsort((log.rows["ready_s"], log.rows["job"]))]
    return RecordedWorkload(scenario, rows, log.ids(np.unique(rows["job"])))


class TestBullMQ(EngineContract):
    engine = "simpy"

    def workload(self) -> Workload:
        crashes = [{"at_s": 20, "worker": 0, "down_s": 8}, {"at_s": 77, "worker": 1, "down_s": 3}]
        return Workload(
            shop(
                rate_per_s=1.5,
                workers={"count": 2, "concurrency": 1, "crashes": crashes},
                bullmq={"lock_duration_s": 4, "stalled_interval_s": 4},
            ),
            replication=2,
        )

    def test_some_runs_stall(self) -> None:
        assert (self.run().log.rows["outcome"] == STALLED).any()

    def test_a_job_that_is_being_picked_up_still_waits(self) -> None:
        scenario = build_scenario(
            {
                "duration_s": 1.5,
                "arrivals": {"q": {"interval_s": 1}},
                "queues": {"q": {}},
                "bullmq": {"overhead": {"pickup_s": 0.2}},
            }
        )
        on_its_way, there = (
            ENGINES[self.engine](Workload(scenario), until_s=until_s).log.rows
            for until_s in (1.1, 1.3)
        )

        assert on_its_way["outcome"].tolist() == [UNFINISHED]
        assert on_its_way["ready_s"].tolist() == [1.0]
        assert there["started_s"].tolist() == [1.2]


class TestCompiled(EngineContract):
    engine = "compiled"

    def workload(self) -> Workload:
        return Workload(shop(rate_per_s=1.5, workers={"count": 2, "concurrency": 1}), replication=2)


class TestInProcess(EngineContract):
    engine = "simpy"

    def workload(self) -> Workload:
        return Workload(shop(0.9, mode="in-process", caller={"concurrency": 2}), replication=1)

    def test_what_a_caller_has_still_to_do_waits(self) -> None:
        """At 2 a payment has failed: its email is sent until 3, and the alarm comes after that."""
        second = {"service": {"distribution": "constant", "mean_s": 1.0}, "follow_up": {}}
        payment = {**second, "failure_rate": 1.0, "follow_up": {"failed": ["email", "alarm"]}}
        scenario = build_scenario(
            {
                "mode": "in-process",
                "duration_s": 1.5,
                "arrivals": {"payment": {"interval_s": 1}},
                "queues": {"payment": payment, "email": second, "alarm": second},
            }
        )
        log = ENGINES[self.engine](Workload(scenario), until_s=2.5).log.frame()

        assert log["queue"].tolist() == ["payment", "alarm"]
        assert log["ready_s"].tolist() == [1.0, 2.0]
        assert log["outcome"].tolist() == ["failed", ""]

    def test_the_adapter_for_real_agrees(self) -> None:
        """Real handlers and one caller against the model: every column but the engine."""
        scenario = shop(0.4, mode="in-process")
        real = asyncio.run(run_in_process(Workload(scenario))).frame()
        model = ENGINES[self.engine](Workload(scenario)).log.frame()

        assert len(real) > 50
        pd.testing.assert_frame_equal(
            real.drop(columns="engine").astype(object).fillna(""),
            model.drop(columns="engine").astype(object).fillna(""),
            check_exact=False, rtol=0, atol=1e-9,
        )  # fmt: skip


#: Customers who wait for the end of their orders, and others who pay in threes.
CLOSED = {
    "order": {"customers": 12, "think": {"distribution": "exponential", "mean_s": 6}},
    "payment": {"rate_per_s": 0.2, "batch": 3},
}


class TestCustomersOfAQueue(EngineContract):
    engine = "simpy"

    def workload(self) -> Workload:
        crashes = [{"at_s": 30, "worker": 0, "down_s": 8}]
        return Workload(
            shop(
                0.0,
                arrivals=CLOSED,
                workers={"count": 2, "concurrency": 1, "crashes": crashes},
                bullmq={"lock_duration_s": 4, "stalled_interval_s": 4},
            )
        )

    def test_some_runs_stall(self) -> None:
        assert (self.run().log.rows["outcome"] == STALLED).any()


class TestCustomersInProcess(EngineContract):
    engine = "simpy"

    def workload(self) -> Workload:
        return Workload(
            shop(0.0, arrivals=CLOSED, mode="in-process", caller={"concurrency": 2}), replication=3
        )

    def test_the_adapter_for_real_agrees(self) -> None:
        """Real handlers and one caller against the model: each job, its times and its end."""
        scenario = shop(0.0, arrivals=CLOSED, mode="in-process")
        real = asyncio.run(run_in_process(Workload(scenario))).frame()
        model = ENGINES[self.engine](Workload(scenario)).log.frame()

        assert len(real) > 50
        pd.testing.assert_frame_equal(
            real.drop(columns="engine").astype(object).fillna(""),
            model.drop(columns="engine").astype(object).fillna(""),
            check_exact=False, rtol=0, atol=1e-9,
        )  # fmt: skip


class TestRecorded(EngineContract):
    engine = "simpy"

    def workload(self) -> Workload:
        scenario = shop(
            2.0,
            arrivals={"order": {"rate_per_s": 2.0}},
            queues={"order": {**FAILING, "follow_up": {}}},
            workers={"count": 1, "concurrency": 2},
        )
        return recorded(simulate(scenario).log, scenario)


def test_every_engine_is_under_the_contract() -> None:
    assert {contract.engine for contract in EngineContract.__subclasses__()} == set(ENGINES)


def test_a_recorded_run_that_stalled_goes_on_until_its_job_is_put_back() -> None:
    """Its worker dies at 3 and is back at 10; the second look after that finds the job, at 14."""
    scenario = build_scenario(
        {
            "duration_s": 4.5,
            "workers": {"count": 1, "concurrency": 1, "crashes": [{"at_s": 3, "down_s": 7}]},
            "arrivals": {"q": {"interval_s": 2}},
            "queues": {"q": {"service": {"distribution": "constant", "mean_s": 1.5}}},
            "bullmq": {"lock_duration_s": 2, "stalled_interval_s": 2},
        }
    )
    workload = recorded(simulate(scenario).log, scenario.replace({"workers.crashes": []}))

    def told(until_s: float) -> list[Any]:
        log = ENGINES["simpy"](workload, until_s=until_s).log.frame()
        return log[["job_id", "run", "outcome"]].to_numpy().tolist()

    assert told(12) == [["q-2", 1, "completed"]]
    assert told(15) == [["q-2", 1, "completed"], ["q-1", 1, "stalled"]]
    assert told(16) == [*told(15), ["q-1", 2, "completed"]]


@pytest.mark.parametrize("mode", ["bull-queue", "in-process"])
def test_a_run_goes_from_process_to_process(mode: str, another_process: Executor) -> None:
    scenario = shop(1.0, mode=mode)
    run: Run = another_process.submit(simulate, scenario, 3).result()
    here = simulate(scenario, 3)

    for other in (run, loads(dumps(run))):
        tell_the_same(other.log, here.log)
        assert other.scenario == scenario
        assert other.summary() == here.summary()
        assert {**other.document(), "wall_s": 0} == {**here.document(), "wall_s": 0}


def test_an_engine_is_chosen_by_name_or_given() -> None:
    """By default the model in SimPy."""
    scenario = shop(1.0)
    calls = []

    def my_own(workload: Workload, *given: Any, **more: Any) -> Replication:
        calls.append(workload.replication)
        return ENGINES["simpy"](workload, *given, **more)

    logs = [simulate(scenario, 2, engine=engine).log for engine in ("simpy", my_own)]

    assert calls == [0, 1]
    for log in logs:
        tell_the_same(log, simulate(scenario, 2).log)


def test_an_engine_that_there_is_not_is_named() -> None:
    said = r"^engine 'simpi': expected auto or one of simpy, compiled$"
    with pytest.raises(InputError, match=said):
        engine_of("simpi")
