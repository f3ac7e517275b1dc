"""Node's BullMQ for the stand-in: one that is named, or one that npm puts into the user's cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from simqueue.errors import InputError
from simqueue.validation.node.installed import MAJORS, NodeBullMQ, find_bullmq

#: A file that says that all is there.
_READY = "ready"


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
    if not (folder / _READY).exists():
        npm = shutil.which("npm")
        if npm is None:
            raise InputError("there is no program npm; install Node.js 18 or later with npm")
        folder.parent.mkdir(parents=True, exist_ok=True)
        print(f"installing bullmq {major} in {folder} ...", file=sys.stderr)
        # Beside it, and moved when it is whole: two may install at once, or one may be stopped.
        with TemporaryDirectory(dir=folder.parent, ignore_cleanup_errors=True) as made:
            _install(npm, major, Path(made))
            if not (folder / _READY).exists():
                shutil.rmtree(folder, ignore_errors=True)
                with suppress(OSError):  # somebody else was as quick
                    Path(made).rename(folder)
    return folder / "node_modules"


def _install(npm: str, major: int, folder: Path) -> None:
    # Of ioredis each wants the version with its own first number.
    command = [
        npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts",
        f"bullmq@{major}", f"ioredis@{major}",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        why = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise InputError(f"npm cannot install bullmq {major}: {why}")
    (folder / _READY).touch()
