"""``simqueue validate`` from end to end: a real run, the model's, and what is left afterwards."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import missing
from redis_servers import find_redis

from simqueue.cli import run
from simqueue.record.reading import read_log
from simqueue.validation.node.installed import NodeBullMQ
from simqueue.workload.production import MEASURED_NODE

SMALL = """
name = "small"
seed = 5
duration_s = 20
[workers]
count = 2
concurrency = 2
[arrivals.order]
rate_per_s = 2
[queues.order]
service = { distribution = "exponential", mean_s = 0.8 }
backoff = { delay_ms = 400 }
failure_rate = 0.2
[queues.email]
service = { distribution = "exponential", mean_s = 0.4 }
follow_up = { completed = ["my \'größe\' 1.5"] }
[queues."my \'größe\' 1.5"]
service = { distribution = "exponential", mean_s = 0.4 }
"""
#: A name that is none of the shop's, as people have them.
ODD = "my 'größe' 1.5"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    file = tmp_path / "small.toml"
    file.write_text(SMALL, encoding="utf-8")
    return file


@pytest.fixture(autouse=True)
def no_redis_of_mine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUEUE_REDIS_URL", raising=False)


def ask(
    capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0
) -> tuple[dict[str, Any], str]:
    """Run a command with ``--json``: its one document, and what it said beside."""
    assert run([*map(str, arguments), "--json"]) == code
    captured = capsys.readouterr()
    document: dict[str, Any] = json.loads(captured.out)
    return document, captured.err


#: What a busy machine cannot exceed.
LENIENT = "1000000%"


def test_a_program_reads_one_document(
    small: Path, tmp_path: Path, redis_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log, plot = tmp_path / "real.csv.gz", tmp_path / "both.png"

    document, said = ask(
        capsys, "validate", small, "--speed", 10, "--redis", redis_url, "--tolerance", LENIENT,
        "--real-log", log, "--plot", plot,
    )  # fmt: skip

    assert document["schema"] == 1
    assert document["scenario"] == "small"
    assert document["redis"] == "given"
    assert document["speed"] == 10
    assert document["versions"].keys() == {"bullmq", "redis"}
    assert document["overhead"]["pickup_s"] > 0
    assert document["exceeded"] == []
    assert document["differing"] == []
    assert any("10 times the speed" in warning for warning in document["warnings"])
    assert document["queues"].keys() == {"order", "email", ODD}
    assert "the Redis" in said
    frame = read_log(log).frame()
    assert frame.job_id.nunique() == document["jobs"]
    assert set(frame.queue) == {"order", "email", ODD}
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_nodes_workers_are_the_real_side(
    node_bullmq: NodeBullMQ,
    small: Path,
    redis_url: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are found where we are; the model takes the cost that was measured with them."""
    monkeypatch.chdir(node_bullmq.modules.parent)
    document, _ = ask(
        capsys, "validate", small, "--client", "node", "--speed", 10, "--redis", redis_url,
        "--tolerance", LENIENT,
    )  # fmt: skip

    assert document["versions"]["bullmq"] == node_bullmq.version
    assert document["versions"]["node"] == node_bullmq.node
    assert document["overhead"] == MEASURED_NODE.model_dump()
    assert document["differing"] == []


