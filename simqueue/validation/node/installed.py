"""Which BullMQ of Node's is installed, and where."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from simqueue.errors import InputError

HERE = Path(__file__).parent
#: The major versions that the worker is written for, and tested with.
MAJORS = (5, 6)
_INSTALL = "npm install bullmq@6 ioredis"
_PATIENCE_S = 60.0


@dataclass(frozen=True)
class NodeBullMQ:
    """An installed package.

    Attributes
    ----------
    program
        Node's own.
    modules
        The folder ``node_modules`` with ``bullmq`` in it.
    version, node
        Of BullMQ and of Node.
    """

    program: str
    modules: Path
    version: str
    node: str

    @property
    def words(self) -> str:
        """Which it is, for a person."""
        return f"bullmq {self.version} with Node {self.node}"


def find_bullmq(modules: str | Path | None = None) -> NodeBullMQ:
    """The BullMQ in ``modules``, by default the folder ``node_modules`` of where we are.

    Raises
    ------
    InputError
        If there is no Node.js, or no BullMQ of a known version that it can load.
    """
    program = shutil.which("node")
    if program is None:
        raise InputError(
            "bullmq.client = node: there is no program node; install Node.js 18 or later"
        )
    folder = Path(modules or "node_modules").absolute()
    where = f"--node-modules {modules}" if modules else f"bullmq.client = node, in {folder.parent}"
    if not (folder / "bullmq" / "package.json").is_file():
        raise InputError(f"{where}: there is no bullmq; {_INSTALL}, or name its node_modules")
    asked = subprocess.run(
        [program, str(HERE / "installed.mjs"), str(folder)],
        capture_output=True, text=True, timeout=_PATIENCE_S, check=False,
    )  # fmt: skip
    if asked.returncode != 0:
        why = asked.stderr.strip().partition("\n")[0]
        raise InputError(f"{where}: Node cannot load bullmq: {why}; {_INSTALL}")
    versions = json.loads(asked.stdout)
    if int(versions["bullmq"].partition(".")[0]) not in MAJORS:
        raise InputError(
            f"{where}: bullmq {versions['bullmq']}: expected version "
            f"{' or '.join(map(str, MAJORS))}; {_INSTALL}"
        )
    return NodeBullMQ(program, folder, versions["bullmq"], versions["node"])
