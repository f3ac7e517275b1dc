"""Whatever ends a command ends in one line and an exit code: bugs, full disks, old terminals."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from simqueue.cli import run

Capture = pytest.CaptureFixture[str]
BACKOFF = sys.modules["simqueue.cli.backoff"]


def shell(line: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a line of shell; ``simqueue`` stands for the command."""
    environment = {**os.environ, **variables}
    line = line.replace("simqueue", f"{sys.executable} -m simqueue")
    return subprocess.run(
        ["sh", "-c", line], env=environment, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize(
    "error",
    [
        KeyError("x"),
        RecursionError("maximum recursion depth exceeded"),
        ZeroDivisionError("division by zero"),
        ValueError("first\nsecond \x1b[2J redis://me:geheim@h 4111111111111111"),
        MemoryError(),
        OSError(28, "No space left on device"),
        PermissionError(13, "Permission denied", "/root/x"),
        AttributeError("x" * 100_000),
    ],
)
def test_an_error_that_nobody_foresaw_is_one_line(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr(BACKOFF, "timetable", broken)

    assert run(["backoff"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert len(said) < 2100
    assert "\x1b" not in said
    assert "geheim" not in said
    assert "4111" not in said


def test_who_wants_a_traceback_gets_one(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr(BACKOFF, "timetable", lambda *_: 1 / 0)
    monkeypatch.setenv("SIMQUEUE_TRACEBACK", "1")

    assert run(["backoff"]) == 1
    assert "Traceback (most recent call last)" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", ["simqueue backoff", "simqueue backoff --json", "simqueue --version",
                "simqueue --help", "simqueue simulate herd.toml --json"],
)  # fmt: skip
@pytest.mark.parametrize(
    ("where", "why"), [(">/dev/full", "No space left on device"), (">&-", "it is closed")]
)
def test_a_standard_output_that_takes_nothing(command: str, where: str, why: str) -> None:
    done = shell(f"{command} {where}")

    assert done.returncode == 1
    assert done.stderr == f"error: standard output: {why}\n"


def test_whoever_has_read_enough_is_not_complained_to() -> None:
    done = shell("(simqueue backoff; echo $? >&2) | head -c 1")
    assert done.stderr == "0\n"


@pytest.mark.parametrize("where", ["2>&-", "2>/dev/full", "<&-", "<&- 2>&- >&-"])
def test_without_the_other_streams_the_exit_code_tells(where: str) -> None:
    assert shell(f"simqueue simulate nowhere.toml {where}").returncode == 2
    out = shell(f"simqueue backoff {where}")
    assert out.returncode == (1 if ">&- >&-" in where else 0)
    assert "Traceback" not in out.stdout + out.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437", "koi8-r"])
def test_a_terminal_of_any_encoding(encoding: str) -> None:
    commands = {
        "simulate --duration 600": 0,
        "simulate 日本.toml": 2,
        "backoff": 0,
        "replay größe.csv": 2,
    }
    in_turn = (
        "from simqueue.cli import run\n"
        f"for words, code in {commands!r}.items():\n"
        "    assert run(words.split()) == code, words\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", in_turn], env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(b"error: ") == 2
    assert b"Traceback" not in done.stderr + done.stdout


@pytest.mark.parametrize("arguments", [["backoff"], ["simulate"], ["stats"]])
def test_ctrl_c_while_it_is_imported(arguments: list[str], tmp_path: Path) -> None:
    """At any moment from the first line of ours on: no traceback, and the code of Ctrl-C."""
    # The moment is chosen by what has been imported, since machines differ in their speed.
    hook = (
        "import builtins, os, signal, sys\n"
        "left = [{number}]\n"
        "class Hook:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if 'simqueue.__main__' in sys.modules or sys.modules['__main__'].__dict__"
        ".get('main'):\n"
        "            left[0] -= 1\n"
        "            if left[0] == 0: os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Hook())\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from simqueue.__main__ import main\n"
        "sys.argv = ['simqueue', *{arguments}]\n"
        "main()\n"
    )
    for number in (1, 2, 10, 50, 100, 200, 300):
        done = subprocess.run(
            [sys.executable, "-c", hook.format(number=number, arguments=arguments)],
            capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, f"at import {number}: {done.stderr}"
        assert done.returncode in (130, 0, 2), f"at import {number}: {done.stderr}"


def test_ctrl_c_at_any_moment(tmp_path: Path) -> None:
    """By the clock, as a person does it; Python's own first moments are not ours."""
    begun = time.monotonic()
    subprocess.run([sys.executable, "-m", "simqueue", "--version"], check=True, timeout=60)
    whole = time.monotonic() - begun
    for share in (0.4, 0.6, 0.8, 1.0, 1.2):
        process = subprocess.Popen(
            [sys.executable, "-c", "import signal\n"
             "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
             "print(flush=True)\n"
             "from simqueue.__main__ import main\nmain()", "simulate"],
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(share * whole)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=100)
        assert "Traceback" not in err, f"after {share:.0%}: {err}"


def test_ctrl_c_while_python_cleans_up_is_not_lost(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    class Old:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    def clean_up(*_: object) -> None:
        old = Old()
        del old
        for _ in range(100):
            time.sleep(0.01)

    monkeypatch.setattr(BACKOFF, "timetable", clean_up)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert run(["backoff"]) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err == ""