def test_a_person_reads_a_comparison_and_scripts_an_exit_code(
    small: Path, redis_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUEUE_REDIS_URL", redis_url)
    code = run(
        [
            *("validate", str(small), "--speed", "20", "--tolerance", "wait.mean=0%"),
            *("--workers", "1", "--concurrency", "3", "--set", "bullmq.overhead=none"),
        ]
    )
    said = capsys.readouterr().out

    assert code == 1
    assert said.startswith("small: 1 worker x 3 slots per queue, seed 5\nReal: BullMQ ")
    assert "order queue" in said
    assert "Out of tolerance: order: wait.mean" in said
    assert "Note: At 20 times the speed" in said


def test_without_any_redis_fakeredis_does_it(
    small: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All workers are in this process then; the jobs fare as they do in the model."""
    monkeypatch.setenv("PATH", "/nowhere")
    log = tmp_path / "real.csv"

    document, said = ask(
        capsys, "validate", small, "--duration", 10, "--speed", 5, "--seed", 6,
        "--tolerance", LENIENT, "--real-log", log,
    )  # fmt: skip

    assert "fakeredis" in said
    assert document["redis"] == "embedded"
    assert document["seed"] == 6
    assert document["differing"] == []
    assert any("one process" in warning for warning in document["warnings"])
    assert set(read_log(log).frame().worker) == {"0", "1"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing.toml"], "nothing.toml: cannot read"),
        (["--speed", "0"], "--speed 0.0: expected a number above 0"),
        (["--speed", "nan"], "--speed nan"),
        (["--tolerance", "much"], "tolerance 'much'"),
        (["--tolerance", "wait.p50=x"], "tolerance 'wait.p50=x'"),
        (["--set", "mode=in-process"], "mode: validate runs BullMQ"),
        (["--set", "arrivals.order.client={timeout_s=1}"], "arrivals.order.client"),
        (["--workers", "0"], "--workers 0"),
        (["--redis", "redis://127.0.0.1:1/0"], "--redis redis://127.0.0.1:1/0: no Redis answers"),
        (["--set", 'queues."a:b"={}'], "queue a:b: BullMQ has no such queue"),
        (["--redis", "nonsense"], "--redis nonsense: not a Redis URL"),
        (["--client", "ruby"], "--client ruby: bullmq.client"),
        (["--node-modules", "."], "--node-modules: it is for the workers of --client node"),
        (["--client", "node", "--node-modules", "/nowhere"], "/nowhere: there is no bullmq"),
        (["--real-log", "/nowhere/x.csv"], "there is no folder"),
        (["--plot", "x.pdf"], "ends in .png"),
        (
            ["--redis", "embedded://", "--set", "workers.crashes=[{at_s=1,down_s=1}]"],
            "workers.crashes: with fakeredis",
        ),
    ],
)
def test_bad_input_ends_with_one_line(
    arguments: list[str],
    words: str,
    small: Path,
    impatient: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = [] if arguments == ["nothing.toml"] else [str(small)]

    assert run(["validate", *file, *arguments]) == 2
    captured = capsys.readouterr()

    assert captured.out == ""
    assert captured.err.splitlines()[-1].startswith("error: ")
    assert words in captured.err


@pytest.mark.parametrize(
    ("arguments", "new"),
    [
        (["--log", "friday.csv"], "simqueue validate-log FILE.csv"),
        (["small.toml", "--json", "--log=friday.csv"], "simqueue validate-log FILE.csv"),
        (["--measure-overhead"], "simqueue measure-overhead"),
    ],
)
def test_an_old_spelling_names_the_new_one(
    arguments: list[str], new: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["validate", *arguments]) == 2
    said = capsys.readouterr().err

    assert said.endswith(f"it is a command of its own now: {new}\n")
    assert said.count("\n") == 1
    assert run([new.split()[1], "--help"]) == 0


@pytest.mark.parametrize("client", ["python", "node"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_nothing_is_left(
    number: signal.Signals, client: str, small: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if not find_redis():
        missing("redis-server")
    told = ["--client", client]
    if client == "node":
        told += ["--node-modules", str(request.getfixturevalue("node_modules"))]
    folder = tmp_path / "temporary"
    folder.mkdir()
    log = tmp_path / "real.csv"
    process = subprocess.Popen(
        [sys.executable, "-m", "simqueue", "validate", str(small), "--real-log", str(log), *told],
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        until = time.monotonic() + 60
        while not has_events(folder) and time.monotonic() < until:
            time.sleep(0.05)
        assert len(processes_in(folder)) >= 3 or not Path("/proc").exists()
        process.send_signal(number)
        out, err = process.communicate(timeout=100)
    finally:
        process.kill()

    assert process.returncode == 130, err
    assert out == ""
    assert "interrupted" in err
    assert "Traceback" not in err
    assert len(read_log(log)) > 0
    assert list(folder.iterdir()) == []
    assert processes_in(folder) == []


def has_events(folder: Path) -> bool:
    return any(file.stat().st_size for file in folder.glob("*/*.events/*.jsonl"))


def processes_in(folder: Path) -> list[str]:
    """Processes that have to do with a folder: by where they are, or what they were called with."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_text().split("\0")
            where = (process / "cwd").readlink()
        except OSError:
            continue
        if any(str(folder) in text for text in (*words, str(where))):
            found.append(" ".join(words))
    return found


def test_a_log_takes_the_place_of_the_real_run(
    tmp_path: Path, small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the model wrote, the model repeats: no error but the pick-ups that it adds."""
    log = tmp_path / "run.csv.gz"
    assert run(["simulate", str(small), "--duration", "200", "--log", str(log)]) == 0
    capsys.readouterr()
    document, _ = ask(capsys, "validate-log", log)

    assert document["log"] == str(log)
    assert document["scenario"] == "run.csv.gz"
    assert document["slots"]["order"] == {"workers": 2, "concurrency": 2}
    assert document["left_out"] == 0
    assert document["queues"].keys() == {"order", "email", ODD}
    assert document["queues"]["order"]["figures"]["attempts"]["difference"] == 0

    plot = tmp_path / "both.png"
    told = ["--workers", "3", "--plot", str(plot), "--tolerance", LENIENT]
    assert run(["validate-log", str(log), *told]) == 0
    said = capsys.readouterr().out
    assert said.startswith("run.csv.gz: the real run, and its own arrivals, times and failures")
    assert f"{ODD}: 3 worker(s) x " in said
    assert plot.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none.csv"], "none.csv: cannot read the attempt log"),
        (["bad.csv"], "bad.csv: row 1, column queue: 'x\\ty' is no queue's name"),
        (["good.csv", "--workers", "0"], "workers.count"),
        (["good.csv", "--tolerance", "much"], "tolerance 'much'"),
        (["good.csv", "--plot", "x.pdf"], "ends in .png"),
    ],
)
def test_a_log_that_cannot_be_used_is_one_line(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    small: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["simulate", str(small), "--log", "good.csv"]) == 0
    text = Path("good.csv").read_text(encoding="utf-8").replace("order,", "x\ty,")
    Path("bad.csv").write_text(text, encoding="utf-8")
    capsys.readouterr()

    assert run(["validate-log", *arguments]) == 2
    said = capsys.readouterr()
    assert words in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""
