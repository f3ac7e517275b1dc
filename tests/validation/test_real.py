"""A workload on the real queue: every job as the workload's draws say, kills included."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from node_packages import as_bullmq, newest
from redis_servers import RedisServer

from simqueue.errors import SimqueueError
from simqueue.validation.both import Validation, validate, with_measured_cost
from simqueue.validation.fleet import Program
from simqueue.validation.node.installed import MAJORS
from simqueue.validation.real import run_real
from simqueue.validation.scripted_worker import Begin
from simqueue.validation.server import Server, open_server
from simqueue.workload.attempts import COMPLETES, FATAL
from simqueue.workload.reading import build_scenario
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Outcome, Workload

TINY: dict[str, Any] = {
    "name": "tiny",
    "seed": 3,
    "duration_s": 2.5,
    "workers": {"count": 2, "concurrency": 3},
    "arrivals": {
        "order": {"rate_per_s": 16},
        "payment": {
            "follows": "order",
            "think": {"distribution": "exponential", "mean_s": 0.3},
        },
    },
    "queues": {
        "order": {
            "service": {"distribution": "exponential", "mean_s": 0.1},
            "cpu": {"distribution": "constant", "mean_s": 0.002},
            "failure_rate": 0.3,
            "backoff": {"delay_ms": 60, "jitter": 1.0},
        },
        "payment": {"failure_rate": 0.3, "attempts": 2, "backoff": {"delay_ms": 40}},
        "email": {"service": {"distribution": "exponential", "mean_s": 0.05}},
    },
}
#: Fatal failures, time-outs, failures with a time of their own, attempts that hang, and a gateway
#: with places for everybody.
RULES: dict[str, Any] = {
    "name": "rules",
    "seed": 5,
    "duration_s": 2.5,
    "workers": {"count": 2, "concurrency": 20},
    "arrivals": {"q": {"rate_per_s": 16}},
    "queues": {
        "q": {
            "service": {"distribution": "exponential", "mean_s": 0.2},
            "attempts": 4,
            "backoff": {"type": "list", "delays_ms": [50, 120], "jitter": 0.5, "min_ms": 40},
            "failure_rate": 0.4,
            "fatal_rate": 0.3,
            "failure_service": {"distribution": "constant", "mean_s": 0.03},
            "timeout_s": 0.3,
            "downstream": "gateway",
        }
    },
    "downstreams": {"gateway": {"places": 1000}},
}
#: Worker 1 is told to end and comes back; then worker 0 is killed, and comes back.
CRASH: dict[str, Any] = {
    "name": "crash",
    "seed": 2,
    "duration_s": 3,
    "workers": {
        "count": 2,
        "concurrency": 2,
        "crashes": [
            {"at_s": 0.8, "down_s": 0.85, "worker": 1, "drain": True},
            {"at_s": 1.7, "down_s": 0.8, "worker": 0},
        ],
    },
    "arrivals": {"order": {"rate_per_s": 9}},
    "queues": {"order": {"service": {"distribution": "constant", "mean_s": 0.5}}},
    "bullmq": {"lock_duration_s": 1.5, "stalled_interval_s": 1.5},
}
#: How late a busy machine may be, seconds.
SLACK_S = 0.5
#: BullMQ stamps whole milliseconds.
STAMP_S = 0.002


@pytest.fixture(scope="module")
def server(redis_server: RedisServer) -> Iterator[Server]:
    with open_server(redis_server.url) as opened:
        yield opened


def fresh(server: Server, name: str) -> Server:
    """The same Redis under a prefix of its own: a job's id may be used once."""
    return replace(server, prefix=f"{server.prefix}:{name}")


def scenario_of(table: dict[str, Any], **changes: Any) -> Scenario:
    return with_measured_cost(build_scenario({**table, **changes}))


@pytest.fixture(scope="module", params=["python", *MAJORS])
def run_by(request: pytest.FixtureRequest, server: Server) -> Callable[..., Validation]:
    """Runs a scenario with the workers of one language and version."""
    client, modules = "python", None
    if request.param != "python":
        node_modules: Path = request.getfixturevalue("node_modules")
        client, modules = "node", as_bullmq(node_modules, newest(request.param))

    def run(table: dict[str, Any], name: str) -> Validation:
        scenario = scenario_of({**table, "bullmq": {**table.get("bullmq", {}), "client": client}})
        return validate(scenario, fresh(server, f"{name}-{request.param}"), node_modules=modules)

    return run


@pytest.fixture(scope="module")
def tiny(run_by: Callable[..., Validation]) -> Validation:
    return run_by(TINY, "tiny")


def expected_fates(workload: Workload) -> dict[str, tuple[str, int]]:
    """Outcome and attempts of each job, from the draws alone."""
    found: dict[str, tuple[str, int]] = {}
    todo = [
        (workload.kinds[kind], number)
        for kind, number in zip(*(part.tolist() for part in workload.arrivals[1:]), strict=True)
    ]
    while todo:
        kind, number = todo.pop()
        allowed = workload.scenario.queues[kind.queue].attempts
        fails = [workload.attempts(kind.number, k).fails[number] for k in range(1, allowed + 1)]
        last = next((k for k, how in enumerate(fails) if how in (COMPLETES, FATAL)), allowed - 1)
        outcome: Outcome = "failed" if fails[last] else "completed"
        attempts = last + 1
        found[workload.job_id(kind, number)] = (outcome, attempts)
        todo += [(child, number) for child in workload.follow_ups(kind.number, outcome)]
    return found


