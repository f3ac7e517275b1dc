"""Node's workers as the real side: what is installed, what they are told, and that they do it."""

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from node_packages import as_bullmq
from redis_servers import RedisServer

from simqueue.errors import InputError
from simqueue.record.attempt_log import AttemptLog
from simqueue.validation.node import program
from simqueue.validation.node.installed import HERE, NodeBullMQ, find_bullmq
from simqueue.validation.node.plan import plan_of
from simqueue.validation.real import run_real
from simqueue.validation.runnable import check_server
from simqueue.validation.server import Server
from simqueue.workload.reading import build_scenario
from simqueue.workload.workload import Workload

# ---- what is installed


def installed(folder: Path, **package: Any) -> Path:
    """A folder ``node_modules`` with a bullmq that is none."""
    bullmq = folder / "node_modules" / "bullmq"
    bullmq.mkdir(parents=True)
    (bullmq / "package.json").write_text(json.dumps({"main": "index.js", **package}))
    return bullmq.parent


def test_what_is_installed_where_we_are_is_found(
    node_bullmq: NodeBullMQ, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(node_bullmq.modules.parent)

    found = find_bullmq()
    assert found == node_bullmq
    assert found.words == f"bullmq {node_bullmq.version} with Node {node_bullmq.node}"


def test_a_folder_without_it_says_what_to_install(
    tmp_path: Path, node_modules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(InputError, match=r"there is no bullmq; npm install bullmq@6 ioredis"):
        find_bullmq()
    with pytest.raises(InputError, match=r"--node-modules here: there is no bullmq"):
        find_bullmq(Path("here"))


def test_what_cannot_be_loaded_says_why(tmp_path: Path, node_modules: Path) -> None:
    """As version 6 is without ioredis, which npm does not install by itself."""
    modules = installed(tmp_path, version="6.7.0")
    (modules / "bullmq" / "index.js").write_text('require("ioredis");')

    with pytest.raises(InputError, match=r"cannot load bullmq: .*'ioredis'.*npm install"):
        find_bullmq(modules)


def test_another_version_is_refused(node_modules: Path) -> None:
    with pytest.raises(InputError, match=r"bullmq 4\.18\.3: expected version 5 or 6"):
        find_bullmq(as_bullmq(node_modules, "bullmq-4"))


def test_without_node_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(InputError, match=r"there is no program node; install Node\.js"):
        find_bullmq()


def test_fakeredis_is_out_of_its_reach() -> None:
    scenario = build_scenario({**TABLE, "bullmq": {"client": "node"}})

    with pytest.raises(InputError, match="install redis-server, or name a Redis with --redis"):
        check_server(scenario, Server("embedded://", "2", "embedded", "x"))


# ---- what they are told

TABLE: dict[str, Any] = {
    "seed": 3,
    "duration_s": 1,
    "workers": {"count": 1, "concurrency": 4},
    "arrivals": {"order": {"interval_s": 0.05}},
    "queues": {
        "order": {
            "attempts": 3,
            "backoff": {"delay_ms": 50},
            "service": {"distribution": "exponential", "mean_s": 0.02},
            "follow_up": {"failed": ["letter"]},
        },
        "letter": {},
    },
}


def workload(**order: Any) -> Workload:
    queues = {**TABLE["queues"], "order": {**TABLE["queues"]["order"], **order}}
    return Workload(build_scenario({**TABLE, "queues": queues}))


def test_the_plan_says_of_each_attempt_what_the_workload_does() -> None:
    some = workload(failure_rate=0.4)
    order, letter = plan_of(some)["kinds"]

    assert (order["queue"], letter["queue"]) == ("order", "letter")
    assert order["ids"][:2] == ["order-1", "order-2"]
    assert letter["flows"] == order["flows"] == order["ids"]
    assert (order["completed"], order["failed"]) == ([], [1])
    assert order["options"]["backoff"] == {"type": "exponential", "delay": 50}
    assert "jobId" not in order["options"]
    for number, attempt in enumerate(order["attempts"], start=1):
        drawn = some.attempts(0, number)
        assert attempt["io_s"] == drawn.io_s.tolist()
        assert attempt["fails"] == drawn.fails.tolist()
    waits = [attempt["wait_ms"] and attempt["wait_ms"][0] for attempt in order["attempts"]]
    assert waits == [50, 100, None]


@pytest.mark.parametrize(
    ("order", "attempts"),
    [
        ({"failure_rate": 0.0}, 1),
        ({"failure_rate": 1.0}, 3),
        # Whatever starts in an outage fails: that is not known beforehand.
        ({"failure_rate": 0.0, "outages": [[0.2, 0.4]]}, 3),
    ],
)
def test_the_plan_ends_with_the_last_attempt_that_can_be(
    order: dict[str, Any], attempts: int
) -> None:
    assert len(plan_of(workload(**order))["kinds"][0]["attempts"]) == attempts


@pytest.mark.parametrize(
    ("backoff", "told"),
    [
        ({"type": "fixed", "delay_ms": 50}, False),
        ({"delay_ms": 50, "jitter": 0.5}, True),
        ({"delay_ms": 50, "max_ms": 60}, True),
    ],
)
def test_bullmqs_own_backoff_is_relied_on_where_it_is_the_same(
    backoff: dict[str, Any], told: bool
) -> None:
    assert plan_of(workload(backoff=backoff))["kinds"][0]["says_wait"] is told


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("redis://h", {"host": "h", "port": 6379, "db": 0}),
        ("redis://h:1/3", {"host": "h", "port": 1, "db": 3}),
        ("redis://h/?db=4", {"host": "h", "port": 6379, "db": 4}),
        ("redis://[::1]:7/0", {"host": "::1", "port": 7, "db": 0}),
        ("rediss://:p%40ss@h:1", {"host": "h", "port": 1, "db": 0, "password": "p@ss", "tls": {}}),
        ("redis://me:x@h", {"host": "h", "port": 6379, "db": 0, "username": "me", "password": "x"}),
        ("unix:///run/r%20.sock?db=2", {"path": "/run/r .sock", "db": 2}),
    ],
)
def test_a_url_means_what_it_does_for_python(
    url: str, options: dict[str, Any], node_modules: Path
) -> None:
    asked = (
        f"import {{ connectionOf }} from {json.dumps((HERE / 'redis_url.mjs').as_uri())};"
        f"console.log(JSON.stringify(connectionOf({json.dumps(url)})));"
    )
    said = subprocess.run(
        ["node", "--input-type=module", "--eval", asked],
        capture_output=True, text=True, check=True, timeout=60,
    ).stdout  # fmt: skip

    assert json.loads(said) == {**options, "maxRetriesPerRequest": None}


