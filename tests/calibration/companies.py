"""Somebody's queues on Node's BullMQ, to be watched: ``company.js`` beside this file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redis_servers import RedisServer

from simqueue.calibration.calibrate import Calibration, calibrate

#: It is watched for so long after all is done: two looks at the queues' own keys.
_AFTER_S = 1.5


class Company:
    """A running ``company.js``: its workers wait for their first jobs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.over = threading.Event()
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", "it ended before it began"
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def begin(self) -> None:
        """Have the day begin."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                if line == "over\n":
                    self.over.set()


@contextmanager
def company(
    modules: Path, server: RedisServer, queues: Mapping[str, Any], bullmq: str = "bullmq"
) -> Iterator[Company]:
    """A company that is there as long as the block."""
    environment = {**os.environ, "NODE_PATH": str(modules), "BULLMQ": bullmq}
    program = str(Path(__file__).parent / "company.js")
    process = subprocess.Popen(
        ["node", program, str(server.port)],
        env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    try:
        process.stdin.write(f"{json.dumps(queues)}\n")
        process.stdin.flush()
        yield Company(process)
    finally:
        process.stdin.close()
        try:
            process.wait(15)
        finally:
            process.kill()


def watched(
    server: RedisServer, folder: Path, its: Company, now: Callable[[float], None] = lambda _: None
) -> Calibration:
    """What `calibrate` makes of a company's day; ``now`` is called with the seconds that are over.

    Ctrl-C ends the watch when the day is over.
    """
    over_s: list[float] = []

    def tell(seconds: float, _: int) -> None:
        if seconds == 0.0 or not begun:
            begun.append(True)
            its.begin()
        now(seconds)
        if its.over.is_set():
            over_s.append(seconds)
            if seconds > over_s[0] + _AFTER_S:
                signal.raise_signal(signal.SIGINT)

    begun: list[bool] = []
    return calibrate(server.url, folder, minutes=1, tell=tell)