def fates(frame: pd.DataFrame) -> dict[str, tuple[str, int]]:
    last = frame.sort_values(["attempt", "run"]).groupby("job_id").last()
    return {
        job: (str(outcome), int(attempt))
        for job, outcome, attempt in zip(last.index, last.outcome, last.attempt, strict=True)
    }


def test_every_job_fares_as_the_draws_say(tiny: Validation) -> None:
    expected = expected_fates(Workload(tiny.scenario))

    assert len(expected) > 100
    assert {outcome for outcome, _ in expected.values()} == {"completed", "failed"}
    assert fates(tiny.real.log.frame()) == expected
    assert tiny.comparison.differing == ()


def test_times_are_seconds_of_the_workload(tiny: Validation) -> None:
    frame = tiny.real.log.frame()
    workload = Workload(tiny.scenario)
    planned = {
        workload.job_id(workload.kinds[kind], number): time
        for time, kind, number in zip(*(part.tolist() for part in workload.arrivals), strict=True)
    }
    roots = frame[(frame.parent_id == "") & (frame.attempt == 1)]
    late = roots.enqueued_s - roots.job_id.map(planned)

    assert late.min() > -0.001
    # What came late is said, and by how much.
    assert (late > 0.006).sum() <= len(tiny.real.late_s)
    assert np.median(late) < 0.001
    assert (frame.started_s >= frame.ready_s).all()
    assert (frame.finished_s >= frame.started_s).all()
    assert tiny.real.log.engine == "bullmq"
    assert set(frame.worker) == {"0", "1"}
    assert set(frame.slot) == {0, 1, 2}


def test_handlers_take_their_time_and_backoffs_the_jitter_of_the_workload(tiny: Validation) -> None:
    frame, workload = tiny.real.log.frame(), Workload(tiny.scenario)
    kinds = {kind.name: kind.number for kind in workload.kinds}
    for row in frame.itertuples():
        kind, number = kinds[row.name], int(row.flow.rpartition("-")[2]) - 1
        drawn = workload.attempts(kind, row.attempt)
        took = row.finished_s - row.started_s - drawn.cpu_s[number] - drawn.io_s[number]
        assert -0.002 < took < SLACK_S, row
        if row.outcome == "retried":
            wait = workload.waits_s(kind, row.attempt)[number]
            again = frame[(frame.job_id == row.job_id) & (frame.attempt == row.attempt + 1)]
            assert again.ready_s.item() - row.finished_s == pytest.approx(wait, abs=0.005)


def test_a_run_without_jobs_has_an_empty_log(server: Server) -> None:
    arrivals = {"order": {"interval_s": 5}}
    empty = scenario_of(TINY, arrivals=arrivals, duration_s=0.5, workers={"count": 1})
    run = run_real(Workload(empty), fresh(server, "empty"))

    assert len(run.log) == 0


@pytest.fixture(scope="module")
def crash(run_by: Callable[..., Validation]) -> Validation:
    return run_by(CRASH, "crash")


def test_a_killed_workers_jobs_are_run_again(crash: Validation) -> None:
    frame = crash.real.log.frame()
    stalled = frame[frame.outcome == "stalled"]
    again = frame[frame.run == 2]

    assert len(stalled) == 2
    assert set(stalled.worker) == {"0"}
    assert set(again.job_id) == set(stalled.job_id)
    assert set(again.attempt) == {1}
    assert set(again.outcome) == {"completed"}
    assert fates(frame).keys() == expected_fates(Workload(crash.scenario)).keys()
    assert crash.comparison.unexplained == []


def test_the_successor_is_up_when_the_scenario_says(crash: Validation) -> None:
    frame = crash.real.log.frame()
    his = frame[frame.worker == "0"].started_s

    assert not ((his > 1.7) & (his < 2.5)).any()
    # Jobs wait: he takes one at once.
    assert his[his >= 2.5].min() == pytest.approx(2.5, abs=SLACK_S)
    assert set(frame.worker) == {"0", "1"}


def test_a_worker_that_is_told_to_end_leaves_nothing_behind(crash: Validation) -> None:
    """SIGTERM instead of a kill: no job stalls, and the successor is up when it should be."""
    frame = crash.real.log.frame()
    his = frame[frame.worker == "1"]

    assert (his.outcome == "completed").all()
    assert (his.started_s < 0.8).any()
    assert not his.started_s.between(0.8 + SLACK_S, 1.65 - 0.001).any()
    assert (his.started_s > 1.65).any()


