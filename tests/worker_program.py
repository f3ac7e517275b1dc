"""``simqueue worker`` as a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any


class WorkerProgram:
    """``simqueue worker`` in a process of its own; its log is read line by line as it comes."""

    def __init__(self, folder: Path, redis_url: str, *arguments: str, **variables: str) -> None:
        environment = {
            **os.environ,
            "WORKER_MODE": "bull-queue",
            "QUEUE_REDIS_URL": redis_url,
            "DATABASE_URL": f"sqlite:///{folder / 'shop.db'}",
            **variables,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "simqueue", "worker", "--json-logs", *arguments],
            cwd=folder, env=environment, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.lines: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stderr:
            for line in stderr:
                with self._changed:
                    self.lines.append(
                        json.loads(line) if line.startswith("{") else {"event": line.rstrip()}
                    )
                    self._changed.notify_all()

    def wait_for(self, event: str, times: int = 1, seconds: float = 100) -> None:
        """Wait until it has logged an event so many times."""

        def enough() -> bool:
            return sum(event in line["event"] for line in self.lines) >= times

        with self._changed:
            assert self._changed.wait_for(enough, seconds), f"no {event!r} in {self.lines[-5:]}"

    def end(self, number: int = signal.SIGTERM, seconds: float = 100) -> int:
        """Send a signal and wait for the end: its exit code."""
        self.process.send_signal(number)
        code = self.process.wait(seconds)
        self._reader.join(seconds)
        return code

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join(5)
