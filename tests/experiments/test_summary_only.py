"""The summary alone: in blocks where that can be, else from the log, and then it says why."""

from __future__ import annotations

import json

import pytest

import simqueue as sq
from simqueue.cli import run
from simqueue.experiments import replications as in_processes
from simqueue.experiments import summary_only
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
    monkeypatch.setattr(in_processes, "LARGE", 100)
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


#: A worker that leaves while jobs wait: they wait for ever.
LEAVES = sq.build_scenario(
    {
        "duration_s": 100,
        "arrivals": {"tea": {"rate_per_s": 1}},
        "queues": {"tea": {"service": {"distribution": "constant", "mean_s": 3}}},
        "pools": {"day": {"queues": {"tea": 1}, "schedule": [[0, 1], [50, 0]]}},
    }
)
#: More comes in the middle than two slots can do.
RUSH = sq.build_scenario(
    {
        "duration_s": 1200,
        "arrivals": {
            "tea": {"profile": [[0, 1.0], [400, 4.0], [700, 1.0]]},
            "mail": {"rate_per_s": 0.5},
        },
        "queues": {
            name: {"service": {"distribution": "exponential", "mean_s": 0.5}}
            for name in ("tea", "mail")
        },
        "workers": {"concurrency": 2},
    }
)


def test_it_lasted_until_the_last_job_ended_whoever_waits_for_ever():
    found, kept = sq.summarise(LEAVES, 2), sq.simulate(LEAVES, 2)
    assert found.why_kept is None
    assert found.summary.queues["tea"].unfinished
    assert found.simulated_s == kept.simulated_s


@pytest.mark.parametrize(
    "changes", [{}, {"warmup_s": 300}, {"queues.tea.limiter": {"max": 39, "duration_s": 10}}]
)
@pytest.mark.parametrize("replications", [1, 4])
def test_days_that_are_apart_are_told_of_as_of_a_run(changes, replications):
    rush = RUSH.replace(changes)
    found = sq.summarise(rush, replications)
    said = [line for line in found.warnings if "from day to day" in line]
    assert found.why_kept is None
    assert len(said) == (replications > 1)
    assert found.warnings == sq.simulate(rush, replications, engine="compiled").warnings()


def interrupt_after(share: float):
    def progress(done: float) -> None:
        if done > share:
            raise KeyboardInterrupt

    return progress


def test_ctrl_c_keeps_the_replications_that_are_done():
    found = sq.summarise(DAY, 5, interrupt_after(0.5))
    assert (found.interrupted, found.replications) == (True, 2)
    assert found.warnings[0] == "interrupted: 2 of 5 replications were done"
    assert found.summary == sq.summarise(DAY, 2).summary
    with pytest.raises(KeyboardInterrupt):
        sq.summarise(DAY, 5, interrupt_after(0.0))


def test_the_command_says_that_it_was_interrupted(capsys, monkeypatch):
    arguments = ["simulate", "outage.toml", "--summary-only", "--duration", "300", "--json"]
    arguments += ["--replications", "3"]
    fold = summary_only.fold
    stops = iter([False, True, True])

    def interrupted(*given):
        if next(stops):
            raise KeyboardInterrupt
        return fold(*given)

    monkeypatch.setattr(summary_only, "fold", interrupted)
    assert run(arguments) == 130
    document = json.loads(capsys.readouterr().out)
    assert document["replications"] == 1
    assert document["warnings"][0] == "interrupted: 1 of 3 replications were done"
    assert run(arguments) == 130
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "interrupted before there was anything to report\n")


def test_ctrl_c_in_the_warm_up_of_a_kept_run_leaves_nothing_to_report():
    kept = DAY.replace({"arrivals.payment": {"interval_s": 0.5}, "warmup_s": 200})
    with pytest.raises(KeyboardInterrupt):
        sq.summarise(kept, 1, interrupt_after(0.3))


@pytest.mark.parametrize("rate", ["0.000000001", "1"])
def test_the_command_says_that_no_job_came(rate, capsys):
    arguments = ["simulate", "outage.toml", "--arrivals", rate, "--duration", "100"]
    arguments += ["--warmup", "99.99"]
    for more in ([], ["--summary-only"]):
        assert run([*arguments, *more]) == 0
        assert ("note: no job arrived" in capsys.readouterr().err) == (rate != "1")


def test_the_command_says_that_ends_of_intervals_are_off_by_more(capsys):
    arguments = ["simulate", "outage.toml", "--summary-only", "--duration", "300"]
    assert run([*arguments, "--replications", "2"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "0.05 % at most; the ends of their intervals may be by more." in said