def test_a_worker_that_dies_by_itself_is_an_error(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = Program.begin

    def begin_and_die(program: Program, word: Begin) -> None:
        begin(program, word)
        program.kill()

    monkeypatch.setattr(Program, "begin", begin_and_die)

    with pytest.raises(SimqueueError, match=r"worker [01] ended by itself with code -9"):
        run_real(Workload(scenario_of(TINY)), fresh(server, "dies"))


def test_a_redis_that_goes_away_is_an_error(
    redis_server: RedisServer, impatient: None, caplog: pytest.LogCaptureFixture
) -> None:
    own = RedisServer()
    gone = False

    def look(seconds: float) -> None:
        nonlocal gone
        if seconds > 0.3 and not gone:
            gone = True
            own.kill()

    def run() -> None:
        with open_server(own.url) as mine:
            run_real(Workload(scenario_of(TINY, duration_s=60)), mine, look)

    try:
        with pytest.raises(SimqueueError, match="Redis at "):
            run()
    finally:
        own.stop()
    assert gone
    assert "may be left in the Redis" in caplog.text


def test_a_worker_that_cannot_start_says_why(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setenv("PYTHONHOME", "/nowhere")

    with pytest.raises(SimqueueError, match=r"worker [01] did not start: .*\w+"):
        run_real(Workload(scenario_of(TINY)), fresh(server, "start"))


def test_a_run_that_cannot_end_says_so(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simqueue.validation.real._PATIENCE_S", 1.0)
    monkeypatch.setattr("simqueue.validation.real._longest_pause_s", lambda _: 0.0)
    endless = {"service": {"distribution": "constant", "mean_s": 60.0}, "follow_up": {}}
    scenario = scenario_of(
        TINY,
        duration_s=1,
        arrivals={"order": {"interval_s": 0.5}},
        queues={"order": endless},
    )

    with pytest.raises(SimqueueError, match="cannot end: nothing has happened to its last 1 job"):
        run_real(Workload(scenario), fresh(server, "endless"))


def test_a_faster_run_says_what_that_makes_worse(tiny: Validation) -> None:
    assert any("10 times the speed" in note for note in tiny.notes(10.0))
    assert not any("times the speed" in note for note in tiny.notes())


def test_the_real_workers_have_the_slots_of_each_queue(server: Server) -> None:
    """As many orders at work as a worker has slots for them, and never more."""
    slots = {"order": 3, "payment": 2, "email": 1}
    table = {**TINY, "duration_s": 1, "workers": {"count": 1, "concurrency": slots}}
    rows = run_real(Workload(build_scenario(table)), fresh(server, "by-queue")).log.frame()

    used = rows.groupby("queue", observed=True)["slot"].max()
    assert used["order"] == 2
    assert all(used[queue] < slots[queue] for queue in used.index)


def test_real_workers_do_what_the_rules_of_attempts_say(server: Server) -> None:
    """Each job's fate follows from the draws; a cut is a cut, and hanging holds a slot."""
    run = validate(scenario_of(RULES), fresh(server, "rules"))
    workload = Workload(run.scenario)
    frame = run.real.log.frame()

    assert fates(frame) == expected_fates(workload)
    assert fates(run.model.frame()) == expected_fates(workload)
    took = frame["finished_s"] - frame["started_s"]
    drawn = {
        (workload.job_id(workload.kinds[0], number), attempt): io_s
        for attempt in range(1, 5)
        for number, io_s in enumerate(workload.attempts(0, attempt).io_s)
    }
    least = [drawn[key] for key in zip(frame["job_id"], frame["attempt"], strict=True)]
    assert (took >= np.array(least) - STAMP_S).all()
    assert took.max() < 0.3 + SLACK_S, "no attempt lasts longer than its time-out"
    early = frame[(frame["outcome"] == "failed") & (frame["attempt"] < 4)]
    assert len(early) > 3, "no failure was fatal: nothing was tested"


def test_real_workers_hang_in_an_outage_of_the_scenario(server: Server) -> None:
    outage = {"from_s": 0.0, "to_s": 100.0, "attempt_takes_s": 0.7}
    queue = {"attempts": 1, "outages": [outage]}
    scenario = scenario_of(RULES, queues={"q": queue}, duration_s=1)
    frame = validate(scenario, fresh(server, "hang")).real.log.frame()

    assert set(frame["outcome"]) == {"failed"}
    took = frame["finished_s"] - frame["started_s"]
    assert took.between(0.69, 0.7 + SLACK_S).all()


def test_real_workers_share_the_places_of_a_gateway(server: Server) -> None:
    """Two processes, two places: never are more than two io parts of 0.2 s in work."""
    queue = {"service": {"distribution": "constant", "mean_s": 0.2}, "downstream": "gateway"}
    scenario = scenario_of(
        RULES,
        queues={"q": queue},
        duration_s=1.5,
        downstreams={"gateway": {"places": 2, "when_full": "wait"}},
    )
    frame = validate(scenario, fresh(server, "places")).real.log.frame()

    assert set(frame["outcome"]) == {"completed"}
    assert set(frame["worker"]) == {"0", "1"}
    lasts = frame["finished_s"].max() - frame["started_s"].min()
    assert lasts >= len(frame) / 2 * 0.2 - 0.01