# ---- what they do


@pytest.fixture
def run(redis_server: RedisServer, node_bullmq: NodeBullMQ) -> Callable[[Workload], AttemptLog]:
    server = Server(redis_server.url, "7", "given", f"node-{time.monotonic_ns()}")
    return lambda workload: run_real(workload, server, node=node_bullmq).log


def test_what_fails_in_an_outage_is_tried_again_within_its_cap(
    run: Callable[[Workload], AttemptLog],
) -> None:
    """All that started before 0.5 fails; the waits of 50, 100, 200 ms are cut to 60."""
    some = workload(
        attempts=20, outages=[[0.0, 0.5]], backoff={"delay_ms": 50, "max_ms": 60}, failure_rate=0.0
    )
    frame = run(some).frame()

    assert set(frame["outcome"]) == {"retried", "completed"}
    retried = frame[frame["outcome"] == "retried"]
    assert retried["attempt"].max() > 3
    later = frame[frame["attempt"] > 2]
    before = frame.set_index(["job_id", "attempt"])["finished_s"]
    ended = [
        before[job, attempt - 1] for job, attempt in zip(later.job_id, later.attempt, strict=True)
    ]
    waits = later["started_s"].to_numpy() - np.array(ended)
    assert waits.min() > 0.055
    assert np.median(waits) < 0.12


def test_an_unrecoverable_failure_is_final_and_followed(
    run: Callable[[Workload], AttemptLog],
) -> None:
    some = workload(failure_rate=0.5, fatal_rate=1.0)
    frame = run(some).frame()
    orders = frame[frame["queue"] == "order"].set_index("job_id")

    assert orders.index.is_unique
    fails = some.attempts(0, 1).fails.tolist()
    assert sum(bool(one) for one in fails) > 3
    wanted = {some.job_id(some.kinds[0], n): bool(one) for n, one in enumerate(fails)}
    assert (orders["outcome"] == "failed").to_dict() == wanted
    assert set(frame.loc[frame["queue"] == "letter", "parent_id"]) == {
        job for job, failed in wanted.items() if failed
    }


def test_options_of_bullmqs_worker_are_handed_on(
    run: Callable[[Workload], AttemptLog], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limiter of two in 0.3 s: a window begins with a start, and holds no third."""
    options = program.node_options
    monkeypatch.setattr(
        program,
        "node_options",
        lambda *asked: {**options(*asked), "limiter": {"max": 2, "duration": 300}},
    )
    some = Workload(build_scenario({**TABLE, "duration_s": 0.42}))
    started = np.sort(run(some).frame()["started_s"])

    assert len(started) == 8
    assert (started[2:] - started[:-2]).min() > 0.25


def test_processes_share_a_queue_and_a_process_its_event_loop(
    redis_server: RedisServer, node_bullmq: NodeBullMQ
) -> None:
    """Two queues of one process compute one after the other; another process does so beside."""
    table = {
        "duration_s": 0.35,
        "arrivals": {"a": {"interval_s": 0.1}, "b": {"interval_s": 0.1}},
        "queues": {
            name: {"cpu": {"distribution": "constant", "mean_s": 0.05}} for name in ("a", "b")
        },
        "workers": {"count": 1, "concurrency": 2},
    }
    server = Server(redis_server.url, "7", "given", f"node-{time.monotonic_ns()}")
    alone = run_real(Workload(build_scenario(table)), server, node=node_bullmq).log.frame()
    ended = np.sort(alone["finished_s"])

    assert len(ended) == 6
    assert np.diff(ended).min() > 0.049
    two = build_scenario({**table, "workers": {"count": 2, "concurrency": 2}})
    beside = replace(server, prefix=f"{server.prefix}-two")
    both = run_real(Workload(two), beside, node=node_bullmq).log.frame()
    assert set(both["worker"]) == {"0", "1"}
