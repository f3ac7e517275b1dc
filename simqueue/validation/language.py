"""What the workers of a real run are written in: how one of them is started."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from simqueue.validation.scripted_worker import Config


class Language(Protocol):
    """What the workers of a run are written in."""

    def command(self, config: Config, folder: Path) -> Sequence[str]:
        """How to start a worker; ``folder`` is for the files that it reads."""


class Python:
    """simqueue's own workers."""

    def command(self, config: Config, folder: Path) -> Sequence[str]:
        """Start `simqueue.validation.scripted_worker`."""
        file = folder / f"worker-{config.file}.json"
        file.write_text(config.model_dump_json(), encoding="utf-8")
        return (sys.executable, "-m", "simqueue.validation.scripted_worker", str(file))
