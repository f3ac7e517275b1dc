"""BullMQ for the stand-in is whole, whoever else installs it at the same time or was stopped."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmarks.standin.packages import _cached
from simqueue.errors import InputError

#: A program npm that waits for another of its kind between two packages.
NPM = """#!/bin/sh
mkdir -p "$3/node_modules/bullmq"
touch "$HOME/began-$$"
while [ "$(ls "$HOME" | grep -c began)" -lt 2 ]; do sleep 0.01; done
mkdir "$3/node_modules/ioredis"
"""
BROKEN = """#!/bin/sh
mkdir -p "$3/node_modules/bullmq"
echo "no room left" >&2
exit 1
"""


def _as_npm(script: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = home / "bin"
    programs.mkdir(exist_ok=True)
    (programs / "npm").write_text(script)
    (programs / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))


def _packages(modules: Path) -> set[str]:
    return {one.name for one in modules.iterdir()}


def test_two_may_install_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _as_npm(NPM, tmp_path, monkeypatch)
    with ThreadPoolExecutor(2) as pool:
        both = set(pool.map(_cached, (6, 6)))
    (modules,) = both
    assert _packages(modules) == {"bullmq", "ioredis"}
    assert [one.name for one in (tmp_path / "cache/simqueue-benchmarks").iterdir()] == ["bullmq-6"]


def test_what_failed_or_was_stopped_is_not_taken_for_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _as_npm(BROKEN, tmp_path, monkeypatch)
    with pytest.raises(InputError, match="no room left"):
        _cached(6)
    (tmp_path / "cache/simqueue-benchmarks/bullmq-6/node_modules").mkdir(parents=True)
    (tmp_path / "began-1").touch()
    _as_npm(NPM, tmp_path, monkeypatch)
    assert _packages(_cached(6)) == {"bullmq", "ioredis"}
