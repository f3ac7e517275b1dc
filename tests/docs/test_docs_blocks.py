"""Every command and every block of code on the pages runs, or says who runs it, or why nobody does.

What a block is, a comment in the line before it says where the language does not:

- ``<!-- file: NAME -->``: it is the file of that name, for the blocks that follow;
- ``<!-- output -->``: it is what the ``sh`` block before it prints;
- ``<!-- slow -->``: it runs where CI=true or with --slow;
- ``<!-- run by: tests/FILE.py::TEST -->``: that test runs it;
- ``<!-- not run: REASON -->``: nobody does.

The blocks of a page share a folder, the variables that they export, and the names that they define.
"""

from __future__ import annotations

import ast
import doctest
import os
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import CI
from pages import PAGES, ROOT, Block, blocks, entries

from simqueue.settings import Settings
from simqueue.workload.reading import build_scenario

#: Adding to these is a decision: each is a block that may rot.
NOT_RUN = {"deployment.md": 8, "shop.md": 1}

NOTE = re.compile(r"slow|output|file: \S+|run by: \S+|not run: .{10,}")
#: What a scenario needs beside the keys that a block shows.
BASE: dict[str, Any] = {
    "duration_s": 3600,
    "arrivals": {"order": {"rate_per_s": 1}},
    "queues": {"order": {}, "payment": {}, "email": {}},
}


def runs(block: Block) -> bool:
    return not (block.noted("run by") or block.noted("not run"))


def test_pages_are_found() -> None:
    assert len(PAGES) > 10
    assert sum(len(blocks(page)) for page in PAGES) > 60


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_says_how_it_runs(page: Path) -> None:
    for block in blocks(page):
        known = block.language in RUNNERS or block.note == "output" or block.noted("file")
        assert known or not runs(block), f"{block.place}: what runs this {block.language!r} block?"
        assert not block.note or NOTE.fullmatch(block.note), f"{block.place}: {block.note!r}"


def test_blocks_that_nobody_runs_are_counted() -> None:
    found = Counter(
        block.page.name for page in PAGES for block in blocks(page) if block.noted("not run")
    )

    assert found == NOT_RUN


def test_what_runs_a_block_is_there() -> None:
    named = {block.noted("run by") for page in PAGES for block in blocks(page)} - {""}

    assert named
    for name in named:
        path, _, function = name.partition("::")
        assert (ROOT / path).is_file(), name
        if function:
            tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
            known = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
            assert function in known, name


class Reader:
    """Somebody who does what a page says, in an empty folder.

    Attributes
    ----------
    folder
        Where.
    names
        What the Python blocks have defined.
    printed
        What the last shell block wrote to standard output.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "reader"
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.printed = ""
        self._exported = folder / "exported"
        self._exported.touch()
        programs = folder / "programs"
        programs.mkdir()
        beside = self.folder / ".venv" / "bin"
        beside.mkdir(parents=True)
        (beside / "activate").touch()
        for place in (programs, beside):
            for name in ("python", "python3", "simqueue"):
                module = " -m simqueue" if name == "simqueue" else ""
                program = place / name
                program.write_text(f'#!/bin/sh\nexec "{sys.executable}"{module} "$@"\n')
                program.chmod(0o755)
        ours = (*Settings.model_fields, "simqueue_token")
        self._environment = {
            **{key: value for key, value in os.environ.items() if key.lower() not in ours},
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "90",
        }

    def file(self, block: Block) -> None:
        (self.folder / block.noted("file")).write_text(block.code, encoding="utf-8")

    def sh(self, block: Block) -> None:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c",
             f". {self._exported}\n{block.code}\nexport -p > {self._exported}"],
            cwd=self.folder, env=self._environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, f"{block.place}: {done.stderr}"
        self.printed = done.stdout

    def python(self, block: Block) -> None:
        if not block.code.startswith(">>> "):
            exec(compile(block.code, block.place, "exec"), self.names)
            return
        test = doctest.DocTestParser().get_doctest(
            block.code, self.names, block.place, str(block.page), block.line - 1
        )
        said: list[str] = []
        doctest.DocTestRunner(verbose=False).run(test, out=said.append, clear_globs=False)
        assert not said, "".join(said)
        self.names |= test.globs

    def toml(self, block: Block) -> None:
        """Read it as a scenario, or as keys that one may have."""
        table = {**BASE, **tomllib.loads(block.code)}
        for part in ("arrivals", "queues"):
            if table[part].keys() < BASE[part].keys():
                table[part] = {**BASE[part], **table[part]}
        for queue in table["arrivals"]:
            table["queues"].setdefault(queue, {})
        build_scenario(table, place=block.place, folder=self.folder)

    def ini(self, block: Block) -> None:
        """Take it for environment variables."""
        lines = [line for line in block.code.splitlines() if line and not line.startswith("#")]
        variables = {name.lower(): value for name, _, value in (x.partition("=") for x in lines)}
        variables.pop("simqueue_token", None)
        assert variables.keys() <= Settings.model_fields.keys(), block.place
        Settings(**variables)

    def output(self, block: Block) -> None:
        assert lines(block.code) == lines(self.printed), block.place

    def toctree(self, block: Block) -> None:
        """Its entries are pages, or patterns that lessons have."""
        names = entries(block)
        assert names, block.place
        for name in names:
            ending = "ipynb" if "*" in name else "md"
            assert list(block.page.parent.glob(f"{name}.{ending}")), f"{block.place}: {name}"


RUNNERS: dict[str, Callable[[Reader, Block], None]] = {
    "sh": Reader.sh,
    "python": Reader.python,
    "toml": Reader.toml,
    "ini": Reader.ini,
    "{toctree}": Reader.toctree,
}


def lines(text: str) -> list[str]:
    """The lines of a text, but for the real time that something took."""
    return [re.sub(r"in [\d.]+ s\.$", "", line.rstrip()) for line in text.strip().splitlines()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_blocks_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> None:
    """From the first to the last, as a reader would try them."""
    slow_too = CI or pytestconfig.getoption("--slow")
    reader = Reader(tmp_path)
    monkeypatch.chdir(reader.folder)
    for block in filter(runs, blocks(page)):
        if block.noted("file"):
            reader.file(block)
        if block.note == "output":
            reader.output(block)
        elif block.language in RUNNERS and (slow_too or block.note != "slow"):
            RUNNERS[block.language](reader, block)
