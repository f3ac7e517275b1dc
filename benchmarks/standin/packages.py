"""Node's BullMQ for the stand-in: one that is named, or one that npm puts into the user's cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from simqueue.errors import InputError
from simqueue.validation.node.installed import MAJORS, NodeBullMQ, find_bullmq


def bullmq_of(modules: Path | None = None, major: int = MAJORS[-1]) -> NodeBullMQ:
    """The BullMQ in a folder ``node_modules``; without one, the newest of a major version.

    Raises
    ------
    InputError
        If there is none, and npm cannot install it.
    """
    return find_bullmq(modules or _cached(major))


def _cached(major: int) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "simqueue-benchmarks" / f"bullmq-{major}"
    ready = folder / "ready"
    if not ready.exists():
        npm = shutil.which("npm")
        if npm is None:
            raise InputError("there is no program npm; install Node.js 18 or later with npm")
        folder.mkdir(parents=True, exist_ok=True)
        print(f"installing bullmq {major} in {folder} ...", file=sys.stderr)
        # Of ioredis each wants the version with its own first number.
        command = [
            npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts",
            f"bullmq@{major}", f"ioredis@{major}",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            why = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
            raise InputError(f"npm cannot install bullmq {major}: {why}")
        ready.touch()
    return folder / "node_modules"
