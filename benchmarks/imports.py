"""How long one waits for ``import simqueue`` and for a command."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.report import Measured

PAIRS = 21
COMMAND_ROUNDS = 3
TARGET_S = 0.15

#: Where a clone's ``simqueue`` is found, installed or not.
ROOT = Path(__file__).parents[1]

COMMANDS = ("backoff", "simulate")


def measure() -> list[Measured]:
    """Wall seconds: a bare Python and one that imports, in turn; then whole commands."""
    _seconds("-c", "import simqueue")  # writes the bytecode
    pairs = [(_seconds("-c", "pass"), _seconds("-c", "import simqueue")) for _ in range(PAIRS)]
    bare = [before for before, _ in pairs]
    found = [
        Measured.of("python -c pass", bare, "s"),
        Measured.of(
            "import simqueue, beyond that", [after - before for before, after in pairs], "s",
            at_most=TARGET_S,
        ),
    ]  # fmt: skip
    for command in COMMANDS:
        title = f"python -m simqueue {command}"
        try:
            times = [_seconds("-m", "simqueue", command) for _ in range(COMMAND_ROUNDS)]
        except subprocess.CalledProcessError as error:
            found.append(Measured(title, note=f"ended with {error.returncode}", failed=True))
        else:
            found.append(Measured.of(title, times, "s", note="whole process"))
    return found


def _seconds(*arguments: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - began
