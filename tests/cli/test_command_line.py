"""The command line from end to end: what scripts and people rely on."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import simqueue as sq
from simqueue.cli import run
from simqueue.record.reading import read_log

SMALL = """
name = "small"
seed = 5
duration_s = 200
[arrivals.order]
rate_per_s = 2
[arrivals.payment]
follows = "order"
think = { distribution = "exponential", mean_s = 5 }
[queues.order]
service = { distribution = "exponential", mean_s = 1.5 }
failure_rate = 0.1
[queues.payment]
service = { distribution = "lognormal", mean_s = 0.5, cv = 1.2 }
[queues.email]
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    file = tmp_path / "small.toml"
    file.write_text(SMALL)
    return file


def ask(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    """Run a command with ``--json``: its one document."""
    assert run([*map(str, arguments), "--json"]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def refuse(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Run a command that must refuse: its one line."""
    assert run([*map(str, arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1, captured.err
    assert captured.err.startswith("error: ")
    return captured.err


QUEUE_FIELDS = {
    *(
        "arrived",
        "completed",
        "failed",
        "refused",
        "lost",
        "unfinished",
        "attempts",
        "attempts_per_job",
        "throughput_per_s",
    ),
    *("utilisation", "queue_length", "delayed", "wait_s", "response_s", "theory"),
    *("failed_per_run", "failed_per_run_ci95", "throughput_per_s_ci95", "utilisation_ci95"),
}
TIMES = {"mean", "p50", "p95", "p99", "max", "ci95", "p50_ci95", "p95_ci95", "p99_ci95"}


def test_json_keeps_the_contract(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = ask(capsys, "simulate", small, "--replications", 3)

    assert result["schema"] == 1
    assert (result["scenario"], result["engine"], result["mode"]) == (
        "small",
        "simpy",
        "bull-queue",
    )
    assert (result["seed"], result["replications"], result["warnings"]) == (5, 3, [])
    assert result["simulated_s"] > 600
    assert result["wall_s"] > 0
    assert set(result["queues"]) == {"order", "payment", "email"}
    for queue in result["queues"].values():
        assert set(queue) == QUEUE_FIELDS
        assert set(queue["wait_s"]) == TIMES
        low, high = queue["wait_s"]["ci95"]
        assert low <= queue["wait_s"]["mean"] <= high
        assert queue["arrived"] == queue["completed"] + queue["failed"]
    order, payment = result["queues"]["order"], result["queues"]["payment"]
    assert order["theory"]["model"] == "M/M/5"
    assert payment["theory"] is None  # lognormal on five slots: no formula holds
    for law in result["littles_law"].values():
        assert law["relative_error"] < 1e-9


def test_one_seed_fixes_every_result(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, again = (ask(capsys, "simulate", small)["queues"] for _ in range(2))
    other = ask(capsys, "simulate", small, "--seed", 6)["queues"]

    assert first == again
    assert first != other


def test_a_person_reads_a_table_and_a_verdict(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["simulate", str(small), "--concurrency", "2"]) == 0
    out = capsys.readouterr().out

    assert "small: 1 worker x 2 slots per queue, seed 5" in out
    assert "The order queue needs" in out.replace("\n", " ")
    assert "no steady state: the order queue" in out.replace("\n", " ")


def test_the_log_holds_every_attempt(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "log.csv.gz"
    result = ask(capsys, "simulate", small, "--log", file, "--replications", 2)

    log = read_log(file)
    assert log.engine == "simpy"
    assert set(log.rows["replication"].tolist()) == {0, 1}
    frame = log.frame()
    for name, queue in result["queues"].items():
        # The summary leaves out what was enqueued in the drain; the log does not.
        mine = frame[(frame["queue"] == name) & (frame["enqueued_s"] < 200)]
        assert len(mine) == queue["attempts"]
        assert mine["job_id"].nunique() <= queue["arrived"]


def test_the_plot_is_a_picture_with_words(small: Path, tmp_path: Path) -> None:
    from PIL import Image

    file = tmp_path / "run.png"
    assert run(["simulate", str(small), "--plot", str(file)]) == 0

    with Image.open(file) as picture:
        assert picture.width > 800
        assert "order" in picture.info["Description"]


def test_flags_change_the_scenario(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    usual = ask(capsys, "simulate", small)
    more = ask(capsys, "simulate", small, "--workers", 3)
    training = ask(capsys, "simulate", small, "--mode", "in-process", "--duration", 50)
    busier = ask(capsys, "simulate", small, "--arrivals", 2.9, "--warmup", 20)

    assert more["queues"]["order"]["arrived"] == usual["queues"]["order"]["arrived"]
    assert more["queues"]["order"]["wait_s"]["mean"] < usual["queues"]["order"]["wait_s"]["mean"]
    assert training["mode"] == "in-process"
    assert training["queues"]["order"]["attempts_per_job"] == 1.0
    assert busier["queues"]["order"]["arrived"] > usual["queues"]["order"]["arrived"]


def test_a_file_of_ones_own_arrivals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As the README says: a CSV with a column placed_at is enough."""
    file = tmp_path / "mine.csv"
    file.write_text("placed_at\n" + "".join(f"2024-05-03T10:00:{s:02d}.5\n" for s in range(60)))

    result = ask(capsys, "simulate", "--arrivals", file)

    assert result["queues"]["order"]["arrived"] == 60


def test_a_name_is_text_wherever_it_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No markup of the terminal's, no formula of the plot's, no column of the log's."""
    names = ["[/red] $x^$", 'a,"b".c é']
    file, log = tmp_path / "odd.toml", tmp_path / "log.csv"
    queue = """
    [arrivals.'{0}']
    rate_per_s = 5
    [queues.'{0}']
    service = {{ distribution = "exponential", mean_s = 0.1 }}
    """
    start = f"name = '{names[0]}'\nduration_s = 20\n"
    file.write_text(start + "".join(map(queue.format, names)), encoding="utf-8")
    monkeypatch.setenv("FORCE_COLOR", "1")  # or else nobody is shown a progress bar
    assert run(["simulate", str(file), "--log", str(log), "--plot", str(tmp_path / "a.png")]) == 0
    said = capsys.readouterr()

    assert f"simulating {names[0]}" in said.err
    assert all(name in said.out for name in names)
    assert set(read_log(log).queues) == set(names)
    key = "queues.'a,\"b\".c é'.service.mean_s=0.2"
    changed = ask(capsys, "simulate", file, "--set", key)["queues"]
    assert changed[names[1]]["response_s"]["mean"] > 0.1
    plot = tmp_path / "b.png"
    assert run(["validate-log", str(log), "--tolerance", "1e9", "--plot", str(plot)]) == 0
    said = capsys.readouterr()
    assert all(name in said.out for name in names)


WRONG = [
    (["simulate", "none.toml"], "none.toml: cannot read the scenario"),
    (["simulate", "{small}", "--arrivals", "-3"], "--arrivals -3: arrivals.order.rate_per_s"),
    (["simulate", "{small}", "--arrivals", "nan"], "finite number"),
    (["simulate", "{small}", "--arrivals", "no.csv"], "neither a rate per second nor a file"),
    (["simulate", "{small}", "--concurrency", "0"], "--concurrency 0: workers.concurrency"),
    (["simulate", "{small}", "--workers", "two"], "'--workers'"),
    (["simulate", "{small}", "--replications", "0"], "'--replications'"),
    (["simulate", "{small}", "--warmup", "200"], "--warmup 200.0: warmup_s: 200 should be less"),
    (["simulate", "{small}", "--set", "queues.order.attempts=x"], "queues.order.attempts"),
    (["simulate", "{small}", "--set", "queues.order.tries=3"], "unknown key"),
    (["simulate", "{small}", "--log", "none/log.csv"], "there is no folder none"),
    (["simulate", "{small}", "--plot", "run.jpg"], "expected a name that ends in .png"),
    (["simulate", "{small}", "--log", "."], "is a folder"),
    (["simulate", "{small}", "--set", "seed=true"], "seed: should be a valid integer"),
    (["simulate", "{small}", "--set", "duration_s='5'"], "duration_s: should be a valid number"),
    (["simulate", "{small}", "--arrivals", "1e8"], "attempts are expected"),
    (["replay", "--log", "none/log.csv"], "there is no folder none"),
    (
        ["simulate", "--set", "arrivals.order.window=['2011-11-18', '2011-11-17']"],
        "should come after its start",
    ),
    (["simulate", "--sett", "x=1"], "No such option: --sett"),
    (["simulat"], "No such command 'simulat'"),
    (
        ["backoff", "--type", "linear", "--delay-ms", "5"],
        "--type linear: should be 'fixed', 'exponential' or 'list'",
    ),
    (["backoff", "--jitter", "2", "--delay-ms", "5"], "--jitter 2.0: should be less than or"),
    (["backoff", "--jitter", "0.5"], "--delay-ms: missing"),
    (["replay", "none.csv"], "none.csv"),
    (["replay", "--speed", "0"], "--speed 0.0: expected a number above 0"),
]


@pytest.mark.parametrize(("arguments", "said"), WRONG, ids=[said[:30] for _, said in WRONG])
def test_bad_input_is_one_line_and_exit_code_2(
    arguments: list[str], said: str, small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in refuse(capsys, *(part.replace("{small}", str(small)) for part in arguments))


def test_where_the_event_loop_is_the_limit_slots_are_no_advice(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    busy = ("--set", "queues.order.cpu={distribution='constant', mean_s=0.6}")
    one = ask(capsys, "simulate", small, *busy)
    two = ask(capsys, "simulate", small, *busy, "--workers", 4)

    assert "More slots would not help, more workers would" in one["verdicts"]["event loop"]
    assert one["queues"]["order"]["theory"] is None
    assert "event loop" not in two["verdicts"]


def test_backoff_as_json_keeps_the_contract(capsys: pytest.CaptureFixture[str]) -> None:
    tables = ask(capsys, "backoff")

    assert tables["order"] == {
        "attempts": 3,
        "retries": 2,
        "waits_s": [2.0, 4.0],
        "attempt_at_s": [0.0, 2.0, 6.0],
    }
    assert tables["email"]["attempt_at_s"] == [0.0, 1.0, 3.0, 7.0, 15.0]
    assert tables["payment"]["waits_s"] == [5.0, 5.0]


def test_backoff_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--type", "exponential", "--delay-ms", 3000, "--attempts", 8, "--jitter", 0.5)
    table = ask(capsys, "backoff", *arguments)["yours"]

    assert (table["waits_min_s"][6], table["waits_s"][6]) == (96.0, 192.0)
    assert run(["backoff", *map(str, arguments)]) == 0
    assert "96 to 192 s" in capsys.readouterr().out


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to have a shop in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORKER_MODE", "in-process")
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'shop.db'}")
    return tmp_path


def test_replay_places_real_orders(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = ask(capsys, "replay", "--limit", 40, "--log", "log.csv")

    assert result["placed"] == 40
    assert sum(result["order_status"].values()) == 40
    assert sum(result["payment_status"].values()) == 40
    processed = result["order_status"]["processing"]
    assert result["emails"]["order-confirmation"] == processed
    assert len(list((shop / "sent-emails").glob("*.eml"))) == sum(result["emails"].values())
    log = read_log(shop / "log.csv")
    assert log.engine == "in-process"
    assert len(log.of_queue("order")) == 40

    again = ask(capsys, "replay", "--limit", 40)
    assert (again["placed"], again["already_placed"]) == (0, 40)
    assert again["order_status"] == result["order_status"]


def test_replay_with_jobs_ignored(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORKER_MODE", "none")

    assert ask(capsys, "replay", "--limit", 5)["order_status"] == {"pending": 5}


def test_rejected_lines_are_all_named_and_none_is_half_done(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from simqueue.data import data_path

    file = data_path("orders_rejected.csv")
    lines = len(file.read_text().splitlines())

    assert run(["replay", str(file)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    *rows, last = said.err.splitlines()
    assert [row.split(": ")[0].rsplit(":", 1)[1] for row in rows] == [
        str(number) for number in range(2, lines + 1)
    ]
    assert "895 bad rows, named above; no order was placed" in last
    assert not (shop / "shop.db").exists()


@pytest.mark.parametrize("replications", [1, 50])
def test_ctrl_c_ends_a_long_run_cleanly(tmp_path: Path, small: Path, replications: int) -> None:
    """Interrupted while it works, the run says what it has, and leaves no traceback.

    Left alone, it would take most of a minute.
    """
    import pty

    seconds = 400_000 // replications
    arguments = ["simulate", str(small), "--replications", str(replications), "--json"]
    arguments += ["--duration", str(seconds)]
    # The progress bar is shown on a terminal only; beyond 3 % of 50 the first of them is kept.
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "simqueue", *arguments],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=theirs, text=True,
        env={**os.environ, "TERM": "xterm"},
    )  # fmt: skip
    os.close(theirs)
    try:
        seen = b""
        while not re.search(rb" ([4-9]|[1-9][0-9])%", seen):
            seen += os.read(ours, 4096)
        process.send_signal(signal.SIGINT)
        drain = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < drain:
            try:
                seen += os.read(ours, 4096)
            except OSError:  # the other end is closed: it has ended
                break
        out, _ = process.communicate(timeout=100)
    finally:
        process.kill()
        os.close(ours)

    assert process.returncode == 130
    assert b"Traceback" not in seen
    result = json.loads(out)
    assert "interrupted" in result["warnings"][0]
    assert result["queues"]["order"]["arrived"] > 0


@pytest.mark.parametrize("logged", [True, False])
def test_ctrl_c_while_summing_up_says_what_is_kept(
    tmp_path: Path,
    small: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    logged: bool,
) -> None:
    log = tmp_path / "friday.csv"

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("simqueue.experiments.run.Run.summary", interrupt)
    assert run(["simulate", str(small), *(["--log", str(log)] if logged else [])]) == 130

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("interrupted while the run was summed up: ")
    if logged:
        assert f"its attempts are kept in {log}" in captured.err
        monkeypatch.undo()
        assert len(read_log(log)) == len(sq.simulate(sq.read_scenario(small)).log)
    else:
        assert "nothing is kept" in captured.err


def test_ctrl_c_before_the_first_job_leaves_one_line(
    small: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("simqueue.experiments.run.Workload", interrupt)
    assert run(["simulate", str(small)]) == 130
    assert capsys.readouterr().err == "interrupted before there was anything to report\n"
