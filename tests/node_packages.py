"""Node's BullMQ for the tests: what ``npm ci`` installs beside `tests/node/package.json`."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "node"

#: Name in package.json -> version.
VERSIONS: dict[str, str] = {
    name: wanted.rpartition("@")[2]
    for name, wanted in json.loads((HERE / "package.json").read_text())["dependencies"].items()
    if name.startswith("bullmq")
}


def newest(major: int) -> str:
    """The name in package.json of the newest version with this first number."""
    numbers = {name: [int(part) for part in one.split(".")] for name, one in VERSIONS.items()}
    return max(
        (name for name, number in numbers.items() if number[0] == major), key=numbers.__getitem__
    )


def install(strict: bool) -> Path:
    """The folder ``node_modules``, kept for the next run in the system's temporary folder.

    Where npm cannot install, the tests are skipped, or fail if it is ``strict``.
    """
    lock = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:12]
    owner = os.getuid() if hasattr(os, "getuid") else ""
    cache = Path(tempfile.gettempdir()) / f"simqueue-node-{owner}-{lock}"
    if not cache.exists():
        # Moved to its place when it is complete: another run may be doing the same.
        work = Path(tempfile.mkdtemp(prefix="simqueue-npm-"))
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, work)
        command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            said = done.stderr.strip()
            if strict:
                pytest.fail(f"npm ci: {said}")
            pytest.skip(f"npm ci cannot install bullmq: {said.splitlines()[-1] if said else '?'}")
        try:
            work.rename(cache)
        except OSError:
            shutil.rmtree(work)
    return cache / "node_modules"


def as_bullmq(modules: Path, name: str) -> Path:
    """A folder ``node_modules`` like somebody's own, where ``bullmq`` is the version ``name``."""
    folder = modules.parent / "only" / name / "node_modules"
    folder.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        (folder / "bullmq").symlink_to(modules / name, target_is_directory=True)
    return folder
