"""Observations written by hand: what a watcher would have seen, moment by moment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from simqueue.calibration.attempts import day_of
from simqueue.calibration.days import Day
from simqueue.calibration.seen import FORMAT, Seen

#: 24 November 2026, 09:00 UTC, in ms.
BEGAN = 1_795_510_800_000


class Story:
    """What happened to the jobs of some queues; moments are milliseconds of the watch."""

    def __init__(self, *queues: str) -> None:
        self.queues = queues or ("video",)
        self.lines: list[dict[str, Any]] = []
        self.watch(0)

    def watch(self, at: float, **more: Any) -> Story:
        """Begin to watch."""
        line = {"kind": "watch", "format": FORMAT, "at_ms": BEGAN + at, "prefix": "bull"}
        self.lines.append({**line, "queues": list(self.queues), **more})
        return self

    def head(self, job: str, queue: str = "", **head: Any) -> Story:
        """What the job's hash says."""
        line = {"kind": "head", "queue": queue or self.queues[0], "job": job, "head": head}
        self.lines.append(line)
        return self

    def event(self, at: float, what: str, job: str = "", queue: str = "", **more: Any) -> Story:
        """An entry of the queue's stream."""
        if "due" in more:
            more["due_ms"] = BEGAN + more.pop("due")
        line = {"kind": "event", "queue": queue or self.queues[0], "event": what, "job": job}
        self.lines.append({**line, "id": f"{BEGAN + int(at)}-{len(self.lines)}", **more})
        return self

    def run(self, job: str, *moments: float, outcome: str = "completed", queue: str = "") -> Story:
        """A job that is added, started, and ended at these moments."""
        added, started, ended = moments
        self.event(added, "added", job, queue, name="encode")
        self.event(added, "waiting", job, queue)
        return self.event(started, "active", job, queue, prev="waiting").event(
            ended, outcome, job, queue, prev="active"
        )

    def worker(self, at: float, job: str, worker: str, made: int = 0, begun: int = 0) -> Story:
        """Who had the job that started then, and which of its attempts and starts that was."""
        line = {"kind": "run", "queue": self.queues[0], "job": job, "at_ms": BEGAN + at}
        self.lines.append({**line, "worker": worker, "made": made, "begun": begun})
        return self

    def line(self, **line: Any) -> Story:
        """Any other line."""
        self.lines.append(line)
        return self

    def end(self, at: float) -> Story:
        """The end of the watch."""
        self.lines.append({"kind": "end", "at_ms": BEGAN + at})
        return self

    def seen(self) -> Seen:
        """As it is read."""
        found = Seen()
        for line in self.lines:
            found.take(json.loads(json.dumps(line)))
        return found

    def day(self) -> Day:
        """The attempts that it tells."""
        return day_of(self.seen())

    def write(self, path: Path) -> Path:
        """The file."""
        path.write_text("".join(f"{json.dumps(line)}\n" for line in self.lines), encoding="utf-8")
        return path
