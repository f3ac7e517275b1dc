"""The summary alone: in blocks where that can be, else from the log, and then it says why."""

from __future__ import annotations

import json

import pytest

import simqueue as sq
from simqueue.cli import run
from simqueue.experiments import replications
from simqueue.experiments.replications import measured_all
from simqueue.results.measures import Measure
from simqueue.results.sketch import ERROR

pytest.importorskip("numba")

DAY = sq.read_scenario("outage.toml").replace({"duration_s": 300})


def test_it_is_what_the_run_says():
    found, kept = sq.summarise(DAY, replications=3), sq.simulate(DAY, replications=3)
    one, other = found.summary.queues["payment"], kept.summary().queues["payment"]
    assert (found.why_kept, found.engine) == (None, "compiled")
    assert found.summary.quantile_error == ERROR
    assert (one.arrived, one.failed, one.attempts) == (other.arrived, other.failed, other.attempts)
    assert one.response_s.p95 == pytest.approx(other.response_s.p95, rel=ERROR)
    assert found.simulated_s == kept.simulated_s
    assert found.theory == kept.theory()
    assert found.warnings == kept.warnings()


def test_where_attempts_have_to_be_kept_it_says_why():
    found = sq.summarise(DAY.replace({"arrivals.payment": {"interval_s": 0.5}}))
    assert found.why_kept is not None
    assert found.why_kept.startswith("arrivals.payment: ")
    assert found.summary.quantile_error == 0
    assert found.summary.queues["payment"].arrived


def test_a_warm_up_that_is_to_be_found_needs_the_attempts():
    found = sq.summarise(DAY.replace({"warmup_s": "auto", "queues.payment.outages": []}))
    assert (found.why_kept or "").startswith("warmup_s")


def test_a_job_that_may_lose_its_lock_needs_the_other_engine():
    cpu = {"distribution": "constant", "mean_s": 0.5}
    stalls = {"queues.payment.cpu": cpu, "bullmq.lock_duration_s": 1, "duration_s": 20}
    found = sq.summarise(DAY.replace(stalls))
    assert "lock" in (found.why_kept or "")
    assert found.engine == "simpy"


def test_measures_of_large_runs_come_from_blocks(monkeypatch):
    measures = (Measure("payment", "response.p95"), Measure("payment", "failed"))

    def measured() -> list[float]:
        ((_, values),) = measured_all([(DAY, 1)], measures, cores=1)
        return values

    kept = measured()
    monkeypatch.setattr(replications, "LARGE", 100)
    counted = measured()
    assert counted[1] == kept[1]
    assert counted[0] == pytest.approx(kept[0], rel=ERROR)
    assert counted[0] != kept[0]


def test_the_command_prints_the_numbers(capsys):
    arguments = ["simulate", "outage.toml", "--summary-only", "--duration", "300"]
    assert run(arguments) == 0
    assert "Quantiles are off by 0.05 % at most." in capsys.readouterr().out
    assert run([*arguments, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["quantile_error"] == ERROR
    assert document["queues"]["payment"]["arrived"]


def test_the_command_keeps_no_log(tmp_path, capsys):
    assert run(["simulate", "--summary-only", "--log", str(tmp_path / "log.csv")]) == 2
    assert "expected no --log beside it" in capsys.readouterr().err
